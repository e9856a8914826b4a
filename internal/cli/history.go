package cli

import (
	"context"
	"slices"
	"time"

	"github.com/google/uuid"
	"github.com/spf13/cobra"

	"earshot/internal/node"
	"earshot/peer"
)

// maxPage is how many messages a node gives at a time.
const maxPage = 500

func (p *Program) historyCommand() *cobra.Command {
	var asJSON bool
	newest := count(50)
	var search string
	cmd := &cobra.Command{
		Use:   "history PEER",
		Short: "Read a stored conversation",
		Long: `Reads a stored conversation, the newest messages last. "#notices" in the place of a
person is what the administrators of the account's server announced.`,
		Args: takes("PEER"),
		RunE: func(cmd *cobra.Command, args []string) error {
			return p.with(cmd.Context(), role{}, func(s *session) error {
				conversation, err := p.conversation(cmd.Context(), s, args[0])
				if err != nil {
					return err
				}
				messages, err := readHistory(cmd.Context(), s, node.History{Conversation: conversation, Search: search}, int(newest))
				if err != nil {
					return err
				}
				if asJSON {
					return writeJSON(p.Stdout, historyJSON(messages))
				}
				return p.showHistory(messages)
			})
		},
		ValidArgsFunction: p.completePeer,
	}
	cmd.Flags().BoolVar(&asJSON, "json", false, "print JSON")
	cmd.Flags().VarP(&newest, "number", "n", "the newest so many")
	cmd.Flags().StringVar(&search, "search", "", "only messages with this text")
	return cmd
}

// conversation is the one that a person named.
func (p *Program) conversation(ctx context.Context, s *session, name string) (node.Conversation, error) {
	if name == string(node.Notices) {
		return node.Notices, nil
	}
	person, err := p.find(ctx, s, name, 0) // who was never here wrote nothing
	return node.Direct(person.ID), err
}

// readHistory reads the newest count messages that match h, oldest first.
func readHistory(ctx context.Context, n Node, h node.History, count int) ([]node.Message, error) {
	var pages [][]node.Message
	for count > 0 {
		h.Limit = min(count, maxPage)
		page, err := n.History(ctx, h)
		if err != nil {
			return nil, err
		}
		pages = append(pages, page)
		count -= len(page)
		if len(page) < h.Limit {
			break
		}
		h.Before = &page[0].Position
	}
	slices.Reverse(pages)
	return slices.Concat(pages...), nil
}

// messageJSON is a message as scripts read one.
type messageJSON struct {
	ID    uuid.UUID         `json:"id"`
	From  node.Ref          `json:"from"`
	At    string            `json:"at"`
	Text  *peer.Text        `json:"text,omitempty"`
	Offer *node.Offer       `json:"offer,omitempty"`
	State node.MessageState `json:"state"`
}

func historyJSON(messages []node.Message) []messageJSON {
	out := make([]messageJSON, len(messages))
	for i, m := range messages {
		out[i] = messageJSON{ID: m.ID, From: m.From, At: m.At.Format(time.RFC3339Nano), Offer: m.Offer, State: m.State}
		if m.Offer == nil {
			out[i].Text = &m.Text
		}
	}
	return out
}

func (p *Program) showHistory(messages []node.Message) error {
	day := ""
	for _, m := range messages {
		at := m.At.Local()
		if d := at.Format("Monday 2 January 2006"); d != day {
			day = d
			if err := p.say("-- %s --", d); err != nil {
				return err
			}
		}
		if err := p.say("%s", messageLine(m)); err != nil {
			return err
		}
	}
	return nil
}
