package chat_test

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"testing"
	"time"

	"github.com/google/uuid"

	"earshot/internal/chat"
	"earshot/internal/chat/chattest"
	"earshot/peer"
)

// realm signs the tickets of these tests.
var realm = identity(99)

// account is the n-th account of the realm.
func account(n byte) chat.Party { return chat.AccountParty(realm.ID(), uuid.UUID{15: n}) }

// ticket says that a device belongs to an account; its time is over since long.
func ticket(t testing.TB, signer *peer.Identity, of chat.Party, device peer.ID) []byte {
	return ticketOf(t, signer, of, device, time.Unix(1_700_000_000, 0), false)
}

// ticketOf is one of an hour from then on.
func ticketOf(t testing.TB, signer *peer.Identity, of chat.Party, device peer.ID, then time.Time, admin bool) []byte {
	signed, err := peer.Ticket{
		Account: of.Account, Device: device, Serial: 1, User: "u", Admin: admin, Issued: then.Truncate(time.Second), Expires: then.Truncate(time.Second).Add(time.Hour),
	}.Sign(signer)
	if err != nil {
		t.Fatal(err)
	}
	return signed
}

// office is a world in which devices belong to accounts.
type office struct {
	*world
	accounts map[*device]chat.Party
	doubts   map[*device]map[*device]bool // whose account a device was not told
	guests   map[*device]bool             // that others said no yes to
}

// newOffice has one device for each number, of the account with that number; 0 is
// none.
func newOffice(t testing.TB, accounts ...byte) *office {
	o := &office{world: newWorld(t, len(accounts)), accounts: map[*device]chat.Party{}, doubts: map[*device]map[*device]bool{}, guests: map[*device]bool{}}
	for i, n := range accounts {
		if n > 0 {
			o.accounts[o.devices[i]] = account(n)
		}
	}
	o.enter = o.tell
	for _, d := range o.devices {
		o.tell(d)
		d.step()
	}
	return o
}

// tell tells a device who belongs to which account.
func (o *office) tell(d *device) {
	if own, ok := o.accounts[d]; ok {
		d.replica.SignIn(own, ticket(o.t, realm, own, d.id()))
	}
	for other, of := range o.accounts {
		if other != d && !o.doubts[d][other] {
			d.replica.Certify(other.id(), of, o.guests[other])
		}
	}
}

// doubt keeps a device from knowing another one's account.
func (o *office) doubt(d, other *device) {
	if o.doubts[d] == nil {
		o.doubts[d] = map[*device]bool{}
	}
	o.doubts[d][other] = true
	d.replica.Certify(other.id(), chat.Party{}, false)
	d.step()
}

// learn ends a doubt.
func (o *office) learn(d, other *device) {
	delete(o.doubts[d], other)
	o.tell(d)
	d.step()
}

// says is what a device shows of the conversation of two accounts.
func (d *device) says(a, b byte) []string {
	id, _ := chat.Between(account(a), account(b))
	return d.shows(id)
}

func (d *device) shows(id peer.Hash) []string {
	var all []string
	for _, e := range d.disk.Shown(id) {
		if t, err := e.Text(); err == nil {
			all = append(all, t.Text)
		}
	}
	return all
}

func wantTexts(t *testing.T, what string, got []string, want ...string) {
	t.Helper()
	if !slices.Equal(got, want) {
		t.Errorf("%s: %q, want %q", what, got, want)
	}
}

