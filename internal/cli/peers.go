package cli

import (
	"context"
	"slices"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"earshot/internal/node"
	"earshot/peer"
)

func (p *Program) peersCommand() *cobra.Command {
	var asJSON bool
	var wait time.Duration
	cmd := &cobra.Command{
		Use:   "peers",
		Short: "Show who is in earshot",
		Args:  takes(),
		RunE: func(cmd *cobra.Command, _ []string) error {
			return p.with(cmd.Context(), role{}, func(s *session) error {
				people, err := lookAround(cmd.Context(), s, wait)
				if err != nil {
					return err
				}
				if asJSON {
					return writeJSON(p.Stdout, peopleJSON(people))
				}
				return p.showPeople(cmd.Context(), s, people)
			})
		},
	}
	cmd.Flags().BoolVar(&asJSON, "json", false, "print JSON")
	addWait(cmd, &wait, lookTime, "look for so long")
	return cmd
}

// lookAround gives a node that has just started time to find people, and returns
// who is on-line and whom this person knows.
func lookAround(ctx context.Context, n Node, wait time.Duration) ([]node.Person, error) {
	for looked := false; !looked; {
		self, err := n.Self(ctx) // again after the wait: another node may have taken over
		if err != nil {
			return nil, err
		}
		left := time.Until(self.Started.Add(wait))
		looked = left <= 0
		if !looked && !pause(ctx, left) {
			return nil, ctx.Err()
		}
	}
	people, err := n.People(ctx)
	return slices.DeleteFunc(people, passedBy), err
}

// personJSON is a person as scripts read one.
type personJSON struct {
	ID        peer.ID   `json:"id"`
	Name      peer.Text `json:"name"`
	Addresses []string  `json:"addresses"`
	Via       []string  `json:"via"`
	Account   string    `json:"account"`
	Verified  bool      `json:"verified"`
	Online    bool      `json:"online"`
	// AcceptUpTo: offers of so many bytes are accepted without asking, -1: of any.
	AcceptUpTo int64 `json:"accept_up_to,omitempty"`
	// Team and CertifiedBy are the account's and its server; Lapsed is since when the
	// server has not said so again.
	Team        peer.Text `json:"team,omitzero"`
	CertifiedBy peer.Text `json:"certified_by,omitzero"`
	Lapsed      time.Time `json:"lapsed,omitzero"`
}

func peopleJSON(people []node.Person) []personJSON {
	out := make([]personJSON, len(people))
	for i, one := range people {
		out[i] = personJSON{
			one.ID, one.Name, append([]string{}, one.Addresses...), append([]string{}, one.Via...),
			one.Account, one.Verified, one.Online, one.AcceptUpTo, one.Team, one.CertifiedBy, one.Lapsed,
		}
	}
	return out
}

func (p *Program) showPeople(ctx context.Context, n Node, people []node.Person) error {
	self, err := n.Self(ctx)
	if err != nil {
		return err
	}
	if !self.Network.IsZero() {
		p.tell("%s", self.Network)
	}
	if self.Hidden {
		p.tell("Nobody sees you yet: the console of this profile still asks for a name.")
	}
	if err := p.suggestServers(ctx, n); err != nil {
		return err
	}
	if len(people) == 0 {
		return p.say("Nobody is in earshot yet. Is the other one running, and on the same network?")
	}
	var rows [][]string
	for _, one := range people {
		rows = append(rows, []string{
			peer.Line(fullName(one), 32).String(), shortID(one.ID), strings.Join(one.Addresses[:min(1, len(one.Addresses))], ""), standing(one),
		})
	}
	for _, line := range columns(rows) {
		if err := p.say("%s", line); err != nil {
			return err
		}
	}
	return nil
}
