package ui

import (
	"bytes"
	"context"
	"crypto/ed25519"
	"encoding/binary"
	"errors"
	"fmt"
	"os"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/google/uuid"

	"earshot/internal/node"
	"earshot/peer"
)

// fakeNode is a node without a network: it keeps what it is told, and says what
// a test has it say.
type fakeNode struct {
	mu        sync.Mutex
	self      node.Self
	people    []node.Person
	transfers []node.Transfer
	messages  []node.Message // of all conversations, oldest first
	offered   node.Transfer  // what becomes of an offer
	account   node.Account
	key       node.ServerKey
	friends   []node.Friend
	strangers []node.Friend // whom a search finds
	found     []node.FoundServer
	accounts  []node.ListedAccount
	made      []node.MadeAccount
	there     []node.OnlineDevice
	calls     []string
	fail      map[string]error         // by method
	hold      map[string]chan struct{} // by method: a call waits for this
	events    chan []node.Event
	clock     uint64
}

func newFakeNode() *fakeNode {
	return &fakeNode{
		self: node.Self{
			ID: idOf(1), Name: peer.Line("Wang Fang", 0), Named: true, Dir: "/home/wang/Downloads/earshot",
			Started: testNow.Add(-time.Hour),
		},
		fail:   map[string]error{},
		hold:   map[string]chan struct{}{},
		events: make(chan []node.Event, 1000),
	}
}

// owned makes it a node of this process, which ends with the console.
func owned(f *fakeNode) *fakeNode {
	f.self.PID = os.Getpid()
	return f
}

// idOf is a device's ID by number.
func idOf(n byte) peer.ID {
	key := ed25519.NewKeyFromSeed(bytes.Repeat([]byte{n}, ed25519.SeedSize))
	return peer.ID(key.Public().(ed25519.PublicKey))
}

// uuidOf is a UUID by number.
func uuidOf(n uint64) (id uuid.UUID) {
	id[0] = 1
	binary.BigEndian.PutUint64(id[8:], n)
	return id
}

// testNow is the time of all tests, in a location of its own.
var testNow = time.Date(2026, time.March, 12, 10, 4, 0, 0, time.FixedZone("test", 8*3600))

func (f *fakeNode) called(ctx context.Context, method, args string) error {
	f.mu.Lock()
	f.calls = append(f.calls, strings.TrimSpace(method+" "+args))
	err, hold := f.fail[method], f.hold[method]
	f.mu.Unlock()
	if hold != nil {
		select {
		case <-hold:
		case <-ctx.Done():
			return ctx.Err()
		}
	}
	if errors.Is(err, errPanic) {
		panic(err)
	}
	return err
}

// did is the calls of a method, with their arguments.
func (f *fakeNode) did(method string) (calls []string) {
	f.mu.Lock()
	defer f.mu.Unlock()
	for _, call := range f.calls {
		if strings.HasPrefix(call+" ", method+" ") {
			calls = append(calls, call)
		}
	}
	return calls
}

// say has the node tell its subscribers.
func (f *fakeNode) say(events ...node.Event) { f.events <- events }

// add keeps a message and tells about it.
func (f *fakeNode) add(m node.Message) node.Message {
	f.mu.Lock()
	f.clock++
	if m.ID == uuid.Nil {
		m.ID = uuidOf(f.clock)
	}
	m.Position = node.Position{Clock: f.clock, Author: m.From.ID, ID: m.ID}
	f.messages = append(f.messages, m)
	f.mu.Unlock()
	return m
}

// receive has somebody write something.
func (f *fakeNode) receive(p node.Person, text string) node.Message {
	m := f.add(node.Message{
		Conversation: node.Direct(p.ID), From: node.Ref{ID: p.ID, Name: p.Name}, At: testNow,
		Text: peer.Body(text), State: node.Delivered,
	})
	f.say(node.Event{Kind: node.MessageAdded, Message: &m})
	return m
}

func (f *fakeNode) Self(ctx context.Context) (node.Self, error) {
	return f.self, f.called(ctx, "Self", "")
}

func (f *fakeNode) People(ctx context.Context) ([]node.Person, error) {
	f.mu.Lock()
	people := slices.Clone(f.people)
	f.mu.Unlock()
	return people, f.called(ctx, "People", "")
}

func (f *fakeNode) Transfers(ctx context.Context) ([]node.Transfer, error) {
	f.mu.Lock()
	transfers := slices.Clone(f.transfers)
	f.mu.Unlock()
	return transfers, f.called(ctx, "Transfers", "")
}

