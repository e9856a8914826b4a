package node

import (
	"errors"
	"fmt"
	"net/netip"
	"slices"
	"strings"
	"testing"

	"github.com/google/uuid"

	"earshot/internal/chat"
	"earshot/peer"
)

// write sends a text and returns the message.
func (d *device) write(to *device, text string) Message {
	d.t.Helper()
	m, err := d.Write(d.t.Context(), Direct(to.myself()), text)
	if err != nil {
		d.t.Fatalf("%s writes: %v", d.cfg.Name, err)
	}
	return m
}

// texts is the conversation with another device as it is shown.
func (d *device) texts(other *device) []string {
	d.t.Helper()
	history, err := d.History(d.t.Context(), History{Conversation: Direct(other.myself()), Limit: 500})
	if err != nil {
		d.t.Fatal(err)
	}
	texts := make([]string, len(history))
	for i, m := range history {
		texts[i] = m.Text.String()
	}
	return texts
}

// state is how far a message of this device got.
func (d *device) state(id uuid.UUID) MessageState {
	d.t.Helper()
	m, err := d.Message(d.t.Context(), id)
	if err != nil {
		d.t.Fatal(err)
	}
	return m.State
}

func (f *follower) message(text string) Message {
	f.t.Helper()
	e := f.wait("message "+text, func(e Event) bool {
		return e.Kind == MessageAdded && e.Message.Text.String() == text
	})
	return *e.Message
}

func (f *follower) state(id uuid.UUID, state MessageState) {
	f.t.Helper()
	f.wait("state "+string(state), func(e Event) bool {
		return e.Kind == StateChanged && e.Message.ID == id && e.Message.State == state
	})
}

func TestTwoWriteToEachOther(t *testing.T) {
	a, b := start(t, "Ann"), start(t, "Bob")
	atA, atB := a.subscribe(), b.subscribe()
	meet(t, a, b)

	sent := a.write(b, "hello\n世界 🙂")
	if !sent.Mine || sent.Conversation != Direct(b.myself()) || sent.From.Name.String() != "Ann" {
		t.Errorf("sent: %+v", sent)
	}
	got := atB.message("hello\n世界 🙂")
	if got.Mine || !got.Request || got.From.ID != a.myself() || got.ID != sent.ID || got.Position != sent.Position {
		t.Errorf("got: %+v", got)
	}
	atA.state(sent.ID, Delivered)
	if state := b.state(sent.ID); state != Delivered {
		t.Errorf("not read yet, but %s", state)
	}
	eventually(t, "one unread", func() bool { p, _ := b.sees(a.myself()); return p.Unread == 1 && p.Waiting })

	if err := b.MarkRead(t.Context(), got.Conversation, got.Position); err != nil {
		t.Error(err)
	}
	atA.state(sent.ID, Read)
	eventually(t, "none unread", func() bool { p, _ := b.sees(a.myself()); return p.Unread == 0 })
	if state := b.state(sent.ID); state != Read {
		t.Errorf("read, but %s", state)
	}

	answer := b.write(a, "hi")
	if m := atA.message("hi"); m.Request || m.ID != answer.ID {
		t.Errorf("an answer: %+v", m)
	}
	atB.state(answer.ID, Delivered)
	if p, _ := b.sees(a.myself()); p.Waiting || !p.Contact {
		t.Errorf("after the answer: %+v", p)
	}
	want := []string{"hello\n世界 🙂", "hi"}
	for _, got := range [][]string{a.texts(b), b.texts(a)} {
		if !slices.Equal(got, want) {
			t.Errorf("history %q, want %q", got, want)
		}
	}
}

