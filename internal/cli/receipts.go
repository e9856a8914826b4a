package cli

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/google/uuid"
	"github.com/spf13/cobra"

	"earshot/internal/node"
	"earshot/peer"
)

func (p *Program) receiptsCommand() *cobra.Command {
	var asJSON bool
	cmd := &cobra.Command{
		Use:   "receipts MESSAGE|TRANSFER",
		Short: "Show who has a message, or the signed receipt for files",
		Long: `Of a message: whether its receiver has it (delivered), has seen it (read), or
not (queued).

Of files: the receipt, which the receiver's device signed when everything was
saved. It is checked each time: its signature and its place in that device's
log, and that it is about this offer. Where the files were sent from here they
are read again and compared with it.

Ends with 1 where something was signed that is no receipt for this.`,
		Example: "  earshot receipts 019b76da-a800\n  earshot transfers --json | jq -r '.[].id' | xargs -n 1 earshot receipts",
		Args:    takes("ID"),
		RunE: func(cmd *cobra.Command, args []string) error {
			return p.with(cmd.Context(), role{}, func(s *session) error { return p.receipts(cmd.Context(), s, args[0], asJSON) })
		},
	}
	cmd.Flags().BoolVar(&asJSON, "json", false, "print JSON")
	return cmd
}

// receiptJSON is a receipt as scripts read one.
type receiptJSON struct {
	Peer    node.Ref        `json:"peer"`
	State   string          `json:"state"`
	At      string          `json:"at"`                // empty where it is not known
	Checked *bool           `json:"checked,omitempty"` // of what was signed: whether it is right
	Content string          `json:"content,omitempty"` // the content hash that was signed
	Files   node.FilesState `json:"files,omitempty"`   // how the files here compare with that
	File    peer.Text       `json:"file,omitzero"`     // the first that changed or is gone
	Problem peer.Text       `json:"problem,omitzero"`
}

// shownReceipt is a receipt and what came of comparing files with it.
type shownReceipt struct {
	node.Receipt
	files node.FilesCheck
}

// receipts shows the receipts of what text names.
func (p *Program) receipts(ctx context.Context, n Node, text string, asJSON bool) error {
	s, err := findSubject(ctx, n, text)
	if err != nil {
		return err
	}
	receipts, err := p.awaitReceipts(ctx, n, s)
	if err != nil {
		return err
	}
	shown := make([]shownReceipt, len(receipts))
	for i, r := range receipts {
		shown[i].Receipt = r
		if r.State == node.Saved && s.sent() {
			if shown[i].files, err = p.checkFiles(ctx, n, *s.transfer); err != nil {
				return err
			}
		}
	}
	if err := p.showReceipts(s, shown, asJSON); err != nil {
		return err
	}
	if slices.ContainsFunc(shown, shownReceipt.wrong) {
		return silent(codeFailed)
	}
	return nil
}

// awaitReceipts reads the receipts. Where that of files is missing which are done, a
// node that has just started is given time to get it.
func (p *Program) awaitReceipts(ctx context.Context, n Node, s subject) ([]node.Receipt, error) {
	self, err := n.Self(ctx)
	if err != nil {
		return nil, err
	}
	sub, err := n.Subscribe(ctx)
	if err != nil {
		return nil, err
	}
	defer sub.Close()
	waiting, cancel := context.WithDeadline(ctx, self.Started.Add(lookTime))
	defer cancel()
	came := func(e node.Event) (bool, error) { return e.Kind == node.ReceiptNoted || e.Kind == node.Resync, nil }
	for {
		receipts, err := n.Receipts(ctx, s.id)
		missing := slices.ContainsFunc(receipts, func(r node.Receipt) bool { return r.State == stateDone })
		if err != nil || !missing || await(waiting, sub, came) != nil {
			return receipts, err
		}
	}
}

// wrong reports whether the receiver signed what is not so.
func (r shownReceipt) wrong() bool {
	return r.State == node.Invalid || r.files.State == node.FilesOther
}

// A subject is what receipts are asked for: a transfer, or a message.
type subject struct {
	id       uuid.UUID
	words    string
	transfer *node.Transfer // nil for a message
}

func (s subject) sent() bool { return s.transfer != nil && s.transfer.Direction == node.Sending }

