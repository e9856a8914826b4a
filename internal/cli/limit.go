package cli

import (
	"context"
	"strings"

	"github.com/spf13/cobra"

	"earshot/internal/node"
	"earshot/internal/profile"
)

func (p *Program) limitCommand() *cobra.Command {
	return &cobra.Command{
		Use:   "limit [ID|PEER|all SPEED]",
		Short: "Say how fast files may go, of one transfer, with one person, or all together",
		Long: `Bounds how fast files go, in each direction, from now on: those of one transfer,
all with one person, or all together. Each bound holds for itself. SPEED is like
"10 MB/s", at least 16 KiB/s; "none" takes a bound back. Without arguments it
shows what is bounded. Messages are never held up by it.`,
		Example: "  earshot transfers limit all '10 MB/s'\n  earshot transfers limit Ann 500kB/s\n  earshot transfers limit 019b76da-a800 none",
		Args: func(_ *cobra.Command, args []string) error {
			if len(args) != 0 && len(args) != 2 {
				return wrong("\"earshot transfers limit\" wants ID, PEER or all, and a speed.")
			}
			return nil
		},
		RunE: func(cmd *cobra.Command, args []string) error {
			ctx := cmd.Context()
			if len(args) == 0 {
				return p.with(ctx, role{}, func(s *session) error { return p.showLimits(ctx, s) })
			}
			bytes, err := speedOf(args[1])
			if err != nil {
				return err
			}
			return p.with(ctx, role{}, func(s *session) error { return p.limit(ctx, s, args[0], bytes) })
		},
		ValidArgsFunction: p.completePeer,
	}
}

// speedOf reads a speed as a person types it; 0: none.
func speedOf(text string) (int64, error) {
	if text == "none" {
		return 0, nil
	}
	bytes, err := profile.ParseRate(text)
	if err != nil {
		return 0, wrong("The speed is %q; want one of at least 16 KiB/s, like \"10 MB/s\", or none.", text)
	}
	return bytes, nil
}

// limit bounds what text means: all, a transfer, or a person.
func (p *Program) limit(ctx context.Context, s *session, text string, bytes int64) error {
	to, what := node.Limit{Bytes: bytes}, "All files together"
	if text != "all" {
		t, err := findTransfer(ctx, s, text)
		switch {
		case err == nil:
			to.Transfer, what = t.ID, t.Name.String()
		case !isUnknown(err):
			return err
		default:
			person, err := p.find(ctx, s, text, lookTime)
			if err != nil {
				return err
			}
			to.Peer, what = person.ID, "Files to and from "+refName(refTo(person))
		}
		if err := s.Limit(ctx, to); err != nil {
			return immovable(err, "limit", t)
		}
	} else if err := s.Limit(ctx, to); err != nil {
		return err
	}
	return p.say("%s: %s.", what, speedWords(bytes))
}

func speedWords(bytes int64) string {
	if bytes == 0 {
		return "as fast as it goes"
	}
	return "at most " + bytesOf(bytes) + "/s"
}

// showLimits shows what is bounded.
func (p *Program) showLimits(ctx context.Context, n Node) error {
	self, err := n.Self(ctx)
	if err != nil {
		return err
	}
	people, err := n.People(ctx)
	if err != nil {
		return err
	}
	transfers, err := n.Transfers(ctx)
	if err != nil {
		return err
	}
	rows := [][]string{{"all", "", speedWords(self.Limit)}}
	for _, one := range people {
		if one.Limit > 0 {
			rows = append(rows, []string{refName(refTo(one)), shortID(one.ID), speedWords(one.Limit)})
		}
	}
	for _, t := range transfers {
		if t.Limit > 0 && !isFinal(t.State) {
			rows = append(rows, []string{t.Name.String(), t.ID.String()[:13], speedWords(t.Limit)})
		}
	}
	return p.sayAll(columns(rows))
}

// sayAll prints lines.
func (p *Program) sayAll(lines []string) error {
	if len(lines) == 0 {
		return nil
	}
	return p.say("%s", strings.Join(lines, "\n"))
}
