package cli

import (
	"context"
	"errors"
	"strconv"
	"strings"

	"earshot/internal/node"
	"earshot/peer"
)

// fakeServer is what the fake node knows of a server.
type fakeServer struct {
	account  node.Account
	key      node.ServerKey
	friends  []node.Friend
	devices  []node.AccountDevice
	online   []node.OnlineDevice
	accounts []node.ListedAccount
	made     []node.MadeAccount
	found    []node.FoundServer
	refuses  map[string]error // by the call's first word
}

// call records a call to the server, and returns what it fails with.
func (f *fake) call(words ...string) error {
	return errors.Join(f.note(words...), f.server.refuses[words[0]])
}

func (f *fake) Account(context.Context) (node.Account, error) { return f.server.account, nil }

func (f *fake) ServerKey(_ context.Context, server string) (node.ServerKey, error) {
	return f.server.key, f.call("key", server)
}

func (f *fake) SignIn(_ context.Context, in node.SignIn) (node.Account, error) {
	words := []string{"sign in", in.Server, in.Fingerprint, in.User, in.Password}
	if in.New {
		words[0] = "register"
		words = append(words, in.Name, in.Team)
	}
	if in.Next != "" {
		return f.server.account, f.note(append(words, in.Next)...)
	}
	return f.server.account, f.call(words...)
}

func (f *fake) TakeBack(context.Context) (node.Account, error) {
	return f.server.account, f.call("take back")
}

func (f *fake) SignOut(context.Context) error      { return f.call("sign out") }
func (f *fake) ForgetServer(context.Context) error { return f.call("forget") }

func (f *fake) ChangeAccount(_ context.Context, to node.AccountChange) (node.Account, error) {
	words := []string{"change"}
	for _, text := range []*string{to.Name, to.Team, to.Status} {
		if text != nil {
			words = append(words, *text)
		}
	}
	if to.Presence != nil {
		words = append(words, string(*to.Presence))
	}
	return f.server.account, f.call(words...)
}

func (f *fake) ChangePassword(_ context.Context, old, new string) error {
	return f.call("password", old, new)
}

func (f *fake) AccountDevices(context.Context) ([]node.AccountDevice, error) {
	return f.server.devices, nil
}
func (f *fake) Announce(_ context.Context, text string) (node.Message, error) {
	return node.Message{State: node.Delivered}, f.call("announce", text)
}
func (f *fake) RevokeDevice(_ context.Context, id peer.ID) error {
	return f.call("revoke", shortID(id))
}

func (f *fake) Friends(context.Context) ([]node.Friend, error) {
	return f.server.friends, f.server.refuses["friends"]
}

func (f *fake) SearchAccounts(_ context.Context, text string) ([]node.Friend, error) {
	return f.server.friends, f.call("search", text)
}

func (f *fake) Friendship(_ context.Context, user string, step node.FriendStep) (node.Friend, error) {
	friend := node.Friend{User: peer.Line(user, 0), Name: peer.DisplayName(user)}
	switch step {
	case node.AddFriend:
		friend.State = "outgoing"
	case node.AcceptFriend:
		friend.State = "friend"
	}
	return friend, f.call(string(step), user)
}

func (f *fake) OnlineDevices(context.Context) ([]node.OnlineDevice, error) {
	return f.server.online, f.server.refuses["online"]
}

func (f *fake) ListAccounts(context.Context) ([]node.ListedAccount, error) {
	return f.server.accounts, nil
}

func (f *fake) Administer(_ context.Context, user string, step node.AdminStep) (string, error) {
	return "abcd-efgh-ijkl", f.call(string(step), user)
}

func (f *fake) Invite(_ context.Context, i node.Invitation) (string, error) {
	until := ""
	if !i.Until.IsZero() {
		until = i.Until.Format("2006-01-02 15:04")
	}
	return "earshot://chat:7421/?k=K&c=C", f.call("invite", strconv.Itoa(i.Uses), until)
}

func (f *fake) ImportAccounts(_ context.Context, accounts []node.NewAccount) ([]node.MadeAccount, error) {
	words := []string{"import"}
	for _, a := range accounts {
		words = append(words, strings.Join([]string{a.User, a.Name, a.Team}, "/"))
	}
	return f.server.made, f.call(words...)
}
