package cli

import (
	"context"
	"errors"
	"fmt"
	"path/filepath"
	"strings"

	"github.com/spf13/cobra"

	"earshot/internal/node"
	"earshot/peer"
)

// acceptFlags are those of `accept`, as they were typed.
type acceptFlags struct {
	dir, upTo         string
	conflict          string
	folder            bool
	always, ask, list bool
	json              bool
}

func (p *Program) acceptCommand() *cobra.Command {
	var f acceptFlags
	cmd := &cobra.Command{
		Use:   "accept OFFER|PEER",
		Short: "Accept a file offer, or somebody's files from now on",
		Long: `Accepts a file offer. Without a running Earshot the answer is recorded, and
the files come when it runs again.

Where a file of that name is there already, both are kept, unless --conflict or
the setting says otherwise. With "ask" the transfer pauses and says "name taken";
accept it again, with --conflict keep, overwrite or skip.

With --always, files of the person who made the offer, or of PEER, are accepted
without asking from now on: of any size, or up to --up-to. --ask takes that back.
--list shows whose files are accepted without asking.`,
		Example: "  earshot accept 019b76da-a800 --dir ~/reports\n  earshot accept --always Ann --up-to '100 MB'\n  earshot accept --ask Ann",
		Args:    takes("[OFFER]"),
		RunE: func(cmd *cobra.Command, args []string) error {
			if err := f.check(len(args)); err != nil {
				return usage(cmd, err)
			}
			if f.list {
				return p.with(cmd.Context(), role{}, func(s *session) error { return p.showAccepted(cmd.Context(), s, f.json) })
			}
			return p.accept(cmd.Context(), args[0], f)
		},
		ValidArgsFunction: p.completePeer,
	}
	cmd.Flags().StringVar(&f.dir, "dir", "", "save in this folder")
	cmd.Flags().BoolVar(&f.folder, "folder-per-person", false, "and there in a folder of the sender's own")
	cmd.Flags().StringVar(&f.conflict, "conflict", "", "where a name is taken: keep (both), overwrite, skip, ask (default: as set)")
	cmd.Flags().BoolVar(&f.always, "always", false, "accept this person's files without asking from now on")
	cmd.Flags().StringVar(&f.upTo, "up-to", "", "with --always: of at most this size, like \"100 MB\"")
	cmd.Flags().BoolVar(&f.ask, "ask", false, "take --always back")
	cmd.Flags().BoolVar(&f.list, "list", false, "show whose files are accepted without asking")
	cmd.Flags().BoolVar(&f.json, "json", false, "print JSON, with --list")
	return cmd
}

// check reports flags that do not go together.
func (f acceptFlags) check(args int) error {
	switch {
	case f.list && (args > 0 || f.always || f.ask), f.always && f.ask, f.ask && (f.dir != "" || f.folder || f.conflict != ""):
		return errors.New("these flags do not go together")
	case !f.list && args != 1:
		return errors.New("an offer, or a person, is missing")
	case f.upTo != "" && !f.always:
		return errors.New("--up-to goes with --always")
	case f.json && !f.list:
		return errors.New("--json goes with --list")
	}
	return nil
}

// accept accepts an offer, or a person's files from now on.
func (p *Program) accept(ctx context.Context, text string, f acceptFlags) error {
	if err := checkConflict(f.conflict); err != nil {
		return err
	}
	upTo, err := sizeOf("up-to", f.upTo)
	if err != nil {
		return err
	}
	if upTo == 0 {
		upTo = node.AnySize
	}
	return p.with(ctx, role{}, func(s *session) error {
		if f.ask {
			person, err := p.find(ctx, s, text, lookTime)
			if err != nil {
				return err
			}
			return p.askAgain(ctx, s, person)
		}
		t, err := findTransfer(ctx, s, text)
		if err != nil && f.always && isUnknown(err) {
			person, err := p.find(ctx, s, text, lookTime)
			if err != nil {
				return err
			}
			return p.acceptFrom(ctx, s, refTo(person), upTo)
		}
		if err != nil {
			return err
		}
		if err := p.answer(ctx, s, t, true, f); err != nil || !f.always {
			return err
		}
		return p.acceptFrom(ctx, s, t.Peer, upTo) // behind the answer, which has the folder
	})
}

// isUnknown reports whether err says that no transfer is meant, rather than several.
func isUnknown(err error) bool {
	var f *failure
	return errors.As(err, &f) && len(f.list) == 0
}

// acceptFrom has a person's files accepted without asking.
func (p *Program) acceptFrom(ctx context.Context, n Node, from node.Ref, upTo int64) error {
	if err := n.AcceptFrom(ctx, from.ID, upTo); err != nil {
		return err
	}
	return p.say("From now on files %s from %s are accepted without asking.", upToWords(upTo), refName(from))
}

// askAgain takes back what acceptFrom did.
func (p *Program) askAgain(ctx context.Context, n Node, from node.Person) error {
	if err := n.AcceptFrom(ctx, from.ID, 0); err != nil {
		return err
	}
	self, err := n.Self(ctx)
	if err != nil {
		return err
	}
	still := ""
	if words := ruleWords(self); words != "" {
		still = ", unless the rule for everybody accepts them: " + words
	}
	return p.say("Files from %s wait for your answer again%s.", refName(refTo(from)), still)
}

