package cli

import (
	"context"
	"io"
	"strings"
	"time"
	"unicode"

	"github.com/spf13/cobra"

	"earshot/internal/control"
	"earshot/internal/node"
)

// completeTime is how long the shell waits for names.
const completeTime = 500 * time.Millisecond

// completePeer offers the names of the people that a running node knows; it
// starts none. Where a command takes paths next, the shell completes them.
func (p *Program) completePeer(cmd *cobra.Command, args []string, _ string) ([]string, cobra.ShellCompDirective) {
	if len(args) > 0 {
		if cmd.Name() == "send" {
			return nil, cobra.ShellCompDirectiveDefault
		}
		return nil, cobra.ShellCompDirectiveNoFileComp
	}
	ctx, cancel := context.WithTimeout(cmd.Context(), completeTime)
	defer cancel()
	p.Stderr = io.Discard // the shell would show it in the middle of the line
	if p.prepare(cmd) != nil {
		return nil, cobra.ShellCompDirectiveNoFileComp
	}
	socket, err := p.profile.Socket()
	if err != nil {
		return nil, cobra.ShellCompDirectiveNoFileComp
	}
	client, err := control.Dial(ctx, socket)
	if err != nil {
		return nil, cobra.ShellCompDirectiveNoFileComp
	}
	defer client.Close()
	people, err := client.People(ctx)
	if err != nil {
		return nil, cobra.ShellCompDirectiveNoFileComp
	}
	var words []string
	for _, one := range people {
		words = append(words, completion(one))
	}
	return words, cobra.ShellCompDirectiveNoFileComp
}

// completion is the word that the shell is offered for a person. A shell may put
// it on its command line as it is, and names are the choice of strangers: one
// that could mean anything there is left out for the beginning of the ID.
func completion(one node.Person) string {
	name := one.Name.String()
	for i, r := range name {
		plain := unicode.IsLetter(r) || unicode.IsDigit(r)
		if !plain && (i == 0 || !unicode.IsMark(r) && !strings.ContainsRune(" ._-", r)) {
			return shortID(one.ID)
		}
	}
	return nameOf(one.Name, one.ID)
}
