package transfer

import (
	"context"
	"fmt"
	"log/slog"
	"net"
	"slices"
	"sync"
	"time"

	"github.com/google/uuid"
	"golang.org/x/time/rate"

	"earshot/peer"
)

// Network is what the engine needs of the sessions between devices.
type Network interface {
	// DialData opens a data connection to the peer of a live session.
	DialData(ctx context.Context, id peer.ID) (net.Conn, error)
	// Send queues a frame for a peer. False: there is no session, or its queue
	// is full.
	Send(to peer.ID, m peer.Message) bool
	// RoundTrip is the shortest time in which a peer answered on its session, 0
	// where it is not known.
	RoundTrip(id peer.ID) time.Duration
}

// Config is what an [Engine] is made of. All but Log must be set.
type Config struct {
	Self    peer.ID
	Store   Store
	Network Network
	Dir     func() string // the save folder of offers accepted without one, absolute
	Notify  func(Event)   // is called by the engine's goroutine and returns at once
	Log     *slog.Logger

	// For tests: the disk that is received to, what stands before the files that are
	// sent, and the wideFrom of this engine.
	openDisk   func(dir string) (disk, error)
	wrapSource func(name string, open func() (source, error)) (source, error)
	wideFrom   int64
}

const (
	// maxOffers is how many offers of one peer may wait for an answer.
	maxOffers = 4
	// maxDeclined is how many offers of one peer that were declined because others
	// waited are kept: a peer can make any number of them.
	maxDeclined = 100
	// saveAgain is how long after an error of the store it is tried again.
	saveAgain = time.Second
	// saveTime is how long what a peer said, and would say again, may wait to be
	// kept.
	saveTime = time.Second
)

// Engine runs the transfers of one device. Its methods may be called from any
// goroutine and return at once. What they start is done while Run runs, and told
// as events; a reply function is called exactly once, from the engine's goroutine
// (after the end of Run, from the caller's), and must return at once.
type Engine struct {
	cfg   Config
	inbox *inbox

	mu    sync.Mutex
	shown map[uuid.UUID]Transfer // what was told last; written by Run's goroutine alone

	// The rest belongs to the goroutine of Run.
	ctx    context.Context // of everything that Run started
	work   sync.WaitGroup
	jobs   map[uuid.UUID]*job
	links  map[peer.ID]*link
	limits [2]*rate.Limiter // of all that is sent, and received
	conns  map[peer.ID]int  // data connections that each peer opened, or had opened
	tick   *time.Ticker     // nil while nothing moves
}

// job is one transfer while the engine runs.
type job struct {
	t     Transfer
	own   report // what the goroutine that receives it says
	far   report // what the other side said last
	moved *progress
	meter meter
	limit *rate.Limiter

	accepting int // answers of the person here whose folder is being made

	listing bool               // the store may have files of it
	running bool               // a goroutine prepares it, receives it or removes what is left of it
	cancel  context.CancelFunc // ends the goroutine that receives it, nil for none
	quit    context.CancelFunc // ends the goroutine that prepares it
	ending  report             // the final state it takes when the one that receives it has ended
	// cancelled: who waits for that, see [Engine.Cancel].
	cancelled []func(error)
	serving   map[*context.CancelFunc]struct{}

	at      report    // the state that was kept and shown last
	unsaved error     // the store failed
	due     time.Time // when it is to be kept at the latest, zero: it is
	untold  bool      // the peer was not told the state it is in
	// answered: the peer's final state was answered in this session. Once is enough,
	// and two who answer each other's answers would never end.
	answered bool
	retry    time.Time
}

// New is an engine that knows what the store knows. It does nothing before Run.
func New(cfg Config) (*Engine, error) {
	if cfg.Log == nil {
		cfg.Log = slog.New(slog.DiscardHandler)
	}
	if cfg.openDisk == nil {
		cfg.openDisk = openDisk
	}
	if cfg.wideFrom == 0 {
		cfg.wideFrom = wideFrom
	}
	e := &Engine{
		cfg: cfg, inbox: newInbox(), shown: map[uuid.UUID]Transfer{},
		jobs: map[uuid.UUID]*job{}, links: map[peer.ID]*link{}, conns: map[peer.ID]int{},
		limits: [2]*rate.Limiter{newLimiter(), newLimiter()},
	}
	transfers, err := cfg.Store.Transfers()
	if err != nil {
		return nil, fmt.Errorf("load transfers: %w", err)
	}
	for _, t := range transfers {
		if err := e.load(t); err != nil {
			return nil, fmt.Errorf("load transfer %s: %w", t.ID, err)
		}
	}
	return e, nil
}

