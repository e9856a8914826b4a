package transfer_test

import (
	"errors"
	"io"
	"net"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/uuid"

	"earshot/peer"
	"earshot/transfer"
)

// fetch has bob get a file of ann's, and returns how long that took.
func fetch(t *testing.T, ann, bob *device, path string) time.Duration {
	t.Helper()
	offer := ann.offer(bob, path)
	began := time.Now()
	bob.accept(offer.ID)
	same(t, bob.state(offer.ID, transfer.Done).Path, path)
	took := time.Since(began)
	ann.state(offer.ID, transfer.Done)
	return took
}

func TestTheSenderDialsWhereTheReceiverCannot(t *testing.T) {
	for what, c := range map[string]struct {
		silent bool
		first  time.Duration // at most
	}{
		"a firewall that refuses":   {false, 100 * time.Millisecond},
		"a firewall that is silent": {true, 2500 * time.Millisecond},
	} {
		t.Run(what, func(t *testing.T) {
			simulated(t, func(t *testing.T, w *world, ann, bob *device) {
				w.shut(bob.id, ann.id, c.silent)
				path := file(t, "report.pdf", 3*mib+7)
				if took := fetch(t, ann, bob, path); took > c.first {
					t.Errorf("the first file took %v", took)
				}
				// From now on the way that worked is tried first.
				if took := fetch(t, ann, bob, path); took > 100*time.Millisecond {
					t.Errorf("the second file took %v", took)
				}
				wantDials(t, w, bob, ann, 1)
				// A new session, or another network, forgets it.
				w.part(true)
				w.part(false)
				fetch(t, ann, bob, path)
				wantDials(t, w, bob, ann, 2)
				bob.engine.NetworkChanged()
				fetch(t, ann, bob, path)
				wantDials(t, w, bob, ann, 3)
				wantDials(t, w, ann, bob, 4)
			})
		})
	}
}

// wantDials compares how often one device dialled another one.
func wantDials(t *testing.T, w *world, from, to *device, want int) {
	t.Helper()
	if got, _ := w.dials(from.id, to.id); got != want {
		t.Errorf("dialled %d times, want %d", got, want)
	}
}

func TestTheWayThatWorkedIsLeftWhenItEnds(t *testing.T) {
	simulated(t, func(t *testing.T, w *world, ann, bob *device) {
		path := file(t, "a", 5)
		w.shut(bob.id, ann.id, true)
		fetch(t, ann, bob, path)
		w.open(bob.id, ann.id)
		w.shut(ann.id, bob.id, true)
		fetch(t, ann, bob, path)
		wantDials(t, w, ann, bob, 2)
		fetch(t, ann, bob, path)
		wantDials(t, w, ann, bob, 2)
	})
}

func TestManyFilesShareTwoConnections(t *testing.T) {
	simulated(t, func(t *testing.T, w *world, ann, bob *device) {
		w.shut(bob.id, ann.id, true)
		var offers []transfer.Offer
		path := file(t, "a", mib)
		for range 4 {
			offers = append(offers, ann.offer(bob, path))
		}
		for _, o := range offers {
			bob.accept(o.ID)
		}
		for _, o := range offers {
			bob.state(o.ID, transfer.Done)
		}
		if _, most := w.dials(ann.id, bob.id); most > 2 {
			t.Errorf("%d at once", most)
		}
		if _, most := w.dials(bob.id, ann.id); most > 2 {
			t.Errorf("%d at once", most)
		}
	})
}

func TestWhenNeitherGetsThroughBothAreTold(t *testing.T) {
	for what, silent := range map[string]bool{"refused": false, "dropped": true} {
		for _, opens := range []string{"the sender", "the receiver"} {
			t.Run(what+", "+opens+" opens", func(t *testing.T) {
				simulated(t, func(t *testing.T, w *world, ann, bob *device) {
					w.shut(bob.id, ann.id, silent)
					w.shut(ann.id, bob.id, silent)
					path := file(t, "report.pdf", 5)
					var offers []transfer.Offer
					began := time.Now()
					for range 3 { // more than there are places for connections
						offers = append(offers, ann.offer(bob, path))
						bob.accept(offers[len(offers)-1].ID)
					}
					for _, o := range offers {
						told(t, bob, o.ID)
						told(t, ann, o.ID)
					}
					if took := time.Since(began); took > 10*time.Second {
						t.Errorf("told after %v", took)
					}
					time.Sleep(time.Hour) // nobody looks; and nobody knocks all the time
					if times, most := w.dials(ann.id, bob.id); times > 3600/2 || most > 4 {
						t.Errorf("the sender dialled %d times, %d at once", times, most)
					}
					for _, o := range offers {
						told(t, bob, o.ID)
						told(t, ann, o.ID)
					}
					began = time.Now()
					if opens == "the sender" {
						w.open(bob.id, ann.id)
					} else {
						w.open(ann.id, bob.id)
					}
					for _, o := range offers {
						if bob.state(o.ID, transfer.Done).Walled || ann.state(o.ID, transfer.Done).Walled {
							t.Error("it is done, and it says that it is not")
						}
					}
					if took := time.Since(began); took > 20*time.Second {
						t.Errorf("went on after %v", took)
					}
				})
			})
		}
	}
}

