package cli

import (
	"context"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"earshot/internal/node"
)

func TestAnswers(t *testing.T) {
	c := newCall(t, moving())
	wd, err := os.Getwd()
	if err != nil {
		t.Fatal(err)
	}
	c.run(0, "accept", "019b76da-a8", "--dir", "in").prints("plan.pdf (2.0 kB) from Bob: accepted.\n")
	c.run(0, "decline", "019b76da-a8").prints("plan.pdf (2.0 kB) from Bob: declined.\n")
	c.does("answer 019b yes "+filepath.Join(wd, "in"), "answer 019b no ")
	c.run(codeFailed, "accept", "019b76da-b9").complains("the other side answers it")
	c.run(codeUsage, "accept")
}

func TestAnOfferGoesIntoTheSendersFolder(t *testing.T) {
	c := newCall(t, moving())
	dir := t.TempDir()
	c.run(0, "accept", "019b76da-a8", "--dir", dir, "--folder-per-person")
	c.run(0, "accept", "019b76da-a8", "--folder-per-person")
	c.does("folder "+id2[:8]+" "+dir, "answer 019b yes "+filepath.Join(dir, "Folder"), "folder "+id2[:8]+" ", "answer 019b yes Folder")
}

func TestFilesOfOnePersonAreAcceptedFromNowOn(t *testing.T) {
	f := moving()
	f.people = []node.Person{person(2, "Bob"), person(3, "Carl")}
	c := newCall(t, f)
	c.run(0, "accept", "--always", "Bob").prints("From now on files of any size from Bob are accepted without asking.\n")
	c.run(0, "accept", "carl", "--always", "--up-to", "100 MB").prints("From now on files of up to 100.0 MB from Carl are accepted without asking.\n")
	c.run(0, "accept", "019b76da-a8", "--always", "--up-to", "1GB").prints("plan.pdf (2.0 kB) from Bob: accepted.\nFrom now on files of up to 1.0 GB from Bob are accepted without asking.\n")
	c.run(0, "accept", "--ask", "Bob").prints("Files from Bob wait for your answer again.\n")
	c.does("accept from "+id2[:8]+" -1", "accept from "+seeded(3).String()[:8]+" 100000000", "answer 019b yes ",
		"accept from "+id2[:8]+" 1000000000", "accept from "+id2[:8]+" 0")
	f.self.Accept, f.self.AcceptUpTo = node.AcceptAll, 5e6
	c.run(0, "accept", "--ask", "Bob").prints("Files from Bob wait for your answer again, unless the rule for everybody accepts them: those of everybody, up to 5.0 MB.\n")
	c.run(codeWho, "accept", "--always", "Nobody").complains(`Nobody called "Nobody" is known.`)
	c.run(codeFailed, "accept", "019b", "--always").complains("may be one of 2")
	f.fail = node.ErrKeyChanged
	c.run(codeFailed, "accept", "--always", "Bob").complains("compare the safety number")
}

func TestWhoseFilesAreAccepted(t *testing.T) {
	f := newFake(person(2, "Bob"))
	c := newCall(t, f)
	c.run(0, "accept", "--list").prints("Nobody's files are accepted without asking.\n")
	c.run(0, "accept", "--list", "--json").prints(`{"accept":"none","accept_up_to":0,"people":[]}` + "\n")
	f.self.Accept = node.AcceptVerified
	c.run(0, "accept", "--list").prints("Files that are accepted without asking: those of verified people.\n")
	f.people[0].AcceptUpTo = node.AnySize
	c.run(0, "accept", "--list").prints("Files that are accepted without asking: those of verified people; and:\nBob  " + id2[:8] + "  files of any size\n")
	f.self.Accept = node.AcceptNone
	f.people[0].AcceptUpTo = 100e6
	c.run(0, "accept", "--list").prints("Files that are accepted without asking:\nBob  " + id2[:8] + "  files of up to 100.0 MB\n")
	c.run(0, "accept", "--list", "--json").prints(`{"accept":"none","accept_up_to":0,"people":[{"id":"` + id2 + `","name":"Bob","up_to":100000000}]}` + "\n")
	c.run(0, "peers", "--wait", "0")
	if out := c.stdout.String(); !strings.Contains(out, "on-line, not verified, files of up to 100.0 MB are accepted") {
		t.Errorf("peers: %s", out)
	}
	c.run(0, "peers", "--wait", "0", "--json")
	if out := c.stdout.String(); !strings.Contains(out, `"online":true,"accept_up_to":100000000}`) {
		t.Errorf("peers: %s", out)
	}
}

func TestAcceptFlagsThatMakeNoSense(t *testing.T) {
	c := newCall(t, moving())
	for _, args := range [][]string{
		{}, {"a", "b"}, {"--always"}, {"--list", "Bob"}, {"--list", "--always"}, {"Bob", "--always", "--ask"}, {"019b76da-a8", "--up-to", "5"},
		{"Bob", "--ask", "--dir", "x"}, {"Bob", "--json"}, {"Bob", "--always", "--up-to", "much"},
	} {
		c.run(codeUsage, append([]string{"accept"}, args...)...)
	}
	c.does()
}

func TestListenTakesRulesAndFolders(t *testing.T) {
	c := newCall(t, newFake())
	ctx, interrupt := context.WithCancel(t.Context())
	interrupt()
	c.ctx = ctx
	c.run(codeDone, "listen", "--accept", "all", "--accept-up-to", "100 MB", "--folder-per-person")
	c.run(codeDone, "listen")
	c.run(codeDone, "listen", "--accept-up-to", "", "--folder-per-person=false")
	if r := c.roles[0]; r.rule != node.AcceptAll || r.upTo == nil || *r.upTo != 100e6 || r.folders == nil || !*r.folders {
		t.Errorf("listened as %+v", r)
	}
	if r := c.roles[1]; r.upTo != nil || r.folders != nil {
		t.Errorf("listened as %+v", r)
	}
	if r := c.roles[2]; r.upTo == nil || *r.upTo != 0 || r.folders == nil || *r.folders {
		t.Errorf("listened as %+v", r)
	}
	c.run(codeUsage, "listen", "--accept-up-to", "much").complains(`--accept-up-to is "much"; want a size like "100 MB".`)
}
