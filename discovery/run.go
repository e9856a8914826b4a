package discovery

import (
	"context"
	"sync"
	"sync/atomic"
	"time"

	"github.com/google/uuid"

	"earshot/peer"
)

const (
	// sweepEvery is how often the table is looked at.
	sweepEvery = time.Second
	// goodbyes are sent this far apart, in case one gets lost; leaveWithin bounds
	// the whole farewell.
	goodbyeAgain = 50 * time.Millisecond
	leaveWithin  = 150 * time.Millisecond
)

// run is what Run's goroutine owns. Everything reaches it as a value: packets,
// answers, surveys, and the methods of the [Finder] as functions.
type run struct {
	finder   *Finder
	kind     kind      // what is announced
	label    uuid.UUID // under which label
	self     Self
	table    *table
	servers  serverTable
	copies   permits             // for claims of our own key
	stations map[string]*station // by link.key
	links    []link              // of the stations
	flood    flood
	surveyed bool
	sweepAt  time.Time
	asking   int // questions that are open

	heard    chan packet
	answers  chan answer
	surveys  chan survey
	look     chan struct{}
	gone     chan struct{} // closed when Run returns: nobody listens
	crowd    atomic.Int64  // the number of peers, for the zones
	watching sync.WaitGroup
}

func newRun(f *Finder) *run {
	kind, label := devices, f.cfg.Self.ID.Label()
	if f.cfg.beacon != nil {
		kind, label = servers, f.cfg.beacon.label
	}
	return &run{
		finder:   f,
		kind:     kind,
		label:    label,
		servers:  serverTable{},
		self:     f.cfg.Self,
		table:    newTable(),
		copies:   newPermits(copyAgain),
		stations: map[string]*station{},
		heard:    make(chan packet, 256),
		answers:  make(chan answer),
		surveys:  make(chan survey),
		look:     make(chan struct{}, 1),
		gone:     make(chan struct{}),
	}
}

// loop is all of [Finder.Run].
func (r *run) loop(ctx context.Context) error {
	defer close(r.gone)
	r.watching.Go(func() { r.watch(ctx) })
	timer := time.NewTimer(0)
	defer timer.Stop()
	for {
		select {
		case <-ctx.Done():
			r.leave()
			return nil
		case <-r.finder.posted:
			for _, work := range r.finder.takePosted() {
				work(r)
			}
		case p := <-r.heard:
			r.hear(p)
		case a := <-r.answers:
			r.answered(a)
		case s := <-r.surveys:
			r.survey(s)
		case <-timer.C:
			r.tick(ctx, time.Now())
		}
		r.crowd.Store(int64(len(r.table.entries)))
		for _, e := range r.table.take() {
			r.finder.cfg.Notify(e)
		}
		timer.Reset(time.Until(r.next()))
	}
}

// next is when there is something to do by itself.
func (r *run) next() time.Time {
	next := r.sweepAt
	for _, s := range r.stations {
		if at := s.next(); at.Before(next) {
			next = at
		}
	}
	return next
}

// tick does what is due.
func (r *run) tick(ctx context.Context, now time.Time) {
	for _, s := range r.stations {
		s.greet(now)
		if !now.Before(s.announceAt) {
			s.announce(now, r.table.period())
		}
		if !now.Before(s.askAt) {
			if r.kind == devices {
				r.ask(ctx, s)
			}
			s.planAsk(now)
		}
	}
	if !now.Before(r.sweepAt) {
		r.sweepAt = now.Add(sweepEvery)
		r.table.sweep(now)
		r.sweepServers(now)
		r.copies.sweep(now)
		r.checkHealth()
	}
}

// begin announces and asks everywhere as if just started.
func (r *run) begin(now time.Time) {
	for _, s := range r.stations {
		s.begin(now)
	}
}

// ask asks on one link who is there, by each family, and returns at once. The
// goroutines end within askWindow; leave counts on them. A server's answer is an
// announcement, so it needs no window.
func (r *run) ask(ctx context.Context, s *station) {
	if question, err := packQuestion(servers); err == nil {
		s.send(question)
	}
	if s.asking > 0 {
		return
	}
	for f := range s.sockets {
		if s.link.has(family(f)) {
			s.asking++
			r.asking++
			go r.question(ctx, s, inquiry{s.link, family(f), s.window()})
		}
	}
}

// answer is what one question brought.
type answer struct {
	station *station
	claims  []claim
}

func (r *run) question(ctx context.Context, s *station, q inquiry) {
	a := answer{station: s}
	a.claims, _ = r.finder.cfg.network.ask(ctx, q) // the sockets tell what is wrong with the network
	select {
	case r.answers <- a:
	case <-r.gone:
	}
}

// answered takes in what a question brought.
func (r *run) answered(a answer) {
	r.asking--
	a.station.asking--
	now := time.Now()
	for _, c := range a.claims {
		if r.sight(c, a.station.link, now) {
			a.station.soon(now, len(r.table.entries))
		}
	}
}

func (r *run) update(name string, port uint16) {
	r.self.Name, r.self.Port = name, port
	r.setZones()
	for _, s := range r.stations {
		s.announceAt, s.step = time.Now(), 0
	}
}

func (r *run) confirm(id peer.ID, up bool) { r.table.confirm(id, up, time.Now()) }

func (r *run) refresh() {
	r.begin(time.Now())
	select {
	case r.look <- struct{}{}:
	default:
	}
}

// leave says goodbye and ends everything, within leaveWithin: see
// [Finder.Run].
func (r *run) leave() {
	deadline := time.NewTimer(leaveWithin)
	defer deadline.Stop()
	for _, s := range r.stations {
		s.hush()
	}
	r.sayGoodbye()
	for _, s := range r.stations {
		s.close()
	}
	r.watching.Wait()
	for r.asking > 0 {
		select {
		case <-r.answers:
			r.asking--
		case <-deadline.C:
			return
		}
	}
}

// sayGoodbye says it twice: nobody repeats it for us.
func (r *run) sayGoodbye() {
	message, err := packGoodbye(r.kind, r.label)
	if err != nil || r.kind == devices && r.self.Port == 0 || len(r.stations) == 0 {
		return
	}
	for _, s := range r.stations {
		s.send(message)
	}
	<-time.After(goodbyeAgain)
	for _, s := range r.stations {
		s.send(message)
	}
}
