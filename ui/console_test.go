package ui

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/gdamore/tcell/v2"

	"earshot/internal/node"
	"earshot/peer"
)

func TestWriteAMessage(t *testing.T) {
	run(t, 80, 24, office(), Config{}, func(k *console) {
		k.keys("Enter", "See you at noon 中文 👍", "Enter")
		k.asked("Write", "See you at noon 中文 👍")
		k.shows("See you at noon 中文 👍", "> Message, or drop")
		m := k.node.messages[len(k.node.messages)-1]
		for state, mark := range map[node.MessageState]string{node.Delivered: "👍 ✓\n", node.Read: "👍 ✓✓\n"} {
			m.State = state
			k.say(node.Event{Kind: node.StateChanged, Message: &m})
			k.shows(mark)
		}
	})
}

func TestQueuedMessageSaysWhatItWaitsFor(t *testing.T) {
	run(t, 80, 24, office(), Config{}, func(k *console) {
		k.keys("Ctrl+K", "Maria", "Enter", "hello", "Enter")
		k.shows("Maria  away since 9 Mar", "hello (waiting: Maria is away)")
		m := k.node.messages[len(k.node.messages)-1]
		maria := k.node.people[6]
		maria.Online, maria.Connected = true, true
		m.Why = peer.Line("the queue is full", 0)
		k.say(node.Event{Kind: node.PeerUp, Person: &maria})
		k.shows("hello\n")
		k.say(node.Event{Kind: node.StateChanged, Message: &m})
		k.shows("hello (the queue is full)", "Maria came in 10:04")
	})
}

func TestMessagesKeepTheirOrder(t *testing.T) {
	f := office()
	f.hold["Write"] = make(chan struct{}, 9)
	run(t, 80, 24, f, Config{}, func(k *console) {
		f.hold["Write"] = make(chan struct{}, 9)
		k.keys("Enter")
		for _, text := range []string{"one", "two", "three"} {
			k.keys(text, "Enter")
		}
		k.asked("Write", "one")
		for range 3 {
			f.hold["Write"] <- struct{}{}
		}
		k.rest()
		k.asked("Write", "one", "two", "three")
	})
}

func TestWhatIsAskedForKeepsItsOrder(t *testing.T) {
	f := office()
	run(t, 80, 24, f, Config{}, func(k *console) {
		f.hold["Watch"], f.hold["Pause"] = make(chan struct{}), make(chan struct{})
		liWei, zhang := string(node.Direct(idOf(2)))[:4], string(node.Direct(idOf(3)))[:4]
		k.keys("Enter", "Ctrl+G")
		k.asked("Watch", liWei)
		close(f.hold["Watch"])
		k.rest()
		k.asked("Watch", liWei, zhang)
		k.keys("Ctrl+T", "p")
		paused := f.transfers[1]
		paused.State = "paused"
		k.say(node.Event{Kind: node.TransferMoved, Transfer: &paused})
		k.keys("p")
		k.asked("Resume")
		close(f.hold["Pause"])
		k.rest()
		k.asked("Resume", "site-photos.zip")
	})
}

func TestOffersHoldUpNothing(t *testing.T) {
	f := office()
	run(t, 80, 24, f, Config{}, func(k *console) {
		f.hold["Offer"] = make(chan struct{})
		k.keys("Enter")
		for range workers {
			k.keys("/send /srv/large.iso", "Enter")
		}
		k.asked("Offer", "/srv/large.iso")
		k.keys("F5", "Ctrl+G")
		k.asked("Look", "")
		if len(f.did("History")) != 2 {
			t.Errorf("the node got %q", f.did("History"))
		}
	})
}

func TestNobodyReplacesAMessageOfAnother(t *testing.T) {
	run(t, 80, 24, office(), Config{}, func(k *console) {
		k.keys("Enter", "I never agreed", "Enter")
		ours := k.node.messages[len(k.node.messages)-1]
		offer := k.node.messages[3]
		k.node.receive(k.node.people[0], "before")
		for _, m := range []node.Message{{ID: ours.ID, Text: peer.Body("you did agree")}, {ID: offer.ID, Offer: &node.Offer{ID: offer.Offer.ID, Name: peer.Line("bad.exe", 0), Files: 1}}} {
			m.Conversation, m.From, m.At, m.State = ours.Conversation, ref(k.node.people[0]), testNow, node.Delivered
			m = k.node.add(m)
			k.say(node.Event{Kind: node.MessageAdded, Message: &m}, node.Event{Kind: node.StateChanged, Message: &m})
		}
		k.shows("Wang Fang  I never agreed", "you did agree", "Li Wei sends bad.exe (0 B)\n", "You send budget")
	})
}

func TestAMessageThatWasNotTakenComesBack(t *testing.T) {
	f := office()
	f.fail["Write"] = node.ErrKeyChanged
	run(t, 80, 24, f, Config{}, func(k *console) {
		k.keys("Enter", "secret", "Enter")
		k.shows("> secret", "! Not sent: this is not the computer of the person you")
		f.fail["Write"] = nil
		k.keys("Enter")
		k.shows("> Message, or drop")
		k.hides("Not sent")
	})
}

func TestMessagesThatWereNotTakenKeepTheirOrder(t *testing.T) {
	f := office()
	run(t, 80, 24, f, Config{}, func(k *console) {
		f.fail["Write"], f.hold["Write"] = errors.New("no"), make(chan struct{})
		k.keys("Enter", "one", "Enter", "two", "Enter", "three", "Enter", "four")
		close(f.hold["Write"])
		k.rest()
		f.fail["Write"], f.hold["Write"] = nil, nil
		k.keys("Enter")
		k.asked("Write", "one", "two", "three", "one\ntwo\nthree\nfour")
	})
}

func TestWhoeverWritesSeesIt(t *testing.T) {
	run(t, 80, 24, long(3000, 0), Config{}, func(k *console) {
		k.keys("Enter")
		for range 14 {
			k.keys("Ctrl+Home")
		}
		k.keys("hello from above", "Enter")
		k.shows("hello from above", "message 2999 of")
		k.hides("new below")
	})
}

func TestWarningsThatWereSeenAreNoRequests(t *testing.T) {
	f := newFakeNode()
	f.people = []node.Person{person(2, "Ann", "10.0.0.2")}
	run(t, 80, 24, f, Config{}, func(k *console) {
		p := f.people[0]
		p.Alarm = peer.Line("This identity runs on two computers.", 0)
		k.say(node.Event{Kind: node.PeerChanged, Person: &p})
		k.shows("runs on two computers.", "answer")
		k.keys("Ctrl+R", "Enter")
		k.hides("request", "runs on two")
		k.keys("Ctrl+R")
		k.shows("runs on two computers.")
		k.keys("Enter")
		p.Alarm = peer.Line("Two histories.", 0)
		k.say(node.Event{Kind: node.PeerChanged, Person: &p})
		k.shows("Two histories.")
	})
}

