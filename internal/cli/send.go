package cli

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"time"

	"github.com/google/uuid"
	"github.com/spf13/cobra"

	"earshot/internal/node"
	"earshot/peer"
)

func (p *Program) sendCommand() *cobra.Command {
	var o sendOptions
	var also []string
	cmd := &cobra.Command{
		Use:   "send PEER PATH…",
		Short: "Send files and folders",
		Long: `Offers files and folders; ends when the receiver has checked and saved all.
What is left when this command gives up, or is interrupted, continues later.`,
		Example: "  earshot send Bob report.pdf photos/\n  earshot send Bob report.pdf --to Carl --to Dora",
		Args:    takes("PEER", "PATH…"),
		RunE: func(cmd *cobra.Command, args []string) error {
			paths, err := absolute(args[1:])
			if err != nil {
				return err
			}
			return p.with(cmd.Context(), role{}, func(s *session) error {
				return p.send(cmd.Context(), s, append([]string{args[0]}, also...), paths, o)
			})
		},
		ValidArgsFunction: p.completePeer,
	}
	cmd.Flags().StringArrayVar(&also, "to", nil, "also send to this peer, may be repeated")
	cmd.Flags().BoolVar(&o.json, "json", false, "print JSON")
	addWait(cmd, &o.wait, 0, "give up waiting after so long, 0: never")
	return cmd
}

// absolute makes paths that mean the same to another process, and checks that each
// is a file or a folder, and no other one of the same name.
func absolute(paths []string) ([]string, error) {
	out := make([]string, len(paths))
	names := map[string]string{}
	for i, path := range paths {
		if path == "" {
			return nil, wrong("PATH is empty.")
		}
		abs, err := filepath.Abs(path)
		if err == nil {
			err = sendable(path, abs)
		}
		if err != nil {
			return nil, err
		}
		name := peer.FoldName(filepath.Base(abs))
		if first, taken := names[name]; taken {
			return nil, &failure{code: codeUsage, what: fmt.Sprintf("%q and %q have the same name, so one would take the place of the other.", first, path), do: "Send one after the other, or give one another name."}
		}
		names[name], out[i] = path, abs
	}
	return out, nil
}

// sendable checks what is at a path.
func sendable(path, abs string) error {
	info, err := os.Stat(abs)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return &failure{code: codeFailed, what: fmt.Sprintf("There is no file or folder %q.", path), do: "Check the path."}
	case err != nil:
		return err
	case filepath.Dir(abs) == abs:
		return &failure{code: codeUsage, what: fmt.Sprintf("%q is the whole disk.", path), do: "Choose a folder on it."}
	case !info.IsDir() && !info.Mode().IsRegular():
		return &failure{code: codeFailed, what: fmt.Sprintf("%q is %s: only files and folders can be sent.", path, kindOf(info.Mode())), do: "Choose a file or a folder."}
	}
	return nil
}

// kindOf is what is neither a file nor a folder.
func kindOf(mode fs.FileMode) string {
	switch {
	case mode&fs.ModeNamedPipe != 0:
		return "a pipe"
	case mode&fs.ModeSocket != 0:
		return "a socket"
	case mode&fs.ModeDevice != 0:
		return "a device"
	}
	return "no file"
}

// send offers paths to everybody named, once, and waits until all is over.
func (p *Program) send(ctx context.Context, n Node, to, paths []string, o sendOptions) error {
	var people []node.Person
	for _, name := range to { // all of them, before anything is offered
		person, err := p.find(ctx, n, name, o.look())
		if err != nil {
			return err
		}
		if !slices.ContainsFunc(people, func(one node.Person) bool { return one.ID == person.ID }) {
			people = append(people, person)
		}
	}
	sub, err := n.Subscribe(ctx)
	if err != nil {
		return err
	}
	defer sub.Close()
	sending := newSending(p)
	for _, person := range people {
		t, err := n.Offer(ctx, node.Direct(person.ID), paths)
		if err != nil {
			return err
		}
		sending.add(t)
	}
	waiting, cancel := o.limit(ctx)
	defer cancel()
	err = sending.watch(waiting, n, sub)
	if sending.stays = stays(ctx, n); !sending.stays {
		sending.awaitReceipts(waiting, n, sub)
	}
	if waiting.Err() != nil {
		err = nil // what is left says so
	}
	return errors.Join(err, sending.finish(ctx, o.json))
}

// stays reports whether the node goes on when the command has ended.
func stays(ctx context.Context, n Node) bool {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), lastTime)
	defer cancel()
	self, err := n.Self(ctx)
	return err == nil && !self.Passing
}

// sending is a set of transfers that a command waits for.
type sending struct {
	p     *Program
	bar   *bar // nil: nobody watches
	order []uuid.UUID
	state map[uuid.UUID]node.Transfer
	stays bool // the node goes on when the command has ended
	// warned is what was said already of what a person has to do.
	warned map[uuid.UUID]peer.Text
}

func newSending(p *Program) *sending {
	s := &sending{p: p, state: map[uuid.UUID]node.Transfer{}, warned: map[uuid.UUID]peer.Text{}}
	if isTerminal(p.Stderr) {
		s.bar = newBar(p)
	}
	return s
}

func (s *sending) add(t node.Transfer) {
	s.order = append(s.order, t.ID)
	s.state[t.ID] = t
	s.p.tellSkipped(t)
}

