// Package cli is Earshot's command line: the commands, what they print, and the
// codes they end with.
//
// A command speaks to the profile's running node over its control socket, or is
// a node itself for as long as it runs; it cannot tell which. The package knows
// nothing of the screen: main hands it the console as a function. It starts no
// goroutine but for a node of its own, which it ends before it returns.
package cli

import (
	"context"
	"fmt"
	"io"
	"os"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"earshot/internal/control"
	"earshot/internal/profile"
)

// Node is what the commands need of a node: *node.Node, the control client, and
// the tests' own.
type Node = control.Node

// Look says how the console is to be drawn.
type Look struct {
	Lang  string // "en", "zh"; empty: as the environment says
	ASCII bool
}

// Program is one call of the program.
type Program struct {
	Args        []string // without the program's name
	Stdin       io.Reader
	Stdout      io.Writer
	Stderr      io.Writer
	Environment func(name string) (string, bool)
	// Console shows the console over a node until the person quits or ctx ends.
	Console func(ctx context.Context, n Node, look Look) error

	attach func(ctx context.Context, r role) (*session, error) // nil: the profile's node
	now    func() time.Time                                    // nil: time.Now

	flags   globals
	profile profile.Profile
	sources profile.Sources
	set     profile.Settings
	cleanup []func()
}

// The codes that the program ends with.
const (
	codeDone   = 0
	codeFailed = 1
	codeUsage  = 2
	codeWho    = 3 // no such peer, or several
	codeRefuse = 4 // the other side declined or cancelled
	codeLater  = 5 // gave up waiting, or interrupted
)

// Run runs one command until it is done or ctx ends, and returns the code to end
// with. What went wrong has been said on Stderr.
func Run(ctx context.Context, p Program) (code int) {
	if p.now == nil {
		p.now = time.Now
	}
	if p.attach == nil {
		p.attach = p.attachProfile
	}
	defer func() {
		for _, f := range p.cleanup {
			f()
		}
	}()
	root := p.root()
	root.SetArgs(p.Args)
	return p.report(root.ExecuteContext(ctx))
}

// root is the command without a name: the console.
func (p *Program) root() *cobra.Command {
	root := &cobra.Command{
		Use:   "earshot",
		Short: "Write and send files to the people on your network",
		Long: `Earshot is a messenger for the people on your network. It needs no server and no
account; "earshot account" is for networks that have one.

Without a command it opens the console.`,
		Args:              takes(),
		SilenceErrors:     true,
		SilenceUsage:      true,
		PersistentPreRunE: func(cmd *cobra.Command, _ []string) error { return p.prepare(cmd) },
		RunE:              func(cmd *cobra.Command, _ []string) error { return p.console(cmd.Context()) },
	}
	root.SetFlagErrorFunc(func(cmd *cobra.Command, err error) error { return usage(cmd, err) })
	root.CompletionOptions.SetDefaultShellCompDirective(cobra.ShellCompDirectiveNoFileComp)
	p.flags.add(root)
	root.AddCommand(
		p.peersCommand(), p.msgCommand(), p.sendCommand(), p.listenCommand(), p.transfersCommand(),
		p.acceptCommand(), p.declineCommand(), p.receiptsCommand(), p.historyCommand(), p.idCommand(), p.configCommand(), p.serveCommand(), p.accountCommand(), p.serverCommand(), p.friendsCommand(), p.adminCommand(),
		versionCommand(),
	)
	root.SetIn(p.Stdin)
	root.SetOut(p.Stdout) // before the completions, which take it once
	root.SetErr(p.Stderr)
	root.SetHelpCommand(helpCommand())
	root.InitDefaultCompletionCmd()
	wrapArgs(root)
	needShell(root)
	return root
}

// helpCommand is "help COMMAND", which refuses what is none.
func helpCommand() *cobra.Command {
	return &cobra.Command{
		Use:   "help [COMMAND]",
		Short: "Help about a command",
		RunE: func(cmd *cobra.Command, args []string) error {
			about, rest, err := cmd.Root().Find(args)
			if err == nil && len(rest) > 0 {
				err = fmt.Errorf("unknown command %q for %q", rest[0], about.CommandPath())
			}
			if err != nil {
				return usage(cmd.Root(), err)
			}
			about.InitDefaultHelpFlag() // else it is not listed
			return about.Help()
		},
	}
}

// needShell makes "completion" without a shell, or with an unknown one, an error.
func needShell(root *cobra.Command) {
	completion, _, err := root.Find([]string{"completion"})
	if err != nil {
		return
	}
	var shells []string
	for _, shell := range completion.Commands() {
		shells = append(shells, shell.Name())
	}
	completion.Args = cobra.ArbitraryArgs
	completion.RunE = func(cmd *cobra.Command, args []string) error {
		what := wrong("\"%s\" wants a shell: %s.", cmd.CommandPath(), strings.Join(shells, ", "))
		if len(args) > 0 {
			what = wrong("There is no completion for %q, only for %s.", args[0], strings.Join(shells, ", "))
		}
		return usage(cmd, what)
	}
}

// wrapArgs makes each complaint about arguments a usage error.
func wrapArgs(cmd *cobra.Command) {
	if check := cmd.Args; check != nil {
		cmd.Args = func(cmd *cobra.Command, args []string) error {
			if err := check(cmd, args); err != nil {
				return usage(cmd, err)
			}
			return nil
		}
	}
	for _, sub := range cmd.Commands() {
		wrapArgs(sub)
	}
}

// system is the environment of this process.
func system(name string) (string, bool) { return os.LookupEnv(name) }