// told waits until it is told that no connection comes about.
func told(t *testing.T, d *device, id uuid.UUID) {
	t.Helper()
	at := d.wait(id, "a wall", func(at transfer.Transfer) bool { return at.Walled })
	if at.State != transfer.Interrupted || at.Reason != transfer.PeerAway {
		t.Errorf("it is %s, %s", at.State, at.Reason)
	}
}

func TestTheEndOfTheSessionEndsTheWait(t *testing.T) {
	simulated(t, func(t *testing.T, w *world, ann, bob *device) {
		w.shut(bob.id, ann.id, false)
		w.shut(ann.id, bob.id, true)
		path := file(t, "a", 5)
		offer := ann.offer(bob, path)
		bob.accept(offer.ID)
		synctest.Wait() // ann dials
		wantDials(t, w, ann, bob, 1)
		began := time.Now()
		w.part(true)
		for _, d := range []*device{ann, bob} {
			if at := d.state(offer.ID, transfer.Interrupted, transfer.PeerAway); at.Walled {
				t.Error("nobody is there, and a wall is said to be in the way")
			}
		}
		synctest.Wait()
		if n := w.dialling(ann.id, bob.id); n != 0 {
			t.Errorf("ann still dials, %d times", n)
		}
		// What was asked for on the session that is gone is not taken any more.
		refused(t, bob, ann.id, peer.DialBack{Offer: offer.ID})
		if took := time.Since(began); took > 0 {
			t.Errorf("took %v", took)
		}
		w.open(ann.id, bob.id)
		w.part(false)
		same(t, bob.state(offer.ID, transfer.Done).Path, path)
	})
}

// A receiver who changes his mind while the sender dials gets no connection.
func TestAPauseEndsTheWait(t *testing.T) {
	simulated(t, func(t *testing.T, w *world, ann, bob *device) {
		w.shut(bob.id, ann.id, false)
		w.shut(ann.id, bob.id, true)
		offer := ann.offer(bob, file(t, "a", 5))
		bob.accept(offer.ID)
		synctest.Wait()
		if err := bob.pause(offer.ID); err != nil {
			t.Fatal(err)
		}
		synctest.Wait()
		refused(t, bob, ann.id, peer.DialBack{Offer: offer.ID})
		if err := bob.resume(offer.ID); err != nil {
			t.Fatal(err)
		}
		w.open(ann.id, bob.id)
		bob.state(offer.ID, transfer.Done)
	})
}

// refused opens a connection by hand, and wants it closed without a word.
func refused(t *testing.T, d *device, from peer.ID, first peer.Message) {
	t.Helper()
	if answers := say(t, d.open(from), first); len(answers) != 0 {
		t.Errorf("%+v was answered %+v", first, answers)
	}
}

// asking has bob ask a scripted sender for a connection; the channel tells what he
// says.
func asking(t *testing.T) (w *world, bob *device, s *script, offer transfer.Offer, ann peer.ID) {
	t.Helper()
	w = newWorld(t)
	s = &script{t: t, entries: []peer.ManifestEntry{entry("a", 5, 0)}, content: map[uint64][]byte{0: []byte("12345")}}
	asked := make(chan peer.Message, 100)
	s.heard = func(m peer.Message) {
		if m.Type() == peer.TypeDialBack {
			asked <- m
		}
	}
	ann = w.sender(9, s).id
	bob = w.device(2)
	offer = s.offer(t, "a")
	w.shut(bob.id, ann, false)
	bob.engine.Up(ann)
	bob.engine.Incoming(offer, ann)
	bob.wait(offer.ID, "the offer", func(transfer.Transfer) bool { return true })
	refused(t, bob, ann, peer.DialBack{Offer: offer.ID}) // nobody asked yet
	bob.accept(offer.ID)
	select {
	case m := <-asked:
		if m != (peer.DialBack{Offer: offer.ID}) {
			t.Fatalf("asked %+v", m)
		}
	case <-time.After(longTime):
		t.Fatal("not asked")
	}
	return w, bob, s, offer, ann
}

