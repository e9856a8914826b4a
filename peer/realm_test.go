package peer

import (
	"bytes"
	"errors"
	"math/rand/v2"
	"net/netip"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/uuid"
)

// realmSeed is the key of the realm in these stories.
const realmSeed = 100

// ticketFor is a ticket of the realm for the actor with that number, for 72 hours
// from now on.
func ticketFor(n byte, serial uint64) []byte {
	now := time.Now()
	return must(Ticket{
		Account: uuid.UUID{n}, Device: seedID(n), Serial: serial, User: "user", Name: "Name", Team: "Team",
		Issued: now, Expires: now.Add(72 * time.Hour),
	}.Sign(NewIdentity(seed(realmSeed))))
}

// listOf is a signed list of the realm.
func listOf(epoch uint64, void ...Void) []byte {
	list := Revocations{Epoch: epoch}
	for _, v := range void {
		list = list.Add(v.Device, v.Serial)
	}
	return must(list.Sign(NewIdentity(seed(realmSeed))))
}

// member is an actor that belongs to the realm.
func (s *stage) member(n byte, serial uint64) *actor {
	a := s.host(n)
	a.SetRealm(seedID(realmSeed), nil)
	a.SetTicket(ticketFor(n, serial))
	return a
}

// knowsVoid reports whether the host takes tickets of a device up to a serial for void.
func (a *actor) knowsVoid(device ID, serial uint64) bool {
	a.Host.mu.Lock()
	defer a.Host.mu.Unlock()
	return a.realm.revoked.Voids(Ticket{Realm: a.realm.id, Device: device, Serial: serial})
}

func TestATicketIsShownInTheHello(t *testing.T) {
	story(t, func(t *testing.T, s *stage) {
		a, b := s.member(1, 1), s.member(2, 1)
		a.Reach(b.id(), []netip.AddrPort{b.addr})
		up, far := await[SessionUp](a), await[SessionUp](b)
		if up.Certified == nil || up.Certified.Ticket.Account != (uuid.UUID{2}) || up.Certified.ID != b.id() {
			t.Errorf("a learned %+v", up.Certified)
		}
		if far.Certified == nil || far.Certified.Ticket.Name != "Name" || !bytes.Equal(far.Certified.Signed, far.Hello.Ticket) {
			t.Errorf("b learned %+v", far.Certified)
		}
	})
}

func TestWhoHasNoRealmBelievesNoTicket(t *testing.T) {
	story(t, func(t *testing.T, s *stage) {
		a, b := s.host(1), s.member(2, 1)
		a.Reach(b.id(), []netip.AddrPort{b.addr})
		if up := await[SessionUp](a); up.Certified != nil {
			t.Errorf("learned %+v", up.Certified)
		}
		a.SetRealm(seedID(realmSeed), nil) // chosen during the session
		if c := await[Certified](a); c.ID != b.id() || c.Ticket.Serial != 1 {
			t.Errorf("learned %+v", c)
		}
		a.SetRealm(seedID(7), nil)
		synctest.Wait()
		if n := count[Certified](a); n != 1 {
			t.Errorf("learned %d times", n)
		}
	})
}

func TestATicketThatIsNoneProvesNothing(t *testing.T) {
	realm := NewIdentity(seed(realmSeed))
	for what, ticket := range map[string]func() []byte{
		"another device's": func() []byte { return ticketFor(3, 1) },
		"another realm's": func() []byte {
			return must(Ticket{Device: seedID(visitor), Serial: 1, Expires: time.Now(), Issued: time.Now()}.Sign(NewIdentity(seed(7))))
		},
		"of the next day": func() []byte {
			now := time.Now().Add(24 * time.Hour)
			return must(Ticket{Device: seedID(visitor), Serial: 1, Expires: now, Issued: now}.Sign(realm))
		},
		"void":      func() []byte { return ticketFor(visitor, 4) },
		"truncated": func() []byte { return ticketFor(visitor, 5)[:100] },
		"nothing":   func() []byte { return nil },
		"noise":     func() []byte { return []byte("noise") },
	} {
		t.Run(what+"/H-25", func(t *testing.T) {
			story(t, func(t *testing.T, s *stage) {
				a := s.member(1, 1)
				if err := a.Revoke(listOf(1, Void{Device: seedID(visitor), Serial: 4})); err != nil {
					t.Fatal(err)
				}
				p := s.puppet(visitor, a)
				hello := greeting("puppet", uuid.New(), 7420)
				hello.Ticket = ticket()
				p.helloAs(hello)
				if up := await[SessionUp](a); up.Certified != nil {
					t.Errorf("in the hello it proved %+v", up.Certified)
				}
				p.say(NewerTicket{Ticket: ticket()}, OfferState{})
				await[Received](a) // the session goes on
				if n := count[Certified](a); n > 0 {
					t.Error("during the session it proved something")
				}
			})
		})
	}
}

