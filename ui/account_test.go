package ui

import (
	"testing"
	"time"

	"earshot/internal/node"
	"earshot/peer"
)

// typeCommand writes a command into the line of a conversation.
func (k *console) typeCommand(line string) { k.keys(line, "Enter") }

// withAnn is a console in the conversation with Ann, who has an account.
func withAnn(t *testing.T, f *fakeNode, test func(*console)) {
	ann := person(2, "Ann", "")
	ann.Account = "ann"
	f.people = []node.Person{ann}
	run(t, 80, 24, f, Config{}, func(k *console) {
		k.keys("Enter") // the first one on the list
		test(k)
	})
}

func TestSigningInComparesTheKeyFirst(t *testing.T) {
	f := newFakeNode()
	f.key = node.ServerKey{Address: "chat.office.lan:7421", Fingerprint: "CC84 50F4 EC2E 42BB"}
	withAnn(t, f, func(k *console) {
		k.typeCommand("/account chat.office.lan")
		k.shows("Sign in", "chat.office.lan", "Messages and files still go straight to the other person.")
		k.keys("wangfang", "Enter", "secret words", "Enter", "Enter")
		k.hides("secret words")
		k.shows("Is this chat.office.lan?", "CC84 50F4 EC2E 42BB")
		k.asked("SignIn")
		k.keys("Enter") // Cancel is what it begins with
		k.asked("SignIn")
		k.shows("Sign in")
		k.keys("Enter", "Left", "Enter")
		k.asked("SignIn", "chat.office.lan CC84 50F4 EC2E 42BB wangfang secret words")
		k.shows("Signed in as wangfang on chat.office.lan.")
	})
}

func TestWhatIsWrongIsSaidInTheForm(t *testing.T) {
	f := newFakeNode()
	f.key = node.ServerKey{Address: "chat:7421", Pinned: true}
	f.fail["SignIn"] = node.ErrCredentials
	withAnn(t, f, func(k *console) {
		k.typeCommand("/account")
		k.keys("chat", "Enter", "Enter", "Enter", "Enter") // no user
		k.shows("This is missing.")
		k.asked("ServerKey")
		k.keys("ann", "Enter", "wrong", "Enter", "Enter")
		k.shows("Wrong user name or password.", "Sign in")
		f.mu.Lock()
		f.fail["SignIn"], f.fail["ServerKey"] = nil, node.ErrServerAway
		f.mu.Unlock()
		k.keys("Enter")
		k.shows("The server does not answer. You can work without it.")
		k.keys("Esc")
		k.hides("Work without a server")
	})
}

func TestAResetPasswordIsChosenAnewInTheConsole(t *testing.T) {
	f := newFakeNode()
	f.key = node.ServerKey{Address: "chat:7421", Pinned: true}
	f.fail["SignIn"] = node.ErrChoose
	withAnn(t, f, func(k *console) {
		k.typeCommand("/account chat")
		k.keys("ann", "Enter", "one-time", "Enter", "Enter")
		k.shows("Choose a password")
		f.mu.Lock()
		f.fail["SignIn"] = nil
		f.mu.Unlock()
		k.keys("my own words", "Enter", "my own word", "Enter", "Enter")
		k.shows("two different passwords")
		k.asked("SignIn", "chat  ann one-time")
		k.keys("my own words", "Enter", "Enter")
		k.asked("SignIn", "chat  ann one-time", "chat  ann one-timemy own words")
		k.shows("Signed in as ann on chat.")
	})
}