func TestOnlyWhatWasAskedForIsTaken(t *testing.T) {
	_, bob, s, offer, ann := asking(t)
	refused(t, bob, peer.ID{66}, peer.DialBack{Offer: offer.ID})              // by somebody else
	refused(t, bob, ann, peer.DialBack{Offer: uuid.New()})                    // for another offer
	refused(t, bob, ann, peer.DialBack{Offer: offer.ID, Reason: "peer away"}) // for nothing
	refused(t, bob, ann, peer.OfferState{Offer: offer.ID, State: "active"})   // nor like this
	var once bool
	s.on = func(_ *script, r peer.Read) bool {
		if !once { // the connection is in use: the asking is used up
			once = true
			refused(t, bob, ann, peer.DialBack{Offer: offer.ID})
		}
		return false
	}
	conn := bob.open(ann)
	conn.SetDeadline(time.Now().Add(longTime))
	b, err := peer.Append(nil, peer.DialBack{Offer: offer.ID})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := conn.Write(b); err != nil {
		t.Fatal(err)
	}
	s.serve(conn)
	bob.state(offer.ID, transfer.Done)
	if !once {
		t.Error("nothing was read on it")
	}
	refused(t, bob, ann, peer.DialBack{Offer: offer.ID})
}

// What a sender says in place of dialling counts as if it stood on a connection.
func TestASenderThatDoesNotDial(t *testing.T) {
	for reason, want := range map[transfer.Reason]func(at transfer.Transfer) bool{
		transfer.Refused: func(at transfer.Transfer) bool {
			return at.State == transfer.Failed && at.Reason == transfer.Refused
		},
		transfer.ByPeer: func(at transfer.Transfer) bool {
			return at.State == transfer.Interrupted && at.Reason == transfer.PeerAway && !at.Walled
		},
		transfer.PeerAway: func(at transfer.Transfer) bool {
			return at.State == transfer.Interrupted && at.Reason == transfer.PeerAway && at.Walled
		},
		transfer.Limit: func(at transfer.Transfer) bool {
			return at.State == transfer.Interrupted && at.Reason == transfer.PeerAway && !at.Walled
		},
		"done": func(at transfer.Transfer) bool { // nonsense
			return at.State == transfer.Interrupted && at.Reason == transfer.PeerAway && !at.Walled
		},
	} {
		t.Run(string(reason), func(t *testing.T) {
			_, bob, _, offer, ann := asking(t)
			bob.engine.DialBack(peer.ID{66}, peer.DialBack{Offer: offer.ID, Reason: "refused"}, func() {})
			bob.engine.DialBack(ann, peer.DialBack{Offer: uuid.New(), Reason: "refused"}, func() {})
			bob.engine.DialBack(ann, peer.DialBack{Offer: offer.ID, Reason: string(reason)}, func() {})
			bob.wait(offer.ID, "what follows", want)
		})
	}
}

// mallory is a device that says what it likes to ann, and hears what she says.
func mallory(t *testing.T, w *world, ann *device, take func(net.Conn)) (id peer.ID, heard chan peer.DialBack) {
	t.Helper()
	heard = make(chan peer.DialBack, 10_000)
	s := &script{t: t, take: take, heard: func(m peer.Message) {
		if m, ok := m.(peer.DialBack); ok {
			heard <- m
		}
	}}
	id = w.sender(66, s).id
	ann.engine.Up(id)
	return id, heard
}

func TestNobodyIsDialledForWhatHeMayNotRead(t *testing.T) {
	w, ann, bob := pair(t)
	path := file(t, "secret", 5)
	bobs := ann.offer(bob, path)
	from := bob.offer(ann, path)
	id, heard := mallory(t, w, ann, nil)
	ask := func(what string, offer uuid.UUID, want string) {
		t.Helper()
		ann.engine.DialBack(id, peer.DialBack{Offer: offer}, func() {})
		select {
		case got := <-heard:
			if got != (peer.DialBack{Offer: offer, Reason: want}) {
				t.Errorf("%s: answered %+v, want %q", what, got, want)
			}
		case <-time.After(longTime):
			t.Errorf("%s: no answer", what)
		}
		if times, _ := w.dials(ann.id, id); times != 0 {
			t.Errorf("%s: dialled %d times", what, times)
		}
	}
	ask("a stranger's offer", bobs.ID, "refused")
	ask("an offer to ann", from.ID, "refused")
	ask("no offer", uuid.New(), "refused")
	own, err := prepareOnly(ann, &device{id: id}, path)
	if err != nil {
		t.Fatal(err)
	}
	ann.engine.Offered(own.ID)
	if err := ann.cancel(own.ID); err != nil {
		t.Fatal(err)
	}
	ask("an offer that was taken back", own.ID, "by peer")
	ann.state(bobs.ID, transfer.Offered)
}

