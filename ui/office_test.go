package ui

import (
	"fmt"
	"time"

	"github.com/google/uuid"

	"earshot/internal/node"
	"earshot/peer"
)

// The office of the pictures: seven people, a conversation, three transfers and
// an offer.

func person(n byte, name, address string) node.Person {
	return node.Person{
		ID: idOf(n), Name: peer.DisplayName(name), Addresses: []string{address + ":7420"}, Via: []string{"mdns"},
		Online: true, Connected: true, Contact: true, FirstSeen: at(-30, 9, 0), LastSeen: testNow,
	}
}

// at is a time some days after the tests' day.
func at(days, hour, minute int) time.Time {
	return time.Date(testNow.Year(), testNow.Month(), testNow.Day()+days, hour, minute, 0, 0, testNow.Location())
}

func office() *fakeNode {
	f := newFakeNode()
	liWei := person(2, "Li Wei", "10.3.2.41")
	liWei.Verified, liWei.Unread = true, 3
	zhang := person(3, "张晓明", "10.3.2.58")
	zhang.Unread = 2
	bob := person(4, "Bob (Warehouse)", "10.3.2.60")
	chen := person(5, "Chen Yu", "10.3.2.77")
	print := person(6, "PRINT-ROOM-PC", "10.3.2.80")
	print.Contact = false
	desk := person(7, "Front desk 前台", "10.3.2.81")
	desk.Contact, desk.Connected = false, false
	maria := person(8, "Maria", "10.3.2.90")
	maria.Online, maria.Connected, maria.LastSeen = false, false, at(-3, 17, 0)
	f.people = []node.Person{liWei, zhang, bob, chen, print, desk, maria}
	f.writeOffice(liWei)
	f.writeTransfers(liWei, zhang, bob, chen)
	return f
}

func (f *fakeNode) writeOffice(liWei node.Person) {
	them, me := node.Ref{ID: liWei.ID, Name: liWei.Name}, node.Ref{ID: f.self.ID, Name: f.self.Name}
	for _, m := range []struct {
		from  node.Ref
		at    time.Time
		state node.MessageState
		text  string
	}{
		{them, at(-1, 13, 58), node.Read, "Can you send me the March budget when it is ready?"},
		{me, at(-1, 13, 59), node.Read, "Tomorrow morning."},
		{me, at(0, 9, 58), node.Read, "Here it is. The second sheet has the new numbers for the warehouse, please check the totals before noon."},
		{me, at(0, 9, 59), node.Read, ""},
		{me, at(0, 10, 0), node.Delivered, "谢谢 👍"},
		{them, at(0, 10, 2), node.Delivered, "Got it, thank you."},
		{them, at(0, 10, 2), node.Delivered, "合同的最新版本我也发给你，见附件。Please sign page 4."},
		{them, at(0, 10, 3), node.Delivered, "See also http://intranet/wiki/contracts"},
	} {
		message := node.Message{
			Conversation: node.Direct(liWei.ID), From: m.from, Mine: m.from == me, At: m.at, State: m.state, Text: peer.Body(m.text),
		}
		if m.text == "" {
			message.Offer = &node.Offer{ID: uuidOf(101), Name: peer.Line("budget-2026-03.xlsx", 0), Files: 1, Bytes: 1_234_000}
		}
		f.add(message)
	}
}

func (f *fakeNode) writeTransfers(liWei, zhang, bob, chen node.Person) {
	for i, t := range []node.Transfer{
		{Direction: node.Sending, State: "done", Name: peer.Line("budget-2026-03.xlsx", 0), Bytes: 1_234_000, Done: 1_234_000, Peer: ref(liWei)},
		{
			Direction: node.Sending, State: "active", Name: peer.Line("site-photos.zip", 0), Bytes: 1_014_000_000, Done: 731_000_000,
			Rate: 38_200_000, Left: 7 * time.Second, Peer: ref(chen), Path: "/srv/photos/site-photos.zip",
		},
		{Direction: node.Receiving, State: "interrupted", Reason: "peer away", Name: peer.Line("backup-2026-03-11.tar", 0), Bytes: 5_000_000_000, Done: 2_100_000_000, Peer: ref(bob)},
		{Direction: node.Sending, State: "offered", Name: peer.Line("新员工手册.docx", 0), Bytes: 900_000, Peer: ref(zhang)},
		{Direction: node.Receiving, State: "offered", Name: peer.Line("contract-v7.pdf", 0), Bytes: 2_400_000, Peer: ref(liWei)},
	} {
		t.ID, t.Files, t.Offered = uuidOf(uint64(101+i)), 1, at(0, 10, 0).Add(-time.Duration(i)*time.Minute)
		f.transfers = append(f.transfers, t)
	}
}

func ref(p node.Person) node.Ref { return node.Ref{ID: p.ID, Name: p.Name} }

// long is a conversation with so many messages, the last ones unread.
func long(n, unread int) *fakeNode {
	f := newFakeNode()
	bob := person(2, "Bob", "10.3.2.60")
	bob.Unread = unread
	f.people = []node.Person{bob}
	me := node.Ref{ID: f.self.ID, Name: f.self.Name}
	for i := range n {
		m := node.Message{
			ID: uuid.Nil, Conversation: node.Direct(bob.ID), From: ref(bob), State: node.Read,
			At: testNow.Add(-time.Duration(n-i) * 7 * time.Minute), Text: peer.Body(fmt.Sprintf("message %d of the long conversation", i)),
		}
		if i%3 == 0 && i < n-unread {
			m.From, m.Mine = me, true
		}
		if i >= n-unread {
			m.State = node.Delivered
		}
		f.add(m)
	}
	return f
}