func TestANewerTicketIsShownToThoseWhoAreThere(t *testing.T) {
	story(t, func(t *testing.T, s *stage) {
		a, b := s.member(1, 1), s.member(2, 1)
		meet(a, b)
		b.SetTicket(ticketFor(2, 2))
		if c := await[Certified](a); c.Ticket.Serial != 2 {
			t.Errorf("learned %+v", c)
		}
		b.SetTicket(ticketFor(2, 1))           // an old one
		b.SetTicket(make([]byte, 1+MaxTicket)) // nothing that anybody would read
		b.SetTicket(nil)
		talk(t, b, a)
		if n := count[Certified](a); n != 1 {
			t.Errorf("learned %d times", n)
		}
	})
}

func TestATicketThatChangesBeforeTheSessionIsKeptIsShown(t *testing.T) {
	story(t, func(t *testing.T, s *stage) {
		a := s.member(1, 1)
		p := s.puppet(visitor, a)
		p.hear() // a's hello, with its old ticket
		newer := ticketFor(1, 2)
		a.SetTicket(newer)
		p.say(greeting("puppet", [16]byte{1}, 7420))
		if got, ok := p.hear().(NewerTicket); !ok || !bytes.Equal(got.Ticket, newer) {
			t.Errorf("heard %+v", got)
		}
	})
}

// A peer that shows tickets of two realms in turn is not heard each time.
func TestTicketsOfOtherRealmsDoNotMakeNoise(t *testing.T) {
	story(t, func(t *testing.T, s *stage) {
		a := s.member(1, 1)
		p := s.puppet(visitor, a)
		p.hello()
		foreign := must(Ticket{Device: seedID(visitor), Serial: 1}.signedFor(time.Hour, NewIdentity(seed(7))))
		for range 10 {
			p.say(NewerTicket{Ticket: ticketFor(visitor, 1)}, NewerTicket{Ticket: foreign})
		}
		p.say(OfferState{})
		await[Received](a)
		if n := count[Certified](a); n != 1 {
			t.Errorf("learned %d times", n)
		}
	})
}

// signedFor signs the ticket for so long.
func (t Ticket) signedFor(d time.Duration, realm *Identity) ([]byte, error) {
	t.Issued, t.Expires = time.Now(), time.Now().Add(d)
	return t.Sign(realm)
}

func TestTheNewestListGoesFromPeerToPeer(t *testing.T) {
	t.Run("who was not there learns it from whom it meets/A-13", func(t *testing.T) {
		story(t, func(t *testing.T, s *stage) {
			kicked, b, c := s.member(1, 3), s.member(2, 1), s.member(3, 1)
			meet(c, kicked)
			if err := b.Revoke(listOf(1, Void{Device: kicked.id(), Serial: 3})); err != nil { // from the server, which then stops
				t.Fatal(err)
			}
			if c.knowsVoid(kicked.id(), 3) {
				t.Fatal("c knows already")
			}
			meet(b, c)
			grew := await[RevocationsGrew](c)
			if grew.List.Epoch != 1 || !grew.List.Voids(Ticket{Realm: seedID(realmSeed), Device: kicked.id(), Serial: 3}) {
				t.Errorf("c learned %+v", grew.List)
			}
			if list, err := ParseRevocations(grew.Signed); err != nil || list.Epoch != 1 {
				t.Errorf("c was given %+v, %v", list, err)
			}
			// What the kicked device shows from now on proves nothing; a new log-in does.
			kicked.Drop(c.id(), ByeIdle)
			kicked.Reach(c.id(), []netip.AddrPort{c.addr})
			if up := await[SessionUp](c); up.ID != kicked.id() || up.Certified != nil {
				t.Errorf("the kicked device came as %+v", up)
			}
			kicked.SetTicket(ticketFor(1, 4))
			if got := await[Certified](c); got.Ticket.Serial != 4 {
				t.Errorf("the new log-in is %+v", got)
			}
		})
	})
}