func TestTheTransfersPageMovesByPagesAndGivesWay(t *testing.T) {
	f := office()
	for i := range uint64(100) {
		f.transfers = append(f.transfers, node.Transfer{
			ID: uuidOf(1000 + i), State: "done", Peer: ref(f.people[0]), Offered: at(-1, 9, 0).Add(-time.Duration(i) * time.Minute),
			Name: peer.Line(fmt.Sprintf("old-%d.txt", i), 0),
		})
	}
	run(t, 80, 24, f, Config{}, func(k *console) {
		k.keys("Enter", "Ctrl+T", "PgDn", "PgDn")
		k.shows("old-20.txt")
		k.hides("old-99.txt", "site-photos")
		k.keys("PgUp", "PgUp")
		k.shows("site-photos")
		k.keys("Ctrl+End")
		k.shows("old-99.txt")
		k.keys("Home")
		k.shows("site-photos")
		for _, key := range []string{"Ctrl+N", "Ctrl+P", "Ctrl+F"} {
			k.keys(key)
			k.hides("old-0.txt")
			k.keys("Esc", "Ctrl+T")
		}
	})
}

func TestQuitWaitsForWhatWasWritten(t *testing.T) {
	f := office()
	run(t, 80, 24, f, Config{}, func(k *console) {
		f.hold["Write"] = make(chan struct{})
		k.keys("Enter", "last words", "Enter", "Ctrl+Q")
		close(f.hold["Write"])
		k.rest()
		if err := k.ended(); err != nil {
			t.Error(err)
		}
		k.asked("Write", "last words")
	})
}

func TestQuitTwiceQuitsAtOnce(t *testing.T) {
	f := office()
	run(t, 80, 24, f, Config{}, func(k *console) {
		f.hold["Write"] = make(chan struct{})
		k.keys("Enter", "last words", "Enter", "Ctrl+Q", "Ctrl+Q")
		if err := k.ended(); err != nil {
			t.Error(err)
		}
	})
}

func TestQuitAsksWhereSomethingWouldBeLost(t *testing.T) {
	run(t, 80, 24, owned(office()), Config{}, func(k *console) {
		k.keys("Ctrl+Q")
		k.shows("1 transfer is running")
		k.keys("Enter")
		k.hides("Quit?")
		k.keys("Ctrl+Q", "Left", "Enter")
		k.rest()
		if err := k.ended(); err != nil {
			t.Error(err)
		}
	})
	run(t, 80, 24, office(), Config{}, func(k *console) {
		k.keys("Ctrl+Q") // the node goes on, so nothing stops
		if err := k.ended(); err != nil {
			t.Error(err)
		}
	})
}

// TestCtrlCQuitsWhereThereIsNothingToEmpty presses it in a line with text, which
// it empties and nothing more, then in the empty line.
func TestCtrlCQuitsWhereThereIsNothingToEmpty(t *testing.T) {
	run(t, 80, 24, office(), Config{}, func(k *console) {
		k.keys("Enter", "half a thought", "Ctrl+C")
		k.hides("half a thought", "Ctrl+C again quits.")
		k.keys("Ctrl+C")
		k.shows("Ctrl+C again quits.")
		k.keys("x", "Ctrl+C")
		k.hides("Ctrl+C again quits.")
		k.keys("Ctrl+K", "Ctrl+C")
		k.hides("Find a person", "Ctrl+C again quits.")
		k.keys("Ctrl+C")
		<-time.After(2 * again)
		k.keys("Ctrl+C")
		k.shows("Ctrl+C again quits.")
		k.keys("Ctrl+C")
		if err := k.ended(); err != nil {
			t.Error(err)
		}
	})
	run(t, 80, 24, owned(office()), Config{}, func(k *console) {
		k.keys("Enter", "unsent", "Ctrl+T", "Ctrl+C", "Ctrl+C")
		k.shows("1 transfer is running", "not sent yet")
		k.keys("Ctrl+C")
		k.hides("Quit?")
		k.keys("Esc")
		k.shows("> unsent")
	})
}

func TestSeveralLinesAreOneMessage(t *testing.T) {
	run(t, 80, 24, office(), Config{}, func(k *console) {
		k.keys("Enter", "one", "Ctrl+J", "two", "Shift+Enter", "three", "Ctrl+Enter", "four")
		k.post(tcell.NewEventKey(tcell.KeyRune, 'm', tcell.ModCtrl|tcell.ModAlt)) // Alt+Enter
		k.keys("five")
		k.shows("> one\n", "  two\n", "  five\n")
		k.keys("Enter")
		k.asked("Write", "one\ntwo\nthree\nfour\nfive")
	})
}

func TestPastesKeepTheirLines(t *testing.T) {
	for _, end := range []string{"\n", "\r", "\r\n"} {
		run(t, 80, 24, office(), Config{}, func(k *console) {
			k.keys("Enter")
			k.paste("first" + end + "" + end + "合同" + end)
			k.keys("Enter")
			k.asked("Write", "first\n\n合同")
		})
	}
}

func TestATooLongMessageStays(t *testing.T) {
	run(t, 80, 24, office(), Config{}, func(k *console) {
		k.keys("Enter")
		k.c.app.QueueUpdate(func() { k.c.compose.set(strings.Repeat("long ", 8000)) })
		k.keys("Enter")
		k.asked("Write")
		k.shows("Too long: a message has at most 32 KB")
	})
}

func TestDroppedFilesAreOffered(t *testing.T) {
	dir := t.TempDir()
	path := filepath.Join(dir, "my report.pdf")
	if err := os.WriteFile(path, make([]byte, 1500), 0o600); err != nil {
		t.Fatal(err)
	}
	run(t, 80, 24, office(), Config{}, func(k *console) {
		k.keys("Enter")
		k.paste("'" + path + "' ")
		k.shows("Send 1 file to Li Wei?", "my report.pdf", "1.5 kB")
		k.keys("Enter") // typed before anybody could read it
		k.shows("Send 1 file to Li Wei?")
		<-time.After(unguarded)
		k.keys("Enter")
		k.asked("Offer", path)
		k.paste(path)
		<-time.After(unguarded)
		k.keys("Right", "Enter")
		k.asked("Offer", path)
		k.shows("  report.pdf\n")
		k.keys("Ctrl+C")
		k.paste(path + " is missing")
		k.hides("Send 1 file")
		k.shows("is missing")
		for paste, title := range map[string]string{
			dir: "Send 1 folder to Li Wei?", "'" + dir + "' '" + path + "'": "Send 2 files and folders to Li Wei?",
		} {
			k.paste(paste)
			k.shows(title)
			<-time.After(unguarded)
			k.keys("Esc")
		}
	})
}

// TestWhatIsLeftOutOfAnOfferIsSaid sends a folder with a link in it.
func TestWhatIsLeftOutOfAnOfferIsSaid(t *testing.T) {
	f := office()
	f.transfers[0].Skipped = peer.Line("2 link (passwd, …), 1 pipe (queue)", 0)
	f.offered = f.transfers[0]
	run(t, 80, 24, f, Config{}, func(k *console) {
		k.keys("Enter", "/send /srv/photos", "Enter")
		k.shows("! Not all of budget-2026-03.xlsx can be sent. Left out: 2 link (passwd, …), 1", "pipe (queue)")
		k.shows("saved - left", "out: 2 link (passwd, …), 1 pipe (queue)")
		k.keys("Esc", "Ctrl+T", "End")
		k.shows(" left out: 2 link (passwd, …), 1 pipe (queue)")
	})
}

