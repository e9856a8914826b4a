package control

import (
	"context"

	"earshot/internal/node"
	"earshot/peer"
)

func (f *fakeNode) Account(_ context.Context) (node.Account, error) {
	return node.Account{User: peer.Line("ann", 0), SignedIn: true}, f.note("account")
}

func (f *fakeNode) Servers(_ context.Context) ([]node.FoundServer, error) {
	return []node.FoundServer{{Address: "chat:7421"}}, f.note("servers")
}

func (f *fakeNode) ServerKey(_ context.Context, server string) (node.ServerKey, error) {
	return node.ServerKey{Address: server}, f.note("server key", server)
}

func (f *fakeNode) SignIn(_ context.Context, in node.SignIn) (node.Account, error) {
	return node.Account{User: peer.Line("ann", 0), SignedIn: true}, f.note("sign in", in)
}

func (f *fakeNode) TakeBack(_ context.Context) (node.Account, error) {
	return node.Account{User: peer.Line("ann", 0), SignedIn: true}, f.note("take back")
}

func (f *fakeNode) SignOut(_ context.Context) error { return f.note("sign out") }

func (f *fakeNode) ForgetServer(_ context.Context) error { return f.note("forget server") }

func (f *fakeNode) ChangeAccount(_ context.Context, to node.AccountChange) (node.Account, error) {
	return node.Account{User: peer.Line("ann", 0), SignedIn: true}, f.note("change account", to)
}

func (f *fakeNode) ChangePassword(_ context.Context, old string, new string) error {
	return f.note("password", old, new)
}

func (f *fakeNode) AccountDevices(_ context.Context) ([]node.AccountDevice, error) {
	return []node.AccountDevice{{ID: peer.ID{1}}}, f.note("devices")
}

func (f *fakeNode) Announce(_ context.Context, text string) (node.Message, error) {
	return node.Message{}, f.note("announce", text)
}
func (f *fakeNode) RevokeDevice(_ context.Context, id peer.ID) error { return f.note("revoke", id) }

func (f *fakeNode) Friends(_ context.Context) ([]node.Friend, error) {
	return []node.Friend{{User: peer.Line("bob", 0)}}, f.note("friends")
}

func (f *fakeNode) SearchAccounts(_ context.Context, text string) ([]node.Friend, error) {
	return []node.Friend{{User: peer.Line("bob", 0)}}, f.note("search", text)
}

func (f *fakeNode) Friendship(_ context.Context, user string, step node.FriendStep) (node.Friend, error) {
	return node.Friend{User: peer.Line(user, 0)}, f.note("friendship", user, step)
}

func (f *fakeNode) OnlineDevices(_ context.Context) ([]node.OnlineDevice, error) {
	return []node.OnlineDevice{{Device: peer.ID{1}}}, f.note("online")
}

func (f *fakeNode) ListAccounts(_ context.Context) ([]node.ListedAccount, error) {
	return []node.ListedAccount{{Devices: 2}}, f.note("accounts")
}

func (f *fakeNode) Administer(_ context.Context, user string, step node.AdminStep) (string, error) {
	return "word", f.note("administer", user, step)
}

func (f *fakeNode) Invite(_ context.Context, i node.Invitation) (string, error) {
	return "word", f.note("invite", i)
}

func (f *fakeNode) ImportAccounts(_ context.Context, accounts []node.NewAccount) ([]node.MadeAccount, error) {
	return []node.MadeAccount{{Password: "p"}}, f.note("import", accounts)
}
