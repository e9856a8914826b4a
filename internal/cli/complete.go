package cli

import (
	"context"
	"io"
	"time"

	"github.com/spf13/cobra"

	"earshot/internal/control"
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
	var names []string
	for _, one := range people {
		names = append(names, nameOf(one.Name, one.ID))
	}
	return names, cobra.ShellCompDirectiveNoFileComp
}
