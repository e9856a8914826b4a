package cli

import (
	"context"
	"encoding/csv"
	"errors"
	"fmt"
	"os"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"earshot/internal/node"
	"earshot/peer"
)

func (p *Program) adminCommand() *cobra.Command {
	cmd := &cobra.Command{
		Use: "admin", Short: "Administer the server, with an administrator's account", Args: takes(),
		RunE: func(cmd *cobra.Command, _ []string) error {
			return usage(cmd, errors.New("\"earshot admin\" wants one of its commands"))
		},
	}
	cmd.AddCommand(
		group("online", "Who is on-line, since when and where", p.adminOnline), group("accounts", "List the accounts", p.adminAccounts),
		p.adminStep("kick", "Sign all devices of an account out", "%s is signed out everywhere.", node.KickAccount),
		p.adminStep("disable", "Keep an account from signing in", "%s is disabled, and signed out everywhere.", node.DisableAccount),
		p.adminStep("enable", "Let an account sign in again", "%s may sign in again.", node.EnableAccount),
		p.adminStep("reset", "Give an account a password for one log-in", "%s signs in with this password, and then chooses another:\n%s", node.ResetAccount),
		p.adminInviteCommand(), p.adminImportCommand(), p.adminAnnounceCommand(),
	)
	return cmd
}

func (p *Program) adminAnnounceCommand() *cobra.Command {
	var o sendOptions
	cmd := &cobra.Command{
		Use: "announce TEXT…", Short: "Tell everybody who has an account something",
		Long: `Tells everybody who has an account of this server something. It does not go through the
server: whoever is in reach gets it, and passes it on. Ends when it is stored on another
device. TEXT "-" is read from the standard input. --wait 0 waits for ever.`,
		Args: takes("TEXT…"),
		RunE: func(cmd *cobra.Command, args []string) error {
			text, err := p.messageText(cmd.Context(), args)
			if err != nil {
				return err
			}
			return p.with(cmd.Context(), role{}, func(s *session) error { return p.announce(cmd.Context(), s, text, o) })
		},
	}
	cmd.Flags().BoolVar(&o.json, "json", false, "print JSON")
	addWait(cmd, &o.wait, 30*time.Second, "give up waiting after so long, 0: never")
	return cmd
}

// announce tells everybody something, and waits until somebody has it, to pass it on.
func (p *Program) announce(ctx context.Context, n Node, text string, o sendOptions) error {
	sub, err := n.Subscribe(ctx)
	if err != nil {
		return err
	}
	defer sub.Close()
	m, err := n.Announce(ctx, text)
	if err != nil {
		return err
	}
	m, late, err := settled(ctx, n, sub, m, o)
	if o.json {
		err = errors.Join(writeJSON(p.Stdout, sent{ID: m.ID, State: string(m.State)}), err)
	} else if err == nil {
		err = p.say("Announced: whoever is in reach reads it now, others when they are.")
	}
	if late {
		return &failure{code: codeLater, what: "Nobody is in reach yet.", do: "It is passed on when Earshot runs here and somebody with an account is there."}
	}
	return err
}

func (p *Program) adminOnline(ctx context.Context, asJSON bool) error {
	return p.with(ctx, role{}, func(s *session) error {
		devices, err := s.OnlineDevices(ctx)
		if err != nil {
			return err
		}
		if asJSON {
			return writeJSON(p.Stdout, append([]node.OnlineDevice{}, devices...))
		}
		rows := make([][]string, len(devices))
		for i, d := range devices {
			rows[i] = []string{d.User.String(), string(d.Presence), d.Address.String(), "since " + dayOf(d.Since), shortID(d.Device)}
		}
		return p.sayAll(columns(rows))
	})
}

// listedJSON is an account as scripts read one.
type listedJSON struct {
	User     peer.Text `json:"user"`
	Name     peer.Text `json:"name"`
	Team     peer.Text `json:"team"`
	Disabled bool      `json:"disabled"`
	Devices  int       `json:"devices"`
	LastSeen string    `json:"last_seen"` // empty: never
	Account  string    `json:"account"`
	Admin    bool      `json:"admin"`
}

