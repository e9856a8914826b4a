package cli

import (
	"context"
	"runtime"
)

// console opens the screen, or lines where there can be no screen.
func (p *Program) console(ctx context.Context) error {
	if why := p.noScreen(); why != "" {
		p.tell("%s", why)
		p.set.Plain = true
	}
	if p.set.Plain {
		return p.with(ctx, role{lasting: true}, func(s *session) error { return p.plain(ctx, s) })
	}
	return p.with(ctx, role{lasting: true, quiet: true}, func(s *session) error {
		return p.Console(ctx, s, Look{Lang: p.set.Language, ASCII: p.set.ASCII})
	})
}

// noScreen says why this terminal has no screen, empty where it has one or none
// is wanted.
func (p *Program) noScreen() string {
	if p.set.Plain {
		return ""
	}
	if kind, _ := p.Environment("TERM"); kind == "dumb" || kind == "" && runtime.GOOS != "windows" {
		return "This terminal has no screen to draw on, so here are lines; /help shows the commands."
	}
	if !isTerminal(p.Stdin) || !isTerminal(p.Stdout) {
		return "This is no terminal, so here are lines; /help shows the commands."
	}
	return ""
}
