package node

import (
	"context"

	"github.com/google/uuid"

	"earshot/peer"
)

// Temporary bodies while the parts are written.

type Node struct{}

func Open(cfg Config) (*Node, error)                         { return nil, ErrStopped }
func (n *Node) Run(ctx context.Context) error                { return ErrStopped }
func (n *Node) Close() error                                 { return ErrStopped }
func (n *Node) Self(ctx context.Context) (Self, error)       { return Self{}, ErrStopped }
func (n *Node) People(ctx context.Context) ([]Person, error) { return nil, ErrStopped }
func (n *Node) Write(ctx context.Context, to Conversation, text string) (Message, error) {
	return Message{}, ErrStopped
}
func (n *Node) Offer(ctx context.Context, to Conversation, paths []string) (Transfer, error) {
	return Transfer{}, ErrStopped
}
func (n *Node) Answer(ctx context.Context, id uuid.UUID, accept bool, dir string) error {
	return ErrStopped
}
func (n *Node) Transfers(ctx context.Context) ([]Transfer, error)         { return nil, ErrStopped }
func (n *Node) Pause(ctx context.Context, id uuid.UUID) error             { return ErrStopped }
func (n *Node) Resume(ctx context.Context, id uuid.UUID) error            { return ErrStopped }
func (n *Node) Cancel(ctx context.Context, id uuid.UUID) error            { return ErrStopped }
func (n *Node) History(ctx context.Context, h History) ([]Message, error) { return nil, ErrStopped }
func (n *Node) Message(ctx context.Context, id uuid.UUID) (Message, error) {
	return Message{}, ErrStopped
}
func (n *Node) MarkRead(ctx context.Context, c Conversation, upTo Position) error {
	return ErrStopped
}
func (n *Node) Accept(ctx context.Context, id peer.ID) error                { return ErrStopped }
func (n *Node) Verify(ctx context.Context, id peer.ID, verified bool) error { return ErrStopped }
func (n *Node) SetName(ctx context.Context, name string) error              { return ErrStopped }
func (n *Node) SetDir(ctx context.Context, dir string) error                { return ErrStopped }
func (n *Node) SetRule(ctx context.Context, rule string) error              { return ErrStopped }
func (n *Node) Look(ctx context.Context) error                              { return ErrStopped }
func (n *Node) Connect(ctx context.Context, hostport string) error          { return ErrStopped }
func (n *Node) Watch(ctx context.Context, c Conversation) error             { return ErrStopped }
func (n *Node) Subscribe(ctx context.Context) (Subscription, error)         { return nil, ErrStopped }