// tellSkipped says what was left out of an offer.
func (p *Program) tellSkipped(t node.Transfer) {
	if !t.Skipped.IsZero() {
		p.tell("Left out of %s, as it cannot be sent: %s.", t.Name, t.Skipped)
	}
}

// watch follows the transfers until none can change any more.
func (s *sending) watch(ctx context.Context, n Node, sub node.Subscription) error {
	if s.over() {
		return nil
	}
	defer s.bar.clear()
	s.bar.draw(s.list())
	return await(ctx, sub, func(e node.Event) (bool, error) {
		switch {
		case e.Kind == node.TransferMoved && e.Transfer != nil:
			s.take(*e.Transfer)
		case e.Kind == node.Resync:
			if err := s.refresh(ctx, n); err != nil {
				return false, err
			}
		}
		s.warn()
		s.bar.draw(s.list())
		return s.over(), nil
	})
}

// warn says what keeps transfers, once each: a bar has no room for it.
func (s *sending) warn() {
	for _, t := range s.list() {
		if trouble(t) && s.warned[t.ID] != t.Error {
			s.warned[t.ID] = t.Error
			s.bar.clear()
			s.p.tell("earshot: %s: %s.", filesOf(t.Name, t.Files, t.Bytes, t.Program), transferWords(t))
		}
	}
}

// take notes how a transfer stands, if it is one of these.
func (s *sending) take(t node.Transfer) {
	if _, ours := s.state[t.ID]; ours {
		s.state[t.ID] = t
	}
}

// refresh asks how all stand.
func (s *sending) refresh(ctx context.Context, n Node) error {
	transfers, err := n.Transfers(ctx)
	for _, t := range transfers {
		s.take(t)
	}
	return err
}

// receiptTime is how long the receipts are waited for: they come behind the last
// word of a transfer, after the receiver's disk has them.
const receiptTime = 2 * time.Second

// awaitReceipts lets the receipts of what is done come in, before the node that they
// come to ends with the command. What does not comes another time.
func (s *sending) awaitReceipts(ctx context.Context, n Node, sub node.Subscription) {
	ctx, cancel := context.WithTimeout(ctx, receiptTime)
	defer cancel()
	came := func(e node.Event) (bool, error) { return e.Kind == node.ReceiptNoted || e.Kind == node.Resync, nil }
	for s.unsigned() {
		if s.refresh(ctx, n) != nil || s.unsigned() && await(ctx, sub, came) != nil {
			return
		}
	}
}

// unsigned reports whether a receipt is missing of what is done.
func (s *sending) unsigned() bool {
	return slices.ContainsFunc(s.list(), func(t node.Transfer) bool { return t.State == stateDone && t.Receipt == "" })
}

func (s *sending) list() []node.Transfer {
	list := make([]node.Transfer, len(s.order))
	for i, id := range s.order {
		list[i] = s.state[id]
	}
	return list
}

func (s *sending) over() bool {
	for _, t := range s.state {
		if !isFinal(t.State) {
			return false
		}
	}
	return true
}

// finish prints how each transfer stands and chooses the code to end with.
func (s *sending) finish(ctx context.Context, asJSON bool) error {
	code := codeDone
	for _, t := range s.list() {
		var err error
		if asJSON {
			err = writeJSON(s.p.Stdout, sent{ID: t.ID, State: t.State, Skipped: t.Skipped})
		} else if t.State == stateDone {
			err = s.p.say("%s: saved by %s.", filesOf(t.Name, t.Files, t.Bytes, t.Program), refName(t.Peer))
		}
		if err != nil {
			return err
		}
		if t.State != stateDone {
			s.p.tell("earshot: %s", s.outcome(ctx, t))
		}
		code = worse(code, codeOf(t))
	}
	if code != codeDone {
		return silent(code)
	}
	return nil
}

// codeOf is the code that a transfer alone would end with.
func codeOf(t node.Transfer) int {
	switch t.State {
	case stateDone:
		return codeDone
	case stateFailed:
		return codeFailed
	case stateDeclined, stateCancelled:
		if t.Reason == "by me" {
			return codeFailed
		}
		return codeRefuse
	}
	return codeLater
}

// worse is which of two codes tells more.
func worse(a, b int) int {
	for _, code := range []int{codeFailed, codeRefuse, codeLater} {
		if a == code || b == code {
			return code
		}
	}
	return codeDone
}

// outcome is how a transfer that is not done stands, and what to do.
func (s *sending) outcome(ctx context.Context, t node.Transfer) string {
	what := filesOf(t.Name, t.Files, t.Bytes, t.Program) + ": " + transferWords(t) + "."
	switch {
	case trouble(t):
		what += " \"earshot transfers\" shows how it stands."
	case !isFinal(t.State) && s.stays:
		what += " The Earshot that runs here goes on with it; \"earshot transfers\" shows how it stands."
	case !isFinal(t.State):
		what += fmt.Sprintf(" It goes on when Earshot runs here again and %s is there; \"earshot transfers\" shows how it stands.", refName(t.Peer))
	}
	if !isFinal(t.State) && ctx.Err() != nil {
		what = "Interrupted. " + what
	}
	return what
}

// waitShort is how often a bar is drawn at most.
const waitShort = 250 * time.Millisecond