func TestSendDialogFindsFiles(t *testing.T) {
	dir := t.TempDir()
	for _, name := range []string{"budget-1.xlsx", "budget-2.xlsx", "other.txt", ".hidden", "folder/inside.txt"} {
		path := filepath.Join(dir, name)
		if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, []byte(name), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	run(t, 80, 24, office(), Config{}, func(k *console) {
		k.keys("Enter", "Ctrl+O", "Ctrl+U")
		k.paste(dir + "/")
		k.shows("folder/", "budget-1.xlsx", "other.txt")
		k.hides(".hidden")
		k.keys("Enter") // the first is the folder
		k.shows("inside.txt")
		k.keys("Ctrl+U")
		k.paste(dir + "/BUD")
		k.hides("other.txt")
		k.keys("Down", " ", "Up", " ", "Enter")
		k.asked("Offer", filepath.Join(dir, "budget-2.xlsx")+" "+filepath.Join(dir, "budget-1.xlsx"))
		k.keys("/send '"+dir+"/other.txt'", "Enter")
		if got := k.node.did("Offer"); len(got) != 2 || !strings.HasSuffix(got[1], "/other.txt") {
			t.Errorf("offers: %q", got)
		}
	})
}

// TestTheSendDialogTakesPathsFromElsewhere types, pastes and drops them behind what
// stands there.
func TestTheSendDialogTakesPathsFromElsewhere(t *testing.T) {
	dir := t.TempDir()
	t.Setenv("HOME", filepath.Join(dir, "home"))
	for _, name := range []string{"home/letter.txt", "else where/plan.pdf"} {
		path := filepath.Join(dir, name)
		if err := errors.Join(os.MkdirAll(filepath.Dir(path), 0o700), os.WriteFile(path, nil, 0o600)); err != nil {
			t.Fatal(err)
		}
	}
	there := filepath.Join(dir, "else where") + "/"
	for name, enter := range map[string]func(*console){
		"typed":        func(k *console) { k.keys(there) },
		"pasted":       func(k *console) { k.paste(there) },
		"dropped":      func(k *console) { k.paste("'" + there + "' ") },
		"escaped":      func(k *console) { k.paste(strings.ReplaceAll(there, " ", `\ `)) },
		"a file's URL": func(k *console) { k.paste("file://" + strings.ReplaceAll(there, " ", "%20")) },
		"in its place": func(k *console) { k.keys("Ctrl+U"); k.paste("'" + there + "'") },
	} {
		run(t, 80, 24, office(), Config{}, func(k *console) {
			k.keys("Enter", "Ctrl+O")
			k.shows("letter.txt")
			enter(k)
			k.shows("plan.pdf")
			if t.Failed() {
				t.Fatal(name)
			}
			k.keys("Enter")
			k.asked("Offer", filepath.Join(there, "plan.pdf"))
		})
	}
}

func TestConversationsAreChanged(t *testing.T) {
	f := office()
	for i := range f.people {
		f.people[i].Unread = 0
	}
	f.people[6].Unread = 1
	f.add(node.Message{Conversation: node.Direct(idOf(8)), From: ref(f.people[6]), At: testNow, Text: peer.Body("bye"), State: node.Delivered})
	id := func(n byte) string { return string(node.Direct(idOf(n)))[:4] }
	run(t, 80, 24, f, Config{}, func(k *console) {
		k.keys("Enter", "a draft", "Ctrl+N")
		k.shows(" Chen Yu  online")
		k.keys("Ctrl+N")
		k.shows(" Li Wei  online")
		k.keys("Ctrl+P", "Alt+Up")
		k.shows(" Bob (Warehouse)  online", "> a draft")
		k.keys("Ctrl+C", "another", "Ctrl+K", "li w", "Enter")
		k.shows(" Li Wei  online", "● Bob (Warehouse)  ~ ")
		k.keys("Ctrl+G")
		k.shows(" Maria  away")
		k.keys("/to chen yu", "Enter", "Alt+A")
		k.shows(" Chen Yu  online", "Nothing unread.")
		k.click(3, 2)
		k.shows(" Bob (Warehouse)  online", "> another")
		k.asked("Watch", id(4), id(5), id(2), id(5), id(4), id(2), id(8), id(5), id(4))
	})
}

func TestOnePaneSwitches(t *testing.T) {
	run(t, 40, 15, office(), Config{}, func(k *console) {
		k.shows("People", "Maria")
		k.keys("Enter")
		k.shows("< Li Wei  online")
		k.hides("Maria")
		k.keys("Esc", "Esc")
		k.shows("Maria")
		k.keys("Tab")
		k.shows("< Li Wei")
		k.click(1, 0)
		k.shows("Maria")
	})
}

func TestReadIsWhatWasSeen(t *testing.T) {
	run(t, 80, 24, office(), Config{}, func(k *console) {
		k.asked("MarkRead")
		k.keys("Enter")
		liWei := string(node.Direct(idOf(2)))[:4]
		k.asked("MarkRead", liWei)
		k.post(tcell.NewEventFocus(false))
		k.node.receive(k.node.people[0], "while you were away")
		k.rest()
		k.asked("MarkRead", liWei)
		k.shows("4 new messages", "while you were away")
		k.post(tcell.NewEventFocus(true))
		k.rest()
		k.asked("MarkRead", liWei, liWei)
	})
}

func TestUnreadMarksGoWhenTheyAreSeen(t *testing.T) {
	run(t, 80, 24, long(400, 50), Config{}, func(k *console) {
		k.shows("Bob             50")
		k.keys("Enter")
		k.shows("50 new messages", "message 350 of the long conversation")
		k.hides("message 399 of the long")
		k.keys("PgDn", "PgDn", "PgDn", "PgDn", "PgDn", "PgDn", "PgDn")
		k.shows("message 399 of the long conversation")
	})
}

// TestUnreadMessagesBeyondCountingSaySo has more than are counted.
func TestUnreadMessagesBeyondCountingSaySo(t *testing.T) {
	f := office()
	f.people[1].Unread = node.MaxUnread
	run(t, 80, 24, f, Config{}, func(k *console) {
		<-time.After(noticeTime)
		k.rest()
		k.shows("张晓明       1000+", "1003+ unread")
		f.people[1].Unread = node.MaxUnread - 1
		k.say(node.Event{Kind: node.PeerChanged, Person: &f.people[1]})
		k.shows("张晓明         999", "1002 unread")
	})
}

func TestTheBellRingsOnceForThoseElsewhere(t *testing.T) {
	run(t, 80, 24, office(), Config{}, func(k *console) {
		bells := 0
		k.look(func([]tcell.SimCell, int, int) { k.c.screen.Screen = belled{k.c.screen.Screen, &bells} })
		bob := k.node.people[2]
		k.node.receive(bob, "one")
		k.rest()
		if bells != 0 {
			t.Errorf("%d bells for somebody who looks", bells)
		}
		k.post(tcell.NewEventFocus(false))
		for range 3 {
			k.node.receive(bob, "two")
			k.rest()
		}
		k.node.receive(k.node.people[3], "three")
		k.rest()
		if bells != 2 {
			t.Errorf("%d bells, want one for each conversation", bells)
		}
		<-time.After(ringPause)
		k.node.receive(bob, "four")
		k.rest()
		if bells != 3 {
			t.Errorf("%d bells, want a third after a while", bells)
		}
	})
}

type belled struct {
	tcell.Screen
	bells *int
}

func (b belled) Beep() error { *b.bells++; return nil }

func TestHistoryIsReadPageByPage(t *testing.T) {
	run(t, 80, 24, long(3000, 0), Config{}, func(k *console) {
		k.keys("Enter")
		k.shows("message 2999 of the long conversation")
		k.hides("message 2900 ")
		k.keys("Ctrl+Home")
		for range 14 {
			k.keys("Ctrl+Home")
		}
		k.shows("message 0 of the long conversation")
		k.keys("PgDn", "PgDn")
		k.hides("message 0 ")
		k.node.receive(k.node.people[0], "a new one")
		k.rest()
		k.shows("1 new below   Ctrl+End")
		k.hides("a new one")
		for range 400 {
			k.keys("PgDn")
		}
		k.shows("a new one")
		k.keys("Ctrl+Home", "Ctrl+End")
		k.shows("a new one")
	})
}

func TestSearchGoesThere(t *testing.T) {
	run(t, 80, 24, long(3000, 0), Config{}, func(k *console) {
		k.keys("Enter", "Ctrl+F", "message 77 of")
		k.shows("message 77 of the long", "26 Feb")
		k.keys("Enter")
		k.shows("message 77 of the long", "message 78 of the long")
		k.keys("PgUp", "PgUp", "PgUp", "PgUp", "PgUp", "PgUp", "PgUp", "PgUp", "PgUp", "PgUp")
		k.shows("message 0 of the long")
		k.keys("Ctrl+End")
		k.shows("message 2999 of the long")
	})
}

func TestMessagesThatComeWhileAPageIsReadAreNotLost(t *testing.T) {
	f := office()
	run(t, 80, 24, f, Config{}, func(k *console) {
		f.hold["History"] = make(chan struct{})
		k.keys("Enter")
		m := f.add(node.Message{
			Conversation: node.Direct(idOf(2)), From: ref(f.people[0]), At: testNow, Text: peer.Body("just now"), State: node.Delivered,
		})
		k.say(node.Event{Kind: node.MessageAdded, Message: &m})
		f.messages = f.messages[:len(f.messages)-1] // the page was read before
		close(f.hold["History"])
		k.rest()
		k.shows("just now", "4 new messages")
	})
}

func TestAWrongClockIsMarked(t *testing.T) {
	f := office()
	f.messages[7].Skewed = true
	run(t, 80, 24, f, Config{}, func(k *console) {
		k.keys("Enter")
		k.shows("10:02            合同", "10:03~           See also")
	})
}

func TestMessagesFallIntoTheirPlace(t *testing.T) {
	run(t, 80, 24, office(), Config{}, func(k *console) {
		k.keys("Enter")
		late := k.node.messages[6]
		late.ID, late.Text = uuidOf(900), peer.Body("written before, came later")
		late.Position.ID = late.ID
		k.say(node.Event{Kind: node.MessageAdded, Message: &late})
		screen := k.screen()
		if strings.Index(screen, "written before") > strings.Index(screen, "See also") || !strings.Contains(screen, "written before") {
			t.Errorf("not in its place:\n%s", screen)
		}
	})
}

func TestRequests(t *testing.T) {
	run(t, 80, 24, office(), Config{}, func(k *console) {
		k.shows("Li Wei wants to send contract-v7.pdf")
		k.keys("Ctrl+R")
		k.shows("Save in")
		k.keys("Esc")
		k.hides("wants to send contract-v7")
		<-time.After(noticeTime)
		k.rest()
		k.shows("1 request")
		k.keys("Ctrl+R", "Right", "Enter")
		k.asked("Answer", "decline")
		k.keys("Ctrl+R", "Up", "Up", "Ctrl+U", "/srv/in", "Tab", "Tab", "Enter")
		k.asked("Answer", "decline", "accept /srv/in")
		k.asked("AcceptFrom")
	})
	run(t, 80, 24, office(), Config{}, func(k *console) {
		k.click(30, 19) // the bar
		k.shows("Save in")
	})
}

// takes has the transfer from Bob find that its name is taken, and the offer declined.
func (k *console) takes(name, path string) node.Transfer {
	t, offer := k.node.transfers[2], k.node.transfers[4]
	t.State, t.Reason, t.Name, t.Files, t.Path = "paused", "name taken", peer.Line(name, 0), 12, path
	offer.State = "declined"
	k.say(node.Event{Kind: node.TransferMoved, Transfer: &t}, node.Event{Kind: node.TransferMoved, Transfer: &offer})
	<-time.After(noticeTime)
	k.rest()
	return t
}

func TestTakenNamesAreAsked(t *testing.T) {
	for n, want := range []string{"accept  keep", "accept  overwrite", "accept  skip"} {
		run(t, 80, 24, office(), Config{}, func(k *console) {
			k.takes("photos", "/srv/in/photos")
			k.shows("photos is there already: keep both", "paused: name taken")
			k.keys("Ctrl+R")
			k.shows("photos is there already ─", "from Bob (Warehouse), 12 files, 5.0 GB", "/srv/in", "replaced for good")
			for range n {
				k.keys("Right")
			}
			k.keys("Enter")
			k.asked("Answer", want)
		})
	}
	run(t, 80, 24, office(), Config{}, func(k *console) { // later, by the row, the pause key and the slash command
		taken := k.takes("a.txt and 3 more", "/srv/in")
		k.shows("Some of a.txt and 3 more is there already")
		k.keys("Ctrl+R", "Left", "Esc")
		k.keys("Ctrl+T", "Down")
		k.shows("A name is taken where this is saved.")
		for _, way := range []string{"Enter", "p"} {
			k.keys(way)
			k.shows("Some of a.txt and 3 more is there already ─")
			k.keys("Esc")
		}
		k.keys("Esc", "Enter", "/accept", "Enter", "Right", "Right", "Right", "Enter")
		k.asked("Answer")
		k.asked("Resume")
		<-time.After(noticeTime)
		k.rest()
		k.shows("1 request")
		taken.State, taken.Reason = "active", ""
		k.say(node.Event{Kind: node.TransferMoved, Transfer: &taken})
		k.hides("1 request")
	})
}

func TestWhoSendsIsToldThatANameIsTaken(t *testing.T) {
	run(t, 80, 24, office(), Config{}, func(k *console) {
		sent := k.node.transfers[1]
		sent.State, sent.Reason = "paused", "name taken"
		k.say(node.Event{Kind: node.TransferMoved, Transfer: &sent})
		k.keys("Ctrl+T", "Home")
		k.shows("paused: name taken", "A name is taken there. Chen Yu says what becomes of it.")
		k.keys("p")
		k.asked("Resume")
		k.shows("! A name is taken there.")
		sent.Reason = "disk full"
		k.say(node.Event{Kind: node.TransferMoved, Transfer: &sent})
		k.keys("p")
		k.asked("Resume")
		k.shows("disk full at Chen", "! It goes on by itself as soon as there is room")
	})
}

func TestTheOfferSaysWhatBecomesOfTakenNames(t *testing.T) {
	for conflict, want := range map[node.Conflict]string{
		node.ConflictOverwrite: "What is there under the same name is replaced for good.",
		node.ConflictSkip:      "is not received.",
		node.ConflictAsk:       "Where a name is taken, you are asked.",
	} {
		f := office()
		f.self.Conflict = conflict
		run(t, 80, 24, f, Config{}, func(k *console) {
			k.keys("Ctrl+R")
			k.shows(want)
		})
	}
	f := office()
	f.self.Conflict = node.ConflictKeep
	run(t, 80, 24, f, Config{}, func(k *console) {
		k.keys("Ctrl+R")
		k.hides("same name", "name is taken")
	})
}

func TestFilesFromSomebodyFromNowOn(t *testing.T) {
	liWei := idOf(2).String()[:4]
	run(t, 80, 24, office(), Config{}, func(k *console) {
		k.keys("Ctrl+R", "Up", " ", "Tab", "Enter")
		k.asked("Answer", "accept") // where received files go
		k.asked("AcceptFrom", liWei+" 100000000")
	})
	run(t, 80, 24, office(), Config{}, func(k *console) { // who has a rule already keeps it
		p := k.node.people[0]
		p.AcceptUpTo = 5_000_000
		k.say(node.Event{Kind: node.PeerChanged, Person: &p})
		k.keys("Ctrl+R")
		k.shows("[x] From now on accept files up to 5.0 MB from Li Wei")
		k.keys("Enter")
		k.asked("Answer", "accept")
		k.asked("AcceptFrom")
	})
	f := office()
	f.people[0].AcceptUpTo = node.AnySize
	run(t, 80, 24, f, Config{}, func(k *console) { // and it can be taken back
		k.keys("Enter", "/files", "Enter")
		k.shows("Files of any size are accepted without asking.")
		k.keys("Left", "Enter")
		k.asked("AcceptFrom", liWei+" 0")
		k.keys("Ctrl+R", "Up", " ", "Tab", "Enter")
		k.asked("AcceptFrom", liWei+" 0", liWei+" 0")
		k.keys("/files Bob (Warehouse)", "Enter", "Left", "Left", "Left", "Enter")
		k.asked("AcceptFrom", liWei+" 0", liWei+" 0", idOf(4).String()[:4]+" 100000000")
	})
	run(t, 80, 24, office(), Config{}, func(k *console) { // an imitator has no box
		p, offer := k.node.people[0], k.node.transfers[4]
		p.Imitates, p.Verified = true, false
		k.say(node.Event{Kind: node.PeerChanged, Person: &p}, node.Event{Kind: node.TransferMoved, Transfer: &offer})
		k.keys("Ctrl+T", "Down", "Down", "Down", "Enter")
		k.shows("Save in")
		k.hides("From now on")
	})
}

func TestReceivedFilesMayHaveAFolderPerPerson(t *testing.T) {
	f := office()
	f.self.FolderPerPerson, f.self.Accept, f.self.AcceptUpTo = true, node.AcceptVerified, 1_000_000
	run(t, 80, 24, f, Config{}, func(k *console) {
		k.keys("Ctrl+R")
		k.shows("There in a folder of Li Wei's own.")
		k.keys("Enter")
		k.asked("Answer", "accept")
		k.keys("Enter", "/files", "Enter")
		k.shows("The rule for everybody accepts files of those you")
		k.shows("verified. Up to 1.0 MB.")
	})
}

func TestProgramsAreMarked(t *testing.T) {
	f := office()
	f.transfers[4].Program, f.transfers[4].Name = true, peer.Line("setup.exe", 0)
	for i, m := range f.messages {
		if m.Offer != nil {
			f.messages[i].Offer.Program = true
		}
	}
	run(t, 120, 35, f, Config{}, func(k *console) {
		k.shows("Li Wei wants to send setup.exe (program) (2.4 MB)")
		k.keys("Enter")
		k.shows("You send budget-2026-03.xlsx (program)")
		k.keys("Ctrl+T")
		k.shows("setup.exe (program) <- Li Wei")
		k.keys("Ctrl+R")
		k.shows("This is a program. Open it only if you expected it.")
	})
}

func TestAnswersBySlash(t *testing.T) {
	run(t, 80, 24, office(), Config{}, func(k *console) {
		k.keys("Enter", "/accept", "Enter")
		k.asked("Answer", "accept")
		done := k.node.transfers[4]
		done.State = "active"
		k.say(node.Event{Kind: node.TransferMoved, Transfer: &done})
		k.keys("/accept", "Enter")
		k.asked("Answer", "accept")
		k.shows("Nothing waits for an answer.")
		done.State, done.Done, done.Content = "done", done.Bytes, "00"
		k.say(node.Event{Kind: node.TransferMoved, Transfer: &done})
		k.shows("saved: contract-v7.pdf")
	})
}

func TestStrangersAreAsked(t *testing.T) {
	run(t, 80, 24, office(), Config{}, func(k *console) {
		p := person(9, "Olga", "10.3.2.99")
		p.Waiting, p.Contact, p.Unread, p.Written = true, false, 1, at(0, 8, 0)
		k.say(node.Event{Kind: node.PeerUp, Person: &p})
		k.shows("Olga is new here and wrote to you")
		k.keys("Ctrl+R", "Enter")
		k.asked("Accept", idOf(9).String()[:4])
		k.shows("Olga  online")
	})
}

func TestVerifying(t *testing.T) {
	run(t, 80, 24, office(), Config{}, func(k *console) {
		k.keys("Enter", "/verify bob (warehouse)", "Enter")
		k.shows("Is this really Bob (Warehouse)?", "Not verified since Tuesday 10 February.")
		k.keys("Left", "Left", "Enter")
		k.asked("Verify", idOf(4).String()[:4])
		k.keys("/verify", "Enter", "Left", "Enter")
		k.asked("Unverify", idOf(2).String()[:4])
		k.shows("! Do not write to Li Wei")
	})
}

func TestTransfersPageSaysWhatToDo(t *testing.T) {
	for _, lang := range []string{"en", "zh"} {
		run(t, 80, 24, office(), Config{Lang: lang}, func(k *console) {
			k.keys("Ctrl+T")
			kept := k.node.transfers[1]
			kept.State, kept.Reason = "interrupted", "peer away"
			kept.Error = peer.Line("Neither device gets through to the other. Open TCP port 7420 on this computer, or TCP port 7421 on that of Maximilian Wolfgang Müller-Lüdenscheidt; then it goes on.", 500)
			k.say(node.Event{Kind: node.TransferMoved, Transfer: &kept})
			k.rest()
			k.shows("site-photos.zip ──", "Neither device gets through to the other. Open TCP port 7420", "port 7421 on that of Max", "then it…")
		})
	}
}

func TestTransfersPageSteers(t *testing.T) {
	run(t, 80, 24, office(), Config{}, func(k *console) {
		k.keys("Ctrl+T", "p")
		k.asked("Pause", "site-photos.zip")
		paused := k.node.transfers[1]
		paused.State, paused.Reason = "paused", "by me"
		k.say(node.Event{Kind: node.TransferMoved, Transfer: &paused})
		k.shows("paused by you")
		k.keys("p")
		k.asked("Resume", "site-photos.zip")
		paused.Reason = "by peer"
		k.say(node.Event{Kind: node.TransferMoved, Transfer: &paused})
		k.keys("p")
		k.asked("Resume", "site-photos.zip")
		k.shows("Chen Yu paused this, and is the one to let it go on.")
		k.keys("x", "Enter")
		k.asked("Cancel")
		k.keys("x", "Left", "Enter")
		k.asked("Cancel", "site-photos.zip")
		k.keys("Down", "Down", "Enter")
		k.keys("Esc", "/pause backup", "Enter")
		k.asked("Pause", "site-photos.zip", "backup-2026-03-11.tar")
	})
}

// final has some transfers of the office come to their end.
func (k *console) final() (failed, sent, done node.Transfer) {
	failed, sent, done = k.node.transfers[2], k.node.transfers[1], k.node.transfers[0]
	failed.State, failed.Reason, sent.State, sent.Reason = "failed", "damaged", "declined", "by peer"
	k.say(node.Event{Kind: node.TransferMoved, Transfer: &failed}, node.Event{Kind: node.TransferMoved, Transfer: &sent})
	<-time.After(noticeTime)
	k.rest()
	return failed, sent, done
}

func TestWhatIsOverIsCleared(t *testing.T) {
	run(t, 80, 24, office(), Config{}, func(k *console) {
		failed, sent, done := k.final()
		k.keys("Ctrl+T", "c")
		k.shows("This one is not over yet.")
		k.asked("Clear")
		k.keys("Down", "Down", "c")
		k.asked("Clear", "budget-2026-03.xlsx")
		done.Cleared = true
		k.say(node.Event{Kind: node.TransferMoved, Transfer: &done})
		k.hides("budget-2026-03.xlsx")
		k.shows("2 finished", "── site-photos.zip ──") // what took its place is chosen now
		k.keys("C")
		k.asked("Clear", "budget-2026-03.xlsx", "site-photos.zip", "backup-2026-03-11.tar")
		k.shows("2 transfers cleared. The files stay.")
		failed.Cleared, sent.Cleared = true, true
		k.say(node.Event{Kind: node.TransferMoved, Transfer: &failed}, node.Event{Kind: node.TransferMoved, Transfer: &sent})
		k.shows("0 finished", "── contract-v7.pdf ──")
		k.hides("site-photos.zip", "C clear all")
		k.keys("C")
		k.shows("Nothing is over yet.")
		k.keys("Esc", "Esc", "Enter")
		k.shows("You send budget-2026-03.xlsx (1.2 MB) - saved") // the conversation still tells
		k.keys("/clear", "Enter")
		k.asked("Clear", "budget-2026-03.xlsx", "site-photos.zip", "backup-2026-03-11.tar")
	})
	f := office()
	f.transfers[0].Cleared = true
	run(t, 80, 24, f, Config{}, func(k *console) { // so it stays after a start
		k.keys("Ctrl+T")
		k.shows("0 finished")
		k.hides("budget-2026-03.xlsx")
	})
}

func TestWhatIsOverIsSentAgain(t *testing.T) {
	run(t, 80, 24, office(), Config{}, func(k *console) {
		k.keys("Ctrl+T", "Home", "r")
		k.shows("This one is not over yet.")
		k.asked("Look")
		k.keys("Down", "r")
		k.shows("Looking for people again")
		k.asked("Look", "")
		k.final()
		k.keys("End", "r") // backup-2026-03-11.tar, which Bob sent
		k.shows("Ask Bob (Warehouse) to send it again.")
		k.asked("Retry")
		k.keys("Up", "r")
		k.shows("Offered again.")
		k.asked("Retry", "site-photos.zip")
		k.keys("Esc", "Esc", "Enter", "/retry", "Enter", "/retry budget", "Enter")
		k.asked("Retry", "site-photos.zip", "site-photos.zip", "budget-2026-03.xlsx")
		k.keys("/retry nothing", "Enter")
		k.shows("There is no such transfer.")
		k.node.fail["Retry"] = fmt.Errorf("%w: the list of its files is not kept", node.ErrUnsendable)
		k.keys("Esc", "Ctrl+C", "/retry", "Enter")
		k.shows("These files cannot be sent: the list of its files is not kept.")
	})
}

// limits has the transfer to Chen Yu limited in three ways.
func (k *console) limits() {
	t, p, self := k.node.transfers[1], k.node.people[3], k.node.self
	t.Limit, p.Limit, self.Limit = 1_000_000, 5_500_000, 20_000_000
	k.say(
		node.Event{Kind: node.TransferMoved, Transfer: &t}, node.Event{Kind: node.PeerChanged, Person: &p},
		node.Event{Kind: node.SelfChanged, Self: &self},
	)
	<-time.After(noticeTime)
	k.rest()
}

func TestLimits(t *testing.T) {
	of := func(l node.Limit) string { return fmt.Sprint(l) }
	transfer, chen := uuidOf(102), idOf(5)
	run(t, 80, 24, office(), Config{}, func(k *console) {
		k.keys("Ctrl+T", "Home")
		k.hides("At most")
		k.keys("l", "10 mb/s", "Enter")
		k.asked("Limit", of(node.Limit{Transfer: transfer, Bytes: 10_000_000}))
		k.shows("At most 10 MB/s")
		k.limits()
		k.shows("At most 1 MB/s for this transfer, 5.5 MB/s with Chen Yu, 20 MB/s for all")
		k.keys("l", "Enter") // nothing was changed
		k.hides("How fast")
		k.keys("l", "1 kB/s", "Enter")
		k.shows("How fast may files go?", "Write one like 10 MB/s, of at", "[1 kB/s ")
		k.keys("Esc")
		k.asked("Limit", of(node.Limit{Transfer: transfer, Bytes: 10_000_000}))
		k.keys("l", "Down", "Ctrl+U", "Down", "Ctrl+U", "64 KiB", "Tab", "Enter") // the button
		k.asked("Limit", of(node.Limit{Transfer: transfer, Bytes: 10_000_000}), of(node.Limit{Peer: chen}), of(node.Limit{Bytes: 64 << 10}))
		k.keys("End", "l")
		k.shows("All with Li Wei", "Everything")
		k.hides("This transfer")
	})
	run(t, 80, 24, office(), Config{}, func(k *console) {
		k.keys("Enter", "/limit 500 kB/s", "Enter")
		k.asked("Limit", of(node.Limit{Bytes: 500_000}))
		k.keys("/limit 0", "Enter")
		k.asked("Limit", of(node.Limit{Bytes: 500_000}), of(node.Limit{}))
		k.shows("No limit any more.")
		k.keys("/limit quick", "Enter")
		k.shows("! This is no speed. Write one like 10 MB/s")
		k.keys("Esc", "Ctrl+C", "/limit", "Enter")
		k.shows("All with Li Wei", "Everything")
	})
}

func TestTheStatusBarSaysTheLimitWhereThereIsRoom(t *testing.T) {
	for cells, shown := range map[int]bool{80: false, 120: true} {
		run(t, cells, 24, office(), Config{}, func(k *console) {
			k.limits()
			k.shows("this network only")
			if shown {
				k.shows("max 20 MB/s  ↑ 1 72%")
			} else {
				k.hides("max ")
			}
		})
	}
}

func TestThePageHintsAtWhatCanBeDone(t *testing.T) {
	run(t, 80, 24, office(), Config{}, func(k *console) {
		k.keys("Ctrl+T", "Home")
		k.shows(" p pause  x cancel  l limit  C clear all  Enter open")
		k.keys("Down")
		k.shows(" p pause  x cancel  r look again")
		k.keys("Down")
		k.shows(" x cancel  l limit  C clear all")
		k.keys("Down")
		k.shows(" Enter answer  x cancel  l limit  C clear all")
		k.keys("Down")
		k.shows(" r send again  c clear  C clear all  Enter open  Esc back  Up Down choose")
		k.keys("Up", "p")
		k.shows("This one has not begun yet.")
		k.asked("Pause")
	})
	for lang, w := range map[string]*words{"en": &english, "zh": &chinese} {
		f := office()
		f.transfers[2].State = "interrupted"
		run(t, 80, 24, f, Config{Lang: lang}, func(k *console) { // the longest
			k.keys("Ctrl+T", "Home", "Down")
			hints := strings.Split(w.PageHints, "|")
			k.shows(hints[len(hints)-2])
		})
	}
}

func TestSlashCommands(t *testing.T) {
	run(t, 80, 24, office(), Config{}, func(k *console) {
		k.keys("Enter", "/sned x", "Enter")
		k.shows("Unknown command /sned. Did you mean /send?", "> /sned x")
		k.asked("Write")
		k.keys("Ctrl+C", "//etc/hosts", "Enter")
		k.asked("Write", "/etc/hosts")
		k.keys("/ver", "Tab")
		k.shows("> /verify")
		k.keys("Ctrl+C", "/connect", "Enter")
		k.shows("/connect HOST[:PORT]")
		k.keys(" 10.0.0.1", "Enter", "/scan", "Enter", "/name 小王", "Enter", "/folder /srv/in", "Enter", "/arrivals", "Enter")
		k.asked("Connect", "10.0.0.1")
		k.asked("Look", "")
		k.asked("SetName", "小王")
		k.asked("SetDir", "/srv/in")
		k.keys("/quit", "Enter")
		if err := k.ended(); err != nil {
			t.Error(err)
		}
	})
}

func TestWhoCameAndLeft(t *testing.T) {
	run(t, 80, 24, office(), Config{}, func(k *console) {
		k.keys("Enter")
		liWei := k.node.people[0]
		liWei.Online, liWei.Connected = false, false
		k.say(node.Event{Kind: node.PeerDown, Person: &liWei})
		k.shows(" Li Wei left 10:04", "AWAY", "Li Wei  away since 10:04")
		liWei.Online, liWei.Connected = true, true
		k.say(node.Event{Kind: node.PeerUp, Person: &liWei})
		k.shows(" Li Wei came in 10:04", "Li Wei left 10:04")
		k.keys("/arrivals", "Enter")
		liWei.Online = false
		k.say(node.Event{Kind: node.PeerDown, Person: &liWei})
		if n := strings.Count(k.screen(), "left 10:04"); n != 1 {
			t.Errorf("%d lines say that somebody left, want the old one:\n%s", n, k.screen())
		}
	})
}

func TestALostSessionShows(t *testing.T) {
	t.Run("the peer's session is killed/H-23", func(t *testing.T) {
		run(t, 80, 24, office(), Config{}, func(k *console) {
			k.keys("Enter")
			k.shows("Li Wei  online")
			p := k.node.people[0]
			p.Connected = false
			k.say(node.Event{Kind: node.PeerChanged, Person: &p})
			k.shows("Li Wei  not connected")
			k.hides("Li Wei  online", "🔒")
			k.keys("still alive", "Enter")
			k.asked("Write", "still alive")
		})
	})
}

func TestTheEmptyListHelps(t *testing.T) {
	f := newFakeNode()
	f.self.Started = testNow
	run(t, 80, 24, f, Config{}, func(k *console) {
		k.shows("Looking for people")
		<-time.After(nobodyAfter)
		k.rest()
		k.shows("Nobody found.", "/connect")
		p := person(2, "Ann", "10.0.0.2")
		k.say(node.Event{Kind: node.PeerUp, Person: &p})
		k.shows("● Ann", "Ann came in 10:04")
	})
}

func TestAResyncReadsAnew(t *testing.T) {
	f := office()
	run(t, 80, 24, f, Config{}, func(k *console) {
		k.keys("Enter")
		f.people = f.people[:2]
		f.add(node.Message{Conversation: node.Direct(idOf(2)), From: ref(f.people[0]), At: testNow, Text: peer.Body("missed"), State: node.Delivered})
		k.say(node.Event{Kind: node.Resync})
		k.shows("missed")
		k.hides("Maria")
	})
}

// TestTheScreenStaysWhenTheNodeIsAnotherOne ends the node behind a half-written
// message, which another one follows.
func TestTheScreenStaysWhenTheNodeIsAnotherOne(t *testing.T) {
	f := long(1000, 0)
	run(t, 80, 24, f, Config{}, func(k *console) {
		k.keys("Enter", "half a mess", "PgUp", "PgUp", "PgUp")
		k.shows("message 940 of")
		before := k.screen()
		self := owned(f).self
		k.say(node.Event{Kind: node.Resync, Self: &self})
		k.shows("Earshot was quit in the background.")
		<-time.After(noticeTime)
		k.rest()
		if after := k.screen(); after != before {
			t.Errorf("the screen was\n%s\nand is\n%s", before, after)
		}
		k.keys("age", "Enter")
		k.asked("Write", "half a message")
		self.PID++
		k.say(node.Event{Kind: node.Resync, Self: &self})
		k.shows("Earshot in the background was started anew.")
	})
}

// TestAMessageComesBackFromANodeThatStopped has the node end while it is asked.
func TestAMessageComesBackFromANodeThatStopped(t *testing.T) {
	f := office()
	f.fail["Write"] = fmt.Errorf("write: %w", node.ErrStopped)
	run(t, 80, 24, f, Config{}, func(k *console) {
		k.keys("Enter", "hello", "Enter")
		k.shows("> hello", "Earshot was quit in the background just then")
	})
}

// TestALongNoticeCanBeReadToTheEnd tells one that is longer than the status bar:
// what to do stands at its end.
func TestALongNoticeCanBeReadToTheEnd(t *testing.T) {
	run(t, 80, 24, office(), Config{}, func(k *console) {
		text := "The history was damaged. " + strings.Repeat("What could be read was saved. ", 20) + "Keep the old file until you have looked."
		k.say(node.Event{Kind: node.Failed, Error: peer.Line(text, 4000)})
		k.shows("! The history was damaged.", "^R read all")
		k.hides("Keep the old file")
		k.keys("Ctrl+R")
		k.shows("Keep the old file until you have", "looked.")
		k.keys("Enter")
		k.hides("The history was damaged.", "read all")
		k.shows("F1 Help")
	})
}

// TestHelpComesInPages turns them: nine keys at a time, and the status bar stays.
func TestHelpComesInPages(t *testing.T) {
	for _, lang := range []string{"en", "zh"} {
		run(t, 80, 24, office(), Config{Lang: lang}, func(k *console) {
			k.keys("Enter", "F1")
			k.shows("Enter ", "Ctrl+J ", "Ctrl+K F2", "Ctrl+Q /quit", "PgDn", "F1 ", "> ")
			k.hides("/verify", "F9", "✓✓ read", "✓✓ 已读")
			seen := 0
			for range 10 {
				if screen := k.screen(); strings.Contains(screen, "/verify") && !strings.Contains(screen, "Ctrl+Q /quit") {
					seen++
				}
				k.keys("PgDn")
			}
			if seen == 0 {
				t.Errorf("/verify is on no page:\n%s", k.screen())
			}
			k.hides("PgDn")
			for range 10 {
				k.keys("PgUp")
			}
			k.shows("Ctrl+Q /quit")
			k.keys("Esc", "/help verify", "Enter")
			k.shows("/verify")
			k.hides("Ctrl+K F2")
		})
	}
}

func TestRunSaysWhyItEnded(t *testing.T) {
	f := office()
	run(t, 80, 24, f, Config{}, func(k *console) {
		f.say() // the node stops
		k.rest()
		if err := k.ended(); !errors.Is(err, node.ErrStopped) {
			t.Errorf("Run = %v, want ErrStopped", err)
		}
	})
	run(t, 80, 24, office(), Config{}, func(k *console) {
		k.post(tcell.NewEventError(errors.New("input/output error")))
		k.rest()
		if err := k.ended(); err == nil || !strings.Contains(err.Error(), "input/output") {
			t.Errorf("Run = %v, want the terminal's error", err)
		}
	})
	g := office()
	g.fail["Subscribe"] = node.ErrStopped
	run(t, 80, 24, g, Config{}, func(k *console) {
		if err := k.ended(); !errors.Is(err, node.ErrStopped) {
			t.Errorf("Run = %v, want ErrStopped", err)
		}
	})
}

func TestAPanicIsRepeatedAfterTheTerminalIsItselfAgain(t *testing.T) {
	f := office()
	f.fail["Look"] = errPanic
	run(t, 80, 24, f, Config{}, func(k *console) {
		k.keys("F5")
		if err := k.ended(); !errors.Is(err, errPanic) || !strings.Contains(err.Error(), "fake_test.go") {
			t.Errorf("Run = %v, want the panic with its stack", err)
		}
		if _, w, _ := k.sim.GetContents(); w != 0 { // nothing runs any more
			t.Error("the screen was not given back")
		}
	})
}

func TestANodeThatNeverAnswersFreezesNothing(t *testing.T) {
	f := office()
	run(t, 80, 24, f, Config{}, func(k *console) {
		for _, method := range []string{"History", "Watch", "Write", "Answer", "Look", "MarkRead", "Offer", "Pause", "Connect"} {
			f.hold[method] = make(chan struct{})
		}
		k.keys("Enter", "hello", "Enter", "F5", "/accept", "Enter", "/pause", "Enter", "/connect 10.0.0.1", "Enter", "Ctrl+N", "F5", "still here")
		k.shows("> still here", "张晓明  online")
		k.say(node.Event{Kind: node.Failed, Error: peer.Line("events still come", 0)})
		k.shows("events still come")
		k.keys("Ctrl+C", "Ctrl+Q", "Ctrl+Q")
		if err := k.ended(); err != nil {
			t.Error(err)
		}
	})
}

func TestItCanBeEndedAtAnyMoment(t *testing.T) {
	for i := range 100 {
		ctx, cancel := context.WithCancel(t.Context())
		f := office()
		done := make(chan error, 1)
		c := New(Config{Node: f, Screen: tcell.NewSimulationScreen("UTF-8"), Now: func() time.Time { return testNow }})
		go func() { done <- c.Run(ctx) }()
		for range i % 10 {
			f.receive(f.people[i%7], "meanwhile")
		}
		stop := time.AfterFunc(time.Duration(i)*100*time.Microsecond, cancel)
		select {
		case err := <-done:
			if err != nil {
				t.Errorf("moment %d: %v", i, err)
			}
		case <-time.After(30 * time.Second):
			t.Fatalf("moment %d: it does not end", i)
		}
		stop.Stop()
		cancel()
	}
}

func TestTheMouseCanBeSwitchedOff(t *testing.T) {
	run(t, 80, 24, office(), Config{}, func(k *console) {
		k.keys("F9")
		k.shows("Mouse off")
		k.keys("F9")
		k.shows("Mouse on")
		k.keys("Enter")
		for range 3 {
			k.post(tcell.NewEventMouse(40, 10, tcell.WheelUp, tcell.ModNone))
		}
		k.rest()
		k.shows("Wednesday 11 March")
		k.click(40, 17) // the strip
		k.shows("1 running")
	})
}

func TestLooksAreTitled(t *testing.T) {
	f := office()
	f.people[0].Name = peer.Line("Li\x1b]0;Wei\x07", 0)
	run(t, 80, 24, f, Config{}, func(k *console) {
		if got := k.sim.GetTitle(); got != "(5) Earshot" {
			t.Errorf("title %q", got)
		}
		k.keys("Enter")
		if got := k.sim.GetTitle(); strings.ContainsFunc(got, isControl) || !strings.HasPrefix(got, "(2) Earshot - ") {
			t.Errorf("title %q", got)
		}
	})
}

func TestThousandsOfEventsAreAFewDraws(t *testing.T) {
	f := office()
	run(t, 80, 24, f, Config{}, func(k *console) {
		k.keys("Enter")
		draws := 0
		k.look(func([]tcell.SimCell, int, int) {
			k.c.app.SetBeforeDrawFunc(func(tcell.Screen) bool { draws++; return false })
		})
		for range 40 {
			events := make([]node.Event, 250)
			for i := range events {
				moved := f.transfers[1]
				moved.Done += int64(i)
				events[i] = node.Event{Kind: node.TransferMoved, Transfer: &moved}
			}
			f.say(events...)
		}
		begin := time.Now()
		k.rest()
		for len(f.events) > 0 {
			k.rest()
		}
		if most := int(time.Since(begin)/drawPause) + 1; draws > most {
			t.Errorf("%d draws for 10,000 events in %v, want at most %d", draws, time.Since(begin), most)
		}
	})
}

func TestPeopleOfOneNameAreChosenFrom(t *testing.T) {
	f := office()
	f.people = append(f.people, person(9, "li wei", "10.3.2.99"))
	run(t, 80, 24, f, Config{}, func(k *console) {
		k.keys("Tab", "Tab", "Ctrl+K", "x", "Esc", "Enter", "/to Li Wei", "Enter")
		k.shows("Find a person", "10.3.2.41", "10.3.2.99")
		if n := len(slices.Collect(strings.Lines(k.screen()))); n != 24 {
			t.Errorf("%d rows", n)
		}
	})
}

func TestAccountsAreShownWhereThereIsRoom(t *testing.T) {
	f := office()
	f.people[0].Verified, f.people[0].Account, f.people[0].Team = false, "li", peer.Line("Sales", 0)
	f.people[0].CertifiedBy = peer.Line("office.example:7421", 0)
	run(t, 120, 35, f, Config{}, func(k *console) {
		k.shows("Li Wei  Sales")
		k.keys("Ctrl+K", "sales")
		k.shows("● Li Wei")
		k.shows("3 unread")
		k.keys("Esc")
		k.keys("Enter")
		k.shows("certified by office.example")
		p := k.node.people[0]
		p.Team, p.Lapsed = peer.Line(strings.Repeat("long ", 9), 0), at(0, 9, 0)
		k.say(node.Event{Kind: node.PeerChanged, Person: &p})
		k.shows("certified until")
		k.hides("long")
	})
}

func TestAnOlderProgramOfAVerifiedPersonIsAskedAbout(t *testing.T) {
	run(t, 120, 35, office(), Config{}, func(k *console) {
		p := k.node.people[0]
		p.Older = true
		k.say(node.Event{Kind: node.PeerChanged, Person: &p})
		k.shows("! The program of Li Wei is older than before")
		k.keys("Ctrl+R")
		k.shows("speaks an older version of the protocol")
		k.keys("Left", "Enter")
		k.asked("Accept", k.node.people[0].ID.String()[:4])
	})
}

func TestANewDeviceOfAVerifiedPersonIsAskedAbout(t *testing.T) {
	run(t, 120, 35, office(), Config{}, func(k *console) {
		p := person(9, "Li Wei", "10.3.2.99")
		p.Imitates, p.NewDevice, p.Contact = true, true, false
		k.say(node.Event{Kind: node.PeerUp, Person: &p})
		k.shows("! Li Wei, whom you verified, has a new device")
		k.keys("Ctrl+R")
		k.shows("The server says that this device belongs to Li Wei")
		k.keys("Left", "Enter")
		k.asked("Accept", idOf(9).String()[:4])
	})
}
