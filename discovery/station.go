package discovery

import (
	"errors"
	"fmt"
	"math/rand/v2"
	"net/netip"
	"slices"
	"time"

	"github.com/hashicorp/mdns"
)

// When a station speaks and asks.
const (
	// An announcement that somebody caused waits soonAfter, and up to soonMore more.
	soonAfter = 20 * time.Millisecond
	soonMore  = 100 * time.Millisecond
	// quiet is the least time between two announcements (RFC 6762, section 6);
	// quietPerPeer holds the whole link to 50 a second.
	quiet        = time.Second
	quietPerPeer = 20 * time.Millisecond
	// maxAskEvery is how seldom a link is asked in the end.
	maxAskEvery = 5 * time.Minute
	// mute is how many announcements may go unheard by ourselves before something
	// must be in the way.
	mute = 3
	// greetAfter is when a device that just came is greeted. Earlier, the socket of
	// its first question might swallow that.
	greetAfter = firstWindow + 50*time.Millisecond
	// echoWithin is how soon our own question comes back to us.
	echoWithin = 100 * time.Millisecond
	// retryEvery is how often a socket that could not be opened is tried again.
	retryEvery = 5 * time.Second
)

// burst is when to announce after the first time, then once a period.
var burst = []time.Duration{time.Second, 2 * time.Second}

// rounds is when to ask after the first time, then twice as late each time.
var rounds = []time.Duration{500 * time.Millisecond, time.Second, 2500 * time.Millisecond}

// station is this device on one link. Run's goroutine owns it.
type station struct {
	link    link
	zone    *zone
	server  responder // nil: could not be started
	sockets [2]socket // by family; nil: not there
	err     error     // why something could not be opened
	retryAt time.Time

	announceAt time.Time
	defendAt   time.Time // when an announcement is owed, if that is to come
	announced  time.Time // last
	step       int       // in burst
	unheard    int       // announcements since we last heard one of our own

	greetings []greeting // in the order of time

	askAt  time.Time
	asked  time.Time // last
	round  int       // in rounds
	asking int       // questions that are open
}

// open opens what is not open, and reports whether it opened something. The
// sockets come after the server: what is sent to this machine's mDNS port alone
// goes to the socket that was bound last.
func (s *station) open(n network, heard func(packet)) (opened bool) {
	s.err = nil
	if s.server == nil {
		server, err := n.respond(s.link, s.zone)
		if err == nil {
			s.server, opened = server, true
		}
		s.err = err
	}
	for f := range s.sockets {
		if s.sockets[f] != nil || !s.link.has(family(f)) {
			continue
		}
		socket, err := n.listen(s.link, family(f), heard)
		if err != nil {
			s.err = err
			continue
		}
		s.sockets[f], opened = socket, true
	}
	return opened
}

// hush ends the answers: a goodbye follows.
func (s *station) hush() {
	if s.server != nil {
		s.zone.close()
		_ = s.server.Shutdown() // it has no error to report
		s.server = nil
	}
}

// close ends what open began and waits for it.
func (s *station) close() {
	s.hush()
	for _, socket := range s.sockets {
		if socket != nil {
			socket.close()
		}
	}
}

// send sends a message by both families. It reports whether one of them took
// it: an IPv6 address cannot be used in its first second, for example.
func (s *station) send(message []byte) bool {
	sent := false
	for _, socket := range s.sockets {
		if socket != nil && socket.send(message) == nil {
			sent = true
		}
	}
	return sent
}

// begin announces and asks as if the link were new.
func (s *station) begin(now time.Time) {
	s.announceAt, s.step = now, 0
	s.askAt, s.round = now, 0
}

// announce sends the device's records and plans the next time.
func (s *station) announce(now time.Time, period time.Duration) {
	wait := jitter(period)
	if s.step < len(burst) {
		wait = burst[s.step]
		s.step++
	}
	s.plan(now.Add(wait), now)
	records := s.zone.all()
	if len(records) == 0 {
		return
	}
	message, err := packAnnouncement(records)
	if err == nil && s.send(message) {
		s.announced = now
		s.unheard++
	}
}

