package ui

import (
	"context"
	"strconv"
	"strings"

	"earshot/internal/node"
	"earshot/peer"
)

func (f *fakeNode) Account(ctx context.Context) (node.Account, error) {
	return f.account, f.called(ctx, "Account", "")
}

func (f *fakeNode) Servers(ctx context.Context) ([]node.FoundServer, error) {
	return f.found, f.called(ctx, "Servers", "")
}

func (f *fakeNode) ServerKey(ctx context.Context, server string) (node.ServerKey, error) {
	return f.key, f.called(ctx, "ServerKey", server)
}

func (f *fakeNode) SignIn(ctx context.Context, in node.SignIn) (node.Account, error) {
	new := map[bool]string{true: " new " + in.Name}[in.New]
	a := f.account
	a.SignedIn, a.User, a.Server = true, peer.Line(in.User, 0), in.Server
	return a, f.called(ctx, "SignIn", in.Server+" "+in.Fingerprint+" "+in.User+" "+in.Password+new+in.Next)
}

func (f *fakeNode) TakeBack(ctx context.Context) (node.Account, error) {
	a := f.account
	a.Reached, a.Elsewhere = true, false
	return a, f.called(ctx, "TakeBack", "")
}

func (f *fakeNode) SignOut(ctx context.Context) error { return f.called(ctx, "SignOut", "") }

func (f *fakeNode) ChangeAccount(ctx context.Context, to node.AccountChange) (node.Account, error) {
	return f.account, f.called(ctx, "ChangeAccount", string(*to.Presence))
}

func (f *fakeNode) ChangePassword(ctx context.Context, old, new string) error {
	return f.called(ctx, "ChangePassword", old+" "+new)
}

func (f *fakeNode) Friends(ctx context.Context) ([]node.Friend, error) {
	return f.friends, f.called(ctx, "Friends", "")
}

func (f *fakeNode) SearchAccounts(ctx context.Context, text string) ([]node.Friend, error) {
	return f.strangers, f.called(ctx, "SearchAccounts", text)
}

func (f *fakeNode) Friendship(ctx context.Context, user string, step node.FriendStep) (node.Friend, error) {
	return node.Friend{User: peer.Line(user, 0), Name: peer.DisplayName(user), State: "outgoing"}, f.called(ctx, "Friendship", user+" "+string(step))
}

func (f *fakeNode) OnlineDevices(ctx context.Context) ([]node.OnlineDevice, error) {
	return f.there, f.called(ctx, "OnlineDevices", "")
}

func (f *fakeNode) ListAccounts(ctx context.Context) ([]node.ListedAccount, error) {
	return f.accounts, f.called(ctx, "ListAccounts", "")
}

func (f *fakeNode) Administer(ctx context.Context, user string, step node.AdminStep) (string, error) {
	return "abcd-efgh-ijkl", f.called(ctx, "Administer", user+" "+string(step))
}

func (f *fakeNode) ImportAccounts(ctx context.Context, accounts []node.NewAccount) ([]node.MadeAccount, error) {
	var words []string
	for _, a := range accounts {
		words = append(words, a.User+"/"+a.Name+"/"+a.Team)
	}
	return f.made, f.called(ctx, "ImportAccounts", strings.Join(words, " "))
}

// madeLink is as long as a join link is.
const madeLink = "earshot://chat.office.lan:7421/?k=AMn0J4KySqdSieTRiFWmpsZdcFLEg9fcGKq1v5w7yTs&c=7PZKX2MVQ4RB"

func (f *fakeNode) Invite(ctx context.Context, i node.Invitation) (string, error) {
	return madeLink, f.called(ctx, "Invite", strconv.Itoa(i.Uses))
}

func (f *fakeNode) Announce(ctx context.Context, text string) (node.Message, error) {
	return node.Message{}, f.called(ctx, "Announce", text)
}