// TestDevicesOfOneAccountShareConversations: what is written to an account reaches
// each of its devices, through whichever is awake, and each may answer.
func TestDevicesOfOneAccountShareConversations(t *testing.T) {
	o := newOffice(t, 1, 2, 2)
	ann, desk, laptop := o.devices[0], o.devices[1], o.devices[2]
	o.connect(ann, desk)
	ann.write(desk, "to your desk")
	o.settle()
	o.disconnect(ann, desk)
	o.connect(desk, laptop) // the laptop never meets ann
	o.settle()
	wantTexts(t, "laptop", laptop.says(1, 2), "to your desk")
	laptop.write(ann, "from my laptop")
	o.settle()
	wantTexts(t, "desk", desk.says(1, 2), "to your desk", "from my laptop")
	o.connect(ann, desk)
	o.settle()
	wantTexts(t, "ann", ann.says(1, 2), "to your desk", "from my laptop")
	id, _ := chat.Between(account(1), account(2))
	if seen, _ := desk.disk.Seen(id, ann.id()); len(seen) != 1 || seen[0].Author != laptop.id() {
		t.Errorf("what ann has of the laptop's is not noted at the desk: %+v", seen)
	}
	for _, d := range o.devices {
		logs, _ := d.disk.Logs(id)
		for _, l := range logs {
			if ours := l.Author == ann.id() == (d == ann); l.Ours != ours {
				t.Errorf("%s: a log of %s is ours: %v", d.name, l.Author, l.Ours)
			}
		}
		if len(eventsOf[chat.Broken](d)) != 0 || len(eventsOf[chat.Refused](d)) != 0 {
			t.Errorf("%s: %v", d.name, d.events)
		}
	}
}

// TestWhatWasBeforeTheAccount: what a device wrote with another one is shared with
// the account's devices, too; whom it was with goes on with that one alone.
func TestWhatWasBeforeTheAccount(t *testing.T) {
	o := newOffice(t, 0, 2, 2)
	ann, desk, laptop := o.devices[0], o.devices[1], o.devices[2]
	o.connect(ann, desk)
	ann.write(desk, "hello")
	o.settle()
	desk.write(ann, "yes?")
	o.settle()
	o.connect(desk, laptop)
	o.settle()
	wantTexts(t, "laptop", laptop.shows(with(ann, desk)), "hello", "yes?")
	o.connect(ann, laptop)
	laptop.write(ann, "me again")
	o.settle()
	wantTexts(t, "ann with the desk", ann.texts(desk), "hello", "yes?")
	wantTexts(t, "ann with the laptop", ann.texts(laptop), "me again")
	wantTexts(t, "desk", desk.shows(with(ann, laptop)), "me again")
	if len(eventsOf[chat.Broken](ann)) != 0 {
		t.Error(ann.events)
	}
}

// TestANewDeviceGetsNothingBeforeTheYes: somebody who has the password has not yet
// what was written.
func TestANewDeviceGetsNothingBeforeTheYes(t *testing.T) {
	o := newOffice(t, 1, 2, 2)
	ann, desk, thief := o.devices[0], o.devices[1], o.devices[2]
	o.doubt(desk, thief)
	o.connect(ann, desk)
	ann.write(desk, "a secret")
	o.settle()
	o.connect(desk, thief)
	o.settle()
	if got := thief.says(1, 2); len(got) != 0 {
		t.Errorf("before the yes: %q", got)
	}
	if len(eventsOf[chat.Broken](desk)) != 0 {
		t.Errorf("the new device knows no better: %v", desk.events)
	}
	o.learn(desk, thief)
	o.settle()
	wantTexts(t, "after the yes", thief.says(1, 2), "a secret")
	o.doubt(desk, thief) // it was kicked
	ann.write(desk, "another one")
	o.settle()
	wantTexts(t, "after the kick", thief.says(1, 2), "a secret")
}

// TestAForgottenAccountIsNoBreach: a device that forgot its account keeps its sessions
// with those who do not know.
func TestAForgottenAccountIsNoBreach(t *testing.T) {
	o := newOffice(t, 1, 2, 2)
	ann, desk, laptop := o.devices[0], o.devices[1], o.devices[2]
	o.connect(ann, desk)
	o.connect(desk, laptop)
	ann.write(desk, "to the account")
	ann.write(desk, "again")
	o.settle()
	delete(o.accounts, laptop)
	o.enter = func(d *device) { // and whose device anybody is
		if d != laptop {
			o.tell(d)
		}
	}
	laptop.start()
	o.connect(desk, laptop)
	o.settle()
	if broken := eventsOf[chat.Broken](laptop); len(broken) != 0 {
		t.Errorf("the laptop: %v", broken)
	}
}

