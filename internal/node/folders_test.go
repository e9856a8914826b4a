package node

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"earshot/internal/store"
	"earshot/peer"
)

// newFolders are those of an empty database.
func newFolders(t *testing.T) *folders {
	t.Helper()
	db, _, err := store.Open(filepath.Join(t.TempDir(), "earshot.db"))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { db.Close() })
	return &folders{db: db}
}

func owned(n byte, name string) owner {
	return owner{id: peer.NewIdentity([32]byte{n}).ID(), name: peer.DisplayName(name)}
}

// wantFolder has a folder made for an owner, and compares its name.
func wantFolder(t *testing.T, f *folders, dir string, o owner, want string) {
	t.Helper()
	got, err := f.of(dir, o)
	if err != nil || got != filepath.Join(dir, want) {
		t.Errorf("%s: %q, %v, want %q", o.name, got, err, want)
	}
	if info, err := os.Stat(got); err != nil || !info.IsDir() {
		t.Errorf("%s: no folder: %v", got, err)
	}
}

func TestEachPersonHasAFolder(t *testing.T) {
	f, dir := newFolders(t), filepath.Join(t.TempDir(), "new")
	ann, other := owned(1, "Ann"), owned(2, "ANN")
	wantFolder(t, f, dir, ann, "Ann")
	wantFolder(t, f, dir, other, "ANN ("+other.id.String()[:4]+")")
	wantFolder(t, f, dir+"/", ann, "Ann") // again
	ann.name = peer.DisplayName("Anna")
	wantFolder(t, f, dir, ann, "Ann") // keeps it

	shares := owned(3, "Bob")
	shares.shares = true // with a verified Bob, who sent nothing yet
	wantFolder(t, f, dir, shares, "Bob ("+shares.id.String()[:4]+")")
	wantFolder(t, f, dir, owned(4, "Bob"), "Bob")

	elsewhere := t.TempDir()
	wantFolder(t, f, elsewhere, other, "ANN")
}

// TestNobodyChoosesWhereFilesGo: a folder that was there is never used, whatever
// the name of who sends.
func TestNobodyChoosesWhereFilesGo(t *testing.T) {
	t.Run("by a name/N-21", namesChooseNothing)
}

func namesChooseNothing(t *testing.T) {
	f, dir := newFolders(t), t.TempDir()
	if err := os.Mkdir(filepath.Join(dir, "bin"), 0o700); err != nil {
		t.Fatal(err)
	}
	linked := os.Symlink(t.TempDir(), filepath.Join(dir, "photos"))
	if linked != nil { // Windows without the right to make links
		linked = os.Mkdir(filepath.Join(dir, "photos"), 0o700)
	}
	if linked != nil {
		t.Fatal(linked)
	}
	for i, c := range []struct{ name, want string }{
		{"bin", "bin (ID)"}, {"photos", "photos (ID)"}, {"..", "(ID)"}, {".", "(ID)"}, {"a/../b", "a_.._b"}, {"/etc", "_etc"}, {`C:\x`, "C__x"},
		{".ssh", "_ssh"}, {"-rf", "_rf"}, {"CON", "_CON"}, {"a\u202egnp", ""}, {"王芳", "王芳"}, {"Ann & Bob, Sales", "Ann & Bob, Sales"},
	} {
		o := owned(byte(10+i), c.name)
		want := strings.Replace(c.want, "ID", o.id.String()[:4], 1)
		if strings.Contains(c.name, "\u202e") {
			want = folderName(o.name.String())
		}
		wantFolder(t, f, dir, o, want)
	}
	entries, err := os.ReadDir(filepath.Join(dir, "bin"))
	if err != nil || len(entries) != 0 {
		t.Errorf("the person's own folder: %v, %v", entries, err)
	}
}

// TestAFolderThatWentIsNobodyElses: its name is not given away.
func TestAFolderThatWentIsNobodyElses(t *testing.T) {
	f, dir := newFolders(t), t.TempDir()
	ann, other := owned(1, "Ann"), owned(2, "ann")
	wantFolder(t, f, dir, ann, "Ann")
	if err := os.Remove(filepath.Join(dir, "Ann")); err != nil {
		t.Fatal(err)
	}
	wantFolder(t, f, dir, other, "ann ("+other.id.String()[:4]+")")
	if got, err := f.of(dir, ann); err != nil || got != filepath.Join(dir, "Ann") {
		t.Errorf("got %q, %v", got, err)
	}
}

