package cli

import (
	"context"
	"errors"
	"slices"

	"github.com/spf13/cobra"

	"earshot/internal/node"
	"earshot/internal/profile"
)

func (p *Program) listenCommand() *cobra.Command {
	var asJSON, folders bool
	var rule, upTo, dir, conflict string
	cmd := &cobra.Command{
		Use:   "listen",
		Short: "Be reachable without a screen, and print what happens",
		Long: `Runs a node without a screen until it is interrupted, and prints one event a
line. Consoles and commands of this profile use this node.

RULE says whose file offers are accepted without asking: none, verified, friends
(whom you wrote to, or said yes to), all. Others, and those above
--accept-up-to, wait for "earshot accept"; "earshot accept --always PEER" makes
an exception for one person.

Where a name is taken, both files are kept, unless --conflict says otherwise. What
is accepted by a rule overwrites only what the same person sent before and nobody
changed since.

With --folder-per-person what Ann sends goes to DIR/Ann, and what another device
of that name sends to DIR/Ann (K7QF), with the beginning of its ID. A folder
that was there before is never used for that, and whoever has one keeps it.`,
		Args: takes(),
		RunE: func(cmd *cobra.Command, _ []string) error {
			r := role{lasting: true, alone: true, rule: node.Rule(rule)}
			if err := checkRule(r.rule); err != nil {
				return err
			}
			if err := checkConflict(conflict); err != nil {
				return err
			}
			r.conflict = node.Conflict(conflict)
			size, err := sizeOf("accept-up-to", upTo)
			if err != nil {
				return err
			}
			if cmd.Flags().Changed("accept-up-to") {
				r.upTo = &size
			}
			if cmd.Flags().Changed("folder-per-person") {
				r.folders = &folders
			}
			if r.dir, err = saveDir(dir); err != nil {
				return err
			}
			if dir == "" && p.set.SaveTo != "" {
				if err := checkDir(p.set.SaveTo, p.set.Where("save_to")); err != nil {
					return err
				}
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
	cmd.Flags().StringVar(&upTo, "accept-up-to", "", "but only offers of at most this size, like \"100 MB\"")
	cmd.Flags().StringVar(&dir, "dir", "", "save received files in this folder")
	cmd.Flags().StringVar(&conflict, "conflict", "", "where a name is taken: keep (both), overwrite, skip, ask (default keep)")
	cmd.Flags().BoolVar(&folders, "folder-per-person", false, "and there in a folder of each person's own")
	return cmd
}

// sizeOf reads the size that was given to a flag; 0: no limit.
func sizeOf(flag, text string) (int64, error) {
	size, err := profile.ParseSize(text)
	if err != nil {
		return 0, wrong("--%s is %q; want a size like \"100 MB\".", flag, text)
	}
	return size, nil
}

func checkRule(rule node.Rule) error {
	switch rule {
	case "", node.AcceptNone, node.AcceptVerified, node.AcceptFriends, node.AcceptAll:
		return nil
	}
	return wrong("--accept is %q; want none, verified, friends or all.", string(rule))
}

func checkConflict(c string) error {
	if c == "" || slices.Contains(node.Conflicts, node.Conflict(c)) {
		return nil
	}
	return wrong("--conflict is %q; want keep, overwrite, skip or ask.", c)
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
