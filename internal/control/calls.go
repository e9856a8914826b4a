package control

import (
	"context"
	"fmt"

	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"
	"github.com/google/uuid"

	"earshot/internal/node"
	"earshot/peer"
)

// A request is one line from a client.
type request struct {
	ID   uint64         `json:"id"`
	Call string         `json:"call"`
	With jsontext.Value `json:"with,omitzero"`
}

// A response is one line to a client: the answer to a call, or what a
// subscription brought.
type response struct {
	ID     uint64         `json:"id"`
	Result jsontext.Value `json:"result,omitzero"`
	Error  *failure       `json:"error,omitzero"`
	Events []node.Event   `json:"events,omitzero"`
}

// The calls that the connection itself answers.
const (
	callSubscribe = "subscribe"
	callCancel    = "cancel"
	callYield     = "yield"
)

// What the calls take, in the order of [Node].
type (
	none      struct{}
	writeArgs struct {
		To   node.Conversation `json:"to"`
		Text string            `json:"text"`
	}
	offerArgs struct {
		To    node.Conversation `json:"to"`
		Paths []string          `json:"paths"`
	}
	answerArgs struct {
		ID     uuid.UUID   `json:"id"`
		Answer node.Answer `json:"answer"`
	}
	idArgs struct {
		ID uuid.UUID `json:"id"`
	}
	readArgs struct {
		Conversation node.Conversation `json:"conversation"`
		UpTo         node.Position     `json:"up_to"`
	}
	peerArgs struct {
		ID peer.ID `json:"id"`
	}
	acceptFromArgs struct {
		ID   peer.ID `json:"id"`
		UpTo int64   `json:"up_to"`
	}
	folderArgs struct {
		ID  peer.ID `json:"id"`
		Dir string  `json:"dir"`
	}
	verifyArgs struct {
		ID       peer.ID `json:"id"`
		Verified bool    `json:"verified"`
	}
	textArgs struct {
		Text string `json:"text"`
	}
	watchArgs struct {
		Conversation node.Conversation `json:"conversation"`
	}
)

// A call decodes its arguments and asks the node.
type call func(ctx context.Context, n Node, with jsontext.Value) (any, error)

// calls are the methods of [Node] by the words of the protocol.
var calls = map[string]call{
	"self":      answer(func(ctx context.Context, n Node, _ none) (node.Self, error) { return n.Self(ctx) }),
	"people":    answer(func(ctx context.Context, n Node, _ none) ([]node.Person, error) { return n.People(ctx) }),
	"transfers": answer(func(ctx context.Context, n Node, _ none) ([]node.Transfer, error) { return n.Transfers(ctx) }),
	"write": answer(func(ctx context.Context, n Node, a writeArgs) (node.Message, error) {
		return n.Write(ctx, a.To, a.Text)
	}),
	"offer": answer(func(ctx context.Context, n Node, a offerArgs) (node.Transfer, error) {
		return n.Offer(ctx, a.To, a.Paths)
	}),
	"history": answer(func(ctx context.Context, n Node, h node.History) ([]node.Message, error) {
		return n.History(ctx, h)
	}),
	"message": answer(func(ctx context.Context, n Node, a idArgs) (node.Message, error) {
		return n.Message(ctx, a.ID)
	}),
	"named": answer(func(ctx context.Context, n Node, a textArgs) ([]node.Message, error) {
		return n.Named(ctx, a.Text)
	}),
	"receipts": answer(func(ctx context.Context, n Node, a idArgs) ([]node.Receipt, error) {
		return n.Receipts(ctx, a.ID)
	}),
	"files": answer(func(ctx context.Context, n Node, a idArgs) (node.FilesCheck, error) {
		return n.CheckFiles(ctx, a.ID)
	}),
	"answer": do(func(ctx context.Context, n Node, a answerArgs) error { return n.Answer(ctx, a.ID, a.Answer) }),
	"pause":  do(func(ctx context.Context, n Node, a idArgs) error { return n.Pause(ctx, a.ID) }),
	"resume": do(func(ctx context.Context, n Node, a idArgs) error { return n.Resume(ctx, a.ID) }),
	"stop":   do(func(ctx context.Context, n Node, a idArgs) error { return n.Cancel(ctx, a.ID) }),
	"clear":  do(func(ctx context.Context, n Node, a idArgs) error { return n.Clear(ctx, a.ID) }),
	"limit":  do(func(ctx context.Context, n Node, to node.Limit) error { return n.Limit(ctx, to) }),
	"retry": answer(func(ctx context.Context, n Node, a idArgs) (node.Transfer, error) {
		return n.Retry(ctx, a.ID)
	}),
	"read":   do(func(ctx context.Context, n Node, a readArgs) error { return n.MarkRead(ctx, a.Conversation, a.UpTo) }),
	"accept": do(func(ctx context.Context, n Node, a peerArgs) error { return n.Accept(ctx, a.ID) }),
	"accept from": do(func(ctx context.Context, n Node, a acceptFromArgs) error {
		return n.AcceptFrom(ctx, a.ID, a.UpTo)
	}),
	"folder": answer(func(ctx context.Context, n Node, a folderArgs) (string, error) {
		return n.Folder(ctx, a.ID, a.Dir)
	}),
	"verify":  do(func(ctx context.Context, n Node, a verifyArgs) error { return n.Verify(ctx, a.ID, a.Verified) }),
	"name":    do(func(ctx context.Context, n Node, a textArgs) error { return n.SetName(ctx, a.Text) }),
	"dir":     do(func(ctx context.Context, n Node, a textArgs) error { return n.SetDir(ctx, a.Text) }),
	"rule":    do(func(ctx context.Context, n Node, a textArgs) error { return n.SetRule(ctx, a.Text) }),
	"look":    do(func(ctx context.Context, n Node, _ none) error { return n.Look(ctx) }),
	"connect": do(func(ctx context.Context, n Node, a textArgs) error { return n.Connect(ctx, a.Text) }),
	"watch":   do(func(ctx context.Context, n Node, a watchArgs) error { return n.Watch(ctx, a.Conversation) }),
}

// callOf is the call of a word.
func callOf(word string) (call, bool) {
	if ask, ok := calls[word]; ok {
		return ask, true
	}
	ask, ok := accountCalls[word]
	return ask, ok
}

// answer makes a call of a method with a result.
func answer[A, R any](ask func(context.Context, Node, A) (R, error)) call {
	return func(ctx context.Context, n Node, with jsontext.Value) (any, error) {
		var args A
		if len(with) > 0 {
			if err := json.Unmarshal(with, &args, encoding); err != nil {
				return nil, fmt.Errorf("read arguments: %w", err)
			}
		}
		return ask(ctx, n, args)
	}
}

// do makes a call of a method without a result.
func do[A any](ask func(context.Context, Node, A) error) call {
	return answer(func(ctx context.Context, n Node, args A) (none, error) { return none{}, ask(ctx, n, args) })
}

// readRequest decodes one line of a client.
func readRequest(line []byte) (request, error) {
	var r request
	if err := json.Unmarshal(line, &r, encoding); err != nil {
		return request{}, fmt.Errorf("read request: %w", err)
	}
	if r.ID == 0 {
		return request{}, fmt.Errorf("read request: id is missing or 0")
	}
	return r, nil
}
