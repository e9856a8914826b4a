package cli

import (
	"context"
	"fmt"
	"strings"

	"github.com/spf13/cobra"

	"earshot/internal/node"
	"earshot/internal/rendezvous"
)

func (p *Program) friendsCommand() *cobra.Command {
	cmd := group("friends", "The friend list on the server", func(ctx context.Context, asJSON bool) error {
		return p.with(ctx, role{}, func(s *session) error {
			friends, err := s.Friends(ctx)
			if err != nil {
				return err
			}
			return p.showFriends(friends, asJSON, "Nobody is on your friend list yet. \"earshot friends add USER\" asks somebody.")
		})
	})
	cmd.AddCommand(
		p.friendsSearchCommand(), p.friendStep("add", "Ask somebody to be a friend", node.AddFriend),
		p.friendStep("accept", "Say yes to somebody who asked", node.AcceptFriend),
		p.friendStep("remove", "End a friendship, or take back or refuse a request", node.RemoveFriend),
	)
	return cmd
}

func (p *Program) friendsSearchCommand() *cobra.Command {
	var asJSON bool
	cmd := &cobra.Command{
		Use: "search TEXT", Short: "Find people who have an account", Args: takes("TEXT…"),
		RunE: func(cmd *cobra.Command, args []string) error {
			return p.with(cmd.Context(), role{}, func(s *session) error {
				found, err := s.SearchAccounts(cmd.Context(), strings.Join(args, " "))
				if err != nil {
					return err
				}
				return p.showFriends(found, asJSON, "Nobody is called so.")
			})
		},
	}
	cmd.Flags().BoolVar(&asJSON, "json", false, "print JSON")
	return cmd
}

// friendStep is a command that does something about one person.
func (p *Program) friendStep(use, short string, step node.FriendStep) *cobra.Command {
	return &cobra.Command{
		Use: use + " USER", Short: short, Args: takes("USER"),
		RunE: func(cmd *cobra.Command, args []string) error {
			return p.with(cmd.Context(), role{}, func(s *session) error {
				f, err := s.Friendship(cmd.Context(), args[0], step)
				if err != nil {
					return err
				}
				return p.say("%s", friendWords(f))
			})
		},
	}
}

// friendWords says how somebody stands now.
func friendWords(f node.Friend) string {
	switch f.State {
	case rendezvous.Friends, rendezvous.Colleague:
		return friendName(f) + " is on your friend list."
	case rendezvous.Outgoing:
		return friendName(f) + " is asked."
	case rendezvous.Incoming:
		return friendName(f) + " waits for your answer."
	}
	return friendName(f) + " is not on your friend list any more."
}

// friendName is how a friend is called: "Ann (ann)".
func friendName(f node.Friend) string {
	if f.Name.IsZero() || f.Name == f.User {
		return f.User.String()
	}
	return fmt.Sprintf("%s (%s)", f.Name, f.User)
}

// presenceWords is a friend's presence with the status text.
func presenceWords(f node.Friend) string {
	if f.Status.IsZero() || f.Presence == rendezvous.Offline {
		return string(f.Presence)
	}
	return string(f.Presence) + ": " + f.Status.String()
}

func (p *Program) showFriends(friends []node.Friend, asJSON bool, none string) error {
	if asJSON {
		return writeJSON(p.Stdout, append([]node.Friend{}, friends...))
	}
	if len(friends) == 0 {
		return p.say("%s", none)
	}
	rows := make([][]string, len(friends))
	for i, f := range friends {
		words := presenceWords(f)
		switch f.State {
		case rendezvous.Incoming:
			words = "asks you: earshot friends accept " + f.User.String()
		case rendezvous.Outgoing:
			words = "was asked by you"
		case rendezvous.Nobody:
			words = ""
		}
		rows[i] = []string{f.User.String(), f.Name.String(), f.Team.String(), words}
	}
	return p.sayAll(columns(rows))
}
