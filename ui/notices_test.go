package ui

import (
	"strings"
	"testing"

	"earshot/internal/node"
	"earshot/peer"
)

// hears has the boss announce something.
func (k *console) hears(text string) {
	boss := node.Ref{ID: idOf(7), Name: peer.Line("Boss", 0)}
	m := k.node.add(node.Message{Conversation: node.Notices, From: boss, At: testNow, Text: peer.Body(text), State: node.Delivered})
	k.say(node.Event{Kind: node.AnnouncementAdded, Message: &m})
}

func TestAnAnnouncementStaysInTheBarUntilItIsRead(t *testing.T) {
	f := newFakeNode()
	f.account = node.Account{SignedIn: true, Reached: true, User: peer.Line("ann", 0), Server: "chat.office.lan:7421"}
	f.add(node.Message{Conversation: node.Notices, From: node.Ref{ID: idOf(7), Name: peer.Line("Boss", 0)}, At: testNow, Text: peer.Body("an old one"), State: node.Read})
	withAnn(t, f, func(k *console) {
		k.hides("Notice from")
		k.hears("the server restarts\nat 18:00")
		k.shows("Notice from Boss: the server restarts at 1")
		k.keys("Ctrl+R")
		k.shows("Notices of the administrators", "the server restarts", "at 18:00", "an old one")
		k.keys("Enter")
		k.asked("MarkRead", string(node.Notices)[:4])
		k.hides("Notice from")
		k.typeCommand("/notices")
		k.shows("the server restarts")
		k.keys("Enter")
		k.asked("MarkRead", string(node.Notices)[:4])
	})
}

func TestAnAnnouncementCannotBeMoreThanText(t *testing.T) {
	withAnn(t, newFakeNode(), func(k *console) {
		k.hears("\x1b[2Jred[::-] " + strings.Repeat("long ", 4000))
		k.shows("Notice from Boss: ", "[::-]")
		k.keys("Ctrl+R")
		k.shows("Notices of the administrators")
	})
}

func TestAdministratorsAnnounce(t *testing.T) {
	f := newFakeNode()
	f.account = node.Account{SignedIn: true, Reached: true, Admin: true, User: peer.Line("boss", 0), Server: "chat.office.lan:7421"}
	withAnn(t, f, func(k *console) {
		k.typeCommand("/announce the network is down at six")
		k.asked("Announce", "the network is down at six")
		k.shows("Announced to everybody")
		k.typeCommand("/admin")
		k.keys("a", "and up again at seven", "Enter", "Enter")
		k.asked("Announce", "the network is down at six", "and up again at seven")
	})
}

func TestADeviceOfOnesOwnIsAskedAbout(t *testing.T) {
	run(t, 120, 35, office(), Config{}, func(k *console) {
		p := person(9, "Me", "10.3.2.99")
		p.Own, p.Asks = true, true
		k.say(node.Event{Kind: node.PeerUp, Person: &p})
		k.shows("! Your account has a new device, " + idOf(9).String()[:8])
		k.keys("Ctrl+R")
		k.shows("It gets none of your conversations before you say yes")
		k.keys("Left", "Enter")
		k.asked("Accept", idOf(9).String()[:4])
	})
}

func TestAGuestIsAskedAbout(t *testing.T) {
	run(t, 120, 35, office(), Config{}, func(k *console) {
		p := person(9, "Li Wei", "10.3.2.99")
		p.Guest = true
		k.say(node.Event{Kind: node.PeerUp, Person: &p})
		k.shows("Li Wei has a new device")
		k.keys("Ctrl+R")
		k.shows("It gets nothing that you write, or wrote")
		k.keys("Left", "Enter")
		k.asked("Accept", idOf(9).String()[:4])
	})
}

// TestTheDevicesOfAPersonAreOneLine: the person is there while one of them is.
func TestTheDevicesOfAPersonAreOneLine(t *testing.T) {
	f := newFakeNode()
	desk, laptop := person(2, "Ann", "10.3.2.2"), person(3, "Ann", "10.3.2.3")
	laptop.Face = desk.ID
	desk.Online, desk.Elsewhere, laptop.Online = false, true, true
	f.people = []node.Person{desk, laptop}
	run(t, 80, 24, f, Config{}, func(k *console) {
		if n := strings.Count(k.screen(), " Ann"); n != 1 {
			t.Errorf("Ann is shown %d times:\n%s", n, k.screen())
		}
		k.hides("AWAY")
		desk.Elsewhere = false
		laptop.Online = false
		k.say(node.Event{Kind: node.PeerDown, Person: &laptop}, node.Event{Kind: node.PeerChanged, Person: &desk})
		k.shows("AWAY")
	})
}
