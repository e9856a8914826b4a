package control

import (
	"context"

	"earshot/internal/node"
	"earshot/peer"
)

// The calls about a server, one line each: what they do is said at the methods of
// *node.Node.

// Account is the node's Account.
func (c *Client) Account(ctx context.Context) (result node.Account, err error) {
	err = c.ask(ctx, "account", none{}, &result)
	return result, err
}

// Servers is the node's Servers.
func (c *Client) Servers(ctx context.Context) (result []node.FoundServer, err error) {
	err = c.ask(ctx, "servers", none{}, &result)
	return result, err
}

// ServerKey is the node's ServerKey.
func (c *Client) ServerKey(ctx context.Context, server string) (result node.ServerKey, err error) {
	err = c.ask(ctx, "server key", textArgs{server}, &result)
	return result, err
}

// SignIn is the node's SignIn.
func (c *Client) SignIn(ctx context.Context, in node.SignIn) (result node.Account, err error) {
	err = c.ask(ctx, "sign in", in, &result)
	return result, err
}

// TakeBack is the node's TakeBack.
func (c *Client) TakeBack(ctx context.Context) (result node.Account, err error) {
	err = c.ask(ctx, "take back", none{}, &result)
	return result, err
}

// SignOut is the node's SignOut.
func (c *Client) SignOut(ctx context.Context) error {
	return c.ask(ctx, "sign out", none{}, &none{})
}

// ForgetServer is the node's ForgetServer.
func (c *Client) ForgetServer(ctx context.Context) error {
	return c.ask(ctx, "forget server", none{}, &none{})
}

// ChangeAccount is the node's ChangeAccount.
func (c *Client) ChangeAccount(ctx context.Context, to node.AccountChange) (result node.Account, err error) {
	err = c.ask(ctx, "change account", to, &result)
	return result, err
}

// ChangePassword is the node's ChangePassword.
func (c *Client) ChangePassword(ctx context.Context, old string, new string) error {
	return c.ask(ctx, "password", passwordArgs{old, new}, &none{})
}

// AccountDevices is the node's AccountDevices.
func (c *Client) AccountDevices(ctx context.Context) (result []node.AccountDevice, err error) {
	err = c.ask(ctx, "devices", none{}, &result)
	return result, err
}

// RevokeDevice is the node's RevokeDevice.
func (c *Client) RevokeDevice(ctx context.Context, id peer.ID) error {
	return c.ask(ctx, "revoke", peerArgs{id}, &none{})
}

// Announce is the node's Announce.
func (c *Client) Announce(ctx context.Context, text string) (result node.Message, err error) {
	err = c.ask(ctx, "announce", textArgs{text}, &result)
	return result, err
}

// Friends is the node's Friends.
func (c *Client) Friends(ctx context.Context) (result []node.Friend, err error) {
	err = c.ask(ctx, "friends", none{}, &result)
	return result, err
}

// SearchAccounts is the node's SearchAccounts.
func (c *Client) SearchAccounts(ctx context.Context, text string) (result []node.Friend, err error) {
	err = c.ask(ctx, "search", textArgs{text}, &result)
	return result, err
}

// Friendship is the node's Friendship.
func (c *Client) Friendship(ctx context.Context, user string, step node.FriendStep) (result node.Friend, err error) {
	err = c.ask(ctx, "friendship", friendshipArgs{user, step}, &result)
	return result, err
}

// OnlineDevices is the node's OnlineDevices.
func (c *Client) OnlineDevices(ctx context.Context) (result []node.OnlineDevice, err error) {
	err = c.ask(ctx, "online", none{}, &result)
	return result, err
}

// ListAccounts is the node's ListAccounts.
func (c *Client) ListAccounts(ctx context.Context) (result []node.ListedAccount, err error) {
	err = c.ask(ctx, "accounts", none{}, &result)
	return result, err
}

// Administer is the node's Administer.
func (c *Client) Administer(ctx context.Context, user string, step node.AdminStep) (result string, err error) {
	err = c.ask(ctx, "administer", administerArgs{user, step}, &result)
	return result, err
}

// Invite is the node's Invite.
func (c *Client) Invite(ctx context.Context, i node.Invitation) (result string, err error) {
	err = c.ask(ctx, "invite", i, &result)
	return result, err
}

// ImportAccounts is the node's ImportAccounts.
func (c *Client) ImportAccounts(ctx context.Context, accounts []node.NewAccount) (result []node.MadeAccount, err error) {
	err = c.ask(ctx, "import", importArgs{accounts}, &result)
	return result, err
}
