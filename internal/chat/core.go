package chat

import (
	"fmt"
	"log/slog"
	"time"

	"earshot/peer"
)

// core is what the replica's goroutine owns. Nothing in it waits but for the
// store.
type core struct {
	cfg   Config
	self  peer.ID
	timer func() time.Time // for delays; the wall clock is cfg.Now

	account Party  // that this device belongs to; zero: none
	ticket  []byte // which says so
	// belonged: to an account, now or before; other devices of that may not know better
	belonged bool
	parties  map[peer.ID]Party // the accounts that other devices belong to
	guests   map[peer.ID]bool  // of those, which get nothing of their accounts

	conversations map[peer.Hash]*conversation // those in use
	stored        map[peer.Hash]Conversation  // all that are in the store
	sessions      map[peer.ID]*session
	arrivals      map[peer.ID]*arrival // sessions that are to begin when the store works
	drafts        []pendingDraft
	delayed       []delayed
	dropped       uint64           // entries
	failing       bool             // the store failed, and that was said
	unsaid        error            // of what gives no word of its own, for the next Sync
	noteworthy    map[*holder]bool // have something noted
	notedAgain    time.Time        // when to try again to commit that
	stopped       bool
}

// delayed is a message's done that is called later.
type delayed struct {
	at   time.Time
	done func()
}

func newCore(cfg Config) (*core, error) {
	if cfg.Now == nil {
		cfg.Now = time.Now
	}
	if cfg.Log == nil {
		cfg.Log = slog.New(slog.DiscardHandler)
	}
	c := &core{
		cfg: cfg, self: cfg.Identity.ID(), timer: time.Now,
		parties:       make(map[peer.ID]Party),
		guests:        make(map[peer.ID]bool),
		conversations: make(map[peer.Hash]*conversation),
		stored:        make(map[peer.Hash]Conversation),
		sessions:      make(map[peer.ID]*session),
		arrivals:      make(map[peer.ID]*arrival),
		noteworthy:    make(map[*holder]bool),
	}
	all, err := cfg.Store.Conversations()
	if err != nil {
		return nil, fmt.Errorf("load conversations: %w", err)
	}
	for _, v := range all {
		c.stored[v.ID] = v
		c.belonged = c.belonged || c.ownIn(v).IsAccount()
	}
	return c, nil
}

// hashes knows the headers of a log that the store holds.
func (c *core) hashes(v *conversation, k LogKey) hashAt {
	return func(number uint64) (peer.Hash, bool, error) {
		if l := v.logs[k]; number == l.Last && number > 0 {
			return l.Hash, true, nil
		}
		return c.cfg.Store.HeaderHash(v.ID, k, number)
	}
}

// receive handles a peer's message.
func (c *core) receive(from peer.ID, m peer.Message, done func()) {
	if a := c.arrivals[from]; a != nil {
		a.kept = append(a.kept, arrived{m, done})
		return
	}
	s := c.sessions[from]
	if s == nil || s.broken || c.stopped {
		done()
		return
	}
	var wait time.Duration
	switch m := m.(type) {
	case peer.Have:
		c.takeHave(s, m)
	case peer.Want:
		c.takeWant(s, m)
	case peer.Entries:
		wait = c.takeEntries(s, m)
	}
	c.doneAfter(wait, done)
}

func (c *core) doneAfter(wait time.Duration, done func()) {
	if wait <= 0 {
		done()
		return
	}
	c.delayed = append(c.delayed, delayed{c.timer().Add(min(wait, maxDelay)), done})
}

// flush commits what was collected and sends what is due. It runs after each
// round of jobs, so what came together is one commit and one message.
func (c *core) flush() {
	if c.stopped {
		return
	}
	c.writeDrafts()
	c.commitNoted()
	for _, s := range c.sessions {
		c.pump(s)
	}
}

// tick does what was to be done later; the caller flushes after it.
func (c *core) tick(now time.Time) {
	var later []delayed
	for _, d := range c.delayed {
		if d.at.After(now) {
			later = append(later, d)
		} else {
			d.done()
		}
	}
	c.delayed = later
	for id, a := range c.arrivals {
		if !a.again.After(now) {
			c.arrive(id, a)
		}
	}
	for _, s := range c.sessions {
		if !s.askAgain.IsZero() && !s.askAgain.After(now) {
			s.askAgain = time.Time{}
			if s.unshared {
				c.reshare(s)
			}
			c.ask(s, s.all()...)
		}
	}
}

// pause is how long there is nothing to do unless something comes.
func (c *core) pause(now time.Time) time.Duration {
	at := now.Add(time.Hour)
	sooner := func(t time.Time) {
		if !t.IsZero() && t.Before(at) {
			at = t
		}
	}
	for _, d := range c.delayed {
		sooner(d.at)
	}
	sooner(c.notedAgain)
	for _, a := range c.arrivals {
		sooner(a.again)
	}
	for _, s := range c.sessions {
		sooner(s.askAgain)
		sooner(s.sendAgain)
	}
	return max(0, at.Sub(now))
}

// stop calls every done that waits, and lets nothing be written any more.
func (c *core) stop() {
	c.stopped = true
	for id := range c.arrivals {
		c.giveUp(id)
	}
	for _, d := range c.delayed {
		d.done()
	}
	c.delayed = nil
	for _, d := range c.drafts {
		d.reply(Entry{}, ErrStopped)
	}
	c.drafts = nil
}

// failed tells, once until it works again, that the store does not work.
func (c *core) failed(err error) {
	c.cfg.Log.Error("conversations: the store failed", "error", err)
	if !c.failing {
		c.failing = true
		c.cfg.Notify(Failed{err})
	}
}

// keep keeps the error of something that has no reply for the next Sync.
func (c *core) keep(err error) {
	if err != nil {
		c.failed(err)
		c.unsaid = err
	}
}

// apply commits a batch.
func (c *core) apply(b Batch) error {
	if b.IsZero() {
		return nil
	}
	if err := c.cfg.Store.Apply(b); err != nil {
		c.failed(err)
		return err
	}
	c.failing = false
	return nil
}