func TestFriendsShowTheirPresence(t *testing.T) {
	f := newFakeNode()
	f.account = node.Account{SignedIn: true, Reached: true, User: peer.Line("wangfang", 0), Name: peer.Line("Wang Fang", 0), Server: "chat.office.lan:7421", Fingerprint: "CC84 50F4"}
	f.friends = []node.Friend{{User: peer.Line("ann", 0), Name: peer.Line("Ann", 0), State: "friend", Presence: "busy", Status: peer.DisplayName("call")}}
	withAnn(t, f, func(k *console) {
		k.shows("◐ Ann  busy: call", " Ann  busy: call  ", "● Wang Fang  chat.office.lan")
		ann := f.friends[0]
		ann.Presence = "online"
		k.say(node.Event{Kind: node.PresenceChanged, Friend: &ann})
		k.hides("busy: call")
		k.shows("call")
		bob := node.Friend{User: peer.Line("bob", 0), Name: peer.Line("Bob Li", 0), State: "incoming"}
		k.say(node.Event{Kind: node.FriendRequest, Friend: &bob})
		k.shows("Bob Li (bob) asks to be on your friend list")
		k.keys("Ctrl+R")
		k.shows("Friends see when you are there")
		k.keys("Left", "Left", "Enter")
		k.typeCommand("/friend cleo")
		k.shows("cleo is asked.")
		k.asked("Friendship", "bob add", "cleo add")
		k.keys("Ctrl+K")
		k.paste("/friend dora")
		k.shows("/friend dora")
		k.keys("Enter")
		k.asked("Friendship", "bob add", "cleo add", "dora add")
		bob.State = "friend"
		k.say(node.Event{Kind: node.FriendsChanged, Friend: &bob})
		k.hides("asks to be on your friend list")
		k.typeCommand("/account")
		k.shows("Account on chat.office.lan", "CC84 50F4")
		k.keys("Left", "Left", "Left", "Enter")
		k.asked("ChangeAccount", "busy")
		away := f.account
		away.Presence = "busy"
		k.say(node.Event{Kind: node.AccountChanged, Account: &away})
		k.keys("Ctrl+C") // what was said is over
		<-time.After(noticeTime)
		k.rest()
		k.shows("◐ Wang Fang  busy  chat.office.lan")
		k.typeCommand("/account")
		k.shows("│ busy")
		k.keys("Esc")
		away.Reached, away.Problem = false, peer.Line("the server does not answer", 0)
		k.say(node.Event{Kind: node.AccountChanged, Account: &away})
		<-time.After(noticeTime)
		k.rest()
		k.shows("chat.office.lan does not answer")
	})
}

func TestAServerThatWasFoundIsNoGate(t *testing.T) {
	f := newFakeNode()
	f.found = []node.FoundServer{{Name: peer.Line("Office", 0), Address: "10.0.0.9:7421", Via: node.ViaMDNS}}
	withAnn(t, f, func(k *console) {
		k.shows("Server found, not verified: Office")
		k.typeCommand("hello") // nothing has to be done about it
		k.asked("Write", "hello")
		k.keys("Ctrl+R")
		k.shows("Sign in", "10.0.0.9:7421")
		k.keys("Esc")
		k.hides("Server found")
		k.typeCommand("/account")
		k.shows("[10.0.0.9:7421")
		k.keys("Esc")
		k.asked("ServerKey")
		f.found[0].Address = "10.0.0.8:7421"
		k.say(node.Event{Kind: node.ServersFound, Servers: f.found})
		k.shows("Server found, not verified: Office")
		k.say(node.Event{Kind: node.AccountChanged, Account: &node.Account{Server: "chat:7421"}})
		k.hides("Server found") // one is in use
	})
}

func TestSomebodyIsFoundAtTheServer(t *testing.T) {
	f := atWork()
	f.strangers = []node.Friend{
		{User: peer.Line("cleo", 0), Name: peer.Line("Cleo Wu", 0), Team: peer.Line("Sales", 0)},
		{User: peer.Line("ann", 0), Name: peer.Line("Ann", 0), State: "friend"},
	}
	withAnn(t, f, func(k *console) {
		k.typeCommand("/friend")
		k.shows("Find people on chat.office.lan")
		k.keys("c", "l")
		k.asked("SearchAccounts") // who types is not asked about at each key
		<-time.After(searchPause)
		k.rest()
		k.asked("SearchAccounts", "cl")
		k.shows("cleo", "Cleo Wu", "Sales")
		k.keys("Enter")
		k.asked("Friendship", "cleo add")
		k.shows("cleo is asked.")
		f.mu.Lock()
		f.fail["Friendship"] = node.ErrNoAccount
		f.mu.Unlock()
		k.typeCommand("/friend anna")
		k.asked("Friendship", "cleo add", "anna add")
		k.shows("Find people on chat.office.lan", "> [anna")
		<-time.After(searchPause)
		k.rest()
		k.keys("Down", "Enter") // who is a friend already
		k.shows("Ann is on your friend list.")
		f.mu.Lock()
		delete(f.fail, "Friendship")
		f.fail["SearchAccounts"] = node.ErrServerAway
		f.mu.Unlock()
		k.keys("Left", "Enter")
		k.asked("Friendship", "cleo add", "anna add", "ann remove")
		k.typeCommand("/friend")
		k.keys("x")
		<-time.After(searchPause)
		k.rest()
		k.shows("The server does not answer.")
	})
}

func TestAnInvitationIsForANewAccount(t *testing.T) {
	f := newFakeNode()
	f.account.Admin = true
	f.key = node.ServerKey{Address: "chat:7421", Pinned: true}
	withAnn(t, f, func(k *console) {
		k.typeCommand("/account")
		k.paste(madeLink)
		k.shows("This link is an invitation")
		k.keys("Ctrl+U", "chat")
		k.hides("This link is an invitation")
		k.keys("Enter", "ann", "Enter", "secret words", "Enter", "Enter")
		k.shows("Signed in as ann on chat, as its administrator: /admin.")
	})
}
