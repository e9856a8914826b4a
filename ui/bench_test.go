package ui

import (
	"fmt"
	"testing"
	"time"

	"github.com/gdamore/tcell/v2"

	"earshot/internal/node"
	"earshot/peer"
)

// still is a console that is drawn by hand: nothing runs.
func still(b testing.TB, w, h int, f *fakeNode) *Console {
	b.Helper()
	sim := tcell.NewSimulationScreen("UTF-8")
	c := New(Config{Node: f, Screen: sized{sim, w, h}, Lang: "en", Now: func() time.Time { return testNow }})
	if err := c.takeTerminal(); err != nil {
		b.Fatal(err)
	}
	b.Cleanup(c.screen.Fini)
	c.begin(f.self, f.people, f.transfers)
	return c
}

// draw is what the application does for each event.
func (c *Console) drawOnce() {
	w, h := c.screen.Size()
	c.root.SetRect(0, 0, w, h)
	c.screen.Clear()
	c.root.Draw(c.screen)
	c.screen.Show()
}

// openWith opens the first person's conversation with these messages.
func (c *Console) openWith(messages []node.Message) *chat {
	ch := newChat(c.node.(*fakeNode).people[0].ID)
	c.chats[ch.id], c.open = ch, ch
	ch.items, ch.loaded = itemsOf(messages), true
	return ch
}

func BenchmarkOpen100000Messages(b *testing.B) {
	f := long(100_000, 0)
	c := still(b, 120, 35, f)
	b.ReportAllocs()
	for b.Loop() {
		c.messages.forget()
		c.openWith(f.messages[len(f.messages)-pageSize:]) // the page that the node gives
		c.drawOnce()
	}
}

func BenchmarkRedraw(b *testing.B) {
	for _, size := range [][2]int{{80, 24}, {120, 35}, {240, 70}} {
		b.Run(fmt.Sprintf("%dx%d", size[0], size[1]), func(b *testing.B) {
			f := office()
			c := still(b, size[0], size[1], f)
			c.openWith(f.messages)
			b.ReportAllocs()
			for b.Loop() {
				c.drawOnce()
			}
		})
	}
}

func BenchmarkRedrawAfterResize(b *testing.B) {
	f := long(1000, 0)
	c := still(b, 120, 35, f)
	c.openWith(f.messages)
	for b.Loop() {
		c.messages.forget()
		c.drawOnce()
	}
}

func BenchmarkRedraw5000People(b *testing.B) {
	f := office()
	for i := range 5000 {
		p := person(0, fmt.Sprintf("Person %d", i), "10.1.1.1")
		p.ID[0], p.ID[1] = byte(i), byte(i>>8)
		f.people = append(f.people, p)
	}
	c := still(b, 120, 35, f)
	b.Run("as it is", func(b *testing.B) {
		for b.Loop() {
			c.drawOnce()
		}
	})
	b.Run("somebody changed", func(b *testing.B) {
		for b.Loop() {
			c.list.stale = true
			c.drawOnce()
		}
	})
}

// BenchmarkRedrawNasties is T-05: each must stay under 20 ms.
func BenchmarkRedrawNasties(b *testing.B) {
	for name, text := range nasties {
		f := office()
		f.messages[len(f.messages)-1].Text = peer.Body(text)
		c := still(b, 120, 35, f)
		c.openWith(f.messages)
		b.Run(name+"/first", func(b *testing.B) {
			for b.Loop() {
				c.messages.forget()
				c.drawOnce()
			}
		})
		b.Run(name+"/again", func(b *testing.B) {
			for b.Loop() {
				c.drawOnce()
			}
		})
	}
}

func BenchmarkKey(b *testing.B) {
	f := office()
	c := still(b, 120, 35, f)
	c.openWith(f.messages)
	c.focus(inCompose)
	x, back := tcell.NewEventKey(tcell.KeyRune, 'x', tcell.ModNone), tcell.NewEventKey(tcell.KeyBackspace, 0, tcell.ModNone)
	for b.Loop() {
		c.key(x)
		c.drawOnce()
		c.key(back)
		c.drawOnce()
	}
}

// BenchmarkManyTransfers is the page and the screen with a thousand transfers.
func BenchmarkManyTransfers(b *testing.B) {
	for name, each := range map[string]node.Transfer{
		"over":    {State: "done"},
		"active":  {State: "active", Rate: 1000, Left: time.Hour},
		"queued":  {State: "active", Reason: "queued"},
		"offered": {State: "offered", Direction: node.Receiving},
	} {
		f := office()
		for i := range 1000 {
			t := each
			t.ID, t.Offered, t.Name, t.Files, t.Bytes = uuidOf(uint64(1000+i)), testNow, peer.Line("a file", 0), 1_000_000, 1e9
			f.transfers = append(f.transfers, t)
		}
		c := still(b, 120, 35, f)
		c.openWith(f.messages)
		b.Run(name+"/screen", func(b *testing.B) {
			for b.Loop() {
				c.drawOnce()
			}
		})
		c.moves.show()
		b.Run(name+"/page", func(b *testing.B) {
			for b.Loop() {
				c.drawOnce()
			}
		})
		b.Run(name+"/page changed", func(b *testing.B) {
			for i := 0; b.Loop(); i++ {
				t := f.transfers[5+i%1000]
				t.State = []string{"done", "active", "paused"}[i/1000%3]
				c.applyTransfer(t)
				c.drawOnce()
			}
		})
	}
}
