package cli

import (
	"testing"

	"earshot/internal/node"
	"earshot/internal/profile"
)

func TestLimits(t *testing.T) {
	f := moving()
	f.people = []node.Person{person(2, "Bob")}
	c := newCall(t, f)
	c.run(0, "transfers", "limit").prints("all    as fast as it goes\n")
	c.run(0, "transfers", "limit", "all", "10 MB/s").prints("All files together: at most 10.0 MB/s.\n")
	c.run(0, "transfers", "limit", "bob", "500kB").prints("Files to and from Bob: at most 500.0 kB/s.\n")
	c.run(0, "transfers", "limit", "019b76da-b9", "none").prints("photos: as fast as it goes.\n")
	c.does("limit 0000 AAAA 10000000", "limit 0000 "+id2[:4]+" 500000", "limit 019b AAAA 0")
	f.self.Limit, f.people[0].Limit, f.transfers[1].Limit = 1e7, 5e5, 2e6
	c.run(0, "transfers", "limit").prints("all                    at most 10.0 MB/s\n" +
		"Bob     " + id2[:8] + "       at most 500.0 kB/s\nphotos  019b76da-b900  at most 2.0 MB/s\n")
	c.run(codeUsage, "transfers", "limit", "all")
	c.run(codeUsage, "transfers", "limit", "all", "fast").complains(`The speed is "fast"; want one of at least 16 KiB/s, like "10 MB/s", or none.`)
	c.run(codeUsage, "transfers", "limit", "all", "1kB/s").complains("at least 16 KiB/s")
	c.run(codeUsage, "transfers", "limit", "all", "0.5 B/s").complains("at least 16 KiB/s")
	c.run(codeWho, "transfers", "limit", "Nobody", "1MB/s").complains(`Nobody called "Nobody" is known.`)
	if profile.MinRate != node.MinLimit {
		t.Errorf("the settings take %d bytes a second, the node %d", profile.MinRate, node.MinLimit)
	}
}

func TestTakenNames(t *testing.T) {
	f := moving()
	c := newCall(t, f)
	c.run(0, "accept", "019b76da-a8", "--conflict", "ask")
	f.transfers[0].State, f.transfers[0].Reason = statePaused, reasonTaken
	c.run(0, "transfers").prints("↓  019b76da-a800  plan.pdf (2.0 kB)         from Bob  0%   paused: the name is taken\n" +
		"↑  019b76da-b900  photos (9 files, 1.0 MB)  to Bob    50%  sending\n")
	c.run(codeUsage, "accept", "019b76da-a8").complains("plan.pdf waits for you to say what becomes of the files that are there already.", "--conflict keep, overwrite or skip")
	c.run(0, "accept", "019b76da-a8", "--conflict", "overwrite")
	c.run(codeUsage, "accept", "019b76da-a8", "--conflict", "rename").complains(`--conflict is "rename"; want keep, overwrite, skip or ask.`)
	c.run(codeUsage, "listen", "--conflict", "rename")
	c.does("answer 019b yes  ask", "answer 019b yes  overwrite")
}

func TestWhatIsOverCanBeClearedAndSentAgain(t *testing.T) {
	f := moving()
	f.transfers[0].State, f.transfers[1].State = stateDone, stateCancelled
	c := newCall(t, f)
	c.run(0, "transfers", "retry", "019b76da-b9").prints("report.pdf (1.0 MB): waits for Bob to accept it. Its ID is 00000000-0000-0000-0000-000000000000.\n")
	c.run(codeFailed, "transfers", "retry", "019b76da-a8").complains("plan.pdf came from Bob.", "Ask Bob to send it again.")
	c.run(0, "transfers", "clear", "019b76da-b9")
	c.run(0, "transfers").prints("↓  019b76da-a800  plan.pdf (2.0 kB)  from Bob    saved\n")
	c.run(0, "transfers", "clear")
	c.run(0, "transfers").prints("")
	c.run(0, "transfers", "--json").prints("[]\n")
	c.run(0, "transfers", "--all").prints("↓  019b76da-a800  plan.pdf (2.0 kB)         from Bob    saved\n" +
		"↑  019b76da-b900  photos (9 files, 1.0 MB)  to Bob      cancelled by you\n")
}
