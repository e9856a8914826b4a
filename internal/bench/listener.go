package main

import (
	"encoding/json"
	"os"
	"os/exec"
	"slices"
	"strings"
	"sync"
	"time"

	"earshot/internal/lab"
)

// listener is a running `earshot listen --json`: a node without a screen.
type listener struct {
	*process
	host       *lab.Host
	name, home string
	started    time.Time

	mu     sync.Mutex
	events []event
	news   chan struct{} // closed and made anew with each event
}

// event is a line of `listen --json`; only what is looked at here.
type event struct {
	Event  string    `json:"event"`
	At     time.Time `json:"at"`
	ID     string    `json:"id"`
	State  string    `json:"state"`
	Reason string    `json:"reason"`
	Done   int64     `json:"done"`
	Path   string    `json:"path"`
	Peer   struct {
		Name string `json:"name"`
	} `json:"peer"`
}

// listen starts a node with the person's name and home, which may be an earlier
// one's, without waiting for it.
func (b *bench) listen(host *lab.Host, name string, args ...string) *listener {
	n := &listener{host: host, name: name, home: b.folder(name), news: make(chan struct{}), started: time.Now()}
	cmd := n.command(b, append([]string{"listen", "--json"}, args...)...)
	cmd.Stdout = &lines{each: n.take}
	n.process = b.start(cmd)
	return n
}

// command is a call of the program by the person whose node this is.
func (n *listener) command(b *bench, args ...string) *exec.Cmd {
	cmd := n.host.Command(b.ctx, b.program, append([]string{"--home", n.home, "--name", n.name}, args...)...)
	cmd.Env = slices.DeleteFunc(os.Environ(), func(v string) bool { return strings.HasPrefix(v, "EARSHOT_") })
	cmd.Env = append(cmd.Env, "HOME="+n.home)
	return cmd
}

// take takes in one event.
func (n *listener) take(line []byte) error {
	var e event
	if err := json.Unmarshal(line, &e); err != nil {
		return err
	}
	n.mu.Lock()
	defer n.mu.Unlock()
	n.events = append(n.events, e)
	close(n.news)
	n.news = make(chan struct{})
	return nil
}

// since is all events but the first from, and a channel that is closed when there
// are more.
func (n *listener) since(from int) ([]event, <-chan struct{}) {
	n.mu.Lock()
	defer n.mu.Unlock()
	return n.events[from:], n.news
}

// told is how many events there were; wait from there for new ones.
func (n *listener) told() int {
	events, _ := n.since(0)
	return len(events)
}

// wait waits for an event, also one that came before but after the first from.
// It gives up when nothing at all was told for long.
func (n *listener) wait(from int, what string, is func(event) bool) event {
	late := time.NewTimer(5 * patience)
	defer late.Stop()
	for {
		events, news := n.since(from)
		if i := slices.IndexFunc(events, is); i >= 0 {
			return events[i]
		}
		from += len(events)
		select {
		case <-news:
			late.Reset(5 * patience)
		case <-n.ended:
			n.died("wait for " + what)
		case <-n.b.ctx.Done():
			n.b.check("wait for "+what, n.b.ctx.Err())
		case <-late.C:
			n.died("nothing told for long: wait for " + what)
		}
	}
}

// ready waits until the node is reachable.
func (n *listener) ready() event {
	return n.wait(0, "ready", func(e event) bool { return e.Event == "ready" })
}

// sees waits until somebody was there.
func (n *listener) sees(name string) {
	n.wait(0, name, func(e event) bool { return e.Event == "peer_up" && e.Peer.Name == name })
}

// offered waits for an offer, which a node that accepts all accepts at once.
func (n *listener) offered(from int) event {
	return n.wait(from, "an offer", func(e event) bool { return e.Event == "offer" })
}

// transfer waits for a report of a transfer of which is is true. A transfer that
// came to another end ends the bench.
func (n *listener) transfer(from int, id, what string, is func(event) bool) event {
	return n.wait(from, what, func(e event) bool {
		if e.Event != "transfer" || e.ID != id {
			return false
		}
		if !is(e) && slices.Contains([]string{"done", "declined", "cancelled", "failed"}, e.State) {
			n.b.Fatalf("wait for %s: %s: the transfer is %s %s", what, n.name, e.State, e.Reason)
		}
		return is(e)
	})
}

// done waits until a transfer is over and all is there.
func (n *listener) done(from int, id string) event {
	return n.transfer(from, id, "the end", func(e event) bool { return e.State == "done" })
}