// TestAGuestWritesAndGetsNothing: a new device of somebody else's account is heard, and
// gets what was written only when somebody vouched for it.
func TestAGuestWritesAndGetsNothing(t *testing.T) {
	o := newOffice(t, 1, 2, 2)
	ann, desk, thief := o.devices[0], o.devices[1], o.devices[2]
	o.doubt(desk, thief)
	o.connect(ann, desk)
	ann.write(desk, "a secret")
	o.settle()
	o.guests[thief] = true
	o.tell(ann)
	ann.step()
	o.connect(ann, thief)
	thief.write(ann, "it is me")
	o.settle()
	ann.write(desk, "another secret")
	ann.adds(chat.Draft{To: thief.id(), Kind: chat.KindOffer, Body: someOffer})
	o.settle()
	wantTexts(t, "ann", ann.says(1, 2), "a secret", "it is me", "another secret")
	wantTexts(t, "the guest", thief.says(1, 2), "it is me")
	if got := thief.disk.Shown(with(ann, thief)); len(got) != 0 {
		t.Errorf("the guest is offered %v", got)
	}
	id, _ := chat.Between(account(1), account(2))
	if seen, _ := thief.disk.Seen(id, ann.id()); len(seen) != 1 {
		t.Errorf("what it wrote is not delivered: %+v", seen)
	}
	secret := ann.disk.Shown(id)[0]
	ask := peer.WantRange{Conversation: id, Author: ann.id(), Log: secret.Log, From: 1}
	ann.replica.Receive(thief.id(), peer.Want{Ranges: []peer.WantRange{ask}}, func() {})
	ann.start() // knows it again
	o.connect(ann, thief)
	o.settle()
	wantTexts(t, "the guest that asks", thief.says(1, 2), "it is me")
	delete(o.guests, thief)
	o.tell(ann)
	ann.step()
	o.settle()
	wantTexts(t, "who was vouched for", thief.says(1, 2), "a secret", "it is me", "another secret")
	if got := thief.disk.Shown(with(ann, thief)); len(got) != 1 {
		t.Errorf("who was vouched for is offered %v", got)
	}
}

// TestOwnDevicesWriteToEachOther: a note from one device to another of the same account
// is delivered when that one has it, not when a third one does.
func TestOwnDevicesWriteToEachOther(t *testing.T) {
	o := newOffice(t, 2, 2, 2)
	desk, laptop, phone := o.devices[0], o.devices[1], o.devices[2]
	delivered := func(by *device) bool {
		seen, err := desk.disk.Seen(with(desk, laptop), by.id())
		return err == nil && len(seen) == 1 && seen[0].Last == 1
	}
	o.connect(desk, phone)
	desk.write(laptop, "a note")
	o.settle()
	wantTexts(t, "the phone", phone.shows(with(desk, laptop)), "a note")
	if delivered(phone) || delivered(laptop) {
		t.Error("the laptop never met anybody, and the note is delivered")
	}
	o.connect(desk, laptop)
	o.settle()
	wantTexts(t, "the laptop", laptop.texts(desk), "a note")
	if delivered(phone) || !delivered(laptop) {
		t.Errorf("delivered: by the phone %v, by the laptop %v", delivered(phone), delivered(laptop))
	}
	desk.write(laptop, "another one")
	o.settle()
	wantTexts(t, "the laptop", laptop.texts(desk), "a note", "another one")
}

