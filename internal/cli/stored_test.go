package cli

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/uuid"

	"earshot/internal/node"
	"earshot/peer"
)

// spoken is a node with n messages from Bob, one a minute.
func spoken(n int) *fake {
	f := newFake(person(2, "Bob"))
	start := time.Date(2026, 3, 12, 23, 58, 0, 0, time.Local)
	for i := range n {
		f.history = append(f.history, node.Message{
			ID: uuid.UUID{15: byte(i)}, From: node.Ref{ID: seeded(2), Name: peer.DisplayName("Bob")}, At: start.Add(time.Duration(i) * time.Minute),
			Text: peer.Body(fmt.Sprintf("message %d", i)), State: node.Delivered, Position: node.Position{Clock: uint64(i)},
		})
	}
	return f
}

func TestHistory(t *testing.T) {
	f := spoken(4)
	f.history[3].Offer, f.history[3].Text = &node.Offer{ID: uuid.UUID{7}, Name: peer.Line("report.pdf", 0), Files: 1, Bytes: 1200}, peer.Text{}
	c := newCall(t, f)
	c.run(0, "history", "Bob").prints(`-- Thursday 12 March 2026 --
23:58 Bob: message 0
23:59 Bob: message 1
-- Friday 13 March 2026 --
00:00 Bob: message 2
00:01 Bob: [report.pdf (1.2 kB)]
`)
	c.run(0, "history", "Bob", "-n", "1", "--json")
	want := `[{"id":"00000000-0000-0000-0000-000000000003","from":{"id":"` + id2 + `","name":"Bob"},"at":"` + f.history[3].At.Format(time.RFC3339) +
		`","offer":{"id":"07000000-0000-0000-0000-000000000000","name":"report.pdf","files":1,"bytes":1200},"state":"delivered"}]` + "\n"
	c.prints(want)
	f.history[3].Offer.Skipped = peer.Line("1 link (passwd)", 0)
	c.run(0, "history", "Bob", "-n", "1", "--search", "").prints("-- Friday 13 March 2026 --\n00:01 Bob: [report.pdf (1.2 kB)]  (left out: 1 link (passwd))\n")
	c.run(0, "history", "Bob", "--search", "message 1").prints("-- Thursday 12 March 2026 --\n23:59 Bob: message 1\n")
	for _, n := range []string{"0", "-3", "x"} {
		c.run(codeUsage, "history", "Bob", "-n", n).complains(fmt.Sprintf("-n is %q; want a number from 1 on.", n))
	}
	c.run(codeWho, "history", "Nobody")
	newCall(t, newFake(person(2, "Bob"))).run(0, "history", "Bob", "--json").prints("[]\n")
}

func TestLongHistoryComesInPages(t *testing.T) {
	f := spoken(1203)
	c := newCall(t, f).run(0, "history", "Bob", "-n", "5000", "--json")
	if got := strings.Count(c.stdout.String(), `"text":"message `); got != 1203 {
		t.Errorf("got %d messages", got)
	}
	if !strings.HasPrefix(c.stdout.String()[strings.Index(c.stdout.String(), "message"):], `message 0"`) {
		t.Error("the oldest is not first")
	}
	c.run(0, "history", "Bob", "-n", "700", "--json")
	if got := strings.Count(c.stdout.String(), `"text":`); got != 700 {
		t.Errorf("got %d messages", got)
	}
}

// moving is a node with an offer to answer and a transfer that runs.
func moving() *fake {
	f := newFake()
	bob := node.Ref{ID: seeded(2), Name: peer.DisplayName("Bob")}
	f.transfers = []node.Transfer{
		{ID: uuid.MustParse("019b76da-a800-7000-8000-000000000001"), Direction: node.Receiving, Peer: bob, Name: peer.Line("plan.pdf", 0), Files: 1, Bytes: 2000, State: stateOffered},
		{ID: uuid.MustParse("019b76da-b900-7000-8000-000000000002"), Direction: node.Sending, Peer: bob, Name: peer.Line("photos", 0), Files: 9, Bytes: 1 << 20, Done: 1 << 19, State: stateActive, Rate: 100},
	}
	return f
}

func TestTransfers(t *testing.T) {
	c := newCall(t, moving())
	c.run(0, "transfers").prints("↓  019b76da-a800  plan.pdf (2.0 kB)         from Bob       waits for you to accept it\n" +
		"↑  019b76da-b900  photos (9 files, 1.0 MB)  to Bob    50%  sending\n")
	c.run(0, "transfers", "--json")
	want := `{"id":"019b76da-b900-7000-8000-000000000002","direction":"send","peer":{"id":"` + id2 + `","name":"Bob"},"name":"photos","files":9,"bytes":1048576,"done":524288,"state":"active","reason":"","rate":100}]` + "\n"
	if !strings.HasSuffix(c.stdout.String(), want) {
		t.Errorf("printed %s, want %s", c.stdout.String(), want)
	}
	newCall(t, newFake()).run(0, "transfers", "--json").prints("[]\n")
}

