package main

import (
	"context"
	"fmt"
	"math"
	"slices"
	"strings"
	"time"

	"earshot/internal/control"
	"earshot/internal/node"
	"earshot/internal/profile"
)

const (
	// transfers are how many fill the link while messages are written.
	transfers = 3
	// narrow is a link that one machine fills with ease, in bytes a second.
	narrow     = 100_000_000 / 8
	narrowRate = "100mbit"
	// pause is the time between two messages: as many as one peer takes.
	pause = 50 * time.Millisecond
)

// measureLatency measures how long messages take, alone and beside transfers.
func measureLatency(b *bench) {
	// A node may run only two at once: these then outlast the messages.
	each := size(narrow * (b.seconds + 10) / 2)
	b.needs(2*transfers*each, "-seconds")
	var files []string
	for i := range transfers {
		files = append(files, b.randomFile(fmt.Sprintf("full-%d.bin", i), each))
	}
	p := b.pair(b.folder("from"))
	p.limit(narrowRate)
	c := p.couple(p.folder("to"))
	l := line{pair: p, from: c.ann.client(), to: c.bob.client()}
	t := table{
		title: fmt.Sprintf("Messages over a link of 100 Mbit/s, one every %v for %d s", pause, b.seconds),
		head:  []string{"", "messages", "p50, ms", "p99, ms", "longest, ms", "link, Mbit/s"},
		note: "From the call that writes a message to its event at a client of the receiver's node, both in one process. " +
			"A message that has to wait for the call before it counts from when it was due.",
	}
	t.add(l.row("nothing else")...)
	p.fill(c, files)
	t.add(l.row(fmt.Sprintf("beside %d transfers the same way", transfers))...)
	events, _ := c.bob.since(0)
	if slices.ContainsFunc(events, func(e event) bool { return e.Event == "transfer" && e.State == "done" }) {
		b.Fatal("a transfer was over before the messages were")
	}
	b.printf("%s", t)
}

// fill offers the files and waits until the first ones move; the receiver may
// have others wait.
func (p *pair) fill(c couple, files []string) {
	for _, file := range files {
		p.offer(c, file)
	}
	c.bob.transfer(0, c.bob.offered(0).ID, "the first bytes", func(e event) bool { return e.Done > 0 })
}

// client attaches to the node as a console does.
func (n *listener) client() *control.Client {
	n.ready()
	home, err := profile.Find(n.home, profile.Default)
	n.b.check("find the node's socket", err)
	socket, err := home.Socket()
	n.b.check("find the node's socket", err)
	c, err := control.Dial(n.b.ctx, socket)
	n.b.check("attach to the node", err)
	n.b.Cleanup(func() { c.Close() })
	return c
}

// line is a conversation of which both ends are at hand.
type line struct {
	*pair
	from, to *control.Client
}

// row measures messages for as long as the flags say.
func (l line) row(beside string) []string {
	n := int(time.Duration(l.seconds) * time.Second / pause)
	began, before := time.Now(), l.pair.to.Received()
	took := l.write(beside, n)
	use := float64(l.pair.to.Received()-before) * 8 / 1e6 / time.Since(began).Seconds()
	slices.Sort(took)
	in := func(d time.Duration) string { return figure(float64(d) / float64(time.Millisecond)) }
	return []string{beside, fmt.Sprint(n), in(percentile(took, 0.50)), in(percentile(took, 0.99)), in(took[n-1]), figure(use)}
}

// percentile is the value that so much of the sorted ones do not exceed.
func percentile(sorted []time.Duration, part float64) time.Duration {
	return sorted[max(0, int(math.Ceil(part*float64(len(sorted))))-1)]
}

// write writes n messages and returns how long each took to arrive.
func (l line) write(about string, n int) []time.Duration {
	ctx, cancel := context.WithTimeout(l.ctx, time.Duration(n)*pause+patience)
	defer cancel()
	whom, err := l.to.Self(ctx)
	l.check("ask the receiver who it is", err)
	sub, err := l.to.Subscribe(ctx)
	l.check("subscribe", err)
	defer sub.Close()
	result := make(chan arrivals, 1)
	go func() { result <- arrive(ctx, sub, about, n) }()
	written := make([]time.Time, n)
	for i, began := 0, time.Now(); i < n; i++ {
		written[i] = began.Add(time.Duration(i) * pause)
		if early := time.Until(written[i]); early > 0 {
			time.Sleep(early)
			written[i] = time.Now()
		}
		_, err := l.from.Write(ctx, node.Direct(whom.ID), fmt.Sprintf("%s: %d", about, i))
		l.check("write a message", err)
	}
	r := <-result
	l.check("wait for messages", r.err)
	took := make([]time.Duration, n)
	for i := range took {
		took[i] = r.at[i].Sub(written[i])
	}
	return took
}

// arrivals are when messages came, by their number.
type arrivals struct {
	at  []time.Time
	err error
}

// arrive waits for n messages about something.
func arrive(ctx context.Context, sub node.Subscription, about string, n int) arrivals {
	r := arrivals{at: make([]time.Time, n)}
	for left := n; left > 0; {
		events, err := sub.Next(ctx)
		if err != nil {
			r.err = err
			return r
		}
		now := time.Now()
		for _, e := range events {
			if i, ok := numberOf(e, about); ok && i < n {
				r.at[i] = now
				left--
			}
		}
	}
	return r
}

// numberOf is which message about something an event tells of.
func numberOf(e node.Event, about string) (i int, ok bool) {
	if e.Kind != node.MessageAdded || e.Message == nil || e.Message.Mine {
		return 0, false
	}
	number, ok := strings.CutPrefix(e.Message.Text.String(), about+": ")
	if !ok {
		return 0, false
	}
	_, err := fmt.Sscan(number, &i)
	return i, err == nil
}