// TestReadMarksFollow: what was read on one device is read on the others, and the
// other side sees it.
func TestReadMarksFollow(t *testing.T) {
	o := newOffice(t, 1, 2, 2)
	ann, desk, laptop := o.devices[0], o.devices[1], o.devices[2]
	id, _ := chat.Between(account(1), account(2))
	for _, d := range []*device{ann, laptop} {
		o.connect(desk, d)
	}
	for i := range 3 {
		ann.write(desk, fmt.Sprint(i))
	}
	o.settle()
	shown := laptop.disk.Shown(id)
	laptop.replica.Read(id, shown[len(shown)-1].Position())
	laptop.step()
	o.settle()
	logs, _ := desk.disk.Logs(id)
	for _, l := range logs {
		if l.Author == ann.id() && l.Read != 4 { // with the ticket
			t.Errorf("the desk has read to %d", l.Read)
		}
	}
	if len(eventsOf[chat.ReadElsewhere](desk)) != 1 {
		t.Errorf("told: %v", eventsOf[chat.ReadElsewhere](desk))
	}
	if seen, _ := ann.disk.Seen(id, desk.id()); len(seen) != 1 || seen[0].Read != 4 {
		t.Errorf("ann sees %+v", seen)
	}
}

// TestAccountsThatAreLearnedLate: tickets come while a session lasts, at either side
// first, and nothing is said twice for it.
func TestAccountsThatAreLearnedLate(t *testing.T) {
	for _, first := range []int{0, 1} {
		o := newOffice(t, 1, 2)
		pair := []*device{o.devices[first], o.devices[1-first]}
		o.connect(pair[0], pair[1])
		pair[0].write(pair[1], "to the account")
		o.settle()
		pair[1].replica.Accept(pair[0].id())
		o.disconnect(pair[0], pair[1])
		o.doubt(pair[0], pair[1])
		o.doubt(pair[1], pair[0])
		o.connect(pair[0], pair[1])
		pair[0].write(pair[1], "to the device")
		o.settle()
		o.learn(pair[0], pair[1])
		pair[0].write(pair[1], "not yet")
		o.settle()
		o.learn(pair[1], pair[0])
		o.settle()
		wantTexts(t, "of the device", pair[1].texts(pair[0]), "to the device")
		wantTexts(t, "of the account", pair[1].says(1, 2), "to the account", "not yet")
		for _, d := range pair {
			if broken := eventsOf[chat.Broken](d); len(broken) != 0 {
				t.Errorf("%s: %v", d.name, broken)
			}
		}
	}
}

// TestALogOpensWithItsTicket: whose device wrote a log is checked by its first entry,
// without a server, and whatever has become of the ticket since.
func TestALogOpensWithItsTicket(t *testing.T) {
	id, preimage := chat.Between(account(1), account(2))
	for name, c := range map[string]struct {
		body func(t *testing.T, device peer.ID) []byte
		good bool
	}{
		"its own":              {func(t *testing.T, d peer.ID) []byte { return ticket(t, realm, account(2), d) }, true},
		"none":                 {func(*testing.T, peer.ID) []byte { return nil }, false},
		"another device's":     {func(t *testing.T, _ peer.ID) []byte { return ticket(t, realm, account(2), identity(7).ID()) }, false},
		"a third account's":    {func(t *testing.T, d peer.ID) []byte { return ticket(t, realm, account(3), d) }, false},
		"another realm's":      {func(t *testing.T, d peer.ID) []byte { return ticket(t, identity(98), account(2), d) }, false},
		"signed by the device": {func(t *testing.T, _ peer.ID) []byte { return ticket(t, identity(2), account(2), identity(2).ID()) }, false},
		"with a byte behind": {func(t *testing.T, d peer.ID) []byte {
			return append(ticket(t, realm, account(2), d), 0)
		}, false},
	} {
		t.Run(name+"/H-25", func(t *testing.T) {
			s := newSolo(t, chattest.NewMemory())
			s.replica.SignIn(account(1), ticket(t, realm, account(1), identity(1).ID()))
			b := newAuthor(t, 2)
			s.replica.Certify(b.ID(), account(2), false)
			s.up(b)
			b.next.Conversation, b.next.Kind = id, chat.KindTicket
			b.next.ID = uuid.Must(uuid.NewV7())
			if name == "none" {
				b.next.Kind = chat.KindText
			}
			first, err := chat.Seal(b.Identity, b.next, c.body(t, b.ID()))
			if err != nil {
				t.Fatal(err)
			}
			b.adds(first)
			b.next.Kind, b.next.ID = chat.KindText, uuid.UUID{}
			second := b.say("hello")
			s.tell(b, peer.Have{Conversations: []peer.HaveConversation{{ID: id, Preimage: preimage}}})
			s.add(b, first, second)
			if n := len(s.disk.Shown(id)); (n == 2) != c.good || n != 0 && n != 2 {
				t.Errorf("%d entries taken", n)
			}
			if refused := len(events[chat.Refused](s)); (refused == 0) != c.good {
				t.Errorf("refused %d times", refused)
			}
			if len(events[chat.Broken](s)) != 0 {
				t.Error("called a breach")
			}
		})
	}
}

