package peer

import "time"

// pace says when a session must be asked whether its peer is there, and when
// it has been silent for too long. It knows no clock: all times are given.
type pace struct {
	heard   time.Time // the last byte came
	pinged  time.Time // the last ping was sent
	short   time.Time // since then the shorter interval holds; zero: it does not
	checked time.Time // since then a sign of life is waited for; zero: it is not
}

// next is when the next ping is due, and when the session ends if nothing is
// heard until then.
func (p pace) next() (ping, end time.Time) {
	ping = later(p.heard, p.pinged).Add(pingInterval)
	end = p.heard.Add(silence(pingInterval))
	if !p.short.IsZero() {
		// The silence before the interval became shorter was none.
		base := later(p.heard, p.short)
		ping = sooner(ping, later(base, p.pinged).Add(watchedInterval))
		end = sooner(end, base.Add(silence(watchedInterval)))
	}
	if p.checked.After(p.heard) {
		end = sooner(end, p.checked.Add(checkTime))
	}
	return ping, end
}

// silence is how long nothing may be heard where pings are sent at interval.
func silence(interval time.Duration) time.Duration { return interval * silentHalves / 2 }

func later(a, b time.Time) time.Time {
	if a.After(b) {
		return a
	}
	return b
}

func sooner(a, b time.Time) time.Time {
	if a.Before(b) {
		return a
	}
	return b
}

// ping asks for a sign of life and returns the number that its answer bears.
func (s *session) ping() uint64 {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.number++
	s.pace.pinged = time.Now()
	s.queue(Ping{N: s.number}, 2*sendQueue) // also behind a full queue
	return s.number
}

// measure takes in the answer to a ping.
func (s *session) measure(number uint64) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if number != s.number {
		return
	}
	took := max(time.Since(s.pace.pinged), time.Nanosecond)
	if s.trip == 0 || took < s.trip {
		s.trip = took
	}
}

// roundTrip is how long an answer takes at least, 0 where nothing was asked yet.
func (s *session) roundTrip() time.Duration {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.trip
}

// check ends the session unless there is a sign of life soon.
func (s *session) check() {
	s.ping()
	s.mu.Lock()
	defer s.mu.Unlock()
	s.pace.checked = time.Now()
	s.look()
}

// watched says whether somebody would notice soon that the peer is away.
func (s *session) watched(on bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	switch {
	case !on:
		s.watch = time.Time{}
	case s.watch.IsZero():
		s.watch = time.Now()
	}
	s.look()
}

// look makes the clock look again.
func (s *session) look() {
	select {
	case s.kick <- struct{}{}:
	default:
	}
}

// watchClock pings a silent peer, and ends the session of a dead one.
func (s *session) watchClock() {
	timer := time.NewTimer(watchedInterval) // nothing can be due sooner without a look
	defer timer.Stop()
	for {
		select {
		case <-s.ended:
			return
		case <-s.kick:
		case <-timer.C:
		}
		ping, end := s.currentPace().next()
		now := time.Now()
		switch {
		case !now.Before(end):
			s.end(errSilent)
			return
		case !now.Before(ping):
			s.ping()
			ping, end = s.currentPace().next()
		}
		timer.Reset(sooner(ping, end).Sub(now))
	}
}

func (s *session) currentPace() pace {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.paused.Load() {
		s.conn.wire.touch()
	}
	p := s.pace
	p.heard = s.conn.wire.lastHeard()
	p.short = s.watch
	if !s.sent.IsZero() && !s.sent.Before(p.heard) && (p.short.IsZero() || s.sent.Before(p.short)) {
		p.short = s.sent
	}
	return p
}
