// Package ui is the console: the screen on which a person sees who is here,
// writes and sends files.
//
// It keeps no truth. A [Node] owns the state and speaks in events; the console
// shows them and asks for what a person wants done. It knows nothing of
// connections, logs or databases. It is the only package that touches the
// terminal; whoever wants a screen calls [New] and [Console.Run].
//
// One goroutine, the application's loop, owns everything that is shown. Two
// things run in it: key handlers, and what the pump brings. Key handlers never
// wait: a call of the node is a job for the console's workers, whose result
// comes back through the pump, as the node's events do.
package ui

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"sync/atomic"
	"time"

	"github.com/gdamore/tcell/v2"
	"github.com/google/uuid"
	"github.com/rivo/tview"

	"earshot/internal/node"
	"earshot/peer"
)

// Node is what the console needs of the node behind it: one in this process, or
// the client of one that runs in the background. Each method may block until
// ctx ends; the console never calls one in its own loop.
type Node interface {
	Self(ctx context.Context) (node.Self, error)
	People(ctx context.Context) ([]node.Person, error)
	Transfers(ctx context.Context) ([]node.Transfer, error)
	History(ctx context.Context, h node.History) ([]node.Message, error)
	Subscribe(ctx context.Context) (node.Subscription, error)

	Write(ctx context.Context, to node.Conversation, text string) (node.Message, error)
	Offer(ctx context.Context, to node.Conversation, paths []string) (node.Transfer, error)
	Answer(ctx context.Context, id uuid.UUID, a node.Answer) error
	Pause(ctx context.Context, id uuid.UUID) error
	Resume(ctx context.Context, id uuid.UUID) error
	Cancel(ctx context.Context, id uuid.UUID) error
	Clear(ctx context.Context, id uuid.UUID) error
	Retry(ctx context.Context, id uuid.UUID) (node.Transfer, error)
	Limit(ctx context.Context, to node.Limit) error
	MarkRead(ctx context.Context, c node.Conversation, upTo node.Position) error
	Watch(ctx context.Context, c node.Conversation) error

	Accept(ctx context.Context, id peer.ID) error
	AcceptFrom(ctx context.Context, id peer.ID, upTo int64) error
	Verify(ctx context.Context, id peer.ID, verified bool) error
	SetName(ctx context.Context, name string) error
	SetDir(ctx context.Context, dir string) error
	Look(ctx context.Context) error
	Connect(ctx context.Context, hostport string) error

	Account(ctx context.Context) (node.Account, error)
	Servers(ctx context.Context) ([]node.FoundServer, error)
	ServerKey(ctx context.Context, server string) (node.ServerKey, error)
	SignIn(ctx context.Context, in node.SignIn) (node.Account, error)
	TakeBack(ctx context.Context) (node.Account, error)
	SignOut(ctx context.Context) error
	ChangeAccount(ctx context.Context, to node.AccountChange) (node.Account, error)
	ChangePassword(ctx context.Context, old, new string) error
	Friends(ctx context.Context) ([]node.Friend, error)
	SearchAccounts(ctx context.Context, text string) ([]node.Friend, error)
	Friendship(ctx context.Context, user string, step node.FriendStep) (node.Friend, error)

	OnlineDevices(ctx context.Context) ([]node.OnlineDevice, error)
	ListAccounts(ctx context.Context) ([]node.ListedAccount, error)
	Administer(ctx context.Context, user string, step node.AdminStep) (password string, err error)
	Invite(ctx context.Context, i node.Invitation) (link string, err error)
	Announce(ctx context.Context, text string) (node.Message, error)
	ImportAccounts(ctx context.Context, accounts []node.NewAccount) ([]node.MadeAccount, error)
}

// Config is what a console is made of. Only Node must be set.
type Config struct {
	Node   Node
	Screen tcell.Screen     // nil: the terminal of this process
	Lang   string           // "en", "zh"; empty: as the environment says
	ASCII  bool             // draw with ASCII only; also set by itself where the terminal needs it
	Now    func() time.Time // nil: time.Now; its location is the one that times are shown in
}

