package ui

import (
	"fmt"
	"testing"
	"time"

	"earshot/internal/node"
	"earshot/peer"
)

// headquarters is the office, whose person is an administrator of its server.
func headquarters() *fakeNode {
	f := office()
	f.account = node.Account{
		SignedIn: true, Reached: true, Admin: true, User: peer.Line("wangfang", 0), Name: peer.DisplayName("Wang Fang"), Server: "chat.office.lan:7421",
	}
	for i, a := range []node.ListedAccount{
		{User: peer.Line("wangfang", 0), Name: peer.DisplayName("Wang Fang"), Team: peer.DisplayName("Finance"), Admin: true, Devices: 2, LastSeen: testNow},
		{User: peer.Line("ann", 0), Name: peer.DisplayName("Ann Li"), Team: peer.DisplayName("Sales"), Devices: 1, LastSeen: at(-3, 17, 0)},
		{User: peer.Line("bob", 0), Name: peer.DisplayName("Bob (Warehouse)"), Disabled: true, Devices: 0, LastSeen: at(-90, 17, 0)},
		{User: peer.Line("zhang.xiaoming", 0), Name: peer.DisplayName("张晓明"), Team: peer.DisplayName("仓库"), Devices: 1, LastSeen: testNow},
		{User: peer.Line("newcomer", 0), Name: peer.DisplayName("newcomer")},
	} {
		a.Account = uuidOf(uint64(201 + i))
		f.accounts = append(f.accounts, a)
	}
	f.there = []node.OnlineDevice{
		{Account: uuidOf(201), Device: idOf(1), Address: peer.Line("10.3.2.40", 0), Since: at(0, 8, 55), Presence: "online"},
		{Account: uuidOf(201), Device: idOf(9), Address: peer.Line("10.9.0.7", 0), Since: at(-1, 18, 20), Presence: "busy"},
		{Account: uuidOf(204), Device: idOf(3), Address: peer.Line("10.3.2.58", 0), Since: at(0, 9, 2), Presence: "online"},
	}
	return f
}

// adminScreens opens what an administrator sees.
var adminScreens = []struct {
	name string
	keys []string
}{
	{"admin", nil},
	{"admin-disabled", []string{"End"}},
	{"admin-kick", []string{"k"}},
	{"admin-password", []string{"Down", "r", "Left", "Enter"}},
	{"admin-invite", []string{"i"}},
	{"admin-link", []string{"i", "20", "Enter", "Enter"}},
}

func TestAdministrationLooksAsDesigned(t *testing.T) {
	for _, s := range adminScreens {
		for _, size := range sizes {
			for _, lang := range []string{"en", "zh"} {
				name := fmt.Sprintf("%s-%dx%d-%s", s.name, size[0], size[1], lang)
				t.Run(name, func(t *testing.T) {
					run(t, size[0], size[1], headquarters(), Config{Lang: lang}, func(k *console) {
						k.keys("Enter", "/admin", "Enter")
						k.keys(s.keys...)
						k.golden(name)
					})
				})
			}
		}
	}
}

func TestWhatCannotBeTakenBackIsAskedFirst(t *testing.T) {
	f := headquarters()
	run(t, 80, 24, f, Config{}, func(k *console) {
		k.keys("Enter", "/admin", "Enter")
		k.shows("2 of 5 on-line", "10.3.2.40 since 08:55", "busy", "administrator", "last seen 9 Mar", "no device", "Finance")
		k.keys("Down", "k")
		k.shows("Sign zhang.xiaoming out everywhere?")
		k.asked("Administer")
		k.keys("Enter") // Cancel is what it begins with
		k.asked("Administer")
		k.keys("k", "Left", "Enter")
		k.asked("Administer", "zhang.xiaoming kick")
		k.shows("zhang.xiaoming is signed out everywhere.")

		k.keys("d", "Left", "Enter")
		k.asked("Administer", "zhang.xiaoming kick", "zhang.xiaoming disable")
		k.keys("End")
		k.shows("d enable")
		k.hides("d disable")
		k.keys("d") // takes nothing away
		k.asked("Administer", "zhang.xiaoming kick", "zhang.xiaoming disable", "bob enable")
		k.shows("bob may sign in again.")
	})
}

