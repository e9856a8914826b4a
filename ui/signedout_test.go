package ui

import (
	"fmt"
	"testing"
	"time"

	"earshot/internal/node"
	"earshot/peer"
)

// atWork is an account that is signed in and has a friend.
func atWork() *fakeNode {
	f := newFakeNode()
	f.account = node.Account{SignedIn: true, Reached: true, User: peer.Line("wangfang", 0), Name: peer.Line("Wang Fang", 0), Server: "chat.office.lan:7421", Fingerprint: "CC84 50F4"}
	f.friends = []node.Friend{{User: peer.Line("ann", 0), Name: peer.Line("Ann", 0), State: "friend", Presence: "busy", Status: peer.DisplayName("call")}}
	return f
}

// out has the node say that it was signed out.
func (k *console) out(reason string) {
	a := k.node.account
	a.Reached = false
	if a.Elsewhere = reason == node.OutElsewhere; !a.Elsewhere {
		a.SignedIn = false
	}
	k.say(node.Event{Kind: node.SignedOut, Reason: peer.Line(reason, 0)}, node.Event{Kind: node.AccountChanged, Account: &a})
}

func TestWhoIsSignedOutIsTold(t *testing.T) {
	withAnn(t, atWork(), func(k *console) {
		k.shows("busy: call")
		k.out(node.OutByServer)
		k.shows("Signed out of chat.office.lan", "signed this device out at 10:04.", "An administrator did it", "[ Sign in ]")
		k.hides("busy: call")
		k.keys("Enter") // at once, meant for something else
		k.shows("An administrator did it")
		<-time.After(unguarded)
		k.keys("Enter") // Close is what it begins with
		k.hides("An administrator did it")
		k.shows("signed out of chat.office.lan: /account signs in")
		k.keys("Ctrl+R", "Left", "Enter")
		k.shows("Sign in", "[chat.office.lan:7421", "[wangfang") // where it was
		k.keys("Esc")
		a := k.node.account
		k.say(node.Event{Kind: node.AccountChanged, Account: &a})
		k.keys("Ctrl+R")
		k.shows("Nothing waits for an answer.")
	})
}

func TestASecondPlaceIsToldAndTakenBack(t *testing.T) {
	withAnn(t, atWork(), func(k *console) {
		k.out(node.OutElsewhere)
		k.shows("Signed in from another place", "since 10:04", "--profile NAME", "somebody else has your key")
		k.asked("TakeBack")
		<-time.After(unguarded)
		k.keys("Left", "Enter")
		k.asked("TakeBack", "")
		k.shows("Signed in as wangfang on chat.office.lan.")
		k.out(node.OutElsewhere)
		<-time.After(unguarded)
		k.keys("Esc")
		<-time.After(noticeTime)
		k.rest()
		k.shows("signed in on chat.office.lan from another place")
		k.keys("/account", "Enter")
		k.shows("Sign in here", "Sign out")
		k.keys("Tab", "Enter") // from Close to the first
		k.asked("TakeBack", "", "")
	})
}

// accountScreens opens what an account brings.
var accountScreens = []struct {
	name string
	open func(k *console)
}{
	{"sign-in", func(k *console) {
		k.say(node.Event{Kind: node.AccountChanged, Account: &node.Account{}})
		k.keys("/account", "Enter")
	}},
	{"new-account", func(k *console) {
		k.say(node.Event{Kind: node.AccountChanged, Account: &node.Account{}})
		k.keys("/account", "Enter")
		k.paste(madeLink)
		k.keys("Tab", "Tab", "Tab", "Right", "Enter", "wang", "Tab", "Tab", "wangwang88")
	}},
	{"account", func(k *console) { k.keys("/account", "Enter") }},
	{"password", func(k *console) { k.keys("/account", "Enter", "Left", "Left", "Enter") }},
	{"signed-out", func(k *console) { k.out(node.OutByServer) }},
	{"elsewhere", func(k *console) { k.out(node.OutElsewhere) }},
	{"find-friend", func(k *console) {
		k.keys("/friend", "Enter", "c")
		<-time.After(searchPause)
		k.rest()
	}},
}

func TestAnAccountLooksAsDesigned(t *testing.T) {
	for _, s := range accountScreens {
		for _, size := range [][2]int{{80, 24}, {40, 15}, {20, 6}} {
			for _, lang := range []string{"en", "zh"} {
				name := fmt.Sprintf("account-%s-%dx%d-%s", s.name, size[0], size[1], lang)
				t.Run(name, func(t *testing.T) {
					f := atWork()
					f.strangers = []node.Friend{{User: peer.Line("cleo", 0), Name: peer.Line("Cleo Wu", 0), Team: peer.Line("Sales", 0)}}
					f.people = []node.Person{person(2, "Ann", "")}
					run(t, size[0], size[1], f, Config{Lang: lang}, func(k *console) {
						k.keys("Enter")
						s.open(k)
						k.golden(name)
					})
				})
			}
		}
	}
}

// TestNothingOpensUnderSomebodysFingers: who writes finds a bar.
func TestNothingOpensUnderSomebodysFingers(t *testing.T) {
	withAnn(t, atWork(), func(k *console) {
		k.keys("I am just wri")
		k.out(node.OutElsewhere)
		k.hides("--profile NAME")
		k.shows("signed in on chat.office.lan from another place", "^R answer")
		k.keys("ting", "Enter")
		k.asked("Write", "I am just writing")
		k.keys("Ctrl+R")
		k.shows("--profile NAME")
	})
}

// TestAScreenThatComesLaterIsToldToo attaches to a node that was told before.
func TestAScreenThatComesLaterIsToldToo(t *testing.T) {
	f := atWork()
	f.account.Reached, f.account.Elsewhere = false, true
	run(t, 80, 24, f, Config{Lang: "zh"}, func(k *console) {
		k.shows("在别处登录", "--profile 名字", "在此登录")
	})
}
