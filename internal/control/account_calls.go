package control

import (
	"context"

	"earshot/internal/node"
	"earshot/peer"
)

// AccountNode is what a console or a command can ask of a node about a rendezvous
// server and the account there. The methods are described at *node.Node.
type AccountNode interface {
	Account(ctx context.Context) (node.Account, error)
	Servers(ctx context.Context) ([]node.FoundServer, error)
	ServerKey(ctx context.Context, server string) (node.ServerKey, error)
	SignIn(ctx context.Context, in node.SignIn) (node.Account, error)
	TakeBack(ctx context.Context) (node.Account, error)
	SignOut(ctx context.Context) error
	ForgetServer(ctx context.Context) error
	ChangeAccount(ctx context.Context, to node.AccountChange) (node.Account, error)
	ChangePassword(ctx context.Context, old string, new string) error
	AccountDevices(ctx context.Context) ([]node.AccountDevice, error)
	RevokeDevice(ctx context.Context, id peer.ID) error
	Friends(ctx context.Context) ([]node.Friend, error)
	SearchAccounts(ctx context.Context, text string) ([]node.Friend, error)
	Friendship(ctx context.Context, user string, step node.FriendStep) (node.Friend, error)
	OnlineDevices(ctx context.Context) ([]node.OnlineDevice, error)
	ListAccounts(ctx context.Context) ([]node.ListedAccount, error)
	Administer(ctx context.Context, user string, step node.AdminStep) (string, error)
	Invite(ctx context.Context, i node.Invitation) (string, error)
	Announce(ctx context.Context, text string) (node.Message, error)
	ImportAccounts(ctx context.Context, accounts []node.NewAccount) ([]node.MadeAccount, error)
}

// What these calls take, beside what others take too.
type (
	passwordArgs struct {
		Old string `json:"old"`
		New string `json:"new"`
	}
	friendshipArgs struct {
		User string          `json:"user"`
		Step node.FriendStep `json:"step"`
	}
	administerArgs struct {
		User string         `json:"user"`
		Step node.AdminStep `json:"step"`
	}
	importArgs struct {
		Accounts []node.NewAccount `json:"accounts"`
	}
)

// accountCalls are the methods of [AccountNode] by the words of the protocol.
var accountCalls = map[string]call{
	"account": answer(func(ctx context.Context, n Node, _ none) (node.Account, error) {
		return n.Account(ctx)
	}),
	"servers": answer(func(ctx context.Context, n Node, _ none) ([]node.FoundServer, error) {
		return n.Servers(ctx)
	}),
	"server key": answer(func(ctx context.Context, n Node, a textArgs) (node.ServerKey, error) {
		return n.ServerKey(ctx, a.Text)
	}),
	"sign in": answer(func(ctx context.Context, n Node, in node.SignIn) (node.Account, error) {
		return n.SignIn(ctx, in)
	}),
	"take back": answer(func(ctx context.Context, n Node, _ none) (node.Account, error) {
		return n.TakeBack(ctx)
	}),
	"sign out": do(func(ctx context.Context, n Node, _ none) error {
		return n.SignOut(ctx)
	}),
	"forget server": do(func(ctx context.Context, n Node, _ none) error {
		return n.ForgetServer(ctx)
	}),
	"change account": answer(func(ctx context.Context, n Node, to node.AccountChange) (node.Account, error) {
		return n.ChangeAccount(ctx, to)
	}),
	"password": do(func(ctx context.Context, n Node, a passwordArgs) error {
		return n.ChangePassword(ctx, a.Old, a.New)
	}),
	"devices": answer(func(ctx context.Context, n Node, _ none) ([]node.AccountDevice, error) {
		return n.AccountDevices(ctx)
	}),
	"revoke": do(func(ctx context.Context, n Node, a peerArgs) error {
		return n.RevokeDevice(ctx, a.ID)
	}),
	"friends": answer(func(ctx context.Context, n Node, _ none) ([]node.Friend, error) {
		return n.Friends(ctx)
	}),
	"search": answer(func(ctx context.Context, n Node, a textArgs) ([]node.Friend, error) {
		return n.SearchAccounts(ctx, a.Text)
	}),
	"announce": answer(func(ctx context.Context, n Node, a textArgs) (node.Message, error) {
		return n.Announce(ctx, a.Text)
	}),
	"friendship": answer(func(ctx context.Context, n Node, a friendshipArgs) (node.Friend, error) {
		return n.Friendship(ctx, a.User, a.Step)
	}),
	"online": answer(func(ctx context.Context, n Node, _ none) ([]node.OnlineDevice, error) {
		return n.OnlineDevices(ctx)
	}),
	"accounts": answer(func(ctx context.Context, n Node, _ none) ([]node.ListedAccount, error) {
		return n.ListAccounts(ctx)
	}),
	"administer": answer(func(ctx context.Context, n Node, a administerArgs) (string, error) {
		return n.Administer(ctx, a.User, a.Step)
	}),
	"invite": answer(func(ctx context.Context, n Node, i node.Invitation) (string, error) {
		return n.Invite(ctx, i)
	}),
	"import": answer(func(ctx context.Context, n Node, a importArgs) ([]node.MadeAccount, error) {
		return n.ImportAccounts(ctx, a.Accounts)
	}),
}