// TestIDsThatBeginAlike: who makes keys until the beginning is that of another one
// has a longer piece of it in the name.
func TestIDsThatBeginAlike(t *testing.T) {
	f, dir := newFolders(t), t.TempDir()
	o := owned(1, "Ann")
	for _, taken := range []string{"Ann", "Ann (" + o.id.String()[:4] + ")"} {
		if err := os.Mkdir(filepath.Join(dir, taken), 0o700); err != nil {
			t.Fatal(err)
		}
	}
	wantFolder(t, f, dir, o, "Ann ("+o.id.String()[:8]+")")
	other := owned(2, "Ann")
	for _, name := range other.names() {
		if err := os.Mkdir(filepath.Join(dir, name), 0o700); err != nil && !errors.Is(err, os.ErrExist) {
			t.Fatal(err)
		}
	}
	if got, err := f.of(dir, other); err == nil {
		t.Errorf("got %q though all is taken", got)
	}
}

func TestWhatIsReceivedGoesIntoTheSendersFolder(t *testing.T) {
	b := start(t, "Bob", func(c *Config) { c.Rule, c.FolderPerPerson = AcceptAll, true })
	first, second := start(t, "Ann"), start(t, "Ann")
	path, content := file(t, "report.pdf", 100)
	for _, a := range []*device{first, second} {
		meet(t, a, b)
		arrives(t, a, b, a.offers(b, path).ID, content)
	}
	for _, name := range []string{"Ann", "Ann (" + second.myself().String()[:4] + ")"} {
		if _, err := os.Stat(filepath.Join(b.cfg.Dir, name, "report.pdf")); err != nil {
			t.Error(err)
		}
	}
	if self, err := b.Self(t.Context()); err != nil || !self.FolderPerPerson {
		t.Errorf("self: %+v, %v", self, err)
	}
	b.stop()
	b.restart()
	meet(t, first, b)
	path, content = file(t, "report.pdf", 200)
	id := first.offers(b, path).ID
	arrives(t, first, b, id, content)
	if got := b.transferState(id).Path; got != filepath.Join(b.cfg.Dir, "Ann", "report (2).pdf") {
		t.Errorf("saved as %s", got)
	}
}

func TestAFolderIsNamed(t *testing.T) {
	a, b := start(t, "Ann"), start(t, "Bob")
	meet(t, a, b)
	dir := t.TempDir()
	for into, want := range map[string]string{"": b.cfg.Dir, dir: dir} {
		if got, err := b.Folder(t.Context(), a.myself(), into); err != nil || got != filepath.Join(want, "Ann") {
			t.Errorf("in %q: %q, %v", into, got, err)
		}
	}
	if _, err := b.Folder(t.Context(), a.myself(), "relative"); err == nil {
		t.Error("a relative folder was taken")
	}
	if _, err := b.Folder(t.Context(), peer.ID{1}, ""); !errors.Is(err, ErrNoSuchPeer) {
		t.Errorf("of nobody: %v", err)
	}
	ctx, stop := context.WithTimeout(t.Context(), time.Nanosecond)
	defer stop()
	if _, err := b.Folder(ctx, a.myself(), ""); err == nil {
		t.Error("did not end with its context")
	}
}

func TestWhoHasAVerifiedPersonsName(t *testing.T) {
	ann, other, again := person{id: peer.ID{1}, name: peer.DisplayName("Ann"), verified: time.Unix(1, 0)}, person{id: peer.ID{2}, name: peer.DisplayName("ann")}, person{id: peer.ID{3}, name: peer.DisplayName("Ann"), verified: time.Unix(2, 0)}
	n := &Node{people: map[peer.ID]*person{ann.id: &ann, other.id: &other, again.id: &again}}
	for p, want := range map[*person]bool{&ann: false, &other: true, &again: false} {
		if got := n.ownerOf(p).shares; got != want {
			t.Errorf("%s: %v", p.name, got)
		}
	}
}
