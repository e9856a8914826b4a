package cli

import (
	"fmt"
	"log/slog"
	"os"
	"strconv"
	"strings"

	"github.com/spf13/cobra"

	"earshot/internal/profile"
)

// globals are the flags of every command, as they were typed.
type globals struct {
	profile, home         string
	name, port, lang, log string
	peers, interfaces     []string
	plain, ascii          bool
}

// settingFlags are the flags that stand for a setting, by its key.
var settingFlags = map[string]string{
	"name": "name", "port": "port", "peer": "peers", "interface": "interfaces",
	"lang": "language", "plain": "plain", "ascii": "ascii", "log": "log",
}

func (g *globals) add(root *cobra.Command) {
	f := root.PersistentFlags()
	f.SortFlags = false
	f.StringVar(&g.profile, "profile", "", "a separate identity, history and socket (EARSHOT_PROFILE; default \"default\")")
	f.StringVar(&g.home, "home", "", "where everything lives (EARSHOT_HOME)")
	f.StringVar(&g.name, "name", "", "the name that others see (EARSHOT_NAME)")
	f.StringVar(&g.port, "port", "", "TCP port of the node, 0: any (EARSHOT_PORT; default 7420 or the next free one)")
	f.StringSliceVar(&g.peers, "peer", nil, "also look at HOST[:PORT], may be repeated (EARSHOT_PEER)")
	f.StringSliceVar(&g.interfaces, "interface", nil, "only these network interfaces, or with ! before a pattern not these (EARSHOT_INTERFACE)")
	f.StringVar(&g.lang, "lang", "", "language: en, zh (EARSHOT_LANG)")
	f.BoolVar(&g.plain, "plain", false, "lines instead of the screen (EARSHOT_PLAIN)")
	f.BoolVar(&g.ascii, "ascii", false, "draw with ASCII only (EARSHOT_ASCII)")
	f.StringVar(&g.log, "log", "", "log level: debug, info, warn, error (EARSHOT_LOG; default warn)")
}

// typed is what was typed for each setting.
func (g *globals) typed(cmd *cobra.Command) map[string][]string {
	typed := map[string][]string{}
	values := map[string][]string{
		"name": {g.name}, "port": {g.port}, "peers": g.peers, "interfaces": g.interfaces, "language": {g.lang},
		"plain": {strconv.FormatBool(g.plain)}, "ascii": {strconv.FormatBool(g.ascii)}, "log": {g.log},
	}
	for flag, key := range settingFlags {
		// Not the command's own of that name.
		if f := cmd.Root().PersistentFlags().Lookup(flag); f != nil && f.Changed {
			typed[key] = values[key]
		}
	}
	return typed
}

// prepare finds the profile and reads its settings, for every command but those
// that need neither.
func (p *Program) prepare(cmd *cobra.Command) (err error) {
	if p.Environment == nil {
		p.Environment = system
	}
	if err := notEmpty(cmd); err != nil || needsNone(cmd) {
		return err
	}
	name, home := p.flags.profile, p.flags.home
	if value, ok := p.Environment("EARSHOT_PROFILE"); ok && name == "" {
		name = value
	}
	if value, ok := p.Environment("EARSHOT_HOME"); ok && home == "" {
		home = value
	}
	if name == "" {
		name = profile.Default
	}
	if err := profile.CheckName(name); err != nil {
		return &failure{code: codeUsage, what: sentence(err.Error()), do: "Choose another name with --profile."}
	}
	if p.profile, err = profile.Find(home, name); err != nil {
		return &failure{code: codeUsage, what: sentence(err.Error())}
	}
	p.sources = profile.Sources{Flags: p.flags.typed(cmd), Environment: p.Environment}
	if err := p.readSettings(); err != nil {
		return err
	}
	p.warnOfLater()
	return nil
}

// readSettings reads the profile's settings, which may have been changed since the
// last time.
func (p *Program) readSettings() (err error) {
	p.set, err = p.profile.Settings(p.sources)
	return err
}

// needsNone reports whether a command works without a profile: those of cobra,
// and those that say so.
func needsNone(cmd *cobra.Command) bool {
	ofShell := strings.HasPrefix(cmd.Name(), "__") || cmd.HasParent() && cmd.Parent().Name() == "completion"
	return ofShell || cmd.Name() == "help" || cmd.Name() == "completion" || cmd.Annotations["settings"] == "none"
}

// warnOfLater says which settings a person made in vain.
func (p *Program) warnOfLater() {
	for _, s := range p.set.All() {
		if s.Later && s.Origin != profile.FromDefault {
			p.tell("%s: %s has no effect in this version yet.", s.Where, s.Key)
		}
	}
}

// maxLog is when the console's log file is begun anew; the one before is kept.
const maxLog = 4 << 20

// stderrLog logs to the terminal.
func (p *Program) stderrLog() *slog.Logger {
	return slog.New(slog.NewTextHandler(p.Stderr, &slog.HandlerOptions{Level: p.set.Log}))
}

// fileLog logs to the profile's log file, which is closed when the command ends.
func (p *Program) fileLog() (*slog.Logger, error) {
	path := p.profile.Path(profile.LogFile)
	if info, err := os.Stat(path); err == nil && info.Size() > maxLog {
		_ = os.Rename(path, path+".old") // else it grows on
	}
	f, err := os.OpenFile(path, os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o600)
	if err != nil {
		return nil, fmt.Errorf("open the log: %w", err)
	}
	p.cleanup = append(p.cleanup, func() { f.Close() })
	return slog.New(slog.NewTextHandler(f, &slog.HandlerOptions{Level: p.set.Log})), nil
}
