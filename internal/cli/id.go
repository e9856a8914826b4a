package cli

import (
	"context"
	"errors"
	"io/fs"
	"os"
	"strings"

	"github.com/spf13/cobra"

	"earshot/internal/control"
	"earshot/internal/node"
	"earshot/internal/profile"
	"earshot/peer"
)

func (p *Program) idCommand() *cobra.Command {
	var asJSON, verify bool
	cmd := &cobra.Command{
		Use:   "id [PEER]",
		Short: "Show this device's ID, or the safety number shared with a peer",
		Long: `Without PEER: this device's ID. With PEER: the safety number that both of you
see. Compare it by telephone; if all of it is the same nobody is in between, and
--verify marks the device as verified.`,
		Args: takes("[PEER]"),
		RunE: func(cmd *cobra.Command, args []string) error {
			if len(args) == 0 && verify {
				return usage(cmd, errVerify)
			}
			if len(args) == 0 {
				return p.ownID(cmd.Context(), asJSON)
			}
			return p.with(cmd.Context(), role{}, func(s *session) error {
				return p.peerID(cmd.Context(), s, args[0], verify, asJSON)
			})
		},
		ValidArgsFunction: p.completePeer,
	}
	cmd.Flags().BoolVar(&asJSON, "json", false, "print JSON")
	cmd.Flags().BoolVar(&verify, "verify", false, "mark the device as verified")
	return cmd
}

var errVerify = errors.New("--verify wants a peer")

// idJSON is a device as scripts read one.
type idJSON struct {
	ID           peer.ID   `json:"id"`
	Name         peer.Text `json:"name"`
	SafetyNumber string    `json:"safety_number"`
	Verified     bool      `json:"verified"`
}

// ownID shows this device, by the name that its running node shows. Without one
// it needs a node only the very first time: the identity is a file.
func (p *Program) ownID(ctx context.Context, asJSON bool) error {
	name := peer.DisplayName(p.set.Name)
	if self, err := p.running(ctx); err == nil {
		return p.showOwnID(self.ID, self.Name, asJSON)
	}
	identity, err := p.identity()
	if errors.Is(err, fs.ErrNotExist) {
		return p.with(ctx, role{}, func(s *session) error {
			self, err := s.Self(ctx)
			if err != nil {
				return err
			}
			return p.showOwnID(self.ID, self.Name, asJSON)
		})
	}
	if err != nil {
		return err
	}
	return p.showOwnID(identity.ID(), name, asJSON)
}

// running asks the profile's running node who it is.
func (p *Program) running(ctx context.Context) (node.Self, error) {
	socket, err := p.profile.Socket()
	if err != nil {
		return node.Self{}, err
	}
	client, err := control.Dial(ctx, socket)
	if err != nil {
		return node.Self{}, err
	}
	defer client.Close()
	return client.Self(ctx)
}

// identity reads the profile's identity, and makes none.
func (p *Program) identity() (*peer.Identity, error) {
	path := p.profile.Path(profile.IdentityFile)
	if _, err := os.Stat(path); err != nil {
		return nil, err
	}
	return peer.LoadIdentity(path)
}

func (p *Program) showOwnID(id peer.ID, name peer.Text, asJSON bool) error {
	if asJSON {
		return writeJSON(p.Stdout, idJSON{ID: id, Name: name})
	}
	return p.say("%s\n%s", name, id.Grouped())
}

// peerID shows what two people compare.
func (p *Program) peerID(ctx context.Context, n Node, text string, verify, asJSON bool) error {
	self, err := n.Self(ctx)
	if err != nil {
		return err
	}
	person, err := p.find(ctx, n, text, lookTime)
	if err != nil {
		return err
	}
	if verify {
		if err := n.Verify(ctx, person.ID, true); err != nil {
			return err
		}
		person.Verified = true
	}
	number := peer.SafetyNumber(self.ID, person.ID)
	if asJSON {
		return writeJSON(p.Stdout, idJSON{person.ID, person.Name, number, person.Verified})
	}
	groups := strings.Fields(number)
	return p.say("%s  %s\n%s\n\n  %s\n  %s\n  %s", nameOf(person.Name, person.ID), trust(person), person.ID.Grouped(),
		strings.Join(groups[:4], " "), strings.Join(groups[4:8], " "), strings.Join(groups[8:], " "))
}