// ruleWords says whose files the general rule accepts, empty where nobody's.
func ruleWords(self node.Self) string {
	who := map[node.Rule]string{
		node.AcceptVerified: "those of verified people", node.AcceptFriends: "those of people you know", node.AcceptAll: "those of everybody",
	}[self.Accept]
	if who != "" && self.AcceptUpTo > 0 {
		who += ", up to " + bytesOf(self.AcceptUpTo)
	}
	return who
}

// acceptedJSON is `accept --list` as scripts read it.
type acceptedJSON struct {
	Accept     node.Rule      `json:"accept"`
	AcceptUpTo int64          `json:"accept_up_to"` // 0: of any size
	People     []acceptedFrom `json:"people"`
}

type acceptedFrom struct {
	ID   peer.ID   `json:"id"`
	Name peer.Text `json:"name"`
	UpTo int64     `json:"up_to"` // -1: of any size
}

// showAccepted shows whose files are accepted without asking.
func (p *Program) showAccepted(ctx context.Context, n Node, asJSON bool) error {
	self, err := n.Self(ctx)
	if err != nil {
		return err
	}
	people, err := n.People(ctx)
	if err != nil {
		return err
	}
	out := acceptedJSON{Accept: self.Accept, AcceptUpTo: self.AcceptUpTo, People: []acceptedFrom{}}
	if out.Accept == "" {
		out.Accept = node.AcceptNone
	}
	var rows [][]string
	for _, one := range people {
		if one.AcceptUpTo != 0 {
			out.People = append(out.People, acceptedFrom{one.ID, one.Name, one.AcceptUpTo})
			rows = append(rows, []string{refName(refTo(one)), shortID(one.ID), "files " + upToWords(one.AcceptUpTo)})
		}
	}
	if asJSON {
		return writeJSON(p.Stdout, out)
	}
	return p.sayAll(append([]string{acceptedWords(self, len(rows))}, columns(rows)...))
}

// acceptedWords says what the general rule accepts; so many people follow.
func acceptedWords(self node.Self, people int) string {
	words := ruleWords(self)
	switch {
	case people == 0 && words == "":
		return "Nobody's files are accepted without asking."
	case people == 0:
		return "Files that are accepted without asking: " + words + "."
	case words == "":
		return "Files that are accepted without asking:"
	}
	return "Files that are accepted without asking: " + words + "; and:"
}

func (p *Program) declineCommand() *cobra.Command {
	return &cobra.Command{
		Use:   "decline OFFER",
		Short: "Decline a file offer",
		Args:  takes("OFFER"),
		RunE: func(cmd *cobra.Command, args []string) error {
			return p.with(cmd.Context(), role{}, func(s *session) error {
				t, err := findTransfer(cmd.Context(), s, args[0])
				if err != nil {
					return err
				}
				return p.answer(cmd.Context(), s, t, false, acceptFlags{})
			})
		},
	}
}

// answer answers a file offer.
func (p *Program) answer(ctx context.Context, n Node, t node.Transfer, accept bool, f acceptFlags) error {
	if t.Direction != node.Receiving {
		return &failure{code: codeFailed, what: sentence(t.Name.String() + " is yours: the other side answers it"), do: "Say \"earshot transfers cancel\" to withdraw it."}
	}
	dir, err := saveDir(f.dir)
	if err == nil && f.folder {
		dir, err = n.Folder(ctx, t.Peer.ID, dir)
	}
	if err != nil {
		return err
	}
	if accept && t.Reason == reasonTaken && f.conflict == "" {
		return &failure{code: codeUsage, what: fmt.Sprintf("%s waits for you to say what becomes of the files that are there already.", t.Name), do: "Say it with --conflict keep, overwrite or skip."}
	}
	word := map[bool]string{true: "accept", false: "decline"}[accept]
	if err := n.Answer(ctx, t.ID, node.Answer{Accept: accept, Dir: dir, Conflict: node.Conflict(f.conflict)}); err != nil {
		return immovable(err, word, t)
	}
	return p.say("%s from %s: %s.", filesOf(t.Name, t.Files, t.Bytes, t.Program), refName(t.Peer), done[word])
}

// saveDir is a folder for received files as another process understands it, made
// where it is missing; none stays none.
func saveDir(dir string) (string, error) {
	if dir == "" {
		return "", nil
	}
	abs, err := filepath.Abs(dir)
	if err == nil {
		err = checkDir(abs, "--dir")
	}
	return abs, err
}

// checkDir says what is wrong with a folder for received files that was chosen
// with a flag or a setting.
func checkDir(dir, where string) error {
	err := node.MakeDir(dir)
	if err == nil {
		return nil
	}
	why := "Something went wrong: " + err.Error()
	if cause := node.Cause(err); cause != nil {
		why = cause.Error()
	}
	f := &failure{code: codeFailed, what: fmt.Sprintf("Files cannot be saved in %s: %s.", dir, strings.TrimSuffix(why, ".")), do: fmt.Sprintf("Choose another folder: %s.", where)}
	if node.Cause(err) == node.ErrNoFolder {
		f.code = codeUsage
	}
	return f
}