// Console is one screen over one node.
type Console struct {
	cfg    Config
	node   Node
	now    func() time.Time
	words  *words
	glyphs *glyphs

	commands []command
	byKey    map[string]*command

	app     *tview.Application
	screen  *screen
	mail    *queue[func()]
	writes  *queue[job]   // one after the other, in the order in which they were asked for
	calls   *queue[job]   // in any order
	looks   *queue[job]   // at the disk, which may never answer
	looking chan struct{} // holds a token while a look goes on: there is one at a time
	sends   *queue[job]   // offers, which take as long as their files are large, and cancelling, which waits for the disk
	quit    context.CancelCauseFunc
	crash   atomic.Pointer[crash]
	pause   time.Duration // between two batches of the pump

	// What follows belongs to the application's loop.
	state
	view
}

// errQuit is the cause with which a person ends the console.
var errQuit = errors.New("quit")

// crash is a panic in a goroutine of the console. It is repeated once the
// terminal is itself again: printed on the other screen it would be lost.
type crash struct {
	value any
	stack []byte
}

// drawPause is the least time between two batches: at most 30 draws a second,
// whatever happens. Keys do not wait for it.
const drawPause = 33 * time.Millisecond

// New makes a console. It does not touch the terminal yet.
func New(cfg Config) *Console {
	if cfg.Now == nil {
		cfg.Now = time.Now
	}
	c := &Console{
		cfg:     cfg,
		node:    cfg.Node,
		now:     cfg.Now,
		words:   wordsOf(cfg.Lang),
		glyphs:  glyphsOf(cfg.ASCII),
		mail:    newQueue[func()](),
		writes:  newQueue[job](),
		calls:   newQueue[job](),
		sends:   newQueue[job](),
		looks:   newQueue[job](),
		looking: make(chan struct{}, 1),
		pause:   drawPause,
	}
	c.commands, c.byKey = commandTable()
	c.state = newState()
	return c
}

// Run shows the console until the person quits or ctx ends; then it returns
// nil. The error says why there is no screen, or what happened to the node.
// When Run returns, the terminal is as it was before and the console's
// goroutines have ended.
func (c *Console) Run(ctx context.Context) error {
	if err := c.takeTerminal(); err != nil {
		return err
	}
	ctx, c.quit = context.WithCancelCause(ctx)
	defer c.quit(nil)
	c.screen.failed = func(err error) { c.quit(fmt.Errorf("read the terminal: %w", err)) }
	c.screen.changed = func() { c.mail.push(func() {}) }

	var wg sync.WaitGroup
	c.work(ctx, &wg)
	wg.Go(func() {
		defer c.rescue()
		c.follow(ctx)
	})
	wg.Go(func() {
		c.app.QueueUpdate(func() {}) // the loop is running from here on
		c.pump(ctx)
		c.app.Stop()
	})
	if err := c.app.Run(); err != nil {
		c.quit(err)
	}
	wg.Wait()
	if crash := c.crash.Load(); crash != nil {
		panic(fmt.Sprintf("%v\n\n%s", crash.value, crash.stack))
	}
	if err := context.Cause(ctx); !errors.Is(err, errQuit) && !errors.Is(err, context.Canceled) {
		return err
	}
	return nil
}

// takeTerminal starts the screen and builds its parts.
func (c *Console) takeTerminal() (err error) {
	if c.cfg.Screen == nil {
		c.glyphs = glyphsOf(c.cfg.ASCII || needsASCII()) // by the locale as it is, before it is mended
		c.screen, err = openTerminal()
	} else {
		c.screen = newScreen(c.cfg.Screen)
		err = c.screen.Init()
	}
	if err != nil {
		return err
	}
	useTerminalColors()
	c.view = newView(c)
	c.app = tview.NewApplication().SetScreen(c.screen)
	c.app.EnableMouse(true).EnablePaste(true) // after SetScreen: before it they are ignored
	c.screen.EnableFocus()
	c.app.SetInputCapture(keepCtrlC)
	c.app.SetRoot(c.root, true)
	c.app.SetAfterDrawFunc(func(tcell.Screen) { c.afterDraw() })
	return nil
}

// keepCtrlC hands a new event on in place of Ctrl+C: on the original one the
// application would stop.
func keepCtrlC(ev *tcell.EventKey) *tcell.EventKey {
	if ev.Key() == tcell.KeyCtrlC {
		return tcell.NewEventKey(tcell.KeyCtrlC, 0, tcell.ModCtrl)
	}
	return ev
}
