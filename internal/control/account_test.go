package control

import (
	"reflect"
	"testing"

	"earshot/internal/node"
	"earshot/peer"
)

func TestEveryCallAboutAServerReachesTheNode(t *testing.T) {
	n := &fakeNode{}
	path, _ := serve(t, n)
	c, ctx := dial(t, path), t.Context()
	in, name := node.SignIn{Server: "chat", User: "ann", Password: "päss\x00", New: true}, "Ann"
	change := node.AccountChange{Name: &name}
	people := []node.NewAccount{{User: "bob", Team: "Sales"}}

	// Through a follower: what it passes on is what the client does.
	f := Follow(c, nil, false)
	f.Account(ctx)
	f.Servers(ctx)
	f.ServerKey(ctx, "chat")
	f.SignIn(ctx, in)
	f.TakeBack(ctx)
	f.SignOut(ctx)
	f.ForgetServer(ctx)
	f.ChangeAccount(ctx, change)
	f.ChangePassword(ctx, "old", "new")
	f.AccountDevices(ctx)
	f.RevokeDevice(ctx, peer.ID{1})
	f.Announce(ctx, "to all")
	f.Friends(ctx)
	f.SearchAccounts(ctx, "bo")
	f.Friendship(ctx, "bob", node.AcceptFriend)
	f.OnlineDevices(ctx)
	f.ListAccounts(ctx)
	f.Administer(ctx, "bob", node.KickAccount)
	f.Invite(ctx, node.Invitation{Uses: 3})
	f.ImportAccounts(ctx, people)

	want := []any{
		[]any{"account"}, []any{"servers"}, []any{"server key", "chat"}, []any{"sign in", in}, []any{"take back"}, []any{"sign out"}, []any{"forget server"},
		[]any{"change account", change}, []any{"password", "old", "new"}, []any{"devices"}, []any{"revoke", peer.ID{1}},
		[]any{"announce", "to all"}, []any{"friends"}, []any{"search", "bo"}, []any{"friendship", "bob", node.AcceptFriend}, []any{"online"}, []any{"accounts"},
		[]any{"administer", "bob", node.KickAccount}, []any{"invite", node.Invitation{Uses: 3}}, []any{"import", people},
	}
	n.mu.Lock()
	defer n.mu.Unlock()
	if !reflect.DeepEqual(n.asked, want) {
		t.Errorf("asked\n%v, want\n%v", n.asked, want)
	}
	if len(accountCalls) != len(want) {
		t.Errorf("%d calls are known, %d were made", len(accountCalls), len(want))
	}
	for word := range accountCalls {
		if _, twice := calls[word]; twice {
			t.Errorf("%q is two calls", word)
		}
	}
}

func TestWhatAServerSaidComesBackWhole(t *testing.T) {
	path, _ := serve(t, &fakeNode{})
	c := dial(t, path)
	if a, err := c.SignIn(t.Context(), node.SignIn{}); err != nil || a.User.String() != "ann" || !a.SignedIn {
		t.Errorf("signed in: %+v, %v", a, err)
	}
	if friends, err := c.Friends(t.Context()); err != nil || len(friends) != 1 || friends[0].User.String() != "bob" {
		t.Errorf("friends: %+v, %v", friends, err)
	}
	if password, err := c.Administer(t.Context(), "bob", node.ResetAccount); err != nil || password != "word" {
		t.Errorf("reset: %q, %v", password, err)
	}
}
