package transfer

import (
	"context"
	"log/slog"
	"net"

	"github.com/google/uuid"

	"earshot/peer"
)

// Network is what the engine needs of the sessions between devices.
type Network interface {
	// DialData opens a data connection to the peer of a live session.
	DialData(ctx context.Context, id peer.ID) (net.Conn, error)
	// Send queues a frame for a peer. False: there is no session, or its queue
	// is full.
	Send(to peer.ID, m peer.Message) bool
}

// Config is what an [Engine] is made of. All but Log must be set.
type Config struct {
	Self    peer.ID
	Store   Store
	Network Network
	Dir     func() string // the save folder of offers accepted without one, absolute
	Notify  func(Event)   // is called by the engine's goroutine and returns at once
	Log     *slog.Logger
}

// Engine runs the transfers of one device. Its methods may be called from any
// goroutine and return at once. What they start is done while Run runs, and told
// as events; a reply function is called exactly once, from the engine's goroutine,
// and must return at once.
type Engine struct {
	cfg Config
}

// New is an engine that knows what the store knows. It does nothing before Run.
func New(cfg Config) (*Engine, error) { return &Engine{cfg: cfg}, nil }

// Run moves transfers until ctx ends. Then it closes every connection and file,
// and returns nil; whatever was under way goes on at the next start.
func (e *Engine) Run(ctx context.Context) error { <-ctx.Done(); return nil }

// Transfers is what the engine knows now, the oldest first. Like all methods it
// may be called before Run.
func (e *Engine) Transfers() []Transfer { return nil }

// Prepare makes the manifest of the files and folders at the absolute paths, to
// be offered to a peer. The offer's entry is written by the caller, with the same
// ID, followed by Offered. What cannot be sent (links, pipes, devices, unreadable
// files) is left out and named in the transfer's Skipped.
func (e *Engine) Prepare(id uuid.UUID, to peer.ID, paths []string, reply func(Offer, error)) {}

// Offered says that the offer's entry is committed.
func (e *Engine) Offered(id uuid.UUID) {}

// Incoming says that an offer for this device was committed. Saying so again
// changes nothing.
func (e *Engine) Incoming(o Offer, from peer.ID) {}

// Accept begins to receive an offer into dir, an absolute path that is made where
// it is missing; empty: Config.Dir.
func (e *Engine) Accept(id uuid.UUID, dir string, reply func(error)) {}

// Decline says no to an offer.
func (e *Engine) Decline(id uuid.UUID, reply func(error)) {}

// Pause stops a transfer until Resume, on both sides. Who paused resumes: where
// both did, both must.
func (e *Engine) Pause(id uuid.UUID, reply func(error)) {}

// Resume goes on with a transfer that was paused here.
func (e *Engine) Resume(id uuid.UUID, reply func(error)) {}

// Cancel ends a transfer for good; what was received of it is removed.
func (e *Engine) Cancel(id uuid.UUID, reply func(error)) {}

// Up says that there is a session with a peer.
func (e *Engine) Up(id peer.ID) {}

// Down says that there is none any more.
func (e *Engine) Down(id peer.ID) {}

// Receive takes what a peer says of a transfer.
func (e *Engine) Receive(from peer.ID, m peer.OfferState) {}

// Serve takes over a data connection that a peer opened.
func (e *Engine) Serve(from peer.ID, conn net.Conn) {}