// offered is an offer of ann's to a device that is no engine.
func (d *device) offered(to peer.ID) uuid.UUID {
	d.t.Helper()
	o, err := prepareOnly(d, &device{id: to}, file(d.t, "a", 3*mib))
	if err != nil {
		d.t.Fatal(err)
	}
	d.engine.Offered(o.ID)
	return o.ID
}

// Where its own port is another's, a peer could have us knock there.
func TestDialsInVainAreFew(t *testing.T) {
	for what, silent := range map[string]bool{"refused": false, "dropped": true} {
		t.Run(what, func(t *testing.T) {
			simulated(t, func(t *testing.T, w *world, ann, _ *device) {
				id, heard := mallory(t, w, ann, nil)
				offer := ann.offered(id)
				w.shut(ann.id, id, silent)
				const minutes, asked = 10, 100
				for range minutes * 60 {
					for range asked {
						ann.engine.DialBack(id, peer.DialBack{Offer: offer}, func() {})
					}
					time.Sleep(time.Second)
					for len(heard) > 0 {
						if m := <-heard; m.Reason != "peer away" && m.Reason != "limit" {
							t.Fatalf("heard %+v", m)
						}
					}
				}
				times, most := w.dials(ann.id, id)
				if times > minutes*60/2+4 || most > 4 {
					t.Errorf("dialled %d times, %d at once", times, most)
				}
			})
		})
	}
}

// A peer that is dialled back and then says nothing, or the wrong thing, keeps
// neither connections nor more than its share of them.
func TestWhoIsDialledBackMustReadWhatHeAskedFor(t *testing.T) {
	simulated(t, func(t *testing.T, w *world, ann, bob *device) {
		came := make(chan net.Conn, 100)
		id, _ := mallory(t, w, ann, func(conn net.Conn) { came <- conn })
		offer, other := ann.offered(id), ann.offered(id)
		for range 10 {
			ann.engine.DialBack(id, peer.DialBack{Offer: offer}, func() {})
		}
		synctest.Wait()
		if len(came) != 4 {
			t.Fatalf("%d connections", len(came))
		}
		began := time.Now()
		silent := []net.Conn{<-came, <-came, <-came, <-came}
		for _, conn := range silent {
			defer conn.Close()
			if m := opening(t, conn); m != (peer.DialBack{Offer: offer}) {
				t.Errorf("it begins with %+v", m)
			}
		}
		for _, conn := range silent {
			if _, err := conn.Read(make([]byte, 1)); !errors.Is(err, io.EOF) {
				t.Error(err)
			}
		}
		if took := time.Since(began); took < 14*time.Second || took > 16*time.Second {
			t.Errorf("closed after %v", took)
		}
		time.Sleep(time.Minute)
		for _, wrong := range []peer.Message{
			page0(other), page0(uuid.New()), peer.DialBack{Offer: offer}, peer.Gone{Offer: offer, Reason: "by peer"},
			peer.Read{Offer: offer}, peer.OfferState{Offer: offer, State: "active"},
		} {
			ann.engine.DialBack(id, peer.DialBack{Offer: offer}, func() {})
			conn := <-came
			opening(t, conn)
			if answers := say(t, conn, wrong); len(answers) != 0 {
				t.Errorf("%+v was answered %+v", wrong, answers)
			}
			time.Sleep(2 * time.Second)
		}
		// Who reads is no nuisance, however often he asks.
		for range 100 {
			ann.engine.DialBack(id, peer.DialBack{Offer: offer}, func() {})
			conn := <-came
			opening(t, conn)
			b, _ := peer.Append(nil, page0(offer))
			conn.Write(b)
			if kind, _, err := peer.ReadFrame(conn, peer.DataFrame); err != nil || kind != peer.TypeManifest {
				t.Fatalf("%#02x, %v", kind, err)
			}
			conn.Close()
			synctest.Wait()
		}
	})
}

// opening is what a connection begins with.
func opening(t *testing.T, conn net.Conn) peer.Message {
	t.Helper()
	kind, payload, err := peer.ReadFrame(conn, peer.ControlFrame)
	if err != nil {
		t.Fatal(err)
	}
	m, err := peer.Decode(kind, payload)
	if err != nil {
		t.Fatal(err)
	}
	return m
}

// A part that was begun over one way goes on over the other.
func TestATransferGoesOnTheOtherWay(t *testing.T) {
	w, ann, bob, offer, path, release := underWay(t)
	w.shut(bob.id, ann.id, false)
	w.cut()
	release()
	same(t, bob.state(offer.ID, transfer.Done).Path, path)
	if times, _ := w.dials(ann.id, bob.id); times == 0 {
		t.Error("nobody dialled back")
	}
}