func TestANewListIsPassedOnAtOnce(t *testing.T) {
	story(t, func(t *testing.T, s *stage) {
		a, b, c := s.member(1, 1), s.member(2, 1), s.member(3, 1)
		outsider := s.host(4)
		meet(a, b)
		meet(b, c)
		meet(b, outsider)
		void := Void{Device: seedID(9), Serial: 1}
		if err := a.Revoke(listOf(1, void)); err != nil {
			t.Fatal(err)
		}
		await[RevocationsGrew](b)
		await[RevocationsGrew](c)
		synctest.Wait()
		if n := count[RevocationsGrew](a) + count[RevocationsGrew](b) + count[RevocationsGrew](c); n != 3 {
			t.Errorf("told %d times", n)
		}
		if outsider.knowsVoid(seedID(9), 1) || count[RevocationsGrew](outsider) > 0 {
			t.Error("who has no realm took a list")
		}
		if err := a.Revoke(listOf(1, void)); err != nil || count[RevocationsGrew](a) != 1 {
			t.Errorf("the same again: %v", err)
		}
	})
}

func TestALongListComesInPages(t *testing.T) {
	story(t, func(t *testing.T, s *stage) {
		long := Revocations{Epoch: 9, Void: crowd(10*revokedPage + 1).Void}
		signed := must(long.Sign(NewIdentity(seed(realmSeed))))
		a, b := s.member(1, 1), s.host(2)
		b.SetRealm(seedID(realmSeed), signed)
		meet(a, b)
		grew := await[RevocationsGrew](a)
		if len(grew.List.Void) != len(long.Void) || !bytes.Equal(grew.Signed, signed) {
			t.Errorf("%d of %d devices came", len(grew.List.Void), len(long.Void))
		}
	})
}

// A page is taken when it was asked for, and only one that the realm signed; what
// comes in another order begins anew.
func TestPagesFromAPuppet(t *testing.T) {
	realm := NewIdentity(seed(realmSeed))
	long := func(epoch uint64) [][]byte {
		pages, _ := splitRevoked(must(Revocations{Epoch: epoch, Void: crowd(revokedPage + 1).Void}.Sign(realm)))
		return pages
	}
	page := func(raw []byte) Revoked { return Revoked{Realm: realm.ID(), Epoch: 9, Page: raw} }
	begin := func(s *stage) (*actor, *puppet) {
		a := s.member(1, 1)
		p := s.puppet(visitor, a)
		hello := greeting("puppet", uuid.New(), 7420)
		hello.Epoch = 9
		p.helloAs(hello)
		p.wants(realm.ID(), 0)
		return a, p
	}
	story(t, func(t *testing.T, s *stage) { // newer while it is fetched
		a, p := begin(s)
		p.say(page(long(9)[0]))
		p.wants(realm.ID(), 1)
		p.say(page(long(10)[1]))
		p.wants(realm.ID(), 0)
		p.say(page(long(10)[0]))
		p.wants(realm.ID(), 1)
		p.say(page(long(10)[1]))
		if grew := await[RevocationsGrew](a); grew.List.Epoch != 10 || len(grew.List.Void) != revokedPage+1 {
			t.Errorf("learned %d of epoch %d", len(grew.List.Void), grew.List.Epoch)
		}
		p.say(page(listOf(11, Void{Device: seedID(9), Serial: 1})), OfferState{})
		await[Received](a)
		if a.knowsVoid(seedID(9), 1) {
			t.Error("took a page that was not asked for")
		}
	})
	for what, raw := range map[string][]byte{
		"forged": must(Revocations{Epoch: 9}.Add(seedID(1), 1).Sign(NewIdentity(seed(7))))[:100],
		"cut":    listOf(9)[:20],
	} {
		story(t, func(t *testing.T, s *stage) {
			_, p := begin(s)
			p.say(page(raw))
			if bye := p.hearBye(); bye.Code != ByeProtocol {
				t.Errorf("%s: %+v", what, bye)
			}
		})
	}
	story(t, func(t *testing.T, s *stage) { // a good list of another realm
		a, p := begin(s)
		p.say(page(must(Revocations{Epoch: 9}.Add(a.id(), 1).Sign(NewIdentity(seed(7))))), OfferState{})
		await[Received](a)
		if count[RevocationsGrew](a) > 0 {
			t.Error("took the list of another realm")
		}
	})
}

