package cli

import (
	"context"
	"errors"
	"fmt"
	"time"

	"earshot/internal/control"
	"earshot/internal/node"
	"earshot/internal/profile"
)

// role says what a command wants a node for.
type role struct {
	lasting  bool // the node stays: it is not one of a passing command
	alone    bool // the node must be of this process
	quiet    bool // the terminal belongs to the screen: log to the file
	rule     node.Rule
	upTo     *int64        // of offers that the rule accepts; nil: as set, like the next one
	conflict node.Conflict // what is done where a name is taken; empty: as set
	folders  *bool         // of each person's own, for what is received
	dir      string        // where received files go; empty: as set
}

// session is a node in a command's hands. Where the node ends with another
// process, the session goes on with the next one.
type session struct {
	Node
	end func() error
}

const (
	// patience is how long a node that does not answer, as it is starting or ending,
	// is waited for.
	patience = 5 * time.Second
	between  = 50 * time.Millisecond
	// giveWay is how long somebody whose node ended leaves the profile to another
	// one: a listen may have asked for it, or a console start just then.
	giveWay = 300 * time.Millisecond
	// mentionAfter is how long a person waits without being told for what.
	mentionAfter = time.Second
	// tryAgain is the wait after a node could not be started in place of one that
	// ended.
	tryAgain = 2 * time.Second
)

// attachment is what a command holds of the profile's node: a client of the one
// that runs, or a node of this process. It is used by one goroutine at a time.
type attachment struct {
	p      *Program
	role   role
	socket string
	client *control.Client
	own    *ownNode
	begun  bool // there was a node already
	failed bool // the last look for the next one failed
}

// attachProfile takes the profile's running node, or starts one in this process.
func (p *Program) attachProfile(ctx context.Context, r role) (*session, error) {
	var err error
	at := p.profile
	if p.profile, err = profile.Open(at.Home, at.Name); err != nil {
		p.profile = at
		return nil, p.atHome(err)
	}
	socket, err := p.profile.Socket()
	if err != nil {
		return nil, err
	}
	a := &attachment{p: p, role: r, socket: socket}
	n, err := a.attach(ctx)
	if err != nil {
		return nil, errors.Join(err, a.leave())
	}
	// A console stays whatever happens to the node: what is written in it is not
	// lost. A command says what went wrong and ends.
	return &session{Node: control.Follow(n, a.next, r.lasting && !r.alone), end: a.leave}, nil
}

// leave gives the node back.
func (a *attachment) leave() (err error) {
	if a.client != nil {
		_ = a.client.Close() // that the other side was faster is no error
		a.client = nil
	}
	if a.own != nil {
		err = a.own.end()
		a.own = nil
	}
	return err
}

// next is the node to go on with after the one before it ended.
func (a *attachment) next(ctx context.Context) (control.Node, error) {
	if err := a.leave(); err != nil && !a.role.patient() {
		return nil, fmt.Errorf("end the node: %w", err)
	}
	if a.failed && !pause(ctx, tryAgain) {
		return nil, ctx.Err()
	}
	n, err := control.Node(nil), a.p.readSettings() // the name may be another one by now
	if err == nil {
		n, err = a.attach(ctx)
	}
	a.failed = err != nil
	if err != nil && a.role.patient() {
		err = inWords{explain(err)}
	}
	return n, err
}

// patient reports whether a session outlasts that no node can be had.
func (r role) patient() bool { return r.lasting && !r.alone }

// inWords is an error in the words that a person gets.
type inWords struct{ f *failure }

func (e inWords) Error() string { return e.f.what + " " + e.f.do }
func (e inWords) Unwrap() error { return e.f }

// busy says that the profile has a node, but none to attach to: it starts, ends,
// or makes room for this one.
type busy struct {
	running *profile.RunningError
	passing bool // it ends with its command
}

func (e *busy) Error() string { return e.running.Error() }
func (e *busy) Unwrap() error { return e.running }

// silent is what it means that this went on for long.
func (e *busy) silent() error {
	as := ""
	if e.running.PID != 0 {
		as = ", " + process(e.running.PID) + ","
	}
	return &failure{
		code: codeFailed, what: fmt.Sprintf("The Earshot of profile %s%s does not answer.", e.running.Profile, as),
		do: "End it, and try again.",
	}
}

