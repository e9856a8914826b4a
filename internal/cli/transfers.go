package cli

import (
	"context"
	"errors"
	"fmt"
	"slices"

	"github.com/google/uuid"
	"github.com/spf13/cobra"

	"earshot/internal/node"
	"earshot/peer"
)

func (p *Program) transfersCommand() *cobra.Command {
	var asJSON, all bool
	cmd := &cobra.Command{
		Use:   "transfers",
		Short: "Show what is running, waiting, interrupted and done",
		Args:  takes(),
		RunE: func(cmd *cobra.Command, _ []string) error {
			return p.with(cmd.Context(), role{}, func(s *session) error { return p.showTransfers(cmd.Context(), s, all, asJSON) })
		},
	}
	cmd.Flags().BoolVar(&asJSON, "json", false, "print JSON")
	cmd.Flags().BoolVar(&all, "all", false, "also those that were cleared")
	cmd.AddCommand(
		p.moveCommand("pause", "Pause a transfer", Node.Pause),
		p.moveCommand("resume", "Go on with a transfer that was paused", Node.Resume),
		p.moveCommand("cancel", "Cancel a transfer for good", Node.Cancel),
		p.limitCommand(), p.retryCommand(), p.clearCommand(),
	)
	return cmd
}

func (p *Program) retryCommand() *cobra.Command {
	return &cobra.Command{
		Use:   "retry ID",
		Short: "Offer again what was not received, as it is now",
		Long: `Offers again what a transfer of yours offered, as the files are now. What the
receiver has of them already, and is still the same, is not sent again.`,
		Args: takes("ID"),
		RunE: func(cmd *cobra.Command, args []string) error {
			return p.with(cmd.Context(), role{}, func(s *session) error {
				t, err := findTransfer(cmd.Context(), s, args[0])
				if err != nil {
					return err
				}
				if t.Direction != node.Sending {
					return &failure{code: codeFailed, what: fmt.Sprintf("%s came from %s.", t.Name, refName(t.Peer)), do: fmt.Sprintf("Ask %s to send it again.", refName(t.Peer))}
				}
				again, err := s.Retry(cmd.Context(), t.ID)
				if err != nil {
					return immovable(err, "retry", t)
				}
				p.tellSkipped(again)
				return p.say("%s: %s. Its ID is %s.", filesOf(again.Name, again.Files, again.Bytes, again.Program), transferWords(again), again.ID)
			})
		},
	}
}

func (p *Program) clearCommand() *cobra.Command {
	return &cobra.Command{
		Use:   "clear [ID]",
		Short: "Do not show what is over any more",
		Args:  takes("[ID]"),
		RunE: func(cmd *cobra.Command, args []string) error {
			return p.with(cmd.Context(), role{}, func(s *session) error { return p.clear(cmd.Context(), s, args) })
		},
	}
}

// clear clears the transfer named, or all that are over.
func (p *Program) clear(ctx context.Context, n Node, args []string) error {
	if len(args) > 0 {
		t, err := findTransfer(ctx, n, args[0])
		if err != nil {
			return err
		}
		return immovable(n.Clear(ctx, t.ID), "clear", t)
	}
	transfers, err := n.Transfers(ctx)
	for _, t := range transfers {
		if err == nil && isFinal(t.State) && !t.Cleared {
			err = n.Clear(ctx, t.ID)
		}
	}
	return err
}

// moveCommand is a command that changes one transfer, and says how it stands then.
func (p *Program) moveCommand(name, short string, move func(Node, context.Context, uuid.UUID) error) *cobra.Command {
	return &cobra.Command{
		Use:   name + " ID",
		Short: short,
		Args:  takes("ID"),
		RunE: func(cmd *cobra.Command, args []string) error {
			return p.with(cmd.Context(), role{}, func(s *session) error {
				t, err := findTransfer(cmd.Context(), s, args[0])
				if err != nil {
					return err
				}
				if err := move(s, cmd.Context(), t.ID); err != nil {
					return immovable(err, name, t)
				}
				now, err := findTransfer(cmd.Context(), s, t.ID.String())
				if err != nil {
					return err
				}
				return p.say("%s: %s.", t.Name, transferWords(now))
			})
		},
	}
}

// immovable says that a transfer is not one with which that can be done now.
func immovable(err error, name string, t node.Transfer) error {
	if !errors.Is(err, node.ErrWrongState) {
		return err
	}
	f := &failure{code: codeFailed, what: fmt.Sprintf("%s cannot be %s as it stands: %s.", t.Name, done[name], transferWords(t)), do: "Say \"earshot transfers\" to see how it stands."}
	if name == "resume" && t.State == statePaused && t.Reason == "by peer" {
		f.what, f.do = fmt.Sprintf("%s was paused by %s, not by you.", t.Name, refName(t.Peer)), fmt.Sprintf("Ask %s to let it go on.", refName(t.Peer))
	}
	return f
}

// done is what has been done with a transfer.
var done = map[string]string{"limit": "limited", "retry": "sent again", "clear": "cleared", "pause": "paused", "resume": "resumed", "cancel": "cancelled", "accept": "accepted", "decline": "declined"}

// transferJSON is a transfer as scripts read one.
type transferJSON struct {
	ID        uuid.UUID      `json:"id"`
	Direction node.Direction `json:"direction"`
	Peer      node.Ref       `json:"peer"`
	Name      peer.Text      `json:"name"`
	Files     int            `json:"files"`
	Bytes     int64          `json:"bytes"`
	Done      int64          `json:"done"`
	State     string         `json:"state"`
	Reason    string         `json:"reason"`
	Rate      int64          `json:"rate"`
	Path      string         `json:"path,omitempty"`
	Error     peer.Text      `json:"error,omitzero"`
	Program   bool           `json:"program,omitempty"`
	Receipt   string         `json:"receipt,omitempty"`
	Content   string         `json:"content,omitempty"`
	Skipped   peer.Text      `json:"skipped,omitzero"`
	Limit     int64          `json:"limit,omitempty"`
}

func toJSON(t node.Transfer) transferJSON {
	return transferJSON{
		t.ID, t.Direction, t.Peer, t.Name, t.Files, t.Bytes, t.Done, t.State, t.Reason, t.Rate, t.Path, t.Error,
		t.Program, t.Receipt, t.Content, t.Skipped, t.Limit,
	}
}

func (p *Program) showTransfers(ctx context.Context, n Node, all, asJSON bool) error {
	transfers, err := n.Transfers(ctx)
	if err != nil {
		return err
	}
	transfers = slices.DeleteFunc(transfers, func(t node.Transfer) bool { return t.Cleared && !all })
	if asJSON {
		out := make([]transferJSON, len(transfers))
		for i, t := range transfers {
			out[i] = toJSON(t)
		}
		return writeJSON(p.Stdout, out)
	}
	var rows [][]string
	for _, t := range transfers {
		rows = append(rows, transferLine(t))
	}
	return p.sayAll(columns(rows))
}
