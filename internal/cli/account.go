package cli

import (
	"context"
	"errors"
	"fmt"
	"os"
	"strings"

	"github.com/google/uuid"
	"github.com/spf13/cobra"

	"earshot/internal/node"
	"earshot/internal/profile"
	"earshot/internal/rendezvous"
	"earshot/peer"
)

func (p *Program) accountCommand() *cobra.Command {
	cmd := group("account", "An account of a server: who you are for people beyond this network", p.accountShow)
	cmd.Long = `Where a network has a rendezvous server ("earshot serve") an account there gives
people names that they can trust, a friend list, and friends in other networks.
Messages and files still go straight to the other device; the server sees none.

SERVER is the join link that you got, or HOST[:PORT]: then the fingerprint of its
key is shown to be compared, or given with --fingerprint. Passwords are asked for
on the terminal, or come with --password-stdin or from EARSHOT_PASSWORD.`
	cmd.AddCommand(
		p.signInCommand("register", "Make an account", true), p.signInCommand("login", "Make this device one of an account's", false),
		p.plainAccount("logout", "Take this device from its account", "Signed out.", Node.SignOut),
		p.accountShowCommand(), p.accountSetCommand(), p.accountPasswordCommand(), p.accountDevicesCommand(), p.accountAdmitCommand(), p.accountRevokeCommand(),
	)
	return cmd
}

func (p *Program) serverCommand() *cobra.Command {
	cmd := group("server", "The server that this device has an account on", p.accountShow)
	cmd.AddCommand(p.plainAccount("forget", "Forget the server, its key and the account there", "The server is forgotten.", Node.ForgetServer), p.serverListCommand())
	return cmd
}

// group is a command that has others; by itself it runs show.
func group(use, short string, show func(ctx context.Context, asJSON bool) error) *cobra.Command {
	var asJSON bool
	cmd := &cobra.Command{
		Use: use, Short: short, Args: takes(),
		RunE: func(cmd *cobra.Command, _ []string) error { return show(cmd.Context(), asJSON) },
	}
	cmd.Flags().BoolVar(&asJSON, "json", false, "print JSON")
	return cmd
}

// plainAccount is a command that makes one call and says that it is done.
func (p *Program) plainAccount(use, short, done string, call func(Node, context.Context) error) *cobra.Command {
	return &cobra.Command{
		Use: use, Short: short, Args: takes(),
		RunE: func(cmd *cobra.Command, _ []string) error {
			return p.with(cmd.Context(), role{}, func(s *session) error {
				if err := call(s, cmd.Context()); err != nil {
					return err
				}
				return p.say("%s", done)
			})
		},
	}
}

func (p *Program) signInCommand(use, short string, new bool) *cobra.Command {
	var in node.SignIn
	var stdin bool
	cmd := &cobra.Command{
		Use: use + " SERVER USER", Short: short, Args: takes("SERVER", "USER"),
		RunE: func(cmd *cobra.Command, args []string) error {
			in.Server, in.User, in.New = args[0], args[1], new
			if new && p.set.Origin("name") == profile.FromFlag {
				in.Name = p.set.Name // else the node's, which may run under another one than is set here
			}
			return p.with(cmd.Context(), role{}, func(s *session) error {
				return p.signIn(cmd.Context(), s, in, p.secrets(stdin))
			})
		},
	}
	cmd.Flags().StringVar(&in.Fingerprint, "fingerprint", "", "the fingerprint of the server's key, as its administrator says it")
	cmd.Flags().BoolVar(&stdin, "password-stdin", false, "read the password from the standard input")
	if new {
		cmd.Flags().StringVar(&in.Team, "team", "", "your team or department (default: as set)")
	}
	return cmd
}

// signIn asks for what is missing, first of all whether the server is the right
// one.
func (p *Program) signIn(ctx context.Context, n Node, in node.SignIn, s *secrets) (err error) {
	if in.Fingerprint == "" {
		if in.Fingerprint, err = p.compareKey(ctx, n, in.Server, s); err != nil {
			return err
		}
	}
	read := s.read
	if in.New {
		read = s.choose
	}
	if in.Password, err = read(ctx, fmt.Sprintf("Password of %s: ", in.User), passwordVariable); err != nil {
		return err
	}
	account, err := n.SignIn(ctx, in)
	if errors.Is(err, node.ErrChoose) {
		p.tell("This password was made by an administrator, for one log-in. Choose your own.")
		if in.Next, err = s.choose(ctx, "New password: ", newVariable); err != nil {
			return err
		}
		account, err = n.SignIn(ctx, in)
	}
	if err != nil {
		return err
	}
	admin := map[bool]string{true: ", as administrator"}[account.Admin]
	return p.say("Signed in as %s (%s) on %s%s.", account.Name, account.User, account.Server, admin)
}

// compareKey has the person compare the key of a server that is not known yet; it
// returns the fingerprint where that was needed.
func (p *Program) compareKey(ctx context.Context, n Node, server string, s *secrets) (string, error) {
	key, err := n.ServerKey(ctx, server)
	if err != nil || key.Pinned {
		return "", err
	}
	f, ok := p.Stdin.(*os.File)
	if s.stdin || !ok || !isTerminal(f) {
		return "", unconfirmed(key)
	}
	p.tell("The server %s is not known yet. Its key has the fingerprint\n\n  %s\n\nAsk its administrator whether that is right.", key.Address, key.Fingerprint)
	fmt.Fprint(p.Stderr, "Is it the same? [y/N] ")
	line, err := s.lines.ReadString('\n')
	if err != nil {
		return "", err
	}
	if answer := strings.ToLower(strings.TrimSpace(line)); answer != "y" && answer != "yes" {
		return "", unconfirmed(key)
	}
	return key.Fingerprint, nil
}

