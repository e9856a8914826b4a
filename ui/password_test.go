package ui

import (
	"testing"

	"earshot/internal/node"
	"earshot/peer"
)

func TestHowStrongAPasswordIs(t *testing.T) {
	for password, want := range map[string]strength{
		"": "", "a": tooShort, "x7#kQ9!": tooShort, "密码密码密码密": tooShort,
		"12345678": weak, "aaaaaaaaaaaaaaaa": weak, "abcdefghijkl": weak, "987654321": weak, "qwertyuiop": weak, "QWERTYUIOP": weak, "asdfghjkl1": weak,
		"password": weak, "Password1!": weak, "P@ssw0rd": weak, "iloveyou!": weak, "letmein123": weak, "admin@123": weak, "summer2026": weak, "abcabcabcabc": weak,
		"Tr0ub4dor&3": weak, "correct horse": fair, "x7#kQ9!w": fair,
		"correct horse battery staple": strong, "x7#kQ9!wLp2$": strong, "正确的马电池订书钉": strong,
		"wangfang99": named, "xx WangFang xx zz yy 77": named,
	} {
		if got := strengthOf(password, "wangfang"); got != want {
			t.Errorf("%q is %q with %.0f bits, want %q", password, got, guessBits(password), want)
		}
	}
	if got := strengthOf("correct horse", "or"); got != fair {
		t.Errorf("a user name of two letters makes it %q", got)
	}
}

func TestANewAccountsPasswordIsWrittenTwice(t *testing.T) {
	f := newFakeNode()
	f.key = node.ServerKey{Address: "chat.office.lan:7421", Pinned: true}
	withAnn(t, f, func(k *console) {
		k.typeCommand("/account chat.office.lan")
		k.keys("wangfang", "Enter", "Enter", "Right", "Enter")
		k.shows("New account", "[chat.office.lan", "[wangfang", "[Wang Fang", "Once more")
		k.keys("short")
		k.shows("Too short: a password has at least 8 characters.")
		k.keys("er wangfang")
		k.shows("it has the user name in it")
		k.keys("Up", "Up", "Ctrl+U", "ann")
		k.hides("it has the user name in it")
		k.keys("Ctrl+U", "wangfang", "Tab", "Tab", "Ctrl+U", "correct horse")
		k.shows("Fair. Longer is better.")
		k.hides("correct horse")
		k.keys("Enter", "another horse", "Enter", "Enter")
		k.shows("two different passwords")
		k.asked("SignIn")
		k.keys("correct horse", "Enter", "Enter") // the field was emptied
		k.asked("SignIn", "chat.office.lan  wangfang correct horse new Wang Fang")
		k.shows("Signed in as wangfang on chat.office.lan.")
		k.hides("New account")
	})
}

func TestWhatAServerRefusesStaysInTheForm(t *testing.T) {
	f := newFakeNode()
	f.key = node.ServerKey{Address: "chat:7421", Pinned: true}
	f.fail["SignIn"] = node.ErrTaken
	withAnn(t, f, func(k *console) {
		k.typeCommand("/account chat")
		k.keys("Tab", "Tab", "Right", "Enter", "ann", "Tab", "Tab", "correct horse", "Enter", "correct horse", "Enter", "Enter")
		k.shows("Somebody has this user name already.", "[chat", "[ann", "New account")
		k.keys("Right", "Enter") // back
		k.shows("Work without a server", "[chat")
		k.keys("Esc")
		k.hides("Work without a server")
	})
}

func TestThePasswordIsChanged(t *testing.T) {
	f := newFakeNode()
	f.account = node.Account{SignedIn: true, Reached: true, User: peer.Line("wangfang", 0), Server: "chat.office.lan:7421"}
	f.fail["ChangePassword"] = node.ErrCredentials
	withAnn(t, f, func(k *console) {
		k.typeCommand("/account")
		k.keys("Left", "Left", "Enter")
		k.shows("Change the password", "Your other devices are signed out")
		k.keys("old words", "Enter", "new wo", "Enter", "new wo", "Enter", "Enter")
		k.shows("Too short")
		k.asked("ChangePassword")
		k.keys("rds", "Enter", "rds", "Enter", "Enter")
		k.asked("ChangePassword", "old words new words")
		k.shows("Wrong user name or password.", "Change the password")
		f.mu.Lock()
		delete(f.fail, "ChangePassword")
		f.mu.Unlock()
		k.keys("Enter")
		k.shows("The password is changed")
		k.hides("Change the password", "new words")
	})
}