func TestTransfersAreNamedByTheirBeginning(t *testing.T) {
	c := newCall(t, moving())
	c.run(0, "transfers", "pause", "019b76da-b9").prints("photos: paused by you.\n")
	c.run(0, "transfers", "resume", "019B76DAB9").prints("photos: sending.\n")
	c.run(0, "transfers", "cancel", "019b76da-b900-7000-8000-000000000002").prints("photos: cancelled by you.\n")
	c.does("pause 019b", "resume 019b", "cancel 019b")
	c.run(codeFailed, "transfers", "pause", "019b").complains("may be one of 2", "plan.pdf", "Say more of its ID.")
	c.run(codeFailed, "transfers", "pause", "019").complains("There is no offer or transfer")
	c.run(codeUsage, "transfers", "pause")
	c.run(codeUsage, "transfers", "stop")
	c.fake.fail = node.ErrWrongState
	c.run(codeFailed, "transfers", "pause", "019b76da-b9").complains("photos cannot be paused as it stands: cancelled by you.", "earshot transfers")
	c.run(codeFailed, "accept", "019b76da-a8").complains("plan.pdf cannot be accepted as it stands: waits for you to accept it.")
	c.fake.transfers[1].State, c.fake.transfers[1].Reason = statePaused, "by peer"
	c.run(codeFailed, "transfers", "resume", "019b76da-b9").complains("photos was paused by Bob, not by you.", "Ask Bob to let it go on.")
}

// TestAPauseOfTheOtherSideHolds lets a transfer go on that both sides paused.
func TestAPauseOfTheOtherSideHolds(t *testing.T) {
	f := moving()
	f.transfers[1].State, f.transfers[1].Reason = statePaused, "by me"
	f.onResume = func(t *node.Transfer) { t.Reason = "by peer" }
	newCall(t, f).run(0, "transfers", "resume", "019b76da-b9").prints("photos: paused by Bob.\n")
}

func TestConfig(t *testing.T) {
	c := newCall(t, nil)
	path := filepath.Join(c.home, "default", "config.toml")
	if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
		t.Fatal(err)
	}
	write := func(text string) {
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	write("port = 7500\nread_marks = false\n")
	c.run(0, "config", "--peer", "10.0.0.5").complains(path + ":2: read_marks has no effect in this version yet.")
	for _, want := range []string{"# " + path + "\n", `name = "Ann"`, "# EARSHOT_NAME", "port = 7500", "# " + path + ":1", `peers = ["10.0.0.5"]`, "# --peer", "visible = true", "# default"} {
		if !strings.Contains(c.stdout.String(), want) {
			t.Errorf("no %q in\n%s", want, c.stdout.String())
		}
	}
	c.run(0, "config", "--json")
	if want := `{"key":"port","value":7500,"origin":"file","where":"` + path + `:1"}`; !strings.Contains(c.stdout.String(), want) {
		t.Errorf("no %s in %s", want, c.stdout.String())
	}
	write("port = 'x'\n")
	c.run(codeFailed, "peers").complains(path+`:1: port is "x"; want a number from 0 (any) to 65535, without quotes.`, "Change it there")
	write("")
	c.run(codeUsage, "peers", "--log", "loud").complains("--log: log is \"loud\"; want debug, info, warn or error.")
	c.env["EARSHOT_PORT"] = "70000"
	c.run(codeUsage, "peers").complains("EARSHOT_PORT: port is 70000; want a number")
	c.run(codeDone, "version")
}

func TestUsage(t *testing.T) {
	c := newCall(t, newFake())
	c.run(codeUsage, "pears").complains(`Unknown command "pears" for "earshot".`, `Say "earshot --help"`)
	c.run(codeUsage, "peers", "--wiat", "1s").complains("Unknown flag: --wiat.", `Say "earshot peers --help"`)
	c.run(codeUsage, "peers", "-x").complains("Unknown flag: -x.")
	c.run(codeUsage, "peers", "extra").complains(`Unknown command "extra" for "earshot peers".`)
	c.run(codeUsage, "help", "pears").complains(`Unknown command "pears" for "earshot".`)
	c.run(codeUsage, "completion").complains(`"earshot completion" wants a shell: bash, fish, powershell, zsh.`)
	c.run(codeUsage, "completion", "tcsh").complains(`There is no completion for "tcsh", only for bash, fish, powershell, zsh.`)
	c.run(codeUsage, "--profile", "../x", "peers").complains("profile")
	for _, args := range [][]string{{"--help"}, {"help", "send"}, {"version"}, {"completion", "bash"}, {"completion", "powershell"}} {
		c.run(codeDone, args...)
		if c.stdout.Len() == 0 {
			t.Errorf("%q printed nothing", args)
		}
	}
}
