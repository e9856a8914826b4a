package cli

import (
	"context"

	"github.com/spf13/cobra"

	"earshot/internal/node"
)

func (p *Program) serverListCommand() *cobra.Command {
	var asJSON bool
	cmd := &cobra.Command{
		Use: "list", Short: "List the servers that announce themselves on this network, or are in DNS or the settings",
		Long: `Lists rendezvous servers that were found: who announces itself on this network, who
is named in DNS (_earshot-server._tcp of the domains that this machine searches), and
the one of the settings. Anybody can announce a server under any name, so none of
them is trusted before you have compared its fingerprint with its administrator's.`,
		Args: takes(),
		RunE: func(cmd *cobra.Command, _ []string) error {
			return p.with(cmd.Context(), role{}, func(s *session) error {
				if _, err := lookAround(cmd.Context(), s, lookTime); err != nil {
					return err
				}
				found, err := s.Servers(cmd.Context())
				if err != nil {
					return err
				}
				if asJSON {
					return writeJSON(p.Stdout, append([]node.FoundServer{}, found...))
				}
				return p.showServers(found)
			})
		},
	}
	cmd.Flags().BoolVar(&asJSON, "json", false, "print JSON")
	return cmd
}

// showServers lists servers that were found.
func (p *Program) showServers(found []node.FoundServer) error {
	if len(found) == 0 {
		return p.say("No server was found on this network.")
	}
	var rows [][]string
	for _, s := range found {
		standing := "not verified"
		if s.Verified {
			standing = "in use"
		}
		rows = append(rows, []string{s.Name.String(), s.Address, string(s.Via), standing, s.Fingerprint})
	}
	return p.sayAll(columns(rows))
}

// maxHints is how many servers are suggested to who has none: there is no end to what
// a stranger may announce.
const maxHints = 3

// suggestServers tells who has no server which ones were found.
func (p *Program) suggestServers(ctx context.Context, n Node) error {
	account, err := n.Account(ctx)
	if err != nil || account.Server != "" {
		return err
	}
	found, err := n.Servers(ctx)
	for _, s := range found[:min(len(found), maxHints)] {
		p.tell("Server %s found, not verified. Sign in with: earshot account login %s USER", s.Name, s.Address)
	}
	return err
}
