package server

import (
	"context"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"runtime"
	"sync"
	"sync/atomic"
	"time"
)

// counters are what a server counts since its start.
type counters struct {
	heartbeats, logIns, refused atomic.Int64
	database                    atomic.Bool // the last use of the lease went well

	mu      sync.Mutex
	answers map[int]int64 // by status
}

func (c *counters) answered(status int) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.answers == nil {
		c.answers = map[int]int64{}
	}
	c.answers[status]++
}

// serveMetrics answers /healthz and /metrics in plain HTTP, on this machine alone,
// until ctx ends.
func (s *Server) serveMetrics(ctx context.Context) {
	mux := http.NewServeMux()
	mux.HandleFunc("GET /healthz", func(w http.ResponseWriter, _ *http.Request) {
		if !s.counters.database.Load() {
			http.Error(w, "the database does not answer", http.StatusServiceUnavailable)
			return
		}
		fmt.Fprintln(w, "ok")
	})
	mux.HandleFunc("GET /metrics", func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "text/plain; version=0.0.4")
		s.writeMetrics(w)
	})
	h := &http.Server{
		Handler: mux, ReadTimeout: bodyTime, WriteTimeout: writeTime, MaxHeaderBytes: maxHead,
		ErrorLog: slog.NewLogLogger(s.log.Handler(), slog.LevelDebug), BaseContext: func(net.Listener) context.Context { return ctx },
	}
	defer context.AfterFunc(ctx, func() { h.Close() })()
	if err := h.Serve(s.metrics); ctx.Err() == nil {
		s.log.Error("no figures any more", "why", err)
	}
}

// writeMetrics writes the figures in Prometheus' text format.
func (s *Server) writeMetrics(w io.Writer) {
	var memory runtime.MemStats
	runtime.ReadMemStats(&memory)
	for _, m := range []struct {
		name, kind, help string
		value            float64
	}{
		{"earshot_devices", "gauge", "Devices that heartbeat to this server.", float64(s.hub.count())},
		{"earshot_connections", "gauge", "Open connections.", float64(s.gate.count())},
		{"earshot_heartbeats_total", "counter", "Heartbeats taken.", float64(s.counters.heartbeats.Load())},
		{"earshot_logins_total", "counter", "Log-ins that were right.", float64(s.counters.logIns.Load())},
		{"earshot_logins_refused_total", "counter", "Log-ins that were not.", float64(s.counters.refused.Load())},
		{"earshot_hashes_waiting", "gauge", "Log-ins that wait for their turn.", float64(len(s.hasher.waiting))},
		{"earshot_revocation_epoch", "gauge", "Epoch of the revocation list.", float64(s.revoked.Load().epoch)},
		{"earshot_memory_bytes", "gauge", "Memory from the system.", float64(memory.Sys - memory.HeapReleased)},
		{"earshot_goroutines", "gauge", "Goroutines.", float64(runtime.NumGoroutine())},
		{"earshot_uptime_seconds", "gauge", "Seconds since the start.", time.Since(s.since).Seconds()},
	} {
		fmt.Fprintf(w, "# HELP %s %s\n# TYPE %s %s\n%s %g\n", m.name, m.help, m.name, m.kind, m.name, m.value)
	}
	fmt.Fprint(w, "# HELP earshot_answers_total Answers, by status.\n# TYPE earshot_answers_total counter\n")
	s.counters.mu.Lock()
	defer s.counters.mu.Unlock()
	for status, n := range s.counters.answers {
		fmt.Fprintf(w, "earshot_answers_total{status=\"%d\"} %d\n", status, n)
	}
}
