package cli

import (
	"context"
	"errors"
	"io/fs"
	"log/slog"
	"net"
	"sync"
	"time"

	"earshot/internal/control"
	"earshot/internal/node"
	"earshot/internal/profile"
)

// ownNode is a node of this process, which serves the control socket too.
type ownNode struct {
	*node.Node
	p      *Program
	server *control.Server
	first  node.Subscription // what happened since the start
	asked  chan struct{}     // closed when another process wants to be the node
	stop   context.CancelFunc
	finish func() error

	parts  sync.WaitGroup // the node and its server
	failed error          // of the node; read it after parts
	tasks  sync.WaitGroup // waits for asked
}

// answerTime is how long a node that ends waits for the calls under way.
const answerTime = 500 * time.Millisecond

// startNode opens the profile's node and runs it until it is ended or, where it is
// a passing command's, another process asks for the profile.
func (p *Program) startNode(ctx context.Context, r role, socket string) (*ownNode, error) {
	cfg, err := p.nodeConfig(r)
	if err != nil {
		return nil, err
	}
	n, err := node.Open(cfg)
	if err != nil {
		return nil, err
	}
	listener, err := p.listenLocally(socket)
	if err != nil {
		return nil, errors.Join(err, n.Close())
	}
	o := &ownNode{Node: n, p: p, first: n.First(), asked: make(chan struct{})}
	running, stop := context.WithCancel(context.WithoutCancel(ctx))
	o.stop, o.finish = stop, sync.OnceValue(o.finishNode)
	var yield func()
	if !r.lasting {
		yield = sync.OnceFunc(func() { close(o.asked) })
		o.tellFailures()
	}
	o.server = control.NewServer(n, yield)
	o.parts.Go(func() {
		o.failed = n.Run(running)
		stop()
	})
	o.parts.Go(func() {
		if err := o.server.Serve(running, listener); err != nil {
			cfg.Log.Warn("the local socket is closed", "error", err)
		}
	})
	o.tasks.Go(func() {
		select {
		case <-o.asked:
			_ = o.finish() // end says it
		case <-running.Done():
		}
	})
	return o, nil
}

// listenLocally opens the control socket. Another profile's node that leaves may just
// take their common folder away.
func (p *Program) listenLocally(socket string) (net.Listener, error) {
	for tries := 3; ; tries-- {
		err := p.profile.PrepareSocket()
		if err != nil {
			return nil, err
		}
		l, err := control.Listen(socket)
		if err == nil || tries == 0 || !errors.Is(err, fs.ErrNotExist) {
			return l, err
		}
	}
}

// Subscribe brings the node's events; the first time those since its start. It is
// called by one goroutine at a time.
func (o *ownNode) Subscribe(ctx context.Context) (node.Subscription, error) {
	if sub := o.first; sub != nil {
		o.first = nil
		return sub, nil
	}
	return o.Node.Subscribe(ctx)
}

// finishNode stops the node once the calls under way are answered. Whoever is
// attached to it goes on with another one.
func (o *ownNode) finishNode() error {
	ctx, cancel := context.WithTimeout(context.Background(), answerTime)
	defer cancel()
	o.server.Leave(ctx)
	o.stop()
	o.parts.Wait()
	o.p.profile.TidySocket() // while the profile is ours
	return errors.Join(o.failed, o.Node.Close())
}

// end ends the node, if it still runs, and returns what went wrong in it.
func (o *ownNode) end() error {
	err := o.finish()
	o.tasks.Wait()
	o.tellFailures()
	return err
}

// tellFailures says what went wrong in a command's node: it has no screen to show
// that.
func (o *ownNode) tellFailures() {
	if o.first == nil {
		return
	}
	ready, cancel := context.WithCancel(context.Background())
	cancel() // what is there already
	for {
		events, err := o.first.Next(ready)
		if err != nil {
			return
		}
		for _, e := range events {
			if e.Kind == node.Failed {
				o.p.tell("%s", e.Error)
			}
		}
	}
}

// nodeConfig is what the settings make of a node for this role.
func (p *Program) nodeConfig(r role) (node.Config, error) {
	named := p.set.Origin("name") != profile.FromSystem
	cfg := node.Config{
		Profile: p.profile, Name: p.set.Name, Named: named, Team: p.set.Team, Hidden: r.quiet && !named, // the screen asks for a name
		Port: p.set.Port, ExactPort: p.set.Origin("port") != profile.FromDefault,
		Peers: p.set.Peers, Server: p.set.Server, Interfaces: p.set.Interfaces,
		Dir: p.saveTo(), FolderPerPerson: p.set.FolderPerPerson,
		Rule: node.Rule(p.set.Accept), AcceptUpTo: p.set.AcceptUpTo,
		Conflict: node.Conflict(p.set.Conflict), Limit: p.set.Rate, Passing: !r.lasting, Keep: p.profile.Save,
	}
	if r.dir != "" {
		cfg.Dir = r.dir
	}
	if r.rule != "" {
		cfg.Rule = r.rule
	}
	if r.upTo != nil {
		cfg.AcceptUpTo = *r.upTo
	}
	if r.conflict != "" {
		cfg.Conflict = r.conflict
	}
	if r.folders != nil {
		cfg.FolderPerPerson = *r.folders
	}
	log, err := p.logFor(r)
	cfg.Log = log
	return cfg, err
}

func (p *Program) logFor(r role) (*slog.Logger, error) {
	if r.quiet {
		return p.fileLog()
	}
	return p.stderrLog(), nil
}

// saveTo is where received files go.
func (p *Program) saveTo() string {
	if p.set.SaveTo != "" {
		return p.set.SaveTo
	}
	return p.profile.FilesDir()
}
