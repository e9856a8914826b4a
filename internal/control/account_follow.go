package control

import (
	"context"

	"earshot/internal/node"
	"earshot/peer"
)

// The calls about a server, one line each: what they do is said at the methods of
// *node.Node. Those that change something are made once, the others may be made again.

// Account is the node's Account.
func (f *Follower) Account(ctx context.Context) (node.Account, error) {
	return again(ctx, f, func(n Node) (node.Account, error) { return n.Account(ctx) })
}

// Servers is the node's Servers.
func (f *Follower) Servers(ctx context.Context) ([]node.FoundServer, error) {
	return again(ctx, f, func(n Node) ([]node.FoundServer, error) { return n.Servers(ctx) })
}

// ServerKey is the node's ServerKey.
func (f *Follower) ServerKey(ctx context.Context, server string) (node.ServerKey, error) {
	return again(ctx, f, func(n Node) (node.ServerKey, error) { return n.ServerKey(ctx, server) })
}

// SignIn is the node's SignIn.
func (f *Follower) SignIn(ctx context.Context, in node.SignIn) (node.Account, error) {
	return once(ctx, f, func(n Node) (node.Account, error) { return n.SignIn(ctx, in) })
}

// TakeBack is the node's TakeBack.
func (f *Follower) TakeBack(ctx context.Context) (node.Account, error) {
	return once(ctx, f, func(n Node) (node.Account, error) { return n.TakeBack(ctx) })
}

// SignOut is the node's SignOut.
func (f *Follower) SignOut(ctx context.Context) error {
	_, err := once(ctx, f, order(func(n Node) error { return n.SignOut(ctx) }))
	return err
}

// ForgetServer is the node's ForgetServer.
func (f *Follower) ForgetServer(ctx context.Context) error {
	_, err := once(ctx, f, order(func(n Node) error { return n.ForgetServer(ctx) }))
	return err
}

// ChangeAccount is the node's ChangeAccount.
func (f *Follower) ChangeAccount(ctx context.Context, to node.AccountChange) (node.Account, error) {
	return once(ctx, f, func(n Node) (node.Account, error) { return n.ChangeAccount(ctx, to) })
}

// ChangePassword is the node's ChangePassword.
func (f *Follower) ChangePassword(ctx context.Context, old string, new string) error {
	_, err := once(ctx, f, order(func(n Node) error { return n.ChangePassword(ctx, old, new) }))
	return err
}

// AccountDevices is the node's AccountDevices.
func (f *Follower) AccountDevices(ctx context.Context) ([]node.AccountDevice, error) {
	return again(ctx, f, func(n Node) ([]node.AccountDevice, error) { return n.AccountDevices(ctx) })
}

// RevokeDevice is the node's RevokeDevice.
func (f *Follower) RevokeDevice(ctx context.Context, id peer.ID) error {
	_, err := once(ctx, f, order(func(n Node) error { return n.RevokeDevice(ctx, id) }))
	return err
}

// Announce is the node's Announce.
func (f *Follower) Announce(ctx context.Context, text string) (node.Message, error) {
	return once(ctx, f, func(n Node) (node.Message, error) { return n.Announce(ctx, text) })
}

// Friends is the node's Friends.
func (f *Follower) Friends(ctx context.Context) ([]node.Friend, error) {
	return again(ctx, f, func(n Node) ([]node.Friend, error) { return n.Friends(ctx) })
}

// SearchAccounts is the node's SearchAccounts.
func (f *Follower) SearchAccounts(ctx context.Context, text string) ([]node.Friend, error) {
	return again(ctx, f, func(n Node) ([]node.Friend, error) { return n.SearchAccounts(ctx, text) })
}

// Friendship is the node's Friendship.
func (f *Follower) Friendship(ctx context.Context, user string, step node.FriendStep) (node.Friend, error) {
	return once(ctx, f, func(n Node) (node.Friend, error) { return n.Friendship(ctx, user, step) })
}

// OnlineDevices is the node's OnlineDevices.
func (f *Follower) OnlineDevices(ctx context.Context) ([]node.OnlineDevice, error) {
	return again(ctx, f, func(n Node) ([]node.OnlineDevice, error) { return n.OnlineDevices(ctx) })
}

// ListAccounts is the node's ListAccounts.
func (f *Follower) ListAccounts(ctx context.Context) ([]node.ListedAccount, error) {
	return again(ctx, f, func(n Node) ([]node.ListedAccount, error) { return n.ListAccounts(ctx) })
}

// Administer is the node's Administer.
func (f *Follower) Administer(ctx context.Context, user string, step node.AdminStep) (string, error) {
	return once(ctx, f, func(n Node) (string, error) { return n.Administer(ctx, user, step) })
}

// Invite is the node's Invite.
func (f *Follower) Invite(ctx context.Context, i node.Invitation) (string, error) {
	return once(ctx, f, func(n Node) (string, error) { return n.Invite(ctx, i) })
}

// ImportAccounts is the node's ImportAccounts.
func (f *Follower) ImportAccounts(ctx context.Context, accounts []node.NewAccount) ([]node.MadeAccount, error) {
	return once(ctx, f, func(n Node) ([]node.MadeAccount, error) { return n.ImportAccounts(ctx, accounts) })
}