// wants reads until the other side asks for that page.
func (p *puppet) wants(realm ID, page uint64) {
	p.t.Helper()
	for {
		if m, ok := p.hear().(Revoked); ok {
			if m.Realm != realm || m.Want != page || len(m.Page) > 0 {
				p.t.Fatalf("heard %+v, want that page %d is asked for", m, page)
			}
			return
		}
	}
}

func TestAListIsTakenFromTheRealmAlone(t *testing.T) {
	story(t, func(t *testing.T, s *stage) {
		a := s.member(1, 1)
		foreign := must(Revocations{Epoch: 1}.Sign(NewIdentity(seed(7))))
		if err := a.Revoke(foreign); !errors.Is(err, errForeignList) {
			t.Errorf("another realm's: %v", err)
		}
		if err := a.Revoke([]byte("noise")); err == nil {
			t.Error("took noise")
		}
		a.SetRealm(seedID(realmSeed), []byte("noise")) // what a disk may have made of it
		if err := a.Revoke(listOf(3, Void{Device: seedID(9), Serial: 1})); err != nil {
			t.Error(err)
		}
		a.SetRealm(seedID(7), foreign)
		if a.hello().Epoch != 1 || a.hello().Ticket != nil || a.knowsVoid(seedID(9), 1) {
			t.Error("another realm, and what the first one said still counts")
		}
	})
}

// After a server was restored from a backup there may be two lists of one epoch, or
// an older one that names somebody else: what either says holds.
func TestListsThatDifferAreMerged(t *testing.T) {
	story(t, func(t *testing.T, s *stage) {
		a := s.member(1, 1)
		for _, list := range [][]byte{
			listOf(2, Void{Device: seedID(8), Serial: 5}), listOf(2, Void{Device: seedID(9), Serial: 1}), listOf(1, Void{Device: seedID(8), Serial: 6}),
		} {
			if err := a.Revoke(list); err != nil {
				t.Fatal(err)
			}
		}
		if !a.knowsVoid(seedID(8), 6) || !a.knowsVoid(seedID(9), 1) || a.hello().Epoch != 2 {
			t.Error("something was lost")
		}
	})
}

// However peers are connected, and wherever each newer list comes in, in the end
// everybody has the newest one.
func TestEverybodyComesToTheNewestList(t *testing.T) {
	for draw := range uint64(5) {
		story(t, func(t *testing.T, s *stage) {
			rnd := rand.New(rand.NewPCG(draw, draw))
			var actors []*actor
			for n := byte(1); n <= 10; n++ {
				a := s.member(n, 1)
				if n > 1 {
					with := actors[rnd.IntN(len(actors))]
					a.Reach(with.id(), []netip.AddrPort{with.addr})
				}
				actors = append(actors, a)
			}
			var list Revocations
			for epoch := range uint64(6) {
				list = list.Add(seedID(byte(100+epoch)), 1)
				list.Epoch = epoch + 1
				if err := actors[rnd.IntN(len(actors))].Revoke(must(list.Sign(NewIdentity(seed(realmSeed))))); err != nil {
					t.Fatal(err)
				}
				time.Sleep(time.Duration(rnd.IntN(2000)) * time.Millisecond)
				s.reset(actors[rnd.IntN(len(actors))].addr.Addr()) // its sessions end, and are made again
			}
			time.Sleep(10 * time.Minute)
			for i, a := range actors {
				if epoch := a.hello().Epoch; epoch != list.Epoch || !a.knowsVoid(list.Void[0].Device, 1) {
					t.Errorf("draw %d: actor %d is at epoch %d", draw, i+1, epoch)
				}
			}
		})
	}
}