// attach finds a node: the one that runs, or one that it starts.
func (a *attachment) attach(ctx context.Context) (control.Node, error) {
	begin := time.Now()
	late, mentioned := begin.Add(patience), false
	for {
		n, err := a.try(ctx, a.begun && time.Since(begin) < giveWay)
		var occupied *busy
		if !errors.As(err, &occupied) {
			a.begun = a.begun || err == nil
			return n, err
		}
		if occupied.passing {
			late = time.Now().Add(patience)
		}
		if !a.begun && time.Now().After(late) {
			return nil, occupied.silent()
		}
		if a.role.alone && !mentioned && time.Since(begin) > mentionAfter {
			mentioned = true
			a.p.tell("Waiting for %s, which uses profile %s …", process(occupied.running.PID), a.p.profile.Name)
		}
		if !pause(ctx, between) {
			return nil, ctx.Err()
		}
	}
}

// process names a process, as far as it is known.
func process(pid int) string {
	if pid == 0 {
		return "another process"
	}
	return fmt.Sprintf("process %d", pid)
}

// pause waits; false: ctx ended meanwhile.
func pause(ctx context.Context, wait time.Duration) bool {
	timer := time.NewTimer(wait)
	defer timer.Stop()
	select {
	case <-timer.C:
		return true
	case <-ctx.Done():
		return false
	}
}

// try is attach without waiting. With others first no node is started.
func (a *attachment) try(ctx context.Context, othersFirst bool) (control.Node, error) {
	client, err := control.Dial(ctx, a.socket)
	switch version := (*control.VersionError)(nil); {
	case ctx.Err() != nil:
		return nil, errors.Join(ctx.Err(), closed(client))
	case errors.As(err, &version):
		return nil, err
	case err != nil && othersFirst:
		return nil, &busy{running: &profile.RunningError{Profile: a.p.profile.Name}}
	case err != nil: // nobody is there, or not any more
		return a.start(ctx)
	case a.role.alone:
		return nil, a.claim(ctx, client)
	}
	a.client = client
	return client, nil
}

func closed(client *control.Client) error {
	if client == nil {
		return nil
	}
	return client.Close()
}

// claim asks the node that runs to make room for one of this process, which the
// node of a passing command does: its command goes on with ours. One that stays is
// in the way, and the error says which process it is.
func (a *attachment) claim(ctx context.Context, client *control.Client) error {
	defer client.Close()
	self, err := client.Self(ctx)
	if ctx.Err() != nil {
		return ctx.Err()
	}
	running := &profile.RunningError{Profile: a.p.profile.Name, PID: self.PID}
	if err != nil { // it is ending
		return &busy{running: running}
	}
	if !self.Passing {
		return running
	}
	if err := client.Yield(ctx); err != nil && ctx.Err() != nil {
		return ctx.Err()
	}
	return &busy{running, true}
}

// start starts the profile's node in this process. A passing command uses its node
// like everybody else, through the socket: so it can go on with another one.
func (a *attachment) start(ctx context.Context) (control.Node, error) {
	own, err := a.p.startNode(ctx, a.role, a.socket)
	if running := (*profile.RunningError)(nil); errors.As(err, &running) {
		return nil, &busy{running: running}
	}
	if err != nil {
		return nil, a.p.atHome(err)
	}
	a.own = own
	if a.role.lasting {
		return own, nil
	}
	if a.client, err = control.Dial(ctx, a.socket); err != nil {
		return nil, err
	}
	return a.client, nil
}

// with runs do with a node, and gives the node back afterwards.
func (p *Program) with(ctx context.Context, r role, do func(s *session) error) (err error) {
	s, err := p.attach(ctx, r)
	if err != nil {
		return err
	}
	defer func() {
		ended := s.end()
		if ended != nil && (err == nil || errors.Is(err, node.ErrStopped)) {
			err = fmt.Errorf("end the node: %w", ended)
		}
	}()
	return do(s)
}
