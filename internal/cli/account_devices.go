package cli

import (
	"context"
	"fmt"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"earshot/internal/node"
	"earshot/peer"
)

func (p *Program) accountDevicesCommand() *cobra.Command {
	return group("devices", "List the account's devices", func(ctx context.Context, asJSON bool) error {
		return p.with(ctx, role{}, func(s *session) error {
			devices, err := s.AccountDevices(ctx)
			if err != nil {
				return err
			}
			if asJSON {
				return writeJSON(p.Stdout, append([]node.AccountDevice{}, devices...))
			}
			var rows [][]string
			for _, d := range devices {
				what := map[bool]string{true: "this one"}[d.Self]
				if d.Asks {
					what = "waits for your yes"
				}
				rows = append(rows, []string{
					shortID(d.ID), what, "since " + dayOf(d.Since), "seen " + dayOf(d.Seen), strings.Join(d.Addresses, " "),
				})
			}
			return p.sayAll(columns(rows))
		})
	})
}

// dayOf is a time as people read it.
func dayOf(t time.Time) string {
	if t.IsZero() {
		return "never"
	}
	return t.Local().Format("2006-01-02 15:04")
}

func (p *Program) accountAdmitCommand() *cobra.Command {
	return &cobra.Command{
		Use: "admit DEVICE", Short: "Say that a new device of the account is yours: it gets your conversations", Args: takes("DEVICE"),
		RunE: func(cmd *cobra.Command, args []string) error {
			return p.with(cmd.Context(), role{}, func(s *session) error {
				device, err := p.find(cmd.Context(), s, args[0], lookTime) // the server need not be there
				if err != nil {
					return err
				}
				if !device.Own {
					return &failure{
						code: codeWho, what: fmt.Sprintf("%q is no other device of your account.", args[0]),
						do: "\"earshot account devices\" lists them; one that is new must have been in reach once.",
					}
				}
				if err := s.Accept(cmd.Context(), device.ID); err != nil {
					return err
				}
				return p.say("The device %s gets your conversations from now on.", shortID(device.ID))
			})
		},
	}
}

func (p *Program) accountRevokeCommand() *cobra.Command {
	return &cobra.Command{
		Use: "revoke DEVICE", Short: "Sign one of the account's devices out, by its ID or the beginning", Args: takes("DEVICE"),
		RunE: func(cmd *cobra.Command, args []string) error {
			return p.with(cmd.Context(), role{}, func(s *session) error {
				id, err := ownDevice(cmd.Context(), s, args[0])
				if err != nil {
					return err
				}
				if err := s.RevokeDevice(cmd.Context(), id); err != nil {
					return err
				}
				return p.say("The device %s is signed out.", shortID(id))
			})
		},
	}
}

// ownDevice is the one device of the account whose ID begins with text.
func ownDevice(ctx context.Context, n Node, text string) (peer.ID, error) {
	devices, err := n.AccountDevices(ctx)
	if err != nil {
		return peer.ID{}, err
	}
	begin := peer.FoldID(text)
	var found []peer.ID
	f := &failure{code: codeWho, do: "Say more of its ID; these are the account's devices:"}
	for _, d := range devices {
		f.list = append(f.list, d.ID.Grouped())
		if len(begin) >= 4 && strings.HasPrefix(d.ID.String(), begin) {
			found = append(found, d.ID)
		}
	}
	switch len(found) {
	case 1:
		return found[0], nil
	case 0:
		f.what, f.do = fmt.Sprintf("No device of the account is %q.", text), "Say its ID, or at least 4 characters of the beginning."
	default:
		f.what, f.do = fmt.Sprintf("%q may be one of %d devices.", text, len(found)), "Say more of its ID."
	}
	return peer.ID{}, f
}
