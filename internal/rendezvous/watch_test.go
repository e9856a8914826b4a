package rendezvous

import (
	"context"
	"fmt"
	"net/http"
	"slices"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/go-json-experiment/json"
	"github.com/google/uuid"
)

// beats is a server that holds heartbeats until it has an answer.
type beats struct {
	mu     sync.Mutex
	came   []Heartbeat
	at     []time.Time
	answer func(Heartbeat) (News, Code) // nil: nothing is new
	news   chan struct{}                // is received from while a heartbeat is held
}

func newBeats() *beats { return &beats{news: make(chan struct{})} }

func (b *beats) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	var h Heartbeat
	if err := json.UnmarshalRead(r.Body, &h); err != nil {
		refuse(w, http.StatusBadRequest, CodeInvalid)
		return
	}
	b.mu.Lock()
	b.came, b.at = append(b.came, h), append(b.at, time.Now())
	answering := b.answer
	b.mu.Unlock()
	if answering == nil {
		held := time.NewTimer(time.Duration(h.Hold) * time.Millisecond)
		defer held.Stop()
		select {
		case <-held.C:
		case <-b.news:
		case <-r.Context().Done():
			return
		}
		answer(w, News{Number: h.Received})
		return
	}
	news, code := answering(h)
	if code != "" {
		refuse(w, http.StatusForbidden, code)
		return
	}
	answer(w, news)
}

func (b *beats) heartbeats() []Heartbeat {
	b.mu.Lock()
	defer b.mu.Unlock()
	return slices.Clone(b.came)
}

func (b *beats) answers(f func(Heartbeat) (News, Code)) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.answer = f
}

// told are the events of a watch.
type told struct {
	mu     sync.Mutex
	events []any
}

func (l *told) note(e any) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.events = append(l.events, e)
}

// kinds are the events so far, by their types.
func (l *told) kinds() (kinds []string) {
	l.mu.Lock()
	defer l.mu.Unlock()
	for _, e := range l.events {
		kinds = append(kinds, fmt.Sprintf("%T", e)[len("rendezvous."):])
	}
	return kinds
}

// watch runs a watch of a device until the test's bubble is to end.
func (n *network) watch(t *testing.T, device byte, notify func(any)) (w *Watch, stop func()) {
	t.Helper()
	w = NewWatch(WatchConfig{
		Client: n.client(t, device, office), Instance: uuid.UUID{device},
		Beat: Beat{Addresses: []string{"10.0.0.2:7420"}, Presence: Online}, Notify: notify,
	})
	ctx, cancel := context.WithCancel(t.Context())
	var wg sync.WaitGroup
	wg.Go(func() {
		if err := w.Run(ctx); err != nil {
			t.Errorf("watch: %v", err)
		}
	})
	return w, func() { cancel(); wg.Wait() }
}

func expect(t *testing.T, got []string, want ...string) {
	t.Helper()
	if !slices.Equal(got, want) {
		t.Errorf("told %v, want %v", got, want)
	}
}

func TestHeartbeatsAreHeldAndSayWhatIsNew(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		n, b, l := newNetwork(), newBeats(), &told{}
		defer n.serve(t, office, seeded(9), b)()
		w, stop := n.watch(t, 1, l.note)
		defer stop()
		time.Sleep(time.Minute)
		if got := len(b.heartbeats()); got < 3 || got > 5 {
			t.Errorf("%d heartbeats in a minute", got)
		}
		first, second := b.heartbeats()[0], b.heartbeats()[1]
		if first.Hold != 0 || second.Hold != 20_000 || second.Presence != Online || second.Instance != (uuid.UUID{1}) {
			t.Errorf("they said %+v, then %+v", first, second)
		}
		expect(t, l.kinds(), "Reached")

		before := len(b.heartbeats())
		w.Say(Beat{Presence: Busy, Epoch: 7})
		w.Say(Beat{Presence: Busy, Epoch: 7})
		time.Sleep(time.Second)
		said := b.heartbeats()[before:]
		if len(said) != 1 || said[0].Presence != Busy || said[0].Epoch != 7 {
			t.Errorf("when it is busy: %+v", said)
		}
		expect(t, l.kinds(), "Reached")
	})
}