// TestAnotherAccountsConversation: who is no device of an account gets nothing of it,
// and slips nothing in.
func TestAnotherAccountsConversation(t *testing.T) {
	o := newOffice(t, 1, 2, 3)
	ann, bob, eve := o.devices[0], o.devices[1], o.devices[2]
	o.connect(ann, bob)
	ann.write(bob, "between us")
	o.settle()
	o.connect(eve, bob)
	id, preimage := chat.Between(account(1), account(2))
	first := bob.disk.Shown(id)[0]
	claim := peer.HaveLog{Author: eve.id(), Log: 5, First: 1, Last: 9}
	for _, m := range []peer.Message{
		peer.Have{Conversations: []peer.HaveConversation{{ID: id, Preimage: preimage, Logs: []peer.HaveLog{claim}}}},
		peer.Entries{Entries: []peer.SignedEntry{first.Signed()}},
	} {
		bob.replica.Receive(eve.id(), m, func() {})
		bob.step()
	}
	o.settle()
	if logs, _ := bob.disk.Logs(id); len(logs) != 1 {
		t.Errorf("logs %+v", logs)
	}
	if got := eve.says(1, 2); len(got) != 0 {
		t.Errorf("eve has %q", got)
	}
}

// TestAccountHistories lets two accounts with two devices each write, meet, be killed
// and lose their databases, and looks whether all hold the same in the end.
func TestAccountHistories(t *testing.T) {
	runs := uint64(12)
	if testing.Short() {
		runs = 3
	}
	for seed := range runs {
		o := newOffice(t, 1, 1, 2, 2)
		rng := rand.New(rand.NewPCG(seed, 11))
		pick := func() *device { return o.devices[rng.IntN(4)] }
		for i := range 250 {
			a, b := pick(), pick()
			switch n := rng.IntN(100); {
			case a == b:
			case n < 40 && o.accounts[a] != o.accounts[b]:
				a.write(b, fmt.Sprint(seed, " ", i))
			case n < 60:
				o.connect(a, b)
			case n < 70:
				o.disconnect(a, b)
			case n < 80:
				a.life.left = rng.IntN(4)
			case n < 82:
				a.backup = a.disk.Copy()
			case n < 84:
				a.replace(a.backup.Copy())
			default:
				for _, l := range slices.Clone(o.links) {
					o.deliver(l, rng.IntN(2))
				}
			}
		}
		for range 3 {
			o.meet()
		}
		want := o.devices[0].says(1, 2)
		for _, d := range o.devices[1:] {
			if got := d.says(1, 2); !slices.Equal(got, want) {
				t.Fatalf("seed %d: %s shows\n%q, %s\n%q", seed, d.name, got, o.devices[0].name, want)
			}
		}
		if len(want) == 0 {
			t.Fatalf("seed %d: nothing was written", seed)
		}
	}
}