func TestAnAccountIsFoundByAnyPartOfItsNames(t *testing.T) {
	run(t, 80, 24, headquarters(), Config{}, func(k *console) {
		k.keys("Enter", "/admin", "Enter", "Ctrl+F", "WAREH")
		k.shows("Find an account", "bob")
		k.keys("Enter")
		k.hides("Find an account")
		k.shows("── bob ──")
		k.keys("Ctrl+F", "nobody")
		k.shows("Nobody and nothing of this name.")
		k.keys("Enter", "Esc", "Ctrl+F", "仓", "Enter", "k")
		k.shows("Sign zhang.xiaoming out everywhere?")
	})
}

func TestANewPasswordIsShownOnce(t *testing.T) {
	f := headquarters()
	run(t, 80, 24, f, Config{}, func(k *console) {
		k.keys("Enter", "/admin", "Enter", "r")
		k.hides("abcd-efgh-ijkl")
		k.keys("Left", "Enter")
		k.asked("Administer", "wangfang reset")
		k.shows("The new password of wangfang", "abcd-efgh-ijkl")
		k.keys("Enter") // at once, meant for something else
		k.shows("abcd-efgh-ijkl")
		<-time.After(unguarded)
		k.keys("Enter")
		k.shows("abcd-efgh-ijkl", "Copied.")
		k.keys("Right", "Enter")
		k.hides("abcd-efgh-ijkl")
		k.keys("k", "Esc", "i", "Esc", "F5")
		k.hides("abcd-efgh-ijkl")
	})
}

func TestInvitingSaysForHowMany(t *testing.T) {
	run(t, 80, 24, headquarters(), Config{}, func(k *console) {
		k.keys("Enter", "/admin", "Enter", "i", "0", "Enter", "Enter")
		k.shows("Write a number from 1 to 1000.", "Invite people")
		k.asked("Invite")
		k.keys("Ctrl+A", "2", "Enter", "Enter")
		k.asked("Invite", "20")
		k.shows("earshot://chat.office.lan:7421/?", "for 20 people", "&c=7PZKX2MVQ4", "│ RB ") // to its end
	})
}

// TestAServerThatDoesNotAnswerHoldsNothingUp has the server hang, and then fail.
func TestAServerThatDoesNotAnswerHoldsNothingUp(t *testing.T) {
	f := headquarters()
	run(t, 80, 24, f, Config{}, func(k *console) {
		f.hold["ListAccounts"] = make(chan struct{}) // belongs to the bubble
		k.keys("Enter", "/admin", "Enter", "F5", "F5", "k", "Down")
		k.shows("Administration", "i invite")
		k.asked("ListAccounts", "") // one at a time
		k.keys("Esc")
		k.hides("Administration")
		k.shows("Li Wei")
		f.mu.Lock()
		hold := f.hold["ListAccounts"]
		f.hold["ListAccounts"] = nil
		f.mu.Unlock()
		close(hold)
		k.keys("/admin", "Enter")
		k.shows("2 of 5 on-line")
		f.mu.Lock()
		f.fail["ListAccounts"] = node.ErrServerAway
		f.mu.Unlock()
		<-time.After(2 * adminPause)
		k.rest()
		k.shows("The server does not answer.", "zhang.xiaoming")
		f.mu.Lock()
		f.fail["ListAccounts"] = nil
		f.mu.Unlock()
		<-time.After(2 * adminPause)
		k.rest()
		k.hides("The server does not answer.")
		k.keys("Esc")
		before := len(f.did("ListAccounts"))
		<-time.After(5 * adminPause)
		if after := len(f.did("ListAccounts")); after != before {
			t.Errorf("it was read %d times by nobody's wish", after-before)
		}
	})
}

func TestOnlyAdministratorsAdminister(t *testing.T) {
	f := office()
	run(t, 80, 24, f, Config{}, func(k *console) {
		k.keys("Enter", "/admin", "Enter")
		k.shows("You are not signed in. /account signs in.")
		k.asked("ListAccounts")
		k.keys("/help admin", "Enter")
		k.hides("administration: who is on-line")
		a := headquarters().account
		k.keys("Esc")
		k.say(node.Event{Kind: node.AccountChanged, Account: &a})
		k.keys("/help admin", "Enter")
		k.shows("administration: who is on-line")
		k.keys("Esc")
		a.Admin = false
		k.say(node.Event{Kind: node.AccountChanged, Account: &a})
		k.keys("/admin", "Enter")
		k.shows("administrator")
		k.asked("ListAccounts")
	})
}