// findSubject is the one transfer or message whose ID begins with text.
func findSubject(ctx context.Context, n Node, text string) (subject, error) {
	transfers, err := n.Transfers(ctx)
	if err != nil {
		return subject{}, err
	}
	messages, err := n.Named(ctx, text)
	if err != nil {
		return subject{}, err
	}
	var found []subject
	for _, t := range transfers {
		if matchesID(t.ID, text) {
			found = append(found, subject{t.ID, filesOf(t.Name, t.Files, t.Bytes, t.Program), &t})
		}
	}
	for _, m := range messages {
		same := func(s subject) bool { return s.id == m.ID }
		if matchesID(m.ID, text) && !slices.ContainsFunc(found, same) {
			found = append(found, subject{m.ID, strings.ReplaceAll(messageWords(m), "\n", " "), nil})
		}
	}
	switch len(found) {
	case 0:
		return subject{}, &failure{code: codeFailed, what: fmt.Sprintf("There is no message or transfer %q.", text), do: "Say its ID, or at least 4 characters of the beginning; \"earshot transfers\" and \"earshot history PEER --json\" show them."}
	case 1:
		return found[0], nil
	}
	f := &failure{code: codeFailed, what: fmt.Sprintf("%q may be one of %d.", text, len(found)), do: "Say more of its ID."}
	for _, s := range found {
		f.list = append(f.list, peer.Line(fmt.Sprintf("%s  %s", s.id, s.words), 100).String())
	}
	return subject{}, f
}

// checkFiles has the files of a transfer read again, with a bar on a terminal.
func (p *Program) checkFiles(ctx context.Context, n Node, t node.Transfer) (check node.FilesCheck, err error) {
	if !isTerminal(p.Stderr) {
		return n.CheckFiles(ctx, t.ID)
	}
	return watchCheck(ctx, n, t, newBar(p))
}

// watchCheck draws how far files were read while they are.
func watchCheck(ctx context.Context, n Node, t node.Transfer, b *bar) (check node.FilesCheck, err error) {
	sub, err := n.Subscribe(ctx)
	if err != nil {
		return node.FilesCheck{}, err
	}
	defer sub.Close()
	defer b.clear()
	reading, over := context.WithCancel(ctx)
	var wg sync.WaitGroup
	defer wg.Wait()
	wg.Go(func() {
		defer over()
		check, err = n.CheckFiles(ctx, t.ID)
	})
	t.State, t.Reason, t.Done, t.Rate = stateActive, "verifying", 0, 0
	b.draw([]node.Transfer{t})
	_ = await(reading, sub, func(e node.Event) (bool, error) { // ends with reading, or the node
		if e.Kind == node.FilesRead && e.Reading != nil && e.Reading.ID == t.ID {
			t.Done = e.Reading.Done
			b.draw([]node.Transfer{t})
		}
		return false, nil
	})
	wg.Wait()
	return check, err
}

func (p *Program) showReceipts(s subject, shown []shownReceipt, asJSON bool) error {
	if asJSON {
		out := make([]receiptJSON, len(shown))
		for i, r := range shown {
			out[i] = r.json()
		}
		return writeJSON(p.Stdout, out)
	}
	if s.transfer != nil {
		if err := p.say("%s", s.words); err != nil {
			return err
		}
	}
	for _, r := range shown {
		for _, line := range r.lines() {
			if err := p.say("%s", line); err != nil {
				return err
			}
		}
	}
	return nil
}

func (r shownReceipt) json() receiptJSON {
	out := receiptJSON{
		Peer: r.Peer, State: r.State, Content: r.Content, Files: r.files.State, File: r.files.File, Problem: r.Problem,
	}
	if !r.At.IsZero() {
		out.At = r.At.Format(time.RFC3339Nano)
	}
	if right := r.State == node.Saved; right || r.State == node.Invalid {
		out.Checked = &right
	}
	return out
}

// lines are a receipt in words.
func (r shownReceipt) lines() []string {
	who := refName(r.Peer)
	switch r.State {
	case node.Saved:
		return []string{
			fmt.Sprintf("%s: saved %s, signed by %s", who, r.At.Local().Format("2006-01-02 15:04:05"), r.Peer.ID.Grouped()),
			"  The receipt is right: the signature, its place in the log, and that it is about this offer.",
			"  Content " + r.Content + r.filesWords(),
		}
	case node.Invalid:
		return []string{
			fmt.Sprintf("%s: NOT VALID, signed %s by %s", who, r.At.Local().Format("2006-01-02 15:04:05"), r.Peer.ID.Grouped()),
			"  This is no receipt for this offer: " + strings.TrimSuffix(setIn(r.Problem), ".") + ".",
		}
	}
	line := who + ": " + r.State
	if !r.Problem.IsZero() {
		line += " (" + r.Problem.String() + ")"
	}
	return []string{line}
}

// filesWords says how the files here compare with a receipt.
func (r shownReceipt) filesWords() string {
	switch r.files.State {
	case node.FilesSame:
		return "\n  The files here are the same: they were read again just now."
	case node.FilesChanged:
		return "\n  The files here have changed since: " + r.files.File.String() + "."
	case node.FilesGone:
		return "\n  The files here are gone: " + r.files.File.String() + "."
	case node.FilesOther:
		return "\n  THE FILES HERE ARE OTHERS: they have not changed since they were offered, but what was signed is not their content."
	case node.FilesUnlisted:
		return "\n  The files here were not compared: which they were is kept for up to 10,000 of them."
	}
	return ""
}