func (p *Program) adminAccounts(ctx context.Context, asJSON bool) error {
	return p.with(ctx, role{}, func(s *session) error {
		accounts, err := s.ListAccounts(ctx)
		if err != nil {
			return err
		}
		if asJSON {
			out := make([]listedJSON, len(accounts))
			for i, a := range accounts {
				out[i] = listedJSON{a.User, a.Name, a.Team, a.Disabled, a.Devices, "", a.Account.String(), a.Admin}
				if !a.LastSeen.IsZero() {
					out[i].LastSeen = a.LastSeen.Format(time.RFC3339)
				}
			}
			return writeJSON(p.Stdout, out)
		}
		rows := make([][]string, len(accounts))
		for i, a := range accounts {
			marks := map[bool]string{true: "administrator "}[a.Admin] + map[bool]string{true: "disabled"}[a.Disabled]
			rows[i] = []string{a.User.String(), a.Name.String(), a.Team.String(), fmt.Sprintf("%d devices", a.Devices), "seen " + dayOf(a.LastSeen), strings.TrimSpace(marks)}
		}
		return p.sayAll(columns(rows))
	})
}

// adminStep is a command that does something about one account; done says it, and
// may show the password.
func (p *Program) adminStep(use, short, done string, step node.AdminStep) *cobra.Command {
	return &cobra.Command{
		Use: use + " USER", Short: short, Args: takes("USER"),
		RunE: func(cmd *cobra.Command, args []string) error {
			return p.with(cmd.Context(), role{}, func(s *session) error {
				password, err := s.Administer(cmd.Context(), args[0], step)
				if err != nil {
					return err
				}
				words := []any{args[0]}
				if step == node.ResetAccount {
					words = append(words, password)
				}
				return p.say(done, words...)
			})
		},
	}
}

func (p *Program) adminInviteCommand() *cobra.Command {
	uses, until := count(1), ""
	cmd := &cobra.Command{
		Use: "invite", Short: "Make a join link for new people", Args: takes(),
		RunE: func(cmd *cobra.Command, _ []string) error {
			i := node.Invitation{Uses: int(uses)}
			var err error
			if i.Until, err = dateOf(until); err != nil {
				return err
			}
			return p.with(cmd.Context(), role{}, func(s *session) error {
				link, err := s.Invite(cmd.Context(), i)
				if err != nil {
					return err
				}
				return p.say("%s", link)
			})
		},
	}
	cmd.Flags().Var(&uses, "uses", "for so many accounts")
	cmd.Flags().StringVar(&until, "until", "", "to the end of this day, like 2026-12-31 (default a week)")
	return cmd
}

// dateOf is the end of a day, or a moment; zero: none was said.
func dateOf(text string) (time.Time, error) {
	if text == "" {
		return time.Time{}, nil
	}
	if day, err := time.ParseInLocation(time.DateOnly, text, time.Local); err == nil {
		return day.AddDate(0, 0, 1).Add(-time.Second), nil
	}
	moment, err := time.Parse(time.RFC3339, text)
	if err != nil {
		return time.Time{}, wrong("--until is %q; want a day like 2026-12-31.", text)
	}
	return moment, nil
}

func (p *Program) adminImportCommand() *cobra.Command {
	return &cobra.Command{
		Use: "import FILE.csv", Short: "Make accounts for many people", Args: takes("FILE.csv"),
		Long: `Makes an account for each line of the file, "-" for the standard input: user name,
name, team, the last two may be missing; a first line "user,name,team" is
skipped. It prints the user names with passwords for one log-in as CSV: hand each
to its owner, who then chooses another. Ends with 1 where somebody was left out.`,
		RunE: func(cmd *cobra.Command, args []string) error {
			people, err := p.readPeople(args[0])
			if err != nil {
				return err
			}
			return p.with(cmd.Context(), role{}, func(s *session) error {
				made, err := s.ImportAccounts(cmd.Context(), people)
				said := p.showMade(made)
				if err != nil {
					return err
				}
				return said
			})
		},
	}
}

// readPeople reads a file of people.
func (p *Program) readPeople(path string) ([]node.NewAccount, error) {
	in := p.Stdin
	if path != "-" {
		f, err := os.Open(path)
		if err != nil {
			return nil, err
		}
		defer f.Close()
		in = f
	}
	people, err := node.ReadAccounts(in)
	if err != nil {
		return nil, &failure{code: codeUsage, what: fmt.Sprintf("%s: %v.", path, err), do: "Each line is USER,NAME,TEAM."}
	}
	return people, nil
}

// showMade prints the passwords of new accounts, and who was left out.
func (p *Program) showMade(made []node.MadeAccount) error {
	left := 0
	w := csv.NewWriter(p.Stdout)
	for _, m := range made {
		if m.Problem.IsZero() {
			_ = w.Write([]string{m.User.String(), m.Password}) // Error tells it
			continue
		}
		left++
		p.tell("%s was left out: %s.", m.User, strings.TrimSuffix(m.Problem.String(), "."))
	}
	w.Flush()
	if left > 0 && w.Error() == nil {
		return silent(codeFailed)
	}
	return w.Error()
}
