package cli

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"sync"
	"time"

	"earshot/internal/control"
	"earshot/internal/node"
	"earshot/internal/profile"
)

// role says what a command wants a node for.
type role struct {
	lasting bool // the node stays: it is not one of a passing command
	alone   bool // the node must be of this process
	quiet   bool // the terminal belongs to the screen: log to the file
	rule    node.Rule
	upTo    *int64 // of offers that the rule accepts; nil: as set, like the next one
	folders *bool  // of each person's own, for what is received
	dir     string // where received files go; empty: as set
}

// session is a node in a command's hands.
type session struct {
	Node
	own   bool // it runs in this process
	first node.Subscription
	end   func(ctx context.Context) error
}

// Subscribe brings the node's events; the first time those since its start, where
// this session started it. It is called by one goroutine at a time.
func (s *session) Subscribe(ctx context.Context) (node.Subscription, error) {
	if sub := s.first; sub != nil {
		s.first = nil
		return sub, nil
	}
	return s.Node.Subscribe(ctx)
}

// patience is how long a node that is starting or ending is waited for.
const (
	patience = 5 * time.Second
	between  = 50 * time.Millisecond
)

// errBusy says that the profile's node is starting, or ends with its command.
type errBusy struct{ cause error }

func (e errBusy) Error() string { return e.cause.Error() }
func (e errBusy) Unwrap() error { return e.cause }

// attachProfile takes the profile's running node, or starts one in this process.
func (p *Program) attachProfile(ctx context.Context, r role) (*session, error) {
	var err error
	if p.profile, err = profile.Open(p.profile.Home, p.profile.Name); err != nil {
		return nil, err
	}
	socket, err := p.profile.Socket()
	if err != nil {
		return nil, err
	}
	for end := time.Now().Add(patience); ; {
		s, err := p.tryAttach(ctx, r, socket)
		var busy errBusy
		if !errors.As(err, &busy) {
			return s, err
		}
		if time.Now().After(end) {
			return nil, busy.cause
		}
		select {
		case <-time.After(between):
		case <-ctx.Done():
			return nil, ctx.Err()
		}
	}
}

// tryAttach is attachProfile without waiting.
func (p *Program) tryAttach(ctx context.Context, r role, socket string) (*session, error) {
	client, err := control.Dial(ctx, socket)
	if version := (*control.VersionError)(nil); errors.As(err, &version) || err != nil && ctx.Err() != nil {
		return nil, err
	}
	if err != nil { // nobody is there, or not any more
		return p.startNode(ctx, r, socket)
	}
	s := &session{Node: client, end: func(context.Context) error { return client.Close() }}
	if !r.lasting && !r.alone {
		return s, nil
	}
	self, err := client.Self(ctx)
	if err == nil && !self.Passing && !r.alone {
		return s, nil
	}
	err = errors.Join(err, client.Close())
	if ctx.Err() != nil {
		return nil, ctx.Err()
	}
	running := &profile.RunningError{Profile: p.profile.Name, PID: self.PID}
	if self.Passing || err != nil {
		return nil, errBusy{running}
	}
	return nil, running
}

// ownNode is a node of this process, which serves the control socket too.
type ownNode struct {
	node   *node.Node
	server *control.Server
	stop   context.CancelFunc
	wg     sync.WaitGroup
	failed error // of Run; read it after wg
}

// startNode opens the profile's node and runs it until the session ends.
func (p *Program) startNode(ctx context.Context, r role, socket string) (*session, error) {
	cfg, err := p.nodeConfig(r)
	if err != nil {
		return nil, err
	}
	n, err := node.Open(cfg)
	if errors.Is(err, node.ErrProfileRunning) {
		return nil, errBusy{err}
	}
	if err != nil {
		return nil, err
	}
	listener, err := control.Listen(socket)
	if err != nil {
		return nil, errors.Join(err, n.Close())
	}
	running, stop := context.WithCancel(context.WithoutCancel(ctx))
	o := &ownNode{node: n, server: control.NewServer(n), stop: stop}
	s := &session{Node: n, own: true, end: o.end}
	if r.lasting {
		s.first = n.First()
	}
	o.wg.Go(func() { o.failed = n.Run(running) })
	o.wg.Go(func() {
		if err := o.server.Serve(running, listener); err != nil {
			cfg.Log.Warn("the local socket is closed", "error", err)
		}
	})
	return s, nil
}

// end stops the node once its clients have been answered; it does not wait for
// them when ctx has ended.
func (o *ownNode) end(ctx context.Context) error {
	_ = o.server.Drain(ctx) // its error is that ctx ended
	o.stop()
	o.wg.Wait()
	return errors.Join(o.failed, o.node.Close())
}

// nodeConfig is what the settings make of a node for this role.
func (p *Program) nodeConfig(r role) (node.Config, error) {
	cfg := node.Config{
		Profile: p.profile, Name: p.set.Name, Named: p.set.Origin("name") != profile.FromSystem,
		Port: p.set.Port, ExactPort: p.set.Origin("port") != profile.FromDefault,
		Peers: p.set.Peers, Interfaces: p.set.Interfaces,
		Dir: p.saveTo(), FolderPerPerson: p.set.FolderPerPerson,
		Rule: node.Rule(p.set.Accept), AcceptUpTo: p.set.AcceptUpTo, Passing: !r.lasting, Keep: p.profile.Save,
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

// with runs do with a node, and gives the node back afterwards.
func (p *Program) with(ctx context.Context, r role, do func(s *session) error) (err error) {
	s, err := p.attach(ctx, r)
	if err != nil {
		return err
	}
	defer func() {
		ended := s.end(ctx)
		if ended != nil && (err == nil || errors.Is(err, node.ErrStopped)) {
			err = fmt.Errorf("end the node: %w", ended)
		}
	}()
	return do(s)
}