func TestWhatIsWrittenWhileAwayIsDeliveredLater(t *testing.T) {
	a, b := start(t, "Ann"), start(t, "Bob")
	meet(t, a, b)
	a.write(b, "first")
	b.write(a, "yes")
	eventually(t, "a has the answer", func() bool { return len(a.texts(b)) == 2 })

	b.stop()
	eventually(t, "b is away", func() bool { return !a.online(b) })
	const count = 100
	var last Message
	for i := range count {
		last = a.write(b, fmt.Sprintf("message %d", i))
	}
	if last.State != Queued || last.Why.String() != "Bob is away" {
		t.Errorf("written while away: %s, %q", last.State, last.Why)
	}
	a.stop()
	b.restart()
	a.restart()
	eventually(t, "everything is delivered", func() bool { return a.state(last.ID) == Delivered })
	got := b.texts(a)
	if len(got) != count+2 {
		t.Fatalf("%d messages, want %d", len(got), count+2)
	}
	for i, text := range got[2:] {
		if text != fmt.Sprintf("message %d", i) {
			t.Errorf("message %d is %q", i, text)
		}
	}
	if p, _ := b.sees(a.myself()); p.Unread != count+1 {
		t.Errorf("%d unread, want %d", p.Unread, count+1)
	}
}

func TestAStrangerWaitsForAnAnswer(t *testing.T) {
	a, b := start(t, "Ann"), start(t, "Bob")
	meet(t, a, b)
	var last Message
	for i := range 25 { // five more than a stranger may
		last = a.write(b, fmt.Sprintf("message %d", i))
	}
	eventually(t, "the writer knows why the last one waits", func() bool {
		m, err := a.Message(t.Context(), last.ID)
		return err == nil && m.State == Queued && m.Why.String() == "waiting for an answer"
	})
	history, err := b.History(t.Context(), History{Conversation: Direct(a.myself())})
	if err != nil || len(history) != 20 || !history[0].Request {
		t.Errorf("%d requests, %v", len(history), err)
	}
	if err := b.Accept(t.Context(), a.myself()); err != nil {
		t.Fatal(err)
	}
	eventually(t, "all are delivered", func() bool { return a.state(last.ID) == Delivered })
	if history, _ := b.History(t.Context(), History{Conversation: Direct(a.myself())}); len(history) != 25 || history[0].Request {
		t.Errorf("%d messages", len(history))
	}
}

func TestTooManyRequestsFromOneAddress(t *testing.T) {
	a, b := start(t, "Ann"), start(t, "Bob")
	var waiting chat.Batch
	for n := range byte(32) {
		c := chat.Conversation{Peer: chat.DeviceParty(peer.ID{n, 9}), Origin: netip.MustParsePrefix("127.0.0.1/32")}
		c.ID, c.Preimage = chat.Direct(b.myself(), c.Peer.Device)
		waiting.Conversations = append(waiting.Conversations, c)
	}
	if err := b.db.Apply(waiting); err != nil {
		t.Fatal(err)
	}
	atB := b.subscribe()
	meet(t, a, b)
	m := a.write(b, "me too")
	atB.wait("a warning", func(e Event) bool { return e.Kind == Failed && strings.Contains(e.Error.String(), "too many requests") })
	if len(b.texts(a)) != 0 || a.state(m.ID) != Queued {
		t.Errorf("taken all the same: %v, %s", b.texts(a), a.state(m.ID))
	}
	if err := b.Accept(t.Context(), a.myself()); err != nil {
		t.Fatal(err)
	}
	eventually(t, "delivered after the answer", func() bool { return a.state(m.ID) == Delivered })
}

func TestWhereAStrangerCameFromIsKept(t *testing.T) {
	a, b := start(t, "Ann"), start(t, "Bob")
	meet(t, a, b)
	a.write(b, "hello")
	eventually(t, "a request", func() bool { return len(b.texts(a)) == 1 })
	if all, there, err := b.db.Requests(netip.MustParsePrefix("127.0.0.1/32")); all != 1 || there != 1 || err != nil {
		t.Errorf("%d requests, %d from there, %v", all, there, err)
	}
}

func TestAcceptRuleSaysYesToStrangers(t *testing.T) {
	a, b := start(t, "Ann"), start(t, "Bob", func(c *Config) { c.Rule = AcceptAll })
	atB := b.subscribe()
	meet(t, a, b)
	var last Message
	for i := range 25 {
		last = a.write(b, fmt.Sprintf("message %d", i))
	}
	eventually(t, "all are delivered", func() bool { return a.state(last.ID) == Delivered })
	if m := atB.message("message 24"); m.Request {
		t.Error("still a request")
	}
}

