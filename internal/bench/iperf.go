package main

import (
	"encoding/json"
	"fmt"
	"strconv"
	"strings"
	"time"
)

// iperf sends as many bytes as the source has, from memory to memory.
func (p *pair) iperf() func() sample {
	server := p.start(p.to.Command(p.ctx, "iperf3", "-s"))
	p.answers(server, p.to, 5201)
	return func() sample {
		var out strings.Builder
		s := p.against(server, func() spent {
			cmd := p.from.Command(p.ctx, "iperf3", "-J", "-c", p.to.Addr, "-n", strconv.FormatInt(p.content.bytes, 10))
			cmd.Stdout = &out
			return p.run(cmd)
		})
		rate, err := parseIperf(out.String())
		p.check("read what iperf3 says", err)
		s.wall = time.Duration(float64(p.content.bytes) / rate * float64(time.Second))
		return s
	}
}

// parseIperf is the bytes a second that the receiver got, from `iperf3 -J`.
func parseIperf(report string) (rate float64, err error) {
	var r struct {
		Error string `json:"error"`
		End   struct {
			Received struct {
				Bits float64 `json:"bits_per_second"`
			} `json:"sum_received"`
		} `json:"end"`
	}
	if err := json.Unmarshal([]byte(report), &r); err != nil {
		return 0, err
	}
	if r.Error != "" || r.End.Received.Bits <= 0 {
		return 0, fmt.Errorf("no rate, but %q", r.Error)
	}
	return r.End.Received.Bits / 8, nil
}
