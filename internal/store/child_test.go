package store

import (
	"bufio"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"strings"
	"testing"

	"github.com/google/uuid"

	"earshot/internal/chat"
	"earshot/peer"
)

// The test binary runs itself as a child that is killed, or as another user.
const (
	childRole = "EARSHOT_STORE_TEST" // what the child is to do
	childPath = "EARSHOT_STORE_PATH" // with which database
	childUser = "EARSHOT_STORE_USER" // as whom, "" as the parent
)

func runChild(role string) int {
	if err := becomeUser(os.Getenv(childUser)); err != nil {
		fmt.Println("become another user:", err)
		return 2
	}
	db, notice, err := Open(os.Getenv(childPath))
	if err != nil {
		fmt.Println(err)
		return 1
	}
	if notice.Text != "" {
		fmt.Println("notice:", notice.Text)
		return 1
	}
	if role == "write" {
		err = writeForEver(db)
	}
	if err := errors.Join(err, db.Close()); err != nil {
		fmt.Println(err)
		return 1
	}
	return 0
}

// writeForEver goes on in the own log, one entry a commit, and prints each
// number when it is acknowledged.
func writeForEver(db *DB) error {
	conversation := between(alice, bob)
	if err := db.Apply(chat.Batch{Conversations: []chat.Conversation{conversation}}); err != nil {
		return err
	}
	logs, err := db.Logs(conversation.ID)
	if err != nil {
		return err
	}
	last := chat.Log{Conversation: conversation.ID, LogKey: chat.LogKey{Author: alice.ID(), Log: db.Log()}, First: 1, Ours: true}
	if len(logs) == 1 {
		last = logs[0]
	}
	body, err := peer.Marshal(chat.Text{Text: strings.Repeat("to be killed ", 50)})
	if err != nil {
		return err
	}
	for {
		h := chat.Header{Conversation: conversation.ID, Log: db.Log(), Number: last.Last + 1, Clock: start + last.Last, Kind: chat.KindText}
		h.ID = uuid.NewSHA1(uuid.Nil, fmt.Append(nil, h.Number))
		if last.Last > 0 {
			h.Before = &last.Hash
		}
		e, err := chat.Seal(alice, h, body)
		if err != nil {
			return err
		}
		last.Last, last.Hash, last.Clock = e.Number, e.Hash(), e.Clock
		if err := db.Apply(chat.Batch{Entries: []chat.Entry{e}, Logs: []chat.Log{last}}); err != nil {
			return err
		}
		fmt.Println(e.Number)
	}
}

func child(t *testing.T, role, path string) *exec.Cmd {
	t.Helper()
	cmd := exec.CommandContext(t.Context(), os.Args[0])
	cmd.Env = append(os.Environ(), childRole+"="+role, childPath+"="+path)
	return cmd
}

// TestKill kills a process that commits, again and again, after some numbers
// were acknowledged. Nothing acknowledged is lost, nothing is repaired, and the
// log has no gap.
func TestKill(t *testing.T) {
	const kills = 8
	path := newPath(t)
	acknowledged := uint64(0)
	for n := range kills {
		acknowledged = killAfter(t, path, acknowledged, 1+37*n)
	}
	db := mustOpen(t, path)
	checkLog(t, db, acknowledged)
}

// killAfter lets a child write until it has acknowledged so many entries, kills
// it, and returns the last number that came.
func killAfter(t *testing.T, path string, before uint64, entries int) (last uint64) {
	t.Helper()
	cmd := child(t, "write", path)
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	lines := bufio.NewScanner(out)
	read := func() bool {
		if !lines.Scan() {
			return false
		}
		var number uint64
		if _, err := fmt.Sscan(lines.Text(), &number); err != nil {
			t.Errorf("the child says: %s", lines.Text())
			return false
		}
		if last == 0 && number <= before {
			t.Errorf("number %d is used again, %d was acknowledged", number, before)
		}
		last = number
		return true
	}
	for range entries {
		if !read() {
			break
		}
	}
	if err := cmd.Process.Kill(); err != nil {
		t.Fatal(err)
	}
	for read() { // what was acknowledged until the kill came
	}
	if err := cmd.Wait(); err == nil || last == 0 {
		t.Fatalf("the child was not killed at work: %v, last number %d", err, last)
	}
	return last
}

// checkLog checks that alice's log goes from 1 to at least the number that was
// acknowledged last, at most one commit further.
func checkLog(t *testing.T, db *DB, acknowledged uint64) {
	t.Helper()
	conversation := between(alice, bob).ID
	entries, err := db.Entries(conversation, chat.LogKey{Author: alice.ID(), Log: db.Log()}, 1, 1<<40, 1<<30)
	if err != nil {
		t.Fatal(err)
	}
	for i, e := range entries {
		if e.Number != uint64(i)+1 || e.Verify() != nil {
			t.Fatalf("entry %d has number %d, %v", i+1, e.Number, e.Verify())
		}
	}
	if n := uint64(len(entries)); n < acknowledged || n > acknowledged+1 {
		t.Errorf("%d entries, %d were acknowledged", n, acknowledged)
	}
	logs, err := db.Logs(conversation)
	if err != nil || len(logs) != 1 || logs[0].Last != uint64(len(entries)) {
		t.Errorf("logs %+v, %v, want one with %d entries", logs, err, len(entries))
	}
	t.Logf("%d entries acknowledged, %d there", acknowledged, len(entries))
}

// asNobody runs a child as a user with no rights, who owns the folder and what
// is in it, and returns what it says. Who is not root already is such a user.
func asNobody(t *testing.T, dir, role, path string) string {
	t.Helper()
	cmd := child(t, role, path)
	if os.Getuid() == 0 {
		giveAway(t, dir)
		cmd.Env = append(cmd.Env, childUser+"=nobody")
	}
	out, err := cmd.Output()
	var exit *exec.ExitError
	if err != nil && (!errors.As(err, &exit) || exit.ExitCode() != 1) {
		t.Fatalf("child: %v: %s", err, out)
	}
	return string(out)
}
