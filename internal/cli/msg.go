package cli

import (
	"context"
	"errors"
	"fmt"
	"io"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/google/uuid"
	"github.com/spf13/cobra"

	"earshot/internal/node"
	"earshot/peer"
)

// maxText is the longest message, in bytes.
const maxText = 32 << 10

func (p *Program) msgCommand() *cobra.Command {
	var asJSON bool
	var wait time.Duration
	cmd := &cobra.Command{
		Use:   "msg PEER TEXT…",
		Short: "Write a message",
		Long: `Writes a message; ends when it is stored on the receiver's device.
TEXT "-" is read from the standard input. --wait 0 waits for ever.`,
		Example: "  earshot msg Bob \"the lift is fixed\"\n  date | earshot msg Bob -",
		Args:    takes("PEER", "TEXT…"),
		RunE: func(cmd *cobra.Command, args []string) error {
			text, err := p.messageText(cmd.Context(), args[1:])
			if err != nil {
				return err
			}
			return p.with(cmd.Context(), role{}, func(s *session) error {
				return p.write(cmd.Context(), s, args[0], text, sendOptions{wait: wait, json: asJSON})
			})
		},
		ValidArgsFunction: p.completePeer,
	}
	cmd.Flags().BoolVar(&asJSON, "json", false, "print JSON")
	addWait(cmd, &wait, 30*time.Second, "give up waiting after so long, 0: never")
	return cmd
}

// sendOptions are what msg and send have in common.
type sendOptions struct {
	wait time.Duration // 0: for ever
	json bool
}

// limit bounds waiting, not what is queued.
func (o sendOptions) limit(ctx context.Context) (context.Context, context.CancelFunc) {
	if o.wait == 0 {
		return context.WithCancel(ctx)
	}
	return context.WithTimeout(ctx, o.wait)
}

// look is how long somebody is looked for.
func (o sendOptions) look() time.Duration {
	if o.wait == 0 {
		return lookTime
	}
	return o.wait
}

// messageText is the text of a message, from the arguments or the standard input.
func (p *Program) messageText(ctx context.Context, args []string) (string, error) {
	text := strings.Join(args, " ")
	if text == "-" {
		b, err := p.readInput(ctx, maxText+2) // and a line's end
		if err != nil {
			return "", fmt.Errorf("read the message: %w", err)
		}
		text = strings.TrimSuffix(strings.TrimSuffix(string(b), "\n"), "\r")
	}
	return text, checkText(text)
}

// readInput reads the standard input to its end, or limit bytes of it. Its
// goroutine may outlive ctx: reading a terminal cannot be interrupted, and the
// program ends anyway.
func (p *Program) readInput(ctx context.Context, limit int64) ([]byte, error) {
	type input struct {
		b   []byte
		err error
	}
	read := make(chan input, 1)
	go func() {
		b, err := io.ReadAll(io.LimitReader(p.Stdin, limit))
		read <- input{b, err}
	}()
	select {
	case in := <-read:
		return in.b, in.err
	case <-ctx.Done():
		return nil, ctx.Err()
	}
}

// checkText says why a text cannot be a message.
func checkText(text string) error {
	switch {
	case strings.TrimSpace(text) == "":
		return wrong("There is nothing to send.")
	case len(text) > maxText:
		return &failure{code: codeUsage, what: fmt.Sprintf("The message is longer than %d KiB.", maxText>>10), do: "Send it as a file with \"earshot send\"."}
	case !utf8.ValidString(text):
		return wrong("The message is not UTF-8 text.")
	}
	return nil
}

// sent is what msg and send print as JSON.
type sent struct {
	ID      uuid.UUID `json:"id"`
	State   string    `json:"state"`
	Skipped peer.Text `json:"skipped,omitzero"` // of files: what was left out, in words
}

// write writes a message and waits until it is delivered.
func (p *Program) write(ctx context.Context, n Node, to, text string, o sendOptions) error {
	person, err := p.find(ctx, n, to, o.look())
	if err != nil {
		return err
	}
	sub, err := n.Subscribe(ctx)
	if err != nil {
		return err
	}
	defer sub.Close()
	m, err := n.Write(ctx, node.Direct(person.ID), text)
	if err != nil {
		return err
	}
	m, late, err := settled(ctx, n, sub, m, o)
	name := nameOf(person.Name, person.ID)
	if o.json {
		err = errors.Join(writeJSON(p.Stdout, sent{ID: m.ID, State: string(m.State)}), err)
	} else if err == nil {
		err = p.say("Delivered to %s.", name)
	}
	if late {
		return queued(ctx, name, m, stays(ctx, n))
	}
	return err
}

// settled waits, for as long as o says, until a message of ours is stored on the other
// side; late: it is not yet.
func settled(ctx context.Context, n Node, sub node.Subscription, m node.Message, o sendOptions) (_ node.Message, late bool, err error) {
	waiting, cancel := o.limit(ctx)
	defer cancel()
	m, err = delivered(waiting, n, sub, m)
	if waiting.Err() == nil || m.State != node.Queued {
		return m, false, err
	}
	if m = lastLook(ctx, n, m); m.State != node.Queued {
		return m, false, nil
	}
	return m, true, err
}

// delivered waits until a message of ours is stored on the other side; m is how
// far it got.
func delivered(ctx context.Context, n Node, sub node.Subscription, m node.Message) (node.Message, error) {
	if m.State != node.Queued {
		return m, nil
	}
	err := await(ctx, sub, func(e node.Event) (bool, error) {
		switch {
		case e.Kind == node.StateChanged && e.Message != nil && e.Message.ID == m.ID:
			m = *e.Message
		case e.Kind == node.Resync:
			again, err := n.Message(ctx, m.ID)
			if err != nil {
				return false, err
			}
			m = again
		}
		return m.State != node.Queued, nil
	})
	return m, err
}

// lastTime is how long somebody who gives up waiting, or was interrupted, waits
// for how the message stands by now.
const lastTime = time.Second

// lastLook is a message as it is now that nobody waits any more: the receiver may
// have it, and why it waits may be another reason than when it was written.
func lastLook(ctx context.Context, n Node, m node.Message) node.Message {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), lastTime)
	defer cancel()
	if now, err := n.Message(ctx, m.ID); err == nil {
		return now
	}
	return m
}

// queued says that a message waits for its receiver.
func queued(ctx context.Context, name string, m node.Message, stays bool) error {
	f := &failure{code: codeLater, what: fmt.Sprintf("The message for %s is queued.", name)}
	f.do = fmt.Sprintf("It is delivered when Earshot runs here again and %s is there.", name)
	if stays {
		f.do = "The Earshot that runs here delivers it as soon as it can."
	}
	if !m.Why.IsZero() {
		f.what = fmt.Sprintf("The message for %s is queued: %s.", name, m.Why)
	}
	if ctx.Err() != nil {
		f.what = "Interrupted. " + f.what
	}
	return f
}