func TestADeviceSaysGoodbye(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		n, b := newNetwork(), newBeats()
		defer n.serve(t, office, seeded(9), b)()
		_, stop := n.watch(t, 1, func(any) {})
		time.Sleep(time.Minute)
		before := len(b.heartbeats())
		stop()
		if said := b.heartbeats()[before:]; len(said) != 1 || said[0].Presence != Offline || said[0].Hold != 0 {
			t.Errorf("at the end: %+v", said)
		}
	})
}

// TestAServerFromABackupGetsTheNewerList has a server that never takes it: it is
// told once.
func TestAServerFromABackupGetsTheNewerList(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		n, b := newNetwork(), newBeats()
		b.answers(func(h Heartbeat) (News, Code) { return News{Number: 1, Behind: true}, "" })
		defer n.serve(t, office, seeded(9), b)()
		w, stop := n.watch(t, 1, func(any) {})
		defer stop()
		w.Say(Beat{Epoch: 7, Revoked: []byte{1}})
		time.Sleep(time.Minute)
		told := slices.DeleteFunc(b.heartbeats(), func(h Heartbeat) bool { return len(h.Revoked) == 0 })
		if len(told) != 1 {
			t.Errorf("told %d times", len(told))
		}
	})
}

func TestNewsAreNamedAsReceived(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		n, b, l := newNetwork(), newBeats(), &told{}
		b.answers(func(h Heartbeat) (News, Code) {
			if h.Received == 0 {
				return News{Number: 5, Whole: true, Servers: []string{office, branch}}, ""
			}
			b.answers(nil)
			return News{Number: 6, Friends: []Friend{{Account: uuid.UUID{2}, User: "bob", State: Friends}}}, ""
		})
		defer n.serve(t, office, seeded(9), b)()
		_, stop := n.watch(t, 1, l.note)
		defer stop()
		time.Sleep(time.Minute)
		came := b.heartbeats()
		if came[1].Received != 5 || came[2].Received != 6 {
			t.Errorf("received %d, then %d", came[1].Received, came[2].Received)
		}
		expect(t, l.kinds(), "Reached", "Told", "Told")
	})
}

// TestAnAnswerThatGotLostComesAgain cuts the connection in place of the first
// answer.
func TestAnAnswerThatGotLostComesAgain(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		n, b, l := newNetwork(), newBeats(), &told{}
		bob := Friend{Account: uuid.UUID{2}, User: "bob", Name: "Bob", State: Friends, Presence: Online}
		var cut bool
		b.answers(func(h Heartbeat) (News, Code) {
			if h.Received < 3 && !cut {
				cut = true
				panic(http.ErrAbortHandler)
			}
			if h.Received < 3 {
				return News{Number: 3, Friends: []Friend{bob}}, ""
			}
			b.answers(nil)
			return News{Number: 4, Friends: []Friend{bob}}, "" // told once more
		})
		defer n.serve(t, office, seeded(9), b)()
		_, stop := n.watch(t, 1, l.note)
		defer stop()
		time.Sleep(time.Minute)
		expect(t, l.kinds(), "Unreached", "Reached", "Told", "Told")
		roster, differences := NewRoster(nil), 0
		for _, e := range l.events {
			if e, ok := e.(Told); ok {
				differences += len(roster.Apply(e.News))
			}
		}
		if differences != 1 || len(roster.All()) != 1 {
			t.Errorf("%d differences, list %v", differences, roster.All())
		}
	})
}

func TestADeviceThatIsSignedOutStops(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		n, b, l := newNetwork(), newBeats(), &told{}
		b.answers(func(Heartbeat) (News, Code) { return News{}, CodeSignedOut })
		defer n.serve(t, office, seeded(9), b)()
		_, stop := n.watch(t, 1, l.note)
		defer stop()
		time.Sleep(time.Hour)
		expect(t, l.kinds(), "SignedOut")
		if len(b.heartbeats()) != 1 {
			t.Errorf("%d heartbeats", len(b.heartbeats()))
		}
	})
}

