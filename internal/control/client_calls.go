package control

import (
	"context"

	"github.com/google/uuid"

	"earshot/internal/node"
	"earshot/peer"
)

// The calls, one line each: what they do is said at the methods of *node.Node.

// Self is the node's Self.
func (c *Client) Self(ctx context.Context) (self node.Self, err error) {
	err = c.ask(ctx, "self", none{}, &self)
	return self, err
}

// People is the node's People.
func (c *Client) People(ctx context.Context) (people []node.Person, err error) {
	err = c.ask(ctx, "people", none{}, &people)
	return people, err
}

// Write is the node's Write.
func (c *Client) Write(ctx context.Context, to node.Conversation, text string) (m node.Message, err error) {
	err = c.ask(ctx, "write", writeArgs{to, text}, &m)
	return m, err
}

// Offer is the node's Offer.
func (c *Client) Offer(ctx context.Context, to node.Conversation, paths []string) (t node.Transfer, err error) {
	err = c.ask(ctx, "offer", offerArgs{to, paths}, &t)
	return t, err
}

// Answer is the node's Answer.
func (c *Client) Answer(ctx context.Context, id uuid.UUID, a node.Answer) error {
	return c.ask(ctx, "answer", answerArgs{id, a}, &none{})
}

// Transfers is the node's Transfers.
func (c *Client) Transfers(ctx context.Context) (transfers []node.Transfer, err error) {
	err = c.ask(ctx, "transfers", none{}, &transfers)
	return transfers, err
}

// Pause is the node's Pause.
func (c *Client) Pause(ctx context.Context, id uuid.UUID) error {
	return c.ask(ctx, "pause", idArgs{id}, &none{})
}

// Resume is the node's Resume.
func (c *Client) Resume(ctx context.Context, id uuid.UUID) error {
	return c.ask(ctx, "resume", idArgs{id}, &none{})
}

// Cancel is the node's Cancel.
func (c *Client) Cancel(ctx context.Context, id uuid.UUID) error {
	return c.ask(ctx, "stop", idArgs{id}, &none{})
}

// Clear is the node's Clear.
func (c *Client) Clear(ctx context.Context, id uuid.UUID) error {
	return c.ask(ctx, "clear", idArgs{id}, &none{})
}

// Retry is the node's Retry.
func (c *Client) Retry(ctx context.Context, id uuid.UUID) (t node.Transfer, err error) {
	err = c.ask(ctx, "retry", idArgs{id}, &t)
	return t, err
}

// Limit is the node's Limit.
func (c *Client) Limit(ctx context.Context, to node.Limit) error {
	return c.ask(ctx, "limit", to, &none{})
}

// History is the node's History.
func (c *Client) History(ctx context.Context, h node.History) (messages []node.Message, err error) {
	err = c.ask(ctx, "history", h, &messages)
	return messages, err
}

// Message is the node's Message.
func (c *Client) Message(ctx context.Context, id uuid.UUID) (m node.Message, err error) {
	err = c.ask(ctx, "message", idArgs{id}, &m)
	return m, err
}

// Named is the node's Named.
func (c *Client) Named(ctx context.Context, digits string) (messages []node.Message, err error) {
	err = c.ask(ctx, "named", textArgs{digits}, &messages)
	return messages, err
}

// Receipts is the node's Receipts.
func (c *Client) Receipts(ctx context.Context, id uuid.UUID) (receipts []node.Receipt, err error) {
	err = c.ask(ctx, "receipts", idArgs{id}, &receipts)
	return receipts, err
}

// CheckFiles is the node's CheckFiles.
func (c *Client) CheckFiles(ctx context.Context, id uuid.UUID) (check node.FilesCheck, err error) {
	err = c.ask(ctx, "files", idArgs{id}, &check)
	return check, err
}

// MarkRead is the node's MarkRead.
func (c *Client) MarkRead(ctx context.Context, conv node.Conversation, upTo node.Position) error {
	return c.ask(ctx, "read", readArgs{conv, upTo}, &none{})
}

// Accept is the node's Accept.
func (c *Client) Accept(ctx context.Context, id peer.ID) error {
	return c.ask(ctx, "accept", peerArgs{id}, &none{})
}

// AcceptFrom is the node's AcceptFrom.
func (c *Client) AcceptFrom(ctx context.Context, id peer.ID, upTo int64) error {
	return c.ask(ctx, "accept from", acceptFromArgs{id, upTo}, &none{})
}

// Folder is the node's Folder.
func (c *Client) Folder(ctx context.Context, of peer.ID, dir string) (folder string, err error) {
	err = c.ask(ctx, "folder", folderArgs{of, dir}, &folder)
	return folder, err
}

// Verify is the node's Verify.
func (c *Client) Verify(ctx context.Context, id peer.ID, verified bool) error {
	return c.ask(ctx, "verify", verifyArgs{id, verified}, &none{})
}

// SetName is the node's SetName.
func (c *Client) SetName(ctx context.Context, name string) error {
	return c.ask(ctx, "name", textArgs{name}, &none{})
}

// SetDir is the node's SetDir.
func (c *Client) SetDir(ctx context.Context, dir string) error {
	return c.ask(ctx, "dir", textArgs{dir}, &none{})
}

// SetRule is the node's SetRule.
func (c *Client) SetRule(ctx context.Context, rule string) error {
	return c.ask(ctx, "rule", textArgs{rule}, &none{})
}

// Look is the node's Look.
func (c *Client) Look(ctx context.Context) error {
	return c.ask(ctx, "look", none{}, &none{})
}

// Connect is the node's Connect.
func (c *Client) Connect(ctx context.Context, hostport string) error {
	return c.ask(ctx, "connect", textArgs{hostport}, &none{})
}

// Watch is the node's Watch.
func (c *Client) Watch(ctx context.Context, conv node.Conversation) error {
	return c.ask(ctx, "watch", watchArgs{conv}, &none{})
}

// Yield asks the node of a passing command to give the profile up: it ends as soon
// as the calls under way are answered, and its command goes on with the node that
// takes its place. One that stays refuses with [node.ErrWrongState]. It is no
// method of [Node].
func (c *Client) Yield(ctx context.Context) error {
	return c.ask(ctx, callYield, none{}, &none{})
}
