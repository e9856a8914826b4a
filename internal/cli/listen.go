package cli

import (
	"context"
	"errors"

	"github.com/spf13/cobra"

	"earshot/internal/node"
)

func (p *Program) listenCommand() *cobra.Command {
	var asJSON bool
	var rule, dir string
	cmd := &cobra.Command{
		Use:   "listen",
		Short: "Be reachable without a screen, and print what happens",
		Long: `Runs a node without a screen until it is interrupted, and prints one event a
line. Consoles and commands of this profile use this node.

RULE says which file offers are accepted without asking: none, verified, friends
(whom you wrote to, or said yes to), all. Others wait for "earshot accept".`,
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			r := role{lasting: true, alone: true, rule: node.Rule(rule)}
			if err := checkRule(r.rule); err != nil {
				return err
			}
			var err error
			if r.dir, err = absoluteDir(dir); err != nil {
				return err
			}
			ctx := cmd.Context()
			err = p.with(ctx, r, func(s *session) error { return p.listen(ctx, s, asJSON) })
			if ctx.Err() != nil && errors.Is(err, ctx.Err()) {
				return nil // it was meant to end so, however early
			}
			return err
		},
	}
	cmd.Flags().BoolVar(&asJSON, "json", false, "print one JSON object a line")
	cmd.Flags().StringVar(&rule, "accept", "", "accept the offers of: none, verified, friends, all (default none)")
	cmd.Flags().StringVar(&dir, "dir", "", "save received files in this folder")
	return cmd
}

func checkRule(rule node.Rule) error {
	switch rule {
	case "", node.AcceptNone, node.AcceptVerified, node.AcceptFriends, node.AcceptAll:
		return nil
	}
	return wrong("--accept is %q; want none, verified, friends or all.", string(rule))
}

// listen prints events until ctx ends, which is then the error.
func (p *Program) listen(ctx context.Context, n Node, asJSON bool) error {
	sub, err := n.Subscribe(ctx)
	if err != nil {
		return err
	}
	defer sub.Close()
	told := narrator{}
	return await(ctx, sub, func(e node.Event) (bool, error) {
		if asJSON {
			if line := eventJSON(e); line != nil {
				return false, writeJSON(p.Stdout, line)
			}
			return false, nil
		}
		if line := told.line(e); line != "" {
			return false, p.say("%s", line)
		}
		return false, nil
	})
}
