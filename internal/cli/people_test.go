package cli

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"earshot/internal/node"
	"earshot/peer"
)

const (
	id1 = "RKEOHXLUBHYZL7KS3MWTZOS5OLFGOCN7DWKBEG7TOSEADNAPN5OA" // of seed 1
	id2 = "QE4XODVIPULV6VVDKRTMGTD6ZTFY3CURWTXDPIS56YHVXD6JWOKA" // of seed 2
)

func TestPeersListsWhoIsThere(t *testing.T) {
	bob, carl, gone, stranger := person(2, "Bob"), person(3, "张晓明"), person(4, "Dora"), person(5, "Eve")
	carl.Verified = true
	carl.Addresses = nil
	gone.Online, gone.Contact, gone.FirstSeen = false, true, time.Date(2026, 3, 1, 12, 0, 0, 0, time.Local)
	stranger.Online = false
	f := newFake(bob, carl, gone, stranger)
	c := newCall(t, f).run(0, "peers")
	got := strings.Split(strings.TrimSuffix(c.stdout.String(), "\n"), "\n")
	want := []string{
		"Bob     " + shortID(bob.ID) + "  10.0.0.2:7420  on-line, not verified",
		"张晓明  " + shortID(carl.ID) + "                 on-line, verified",
		"Dora    " + shortID(gone.ID) + "  10.0.0.2:7420  away, not verified since 2026-03-01",
	}
	if strings.Join(got, "\n") != strings.Join(want, "\n") {
		t.Errorf("got\n%s\nwant\n%s", strings.Join(got, "\n"), strings.Join(want, "\n"))
	}
}

func TestPeersForScripts(t *testing.T) {
	bob := person(2, "Bob \"<&>\"")
	newCall(t, newFake(bob)).run(0, "peers", "--json").prints(
		`[{"id":"` + bob.ID.String() + `","name":"Bob \"<&>\"","addresses":["10.0.0.2:7420"],"via":["mdns"],"account":"","verified":false,"online":true}]` + "\n")
	bob.Addresses, bob.Via, bob.Online, bob.Contact = nil, nil, false, true
	newCall(t, newFake(bob)).run(0, "peers", "--json").prints(
		`[{"id":"` + bob.ID.String() + `","name":"Bob \"<&>\"","addresses":[],"via":[],"account":"","verified":false,"online":false}]` + "\n")
	newCall(t, newFake()).run(0, "peers", "--json").prints("[]\n")
}

func TestPeersSaysWhatIsWrongWithTheNetwork(t *testing.T) {
	f := newFake()
	f.self.Network = peer.Line("no network: looking for a cable or Wi-Fi", 0)
	c := newCall(t, f).run(0, "peers").complains("looking for a cable")
	if !strings.HasPrefix(c.stdout.String(), "Nobody is in earshot yet.") {
		t.Errorf("printed %q", c.stdout.String())
	}
}

func TestSomebodyWhoComesLateIsFound(t *testing.T) {
	f := newFake()
	f.self.Started = time.Now()
	f.onWrite = deliver
	bob := person(2, "Bob")
	done := make(chan struct{})
	go func() {
		defer close(done)
		<-f.heard
		f.mu.Lock()
		f.people = append(f.people, bob)
		f.mu.Unlock()
		f.publish(node.Event{Kind: node.PeerUp, Person: &bob})
	}()
	newCall(t, f).run(0, "msg", "bob", "hi").prints("Delivered to Bob.\n").does("write " + bob.ID.String()[:4] + " hi")
	<-done
}