func TestAServerThatAlwaysHasNewsIsNotHurried(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		n, b := newNetwork(), newBeats()
		b.answers(func(h Heartbeat) (News, Code) { return News{Number: h.Received + 1, Whole: true}, "" })
		defer n.serve(t, office, seeded(9), b)()
		_, stop := n.watch(t, 1, func(any) {})
		defer stop()
		time.Sleep(time.Minute)
		if got := len(b.heartbeats()); got > 4*60+1 {
			t.Errorf("%d heartbeats in a minute", got)
		}
	})
}

func TestAServerThatIsAwayIsTriedLessAndLess(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		n, b, l := newNetwork(), newBeats(), &told{}
		w, stop := n.watch(t, 1, l.note)
		defer stop()
		time.Sleep(time.Hour)
		tries := n.dials(office)
		if tries < 12 || tries > 200 {
			t.Errorf("tried %d times in an hour", tries)
		}
		time.Sleep(time.Hour)
		if more := n.dials(office) - tries; more < 12 || more > 60 {
			t.Errorf("tried %d times in the second hour", more)
		}
		expect(t, l.kinds(), "Unreached")
		defer n.serve(t, office, seeded(9), b)()
		w.Hurry() // a person wants to know
		time.Sleep(time.Second)
		expect(t, l.kinds(), "Unreached", "Reached")
	})
}

// TestAServersClientsMoveToAnotherOne: while that takes no longer than the servers
// wait nobody is seen to go.
func TestAServersClientsMoveToAnotherOne(t *testing.T) {
	const devices = 40
	synctest.Test(t, func(t *testing.T) {
		n, other := newNetwork(), newBeats()
		stop := n.serve(t, office, seeded(9), newBeats())
		defer n.serve(t, branch, seeded(9), other)()
		for d := range devices {
			w, stop := n.watch(t, byte(d), func(any) {})
			defer stop()
			w.cfg.Client.SetAddresses([]string{office, branch})
		}
		time.Sleep(time.Minute)
		killed := time.Now()
		stop()
		time.Sleep(5 * time.Second)
		at, first := make(map[uuid.UUID]time.Duration), 0
		for i, h := range other.heartbeats() {
			if _, known := at[h.Instance]; !known {
				at[h.Instance] = other.at[i].Sub(killed)
				if at[h.Instance] < floorRetry {
					t.Errorf("one tried again after %v", at[h.Instance])
				}
				if at[h.Instance] < time.Second {
					first++
				}
			}
		}
		if len(at) != devices || first > devices*2/3 {
			t.Errorf("%d of %d moved, %d of them in the first second", len(at), devices, first)
		}
	})
}

// TestARestartIsNoStampede has many devices lose a server, for a moment and for some
// seconds.
func TestARestartIsNoStampede(t *testing.T) {
	comeBack(t, time.Second/2, 45)
	comeBack(t, 8*time.Second, 25)
}

// comeBack has devices lose a server: in no second more than so many are back.
func comeBack(t *testing.T, away time.Duration, most int) {
	const devices = 100
	synctest.Test(t, func(t *testing.T) {
		n, b := newNetwork(), newBeats()
		stop := n.serve(t, office, seeded(9), b)
		for d := range devices {
			_, stop := n.watch(t, byte(d), func(any) {})
			defer stop()
		}
		time.Sleep(time.Minute)
		stop()
		time.Sleep(away)
		again, restart := newBeats(), time.Now()
		defer n.serve(t, office, seeded(9), again)()
		time.Sleep(time.Minute)
		back, seconds := make(map[uuid.UUID]bool), make(map[int]int)
		for i, h := range again.heartbeats() {
			if !back[h.Instance] {
				seconds[int(again.at[i].Sub(restart)/time.Second)]++
			}
			back[h.Instance] = true
		}
		if len(back) != devices {
			t.Errorf("%d of %d are back after a minute", len(back), devices)
		}
		for second, n := range seconds {
			if n > most {
				t.Errorf("away for %s: %d came back in second %d", away, n, second)
			}
		}
	})
}
