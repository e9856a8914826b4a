package cli

import (
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"earshot/internal/profile"
)

func (p *Program) configCommand() *cobra.Command {
	var asJSON bool
	cmd := &cobra.Command{
		Use:   "config",
		Short: "Show the settings and where each came from",
		Args:  takes(),
		RunE: func(*cobra.Command, []string) error {
			if asJSON {
				return writeJSON(p.Stdout, p.effective())
			}
			return p.showConfig()
		},
	}
	cmd.Flags().BoolVar(&asJSON, "json", false, "print JSON")
	return cmd
}

// effective is every setting as it acts: with the folder that is used where none
// was chosen.
func (p *Program) effective() []profile.Setting {
	all := p.set.All()
	for i := range all {
		if all[i].Key == "save_to" && all[i].Value == "" {
			all[i].Value = p.saveTo()
		}
		if list, ok := all[i].Value.([]string); ok && list == nil {
			all[i].Value = []string{}
		}
	}
	return all
}

func (p *Program) showConfig() error {
	if err := p.say("# %s", p.profile.Path(profile.SettingsFile)); err != nil {
		return err
	}
	var rows [][]string
	for _, s := range p.effective() {
		from := string(s.Origin)
		if s.Where != "" {
			from = s.Where
		}
		rows = append(rows, []string{s.Key + " = " + literal(s.Value), "# " + from})
	}
	for _, line := range columns(rows) {
		if err := p.say("%s", line); err != nil {
			return err
		}
	}
	return nil
}

// literal is a value as the settings file has it.
func literal(value any) string {
	switch v := value.(type) {
	case []string:
		quoted := make([]string, len(v))
		for i, text := range v {
			quoted[i] = fmt.Sprintf("%q", text)
		}
		return "[" + strings.Join(quoted, ", ") + "]"
	case map[string]string:
		var pairs []string
		for _, name := range slices.Sorted(maps.Keys(v)) {
			pairs = append(pairs, fmt.Sprintf("%s = %q", name, v[name]))
		}
		return "{" + strings.Join(pairs, ", ") + "}"
	case string:
		return fmt.Sprintf("%q", v)
	}
	return fmt.Sprint(value)
}