func TestNobodyAndSeveral(t *testing.T) {
	bob, imitator, carl := person(2, "Bob"), person(3, "BOB"), person(4, "Carl")
	bob.Verified, imitator.Imitates = true, true
	carl.Online = false
	dora := person(5, "Dorothea")
	dora.Online, dora.Contact = false, true
	f := newFake(bob, imitator, carl, dora)
	f.onWrite = deliver
	c := newCall(t, f)
	c.run(codeWho, "msg", "Dora", "hi").complains(`Nobody called "Dora" is known.`, "Bob  "+shortID(bob.ID), "Choose one of these")
	c.complains("Dorothea  " + shortID(dora.ID) + "  10.0.0.2:7420  away, not verified")
	if strings.Contains(c.stderr.String(), "Carl") {
		t.Error("somebody who only came by is listed")
	}
	c.run(codeWho, "msg", "bob", "hi").complains(`"bob" may be one of 2.`, shortID(bob.ID), shortID(imitator.ID), "under the name of a verified contact")
	c.run(codeWho, "msg", bob.ID.String()[:3], "hi")
	c.does()
	c.run(codeDone, "msg", strings.ToLower(bob.ID.String()[:4]), "hi")
	c.run(codeDone, "msg", bob.ID.Grouped(), "hi")
	bob.Online, f.self.Started = false, time.Now()
	f.people[0] = bob
	c.run(codeWho, "msg", "bob", "hi")
	if strings.Contains(c.stderr.String(), "away") {
		t.Errorf("a node that has just started knows who is away: %s", c.stderr.String())
	}
	newCall(t, newFake()).run(codeWho, "id", "Dora").complains("Nobody is in earshot")
}

func TestIDOfThisDevice(t *testing.T) {
	c := newCall(t, newFake())
	c.run(0, "id", "--json").prints(`{"id":"` + id1 + `","name":"Ann","safety_number":"","verified":false}` + "\n")
	if len(c.roles) != 1 {
		t.Error("a new profile got its identity without a node")
	}
	path := filepath.Join(c.home, "default", "identity.key")
	if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
		t.Fatal(err)
	}
	identity, err := peer.LoadIdentity(path)
	if err != nil {
		t.Fatal(err)
	}
	c.run(0, "id").prints("Ann\n" + identity.ID().Grouped() + "\n")
	if len(c.roles) != 1 {
		t.Error("a node was started to read a file")
	}
	if err := os.WriteFile(path, []byte("broken"), 0o600); err != nil {
		t.Fatal(err)
	}
	c.run(codeFailed, "id").complains("not an identity file")
}

func TestIDOfAPeer(t *testing.T) {
	bob := person(2, "Bob")
	const number = "01246 82250 51471 85019 99914 18350 62028 92615 50036 59000 11737 70718"
	c := newCall(t, newFake(bob))
	c.run(0, "id", "Bob", "--json").prints(`{"id":"` + bob.ID.String() + `","name":"Bob","safety_number":"` + number + `","verified":false}` + "\n").does()
	c.run(0, "id", "Bob", "--verify", "--json").does("verify " + shortID(bob.ID))
	if !strings.Contains(c.stdout.String(), `"verified":true`) {
		t.Errorf("printed %q", c.stdout.String())
	}
	c.run(0, "id", "Bob")
	if got, _, _ := strings.Cut(c.stdout.String(), "\n"); got != "Bob  verified" && got != "Bob  not verified" {
		t.Errorf("printed %q", got)
	}
	if !strings.Contains(c.stdout.String(), "  01246 82250 51471 85019\n  99914 18350 62028 92615\n  50036 59000 11737 70718\n") {
		t.Errorf("printed %q", c.stdout.String())
	}
	c.run(codeUsage, "id", "--verify").complains("--verify wants a peer")
}

func TestAccountsAreShown(t *testing.T) {
	ben, dora, second := person(2, "Ben Bauer"), person(3, "Dora"), person(4, "Ben Bauer")
	ben.Account, ben.CertifiedBy = "ben", peer.Line("office:7421", 0)
	dora.Account, dora.CertifiedBy, dora.Lapsed = "dora", peer.Line("office:7421", 0), time.Date(2026, 3, 1, 12, 0, 0, 0, time.Local)
	second.Account, second.Imitates, second.NewDevice = "ben", true, true
	f := newFake(ben, dora, second)
	f.onWrite = deliver
	c := newCall(t, f)
	c.run(0, "peers")
	for _, want := range []string{"Ben Bauer (ben)", "on-line, certified by office:7421", "Dora ", "certified by office:7421 until 2026-03-01", "a new device of a verified contact"} {
		if !strings.Contains(c.stdout.String(), want) {
			t.Errorf("%q is missing in %s", want, c.stdout.String())
		}
	}
	c.run(0, "peers", "--json")
	if !strings.Contains(c.stdout.String(), `"account":"ben"`) {
		t.Errorf("printed %s", c.stdout.String())
	}
	c.run(0, "msg", "DORA", "hi").does("write " + dora.ID.String()[:4] + " hi")
	c.run(codeWho, "msg", "ben", "hi").complains(`"ben" may be one of 2.`, "a new device of a verified contact")
}