// unconfirmed says that nobody compared a server's key.
func unconfirmed(key node.ServerKey) error {
	return &failure{
		code: codeFailed, what: fmt.Sprintf("The key of %s was not confirmed, so nothing was sent to it. Its fingerprint is %s.", key.Address, key.Fingerprint),
		do: "Compare it with what its administrator says, and give it with --fingerprint; or use a join link.",
	}
}

func (p *Program) accountShowCommand() *cobra.Command {
	return group("show", "Show the account", p.accountShow)
}

// accountJSON is the account as scripts read it.
type accountJSON struct {
	User        peer.Text           `json:"user"`
	Name        peer.Text           `json:"name"`
	Account     string              `json:"account"`
	Server      string              `json:"server"`
	Admin       bool                `json:"admin"`
	SignedIn    bool                `json:"signed_in"`
	Team        peer.Text           `json:"team"`
	Presence    rendezvous.Presence `json:"presence"`
	Status      peer.Text           `json:"status"`
	Fingerprint string              `json:"fingerprint"`
	Reached     bool                `json:"reached"`
}

func (p *Program) accountShow(ctx context.Context, asJSON bool) error {
	return p.with(ctx, role{}, func(s *session) error {
		a, err := s.Account(ctx)
		if err != nil {
			return err
		}
		if asJSON {
			id := a.ID.String()
			if a.ID == uuid.Nil {
				id = ""
			}
			return writeJSON(p.Stdout, accountJSON{a.User, a.Name, id, a.Server, a.Admin, a.SignedIn, a.Team, a.Presence, a.Status, a.Fingerprint, a.Reached})
		}
		return p.showAccount(a)
	})
}

func (p *Program) showAccount(a node.Account) error {
	switch {
	case a.Server == "":
		return p.say("No server is in use. \"earshot account login SERVER USER\" signs in.")
	case !a.SignedIn:
		return p.say("Not signed in on %s.\nKey %s", a.Server, a.Fingerprint)
	}
	words := []string{fmt.Sprintf("%s (%s)", a.Name, a.User)}
	if !a.Team.IsZero() {
		words = append(words, a.Team.String())
	}
	if a.Admin {
		words = append(words, "administrator")
	}
	presence := string(a.Presence)
	if !a.Status.IsZero() {
		presence += ": " + a.Status.String()
	}
	server := a.Server
	if !a.Problem.IsZero() {
		server += " (" + a.Problem.String() + ")"
	}
	return p.say("%s\n%s\nOn %s\nKey %s", strings.Join(words, ", "), presence, server, a.Fingerprint)
}

func (p *Program) accountSetCommand() *cobra.Command {
	var name, team, status, presence string
	cmd := &cobra.Command{
		Use: "set", Short: "Change what others see of the account", Args: takes(),
		RunE: func(cmd *cobra.Command, _ []string) error {
			var to node.AccountChange
			for flag, field := range map[string]struct {
				value *string
				to    **string
			}{"name": {&name, &to.Name}, "team": {&team, &to.Team}, "status": {&status, &to.Status}} {
				if cmd.Flags().Changed(flag) {
					*field.to = field.value
				}
			}
			if cmd.Flags().Changed("presence") {
				now := rendezvous.Presence(presence)
				if now != rendezvous.Online && now != rendezvous.Away && now != rendezvous.Busy {
					return wrong("--presence is %q; want online, away or busy.", presence)
				}
				to.Presence = &now
			}
			if to == (node.AccountChange{}) {
				return usage(cmd, errors.New("\"earshot account set\" wants what is to be set"))
			}
			return p.with(cmd.Context(), role{}, func(s *session) error {
				a, err := s.ChangeAccount(cmd.Context(), to)
				if err != nil {
					return err
				}
				return p.showAccount(a)
			})
		},
	}
	cmd.Flags().StringVar(&name, "name", "", "the name that others see")
	cmd.Flags().StringVar(&team, "team", "", "your team or department")
	cmd.Flags().StringVar(&status, "status", "", "a text beside your presence")
	cmd.Flags().StringVar(&presence, "presence", "", "online, away or busy")
	return cmd
}

func (p *Program) accountPasswordCommand() *cobra.Command {
	var stdin bool
	cmd := &cobra.Command{
		Use: "password", Short: "Change the password; the account's other devices are signed out", Args: takes(),
		Long: `Changes the password. All other devices of the account are signed out.

With --password-stdin the first line is the old password, the second one the new;
else they may come from EARSHOT_PASSWORD and EARSHOT_NEW_PASSWORD.`,
		RunE: func(cmd *cobra.Command, _ []string) error {
			ctx, s := cmd.Context(), p.secrets(stdin)
			old, err := s.read(ctx, "Password so far: ", passwordVariable)
			if err != nil {
				return err
			}
			chosen, err := s.choose(ctx, "New password: ", newVariable)
			if err != nil {
				return err
			}
			return p.with(ctx, role{}, func(s *session) error {
				if err := s.ChangePassword(ctx, old, chosen); err != nil {
					return err
				}
				return p.say("The password is changed; other devices of the account are signed out.")
			})
		},
	}
	cmd.Flags().BoolVar(&stdin, "password-stdin", false, "read the passwords from the standard input")
	return cmd
}