func (f *fakeNode) History(ctx context.Context, h node.History) ([]node.Message, error) {
	if err := f.called(ctx, "History", string(h.Conversation)[:4]); err != nil {
		return nil, err
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	var found []node.Message
	for _, m := range f.messages {
		outside := h.Before != nil && before(m.Position, *h.Before) >= 0 || h.After != nil && before(m.Position, *h.After) <= 0
		if m.Conversation == h.Conversation && !outside && strings.Contains(m.Text.String(), h.Search) {
			found = append(found, m)
		}
	}
	if len(found) > h.Limit {
		if h.After != nil {
			return slices.Clone(found[:h.Limit]), nil
		}
		return slices.Clone(found[len(found)-h.Limit:]), nil
	}
	return found, nil
}

func (f *fakeNode) Write(ctx context.Context, to node.Conversation, text string) (node.Message, error) {
	if err := f.called(ctx, "Write", text); err != nil {
		return node.Message{}, err
	}
	m := f.add(node.Message{
		Conversation: to, From: node.Ref{ID: f.self.ID, Name: f.self.Name}, Mine: true, At: testNow,
		Text: peer.Body(text), State: node.Queued,
	})
	f.say(node.Event{Kind: node.MessageAdded, Message: &m})
	return m, nil
}

func (f *fakeNode) Offer(ctx context.Context, to node.Conversation, paths []string) (node.Transfer, error) {
	return f.offered, f.called(ctx, "Offer", strings.Join(paths, " "))
}

func (f *fakeNode) Answer(ctx context.Context, id uuid.UUID, a node.Answer) error {
	word := "decline"
	if a.Accept {
		word = "accept"
	}
	return f.called(ctx, "Answer", strings.TrimSpace(word+" "+a.Dir+" "+string(a.Conflict)))
}

func (f *fakeNode) Pause(ctx context.Context, id uuid.UUID) error {
	return f.called(ctx, "Pause", f.transferName(id))
}

func (f *fakeNode) Resume(ctx context.Context, id uuid.UUID) error {
	return f.called(ctx, "Resume", f.transferName(id))
}

func (f *fakeNode) Clear(ctx context.Context, id uuid.UUID) error {
	return f.called(ctx, "Clear", f.transferName(id))
}

func (f *fakeNode) Retry(ctx context.Context, id uuid.UUID) (node.Transfer, error) {
	return f.offered, f.called(ctx, "Retry", f.transferName(id))
}

func (f *fakeNode) Limit(ctx context.Context, to node.Limit) error {
	return f.called(ctx, "Limit", fmt.Sprint(to))
}

func (f *fakeNode) Cancel(ctx context.Context, id uuid.UUID) error {
	return f.called(ctx, "Cancel", f.transferName(id))
}

func (f *fakeNode) transferName(id uuid.UUID) string {
	f.mu.Lock()
	defer f.mu.Unlock()
	for _, t := range f.transfers {
		if t.ID == id {
			return t.Name.String()
		}
	}
	return "?"
}

func (f *fakeNode) MarkRead(ctx context.Context, c node.Conversation, upTo node.Position) error {
	err := f.called(ctx, "MarkRead", string(c)[:4])
	f.mu.Lock()
	defer f.mu.Unlock()
	for i, p := range f.people {
		if node.Direct(p.ID) == c && p.Unread > 0 {
			p.Unread = 0
			f.people[i] = p
			f.say(node.Event{Kind: node.PeerChanged, Person: &p})
		}
	}
	return err
}

func (f *fakeNode) Watch(ctx context.Context, c node.Conversation) error {
	return f.called(ctx, "Watch", string(c)[:4])
}

func (f *fakeNode) Accept(ctx context.Context, id peer.ID) error {
	return f.called(ctx, "Accept", id.String()[:4])
}

func (f *fakeNode) AcceptFrom(ctx context.Context, id peer.ID, upTo int64) error {
	return f.called(ctx, "AcceptFrom", id.String()[:4]+" "+strconv.FormatInt(upTo, 10))
}

func (f *fakeNode) Verify(ctx context.Context, id peer.ID, verified bool) error {
	if !verified {
		return f.called(ctx, "Unverify", id.String()[:4])
	}
	return f.called(ctx, "Verify", id.String()[:4])
}

func (f *fakeNode) SetName(ctx context.Context, name string) error {
	return f.called(ctx, "SetName", name)
}

func (f *fakeNode) SetDir(ctx context.Context, dir string) error {
	return f.called(ctx, "SetDir", dir)
}

func (f *fakeNode) Look(ctx context.Context) error { return f.called(ctx, "Look", "") }

func (f *fakeNode) Connect(ctx context.Context, hostport string) error {
	return f.called(ctx, "Connect", hostport)
}

func (f *fakeNode) Subscribe(ctx context.Context) (node.Subscription, error) {
	return fakeSubscription{f}, f.called(ctx, "Subscribe", "")
}

type fakeSubscription struct{ f *fakeNode }

func (s fakeSubscription) Next(ctx context.Context) ([]node.Event, error) {
	select {
	case events := <-s.f.events:
		if len(events) == 0 {
			return nil, node.ErrStopped
		}
		return events, nil
	case <-ctx.Done():
		return nil, ctx.Err()
	}
}

func (fakeSubscription) Close() {}
