package control

import (
	"context"

	"github.com/google/uuid"

	"earshot/internal/node"
	"earshot/peer"
)

// The calls, one line each: what they do is said at the methods of *node.Node. Those
// that add something are made once, the others may be made again.

// Self is the node's Self.
func (f *Follower) Self(ctx context.Context) (node.Self, error) {
	return again(ctx, f, func(n Node) (node.Self, error) { return n.Self(ctx) })
}

// People is the node's People.
func (f *Follower) People(ctx context.Context) ([]node.Person, error) {
	return again(ctx, f, func(n Node) ([]node.Person, error) { return n.People(ctx) })
}

// Write is the node's Write.
func (f *Follower) Write(ctx context.Context, to node.Conversation, text string) (node.Message, error) {
	return once(ctx, f, func(n Node) (node.Message, error) { return n.Write(ctx, to, text) })
}

// Offer is the node's Offer.
func (f *Follower) Offer(ctx context.Context, to node.Conversation, paths []string) (node.Transfer, error) {
	return once(ctx, f, func(n Node) (node.Transfer, error) { return n.Offer(ctx, to, paths) })
}

// Answer is the node's Answer.
func (f *Follower) Answer(ctx context.Context, id uuid.UUID, a node.Answer) error {
	_, err := once(ctx, f, order(func(n Node) error { return n.Answer(ctx, id, a) }))
	return err
}

// Transfers is the node's Transfers.
func (f *Follower) Transfers(ctx context.Context) ([]node.Transfer, error) {
	return again(ctx, f, func(n Node) ([]node.Transfer, error) { return n.Transfers(ctx) })
}

// Pause is the node's Pause.
func (f *Follower) Pause(ctx context.Context, id uuid.UUID) error {
	_, err := once(ctx, f, order(func(n Node) error { return n.Pause(ctx, id) }))
	return err
}

// Resume is the node's Resume.
func (f *Follower) Resume(ctx context.Context, id uuid.UUID) error {
	_, err := once(ctx, f, order(func(n Node) error { return n.Resume(ctx, id) }))
	return err
}

// Cancel is the node's Cancel.
func (f *Follower) Cancel(ctx context.Context, id uuid.UUID) error {
	_, err := once(ctx, f, order(func(n Node) error { return n.Cancel(ctx, id) }))
	return err
}

// Clear is the node's Clear.
func (f *Follower) Clear(ctx context.Context, id uuid.UUID) error {
	_, err := again(ctx, f, order(func(n Node) error { return n.Clear(ctx, id) }))
	return err
}

// Retry is the node's Retry.
func (f *Follower) Retry(ctx context.Context, id uuid.UUID) (node.Transfer, error) {
	return once(ctx, f, func(n Node) (node.Transfer, error) { return n.Retry(ctx, id) })
}

// Limit is the node's Limit.
func (f *Follower) Limit(ctx context.Context, to node.Limit) error {
	_, err := again(ctx, f, order(func(n Node) error { return n.Limit(ctx, to) }))
	return err
}

// History is the node's History.
func (f *Follower) History(ctx context.Context, h node.History) ([]node.Message, error) {
	return again(ctx, f, func(n Node) ([]node.Message, error) { return n.History(ctx, h) })
}

// Message is the node's Message.
func (f *Follower) Message(ctx context.Context, id uuid.UUID) (node.Message, error) {
	return again(ctx, f, func(n Node) (node.Message, error) { return n.Message(ctx, id) })
}

// Named is the node's Named.
func (f *Follower) Named(ctx context.Context, digits string) ([]node.Message, error) {
	return again(ctx, f, func(n Node) ([]node.Message, error) { return n.Named(ctx, digits) })
}

// Receipts is the node's Receipts.
func (f *Follower) Receipts(ctx context.Context, id uuid.UUID) ([]node.Receipt, error) {
	return again(ctx, f, func(n Node) ([]node.Receipt, error) { return n.Receipts(ctx, id) })
}

// CheckFiles is the node's CheckFiles.
func (f *Follower) CheckFiles(ctx context.Context, id uuid.UUID) (node.FilesCheck, error) {
	return again(ctx, f, func(n Node) (node.FilesCheck, error) { return n.CheckFiles(ctx, id) })
}

// MarkRead is the node's MarkRead.
func (f *Follower) MarkRead(ctx context.Context, c node.Conversation, upTo node.Position) error {
	_, err := again(ctx, f, order(func(n Node) error { return n.MarkRead(ctx, c, upTo) }))
	return err
}

// Accept is the node's Accept.
func (f *Follower) Accept(ctx context.Context, id peer.ID) error {
	_, err := again(ctx, f, order(func(n Node) error { return n.Accept(ctx, id) }))
	return err
}

// AcceptFrom is the node's AcceptFrom.
func (f *Follower) AcceptFrom(ctx context.Context, id peer.ID, upTo int64) error {
	_, err := again(ctx, f, order(func(n Node) error { return n.AcceptFrom(ctx, id, upTo) }))
	return err
}

// Folder is the node's Folder.
func (f *Follower) Folder(ctx context.Context, of peer.ID, dir string) (string, error) {
	return again(ctx, f, func(n Node) (string, error) { return n.Folder(ctx, of, dir) })
}

// Verify is the node's Verify.
func (f *Follower) Verify(ctx context.Context, id peer.ID, verified bool) error {
	_, err := again(ctx, f, order(func(n Node) error { return n.Verify(ctx, id, verified) }))
	return err
}

// SetName is the node's SetName.
func (f *Follower) SetName(ctx context.Context, name string) error {
	_, err := again(ctx, f, order(func(n Node) error { return n.SetName(ctx, name) }))
	return err
}

// SetDir is the node's SetDir.
func (f *Follower) SetDir(ctx context.Context, dir string) error {
	_, err := again(ctx, f, order(func(n Node) error { return n.SetDir(ctx, dir) }))
	return err
}

// SetRule is the node's SetRule.
func (f *Follower) SetRule(ctx context.Context, rule string) error {
	_, err := again(ctx, f, order(func(n Node) error { return n.SetRule(ctx, rule) }))
	return err
}

// Look is the node's Look.
func (f *Follower) Look(ctx context.Context) error {
	_, err := again(ctx, f, order(func(n Node) error { return n.Look(ctx) }))
	return err
}

// Connect is the node's Connect.
func (f *Follower) Connect(ctx context.Context, hostport string) error {
	_, err := again(ctx, f, order(func(n Node) error { return n.Connect(ctx, hostport) }))
	return err
}

// Watch is the node's Watch; the next node is told of it too.
func (f *Follower) Watch(ctx context.Context, c node.Conversation) error {
	f.mu.Lock()
	f.open = c
	f.mu.Unlock()
	_, err := again(ctx, f, order(func(n Node) error { return n.Watch(ctx, c) }))
	return err
}