func TestSearchAndPages(t *testing.T) {
	a, b := start(t, "Ann"), start(t, "Bob")
	meet(t, a, b)
	for i := range 10 {
		a.write(b, fmt.Sprintf("张晓明 number %d", i))
	}
	to := Direct(b.myself())
	newest, err := a.History(t.Context(), History{Conversation: to, Limit: 3})
	if err != nil || len(newest) != 3 || newest[2].Text.String() != "张晓明 number 9" {
		t.Fatalf("newest: %v, %v", newest, err)
	}
	older, err := a.History(t.Context(), History{Conversation: to, Limit: 3, Before: &newest[0].Position})
	if err != nil || len(older) != 3 || older[2].Text.String() != "张晓明 number 6" {
		t.Errorf("older: %v, %v", older, err)
	}
	newer, err := a.History(t.Context(), History{Conversation: to, After: &older[2].Position})
	if err != nil || len(newer) != 3 || newer[0].ID != newest[0].ID {
		t.Errorf("newer: %v, %v", newer, err)
	}
	for _, c := range []History{{Conversation: to, Search: "晓 明 Number 7"}, {Search: "number 7"}} {
		if found, err := a.History(t.Context(), c); err != nil || len(found) != 1 {
			t.Errorf("search %+v: %v, %v", c, found, err)
		}
	}
}

func TestWhatCannotBeWritten(t *testing.T) {
	a, b := start(t, "Ann"), start(t, "Bob")
	meet(t, a, b)
	for _, c := range []struct {
		to   Conversation
		text string
		want error
	}{
		{Direct(b.myself()), " \n\t", nil},
		{Direct(b.myself()), strings.Repeat("x", chat.MaxText+1), nil},
		{Direct(peer.ID{1}), "to nobody", ErrNoSuchPeer},
		{"@group", "to a group", ErrNoSuchPeer},
	} {
		if _, err := a.Write(t.Context(), c.to, c.text); err == nil || c.want != nil && !errors.Is(err, c.want) {
			t.Errorf("%.20q to %s: %v", c.text, c.to, err)
		}
	}
	if _, err := a.Message(t.Context(), uuid.New()); !errors.Is(err, ErrNoSuchMessage) {
		t.Errorf("message: %v", err)
	}
	if _, err := a.History(t.Context(), History{Conversation: "x"}); !errors.Is(err, ErrNoSuchPeer) {
		t.Errorf("history: %v", err)
	}
	if err := a.MarkRead(t.Context(), Direct(peer.ID{1}), Position{}); !errors.Is(err, ErrNoSuchPeer) {
		t.Errorf("mark read: %v", err)
	}
}

func TestBetweenNamesWhatChanged(t *testing.T) {
	for _, c := range []struct {
		was, now chat.Extent
		want     []numbers
	}{
		{chat.Extent{}, chat.Extent{First: 1, Last: 5}, []numbers{{1, 5}}},
		{chat.Extent{First: 1, Last: 5}, chat.Extent{First: 1, Last: 5, Read: 3}, []numbers{{1, 3}}},
		{chat.Extent{First: 1, Last: 9, Read: 2}, chat.Extent{First: 1, Last: 12, Read: 4}, []numbers{{10, 12}, {3, 4}}},
		{chat.Extent{First: 1, Last: 3}, chat.Extent{First: 1, Last: 6, Read: 6}, []numbers{{1, 6}}},
		{chat.Extent{First: 1, Last: 6, Read: 6}, chat.Extent{First: 1, Last: 3, Read: 3}, []numbers{{4, 6}}}, // the peer's disk went back
		{chat.Extent{First: 1, Last: 6}, chat.Extent{First: 1, Last: 6}, nil},
	} {
		if got := between(c.was, c.now); !slices.Equal(got, c.want) {
			t.Errorf("from %v to %v: %v, want %v", c.was, c.now, got, c.want)
		}
	}
}
