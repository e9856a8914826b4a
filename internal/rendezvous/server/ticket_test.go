package server

import (
	"testing"
	"time"

	"github.com/google/uuid"

	"earshot/internal/rendezvous"
	"earshot/peer"
)

func TestTicketsAreRenewed(t *testing.T) {
	serverOnBoth(t, func(t *testing.T, s *service) {
		ann := s.person("ann", 1)
		last, err := peer.ParseTicket(ann.in.Ticket)
		must(t, err)
		newer := func(raw []byte) peer.Ticket {
			t.Helper()
			ticket, err := peer.OpenTicket(raw, s.Realm(), id(1), time.Now())
			if err != nil || ticket.Serial <= last.Serial {
				t.Errorf("ticket %+v after serial %d, %v", ticket, last.Serial, err)
			}
			last = ticket
			return ticket
		}
		in, err := ann.Me(t.Context())
		must(t, err)
		newer(in.Ticket)
		newer(ann.beat(rendezvous.Online, 0).Ticket) // who knows nothing may lack it

		if news := ann.beat(rendezvous.Online, 0); news.Ticket != nil || news.Account != nil {
			t.Errorf("a good ticket is renewed: %+v", news)
		}
		ann.received = 12345
		if news := ann.beat(rendezvous.Online, 0); news.Ticket != nil || !news.Whole {
			t.Errorf("who comes from another server is told %+v", news)
		}
		ends := func(at time.Time) {
			must(t, s.directory.update(t.Context(), func(t *tx) error { return t.run("UPDATE device SET ticket = $1", at.UnixMilli()) }))
		}
		ends(time.Now().Add(ticketRenewed - time.Minute))
		before := ann.received
		newer(ann.beat(rendezvous.Online, patience).Ticket)
		ann.received = before // as if the answer had got lost
		newer(ann.beat(rendezvous.Online, patience).Ticket)

		second := s.client(2)
		_, err = second.Login(t.Context(), rendezvous.Credentials{User: "ann", Password: password})
		must(t, err)
		name := "Ann B."
		_, err = second.Change(t.Context(), rendezvous.Change{Name: &name})
		must(t, err)
		news := ann.beat(rendezvous.Online, patience)
		if ticket := newer(news.Ticket); ticket.Name != name || news.Account == nil || news.Account.Name != name {
			t.Errorf("the other device is told %+v, %+v", ticket, news.Account)
		}
	})
}

// TestNoTicketOutlivesItsDevice issues tickets and signs the device out at once: the
// list voids every ticket that was made.
func TestNoTicketOutlivesItsDevice(t *testing.T) {
	directoryOnBoth(t, func(t *testing.T, d *directory) {
		for n := byte(1); n <= 10; n++ {
			c := join(t, d, "user"+string('a'+rune(n)), n)
			issued := make(chan uint64, 1)
			go func() {
				last := c.serial
				for {
					serial, err := d.issue(t.Context(), c.ID, c.device, time.Now().Add(ticketTime))
					if err != nil {
						issued <- last
						return
					}
					last = serial
				}
			}()
			must(t, d.signOut(t.Context(), c.ID, c.device))
			last := <-issued
			list, err := d.revocations(t.Context(), id(200))
			if err != nil || !list.Voids(peer.Ticket{Realm: id(200), Device: c.device, Serial: last}) {
				t.Errorf("a ticket with serial %d is still good: %+v, %v", last, list, err)
			}
		}
		if _, err := d.issue(t.Context(), uuid.New(), id(1), time.Now()); err == nil {
			t.Error("a ticket for nobody")
		}
	})
}
