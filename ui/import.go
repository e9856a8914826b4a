package ui

import (
	"cmp"
	"context"
	"encoding/csv"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"time"

	"earshot/internal/node"
	"earshot/peer"
)

// The import of accounts from a file. Their passwords go into a file beside it: nobody
// reads two hundred of them off a screen.

// askImport asks for the file.
func (c *Console) askImport() {
	p := &picker{c: c, one: true, take: func(paths []string) { c.readPeople(paths[0]) }}
	p.open(c.words.ImportTitle, c.words.ImportHint)
}

// errSlow says that a disk gave no answer.
var errSlow = errors.New("the disk does not answer")

// readPeople reads the file, away from the loop, and then asks whether it is right.
func (c *Console) readPeople(path string) {
	type people struct {
		all []node.NewAccount
		err error
	}
	c.looks.push(func(ctx context.Context) func() {
		got, ok := inTime(ctx, c, func() (got people) {
			f, err := os.Open(path)
			if err != nil {
				return people{err: err}
			}
			defer f.Close()
			got.all, got.err = node.ReadAccounts(f)
			return got
		})
		if !ok {
			got.err = errSlow
		}
		return func() { c.confirmImport(path, got.all, got.err) }
	})
}

// confirmImport asks whether accounts shall be made.
func (c *Console) confirmImport(path string, people []node.NewAccount, err error) {
	w := c.words
	switch {
	case err != nil:
		c.complain(w.ImportBad.with(shown(path), c.whyNot(err)))
		return
	case len(people) == 0:
		c.complain(w.ImportNone.with(shown(path)))
		return
	}
	d := c.newDialog(w.ImportAsk.of(len(people)))
	for _, one := range people[:min(len(people), 4)] {
		d.pieces = append(d.pieces, &pairPiece{peer.Line(one.User+"  "+one.Name, 0).String(), peer.Line(one.Team, 0).String(), c.glyphs.more})
	}
	if more := len(people) - 4; more > 0 {
		d.say(dim, w.AndMore.of(more))
	}
	d.gap()
	d.say(plain, w.ImportText)
	d.say(bold, shown(passwordsFile(path, 1)))
	d.gap()
	d.choose(button{w.ImportYes, func() { c.makeAccounts(path, people) }}, button{w.Cancel, func() {}})
	d.start(1)
}

// whyNot is why a file of people cannot be read, in words.
func (c *Console) whyNot(err error) string {
	w := c.words
	because := func(err error) string { return cmp.Or(w.Causes[err.Error()], peer.Line(err.Error(), 200).String()) }
	if line, ok := errors.AsType[*node.LineError](err); ok {
		return w.ImportLine.with(line.Line, because(line.Err))
	}
	return because(cmp.Or(node.Cause(err), err))
}

// shown is a path as it is written on the screen.
func shown(path string) string { return peer.Line(short(path), 0).String() }

// imported is what became of an import.
type imported struct {
	made []node.MadeAccount
	file string // of the passwords
	lost error  // why they are not there
}

// makeAccounts has the accounts made, which takes a while, and then says what became
// of it.
func (c *Console) makeAccounts(path string, people []node.NewAccount) {
	c.sayFor(time.Hour, c.words.Importing.of(len(people)))
	call(c, func(ctx context.Context) (imported, error) { return c.importPeople(ctx, path, people) }, func(done imported, err error) {
		c.seen()
		if err != nil {
			c.failure(err)
		}
		if done.lost != nil {
			c.complain(c.words.ImportLost.with(shown(done.file), c.whyNot(done.lost)))
		}
		if len(done.made) > 0 {
			c.showImported(done)
		}
		c.admin.read()
	})
}

// importPeople makes accounts. The file is there before anything else: nobody else
// will know the passwords. A worker runs it.
func (c *Console) importPeople(ctx context.Context, path string, people []node.NewAccount) (done imported, err error) {
	f, err := createPasswords(path)
	if err != nil {
		return done, folderError{filepath.Dir(path), err}
	}
	done.file = f.Name()
	done.made, err = c.node.ImportAccounts(ctx, people)
	lines := csv.NewWriter(f)
	written := 0
	for _, one := range done.made {
		if one.Problem.IsZero() {
			_ = lines.Write([]string{one.User.String(), one.Password}) // Error tells it
			written++
		}
	}
	lines.Flush()
	lost := errors.Join(lines.Error(), f.Sync(), f.Close())
	if written == 0 {
		os.Remove(done.file)
		done.file = ""
	} else {
		done.lost = lost
	}
	return done, err
}

// createPasswords makes the file that the passwords go into; it replaces none.
func createPasswords(path string) (f *os.File, err error) {
	for n := 1; n < 100; n++ {
		f, err = os.OpenFile(passwordsFile(path, n), os.O_CREATE|os.O_EXCL|os.O_WRONLY, 0o600)
		if !errors.Is(err, fs.ErrExist) {
			break
		}
	}
	return f, err
}

// passwordsFile is the n-th name for the passwords of those in a file.
func passwordsFile(path string, n int) string {
	name := strings.TrimSuffix(path, filepath.Ext(path)) + "-passwords"
	if n > 1 {
		name += fmt.Sprintf(" (%d)", n)
	}
	return name + ".csv"
}

// showImported says where the passwords are, and who was left out. It opens by itself.
func (c *Console) showImported(done imported) {
	w := c.words
	var left []node.MadeAccount
	for _, one := range done.made {
		if !one.Problem.IsZero() {
			left = append(left, one)
		}
	}
	d := c.newDialog(w.Imported.of(len(done.made) - len(left)))
	d.frozen = time.Now().Add(unguarded)
	if done.file != "" {
		d.say(plain, w.ImportedText)
		d.say(bold, shown(done.file))
		d.gap()
	}
	if len(left) > 0 {
		d.say(bold, w.ImportLeft)
	}
	for _, one := range left[:min(len(left), 6)] {
		why := cmp.Or(w.Causes[one.Problem.String()], one.Problem.String())
		d.say(plain, one.User.String()+": "+why)
	}
	if more := len(left) - 6; more > 0 {
		d.say(dim, w.AndMore.of(more))
	}
	d.gap()
	d.choose(button{w.Close, func() {}})
	d.start(0)
}