// soon brings the next announcement forward: somebody asks, or just came. The
// delay is random, so that not all speak at once, and longer among many.
func (s *station) soon(now time.Time, peers int) {
	gap := max(quiet, time.Duration(peers)*quietPerPeer)
	spread := min(gap/2, soonMore+2*time.Duration(peers)*time.Millisecond)
	at := now.Add(soonAfter + rand.N(spread))
	if earliest := s.announced.Add(gap); at.Before(earliest) {
		at = earliest
	}
	if at.Before(s.announceAt) {
		s.announceAt = at
	}
}

// greeting is for one device that came when it was too soon to announce.
type greeting struct {
	to packet
	at time.Time
}

// welcome sees to it that a device that just came, with packet p, hears of us.
// It may not be able to ask, so we announce; and where that has to wait, it is
// greeted alone.
func (s *station) welcome(p packet, now time.Time, peers int) {
	s.soon(now, peers)
	at := now.Add(greetAfter)
	if s.announceAt.After(at) && len(s.greetings) < maxFresh {
		s.greetings = append(s.greetings, greeting{p, at})
	}
}

// greet sends the greetings that are due.
func (s *station) greet(now time.Time) {
	message, err := packAnnouncement(s.zone.all())
	for len(s.greetings) > 0 && !now.Before(s.greetings[0].at) {
		to := s.greetings[0].to
		s.greetings = s.greetings[1:]
		if err == nil && s.zone.service.Load() != nil {
			_ = to.socket.reply(message, to.from) // it hears the next announcement
		}
	}
}

// next is when the station has something to do.
func (s *station) next() time.Time {
	next := s.announceAt
	if s.askAt.Before(next) {
		next = s.askAt
	}
	if len(s.greetings) > 0 && s.greetings[0].at.Before(next) {
		next = s.greetings[0].at
	}
	return next
}

// echo notes that an announcement under our key came back. One of another
// instance is somebody else's, or of an earlier run.
func (s *station) echo(ours bool) {
	if ours {
		s.unheard = 0
	}
}

// defend answers a goodbye in our name that we did not send: an announcement,
// when those who believed it listen again.
func (s *station) defend(now time.Time) {
	if s.defendAt.Before(now) {
		s.defendAt = now.Add(tombstone + soonMore)
		s.plan(s.announceAt, now)
	}
}

// plan sets the time of the next announcement, or an earlier one that is owed.
func (s *station) plan(at, now time.Time) {
	s.announceAt = at
	if s.defendAt.After(now) && s.defendAt.Before(at) {
		s.announceAt = s.defendAt
	}
}

// isOwn reports whether a question is ours, come back to us. Another profile's
// that asks at the same moment announces itself too.
func (s *station) isOwn(p packet, now time.Time) bool {
	from := p.from.Addr().Unmap().WithZone("")
	return now.Sub(s.asked) < echoWithin && slices.ContainsFunc(s.link.prefixes, func(own netip.Prefix) bool { return own.Addr() == from })
}

// window is how long the question that is due stays open.
func (s *station) window() time.Duration {
	if s.round == 0 {
		return firstWindow
	}
	return askWindow
}

// planAsk plans the next question.
func (s *station) planAsk(now time.Time) {
	wait := maxAskEvery
	if s.round < len(rounds) {
		wait = rounds[s.round]
	} else if doublings := s.round - len(rounds) + 1; doublings < 8 {
		wait = min(maxAskEvery, rounds[len(rounds)-1]<<doublings)
	}
	s.round++
	s.asked, s.askAt = now, now.Add(jitter(wait))
}

// trouble says what is wrong with the station, empty when nothing is.
func (s *station) trouble() string {
	switch name := s.link.ifi.Name; {
	case s.sockets[v4] == nil && s.sockets[v6] == nil:
		return fmt.Sprintf("UDP port 5353 on %s cannot be used (%v): end the program that holds it, or let it share the port", name, cause(s.err))
	case s.unheard >= mute:
		return fmt.Sprintf("multicast does not get through on %s: a firewall may block UDP port 5353", name)
	}
	return ""
}

// cause is the innermost error: what the system said.
func cause(err error) error {
	for inner := err; inner != nil; inner = errors.Unwrap(inner) {
		err = inner
	}
	return err
}

// jitter is d, give or take a fifth, so that many do not fall into step.
func jitter(d time.Duration) time.Duration {
	return d - d/5 + rand.N(2*d/5)
}

var _ mdns.Zone = (*zone)(nil)