// load takes up a transfer where an earlier process left it.
func (e *Engine) load(t Transfer) error {
	if t.State == Preparing && !t.Listed {
		return e.cfg.Store.DropTransfer(t.ID) // nobody knows of it
	}
	j := newJob(t)
	j.listing = t.Listed
	if t.Direction == Receiving && t.Parts && !t.State.Final() {
		j.t.Done = journaled(&e.cfg, t)
		j.moved.done.Store(j.t.Done)
	}
	at := now(j.t, j.own, j.far, false)
	j.t.stand(at)
	j.at = at
	e.jobs[t.ID] = j
	if j.t.State != Preparing {
		e.shown[t.ID] = j.t
	}
	return nil
}

func newJob(t Transfer) *job {
	j := &job{t: t, moved: &progress{}, limit: newLimiter(), serving: map[*context.CancelFunc]struct{}{}}
	setRate(j.limit, t.Limit)
	return j
}

// Transfers is what the engine knows now, the oldest first. Like all methods it
// may be called before Run.
func (e *Engine) Transfers() []Transfer {
	e.mu.Lock()
	defer e.mu.Unlock()
	all := make([]Transfer, 0, len(e.shown))
	for _, t := range e.shown {
		all = append(all, t)
	}
	slices.SortFunc(all, compareOffered)
	return all
}

// Run moves transfers until ctx ends. Then it closes every connection and file,
// and returns nil; whatever was under way goes on at the next start.
func (e *Engine) Run(ctx context.Context) error {
	var stop context.CancelFunc
	e.ctx, stop = context.WithCancel(ctx)
	defer e.work.Wait()
	defer e.inbox.close()
	defer stop()
	for _, j := range e.jobs {
		e.moveOn(j)
	}
	for {
		var ticks <-chan time.Time
		if e.arm(); e.tick != nil {
			ticks = e.tick.C
		}
		select {
		case <-e.inbox.ready:
			for _, c := range e.inbox.take() {
				c.do()
			}
		case at := <-ticks:
			e.report(at)
		case <-ctx.Done():
			e.rest()
			return nil
		}
	}
}

// rest leaves nothing behind that is to be kept, and nobody without a reply.
func (e *Engine) rest() {
	if e.tick != nil {
		e.tick.Stop()
	}
	for _, j := range e.jobs {
		if !j.due.IsZero() {
			e.save(j)
		}
		for _, reply := range j.cancelled {
			reply(ErrClosed)
		}
	}
}

// arm starts the ticker where something moves, and stops it where nothing does.
func (e *Engine) arm() {
	busy := false
	for _, j := range e.jobs {
		busy = busy || j.busy()
	}
	switch {
	case busy && e.tick == nil:
		e.tick = time.NewTicker(reportTime)
	case !busy && e.tick != nil:
		e.tick.Stop()
		e.tick = nil
	}
}

// busy reports whether a job has to be looked at again before the next command.
func (j *job) busy() bool {
	return j.unsaved != nil || j.untold || !j.due.IsZero() || j.t.State == Active || j.cancel != nil && j.moved.verifying.Load()
}

// post has the engine's goroutine do something.
func (e *Engine) post(do func()) { e.inbox.put(command{do: do}) }

// ask has it done and waits for that; it is for goroutines that Run started.
func (e *Engine) ask(ctx context.Context, do func() error) error {
	done := make(chan error, 1)
	e.inbox.put(command{do: func() { done <- do() }, drop: func() { done <- ErrClosed }})
	select {
	case err := <-done:
		return err
	case <-ctx.Done():
		return ctx.Err()
	}
}

// link is the link to a peer.
func (e *Engine) link(id peer.ID) *link {
	if e.links[id] == nil {
		e.links[id] = newLink()
	}
	return e.links[id]
}

func (e *Engine) isUp(id peer.ID) bool {
	up, _ := e.link(id).state()
	return up
}

// moveOn brings a job to the state that follows from what is known of it: keeps it,
// shows it, tells the peer, and starts what there is to do.
func (e *Engine) moveOn(j *job) { e.moveOnBy(j, func(j *job) { e.save(j) }) }

// moveOnBy is moveOn with another way to keep the job.
func (e *Engine) moveOnBy(j *job, keep func(*job)) {
	j.count()
	at := e.standing(j)
	j.t.stand(at)
	if at != j.at {
		j.at = at
		j.meter.reset()
		j.t.Rate, j.t.Left = 0, 0
		keep(j)
		e.inform(j)
	}
	e.start(j)
}

// standing is the state that follows from what is known of a job.
func (e *Engine) standing(j *job) report {
	at := now(j.t, j.own, j.far, e.isUp(j.t.Peer))
	if j.t.Direction == Sending && at == (report{state: Interrupted, reason: PeerAway}) {
		at.walled, _ = e.link(j.t.Peer).walled() // of which the receiver says nothing
	}
	return at
}

// end brings a job to a final state. Where a goroutine receives it, that has to end
// first: it may just have come to another one.
func (e *Engine) end(j *job, final report) {
	if j.cancel != nil {
		j.ending = final
		j.cancel()
		return
	}
	j.t.stand(final)
}

// save keeps a job in the store; what cannot be kept now is tried again. Then it is
// shown.
func (e *Engine) save(j *job) bool {
	err := e.cfg.Store.SaveTransfer(j.t)
	j.unsaved, j.due = err, time.Time{}
	if err != nil {
		e.cfg.Log.Error("save transfer", "transfer", j.t.ID, "err", err)
		j.retry = time.Now().Add(saveAgain)
	}
	e.show(j)
	return err == nil
}

// saveSoon has a job kept within saveTime, and shows it at once. It is for what can
// change as often as a peer likes: each save waits for the disk.
func (e *Engine) saveSoon(j *job) {
	if j.due.IsZero() {
		j.due = time.Now().Add(saveTime)
	}
	e.show(j)
}

// show tells the engine's owner.
func (e *Engine) show(j *job) {
	if j.t.State == Preparing {
		return
	}
	e.mu.Lock()
	e.shown[j.t.ID] = j.t
	e.mu.Unlock()
	e.cfg.Notify(Changed{j.t})
}

// inform tells the peer the state here, where it has a part in it. A final state is
// told only when the store has it.
func (e *Engine) inform(j *job) {
	if j.t.State == Preparing || j.unsaved != nil {
		return
	}
	j.untold = !e.cfg.Network.Send(j.t.Peer, j.statement(false)) && e.isUp(j.t.Peer)
	if j.untold {
		j.retry = time.Now().Add(saveAgain)
	}
}

// statement is what the peer is told.
func (j *job) statement(answer bool) peer.OfferState {
	return peer.OfferState{
		Offer: j.t.ID, State: string(j.t.State), Reason: string(j.t.Reason),
		Done: uint64(max(j.t.Done, 0)), Answer: answer,
	}
}

// report looks at everything that moves, and tells how far it is.
func (e *Engine) report(at time.Time) {
	for _, j := range e.jobs {
		if (j.unsaved != nil || j.untold) && !at.Before(j.retry) {
			if j.unsaved == nil || e.save(j) {
				e.inform(j)
			}
			e.start(j)
		}
		if !j.due.IsZero() && !at.Before(j.due) {
			e.save(j)
		}
		j.progress(at)
		if shown := e.shown[j.t.ID]; shown.Done != j.t.Done || shown.Checked != j.t.Checked || shown.Rate != j.t.Rate {
			e.show(j)
			if j.t.Direction == Receiving && j.t.State == Active {
				e.cfg.Network.Send(j.t.Peer, j.statement(false)) // the next one comes soon
			}
		}
	}
}

// progress brings the figures of a job up to date.
func (j *job) progress(at time.Time) {
	j.count()
	if j.t.State == Active {
		j.t.Rate = j.meter.add(at, j.t.Done)
		j.t.Left = timeLeft(j.t.Bytes-j.t.Done, j.t.Rate)
	}
}

// count takes the counts of the goroutine that receives.
func (j *job) count() {
	if j.cancel != nil {
		j.t.Done, j.t.Checked = j.moved.done.Load(), j.moved.checked.Load()
	}
}
