package cli

import (
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"
)

// usage is a command line that makes no sense.
func usage(cmd *cobra.Command, err error) error {
	return &failure{code: codeUsage, what: flagWords(err), do: fmt.Sprintf("Say \"%s --help\" to see how it is called.", cmd.CommandPath())}
}

// wrong is a command line whose values make no sense.
func wrong(format string, args ...any) error {
	return &failure{code: codeUsage, what: fmt.Sprintf(format, args...)}
}

// flagWords is what is wrong with a command line, in words.
func flagWords(err error) string {
	var invalid *pflag.InvalidValueError
	var missing *pflag.ValueRequiredError
	var unknown *pflag.NotExistError
	switch {
	case errors.As(err, &invalid):
		return fmt.Sprintf("%s is %q; want %s.", flagName(invalid.GetFlag()), invalid.GetValue(), wanted(invalid.GetFlag()))
	case errors.As(err, &missing):
		return fmt.Sprintf("%s wants a value: %s.", flagName(missing.GetFlag()), wanted(missing.GetFlag()))
	case errors.As(err, &unknown) && unknown.GetSpecifiedShortnames() != "":
		return fmt.Sprintf("Unknown flag: -%s.", unknown.GetSpecifiedName())
	}
	what, _, _ := strings.Cut(err.Error(), "\n") // cobra adds suggestions on lines of their own
	return sentence(what)
}

// flagName is a flag as it is typed.
func flagName(f *pflag.Flag) string {
	if f.Shorthand != "" {
		return "-" + f.Shorthand
	}
	return "--" + f.Name
}

// wanted is what a flag takes, in words.
func wanted(f *pflag.Flag) string {
	if v, ok := f.Value.(interface{ wants() string }); ok {
		return v.wants()
	}
	if f.Value.Type() == "bool" {
		return "true or false"
	}
	return "a text"
}

// duration is how long a command waits.
type duration time.Duration

var errNegative = errors.New("negative")

// Set implements [pflag.Value].
func (d *duration) Set(text string) error {
	value, err := time.ParseDuration(text)
	if err == nil && value < 0 {
		err = errNegative
	}
	*d = duration(value)
	return err
}

func (d *duration) String() string { return time.Duration(*d).String() }

// Type implements [pflag.Value].
func (*duration) Type() string  { return "time" }
func (*duration) wants() string { return "a time like 30s, 10m or 1h30m, or 0" }

// addWait adds the flag --wait.
func addWait(cmd *cobra.Command, wait *time.Duration, value time.Duration, help string) {
	*wait = value
	cmd.Flags().Var((*duration)(wait), "wait", help)
}

// count is a number of things, at least one.
type count int

// Set implements [pflag.Value].
func (c *count) Set(text string) error {
	n, err := strconv.Atoi(text)
	if err == nil && n < 1 {
		err = errNegative
	}
	*c = count(n)
	return err
}

func (c *count) String() string { return strconv.Itoa(int(*c)) }

// Type implements [pflag.Value].
func (*count) Type() string  { return "number" }
func (*count) wants() string { return "a number from 1 on" }

// takes checks a command's arguments: one for each word, of the last one several
// where it ends in "…", and none where the word stands in brackets. An empty one
// means nobody and nothing, least of all "here".
func takes(words ...string) cobra.PositionalArgs {
	least := len(words)
	for least > 0 && strings.HasPrefix(words[least-1], "[") {
		least--
	}
	open := len(words) > 0 && strings.HasSuffix(words[len(words)-1], "…")
	return func(cmd *cobra.Command, args []string) error {
		switch {
		case len(args) < least:
			return wrong("\"%s\" wants %s.", cmd.CommandPath(), spelled(words[:least]))
		case len(args) > len(words) && !open && len(words) == 0:
			return cobra.NoArgs(cmd, args)
		case len(args) > len(words) && !open:
			return wrong("\"%s\" takes %s and nothing more: %q is too much.", cmd.CommandPath(), spelled(words), args[len(words)])
		}
		for i, arg := range args {
			word := strings.Trim(words[min(i, len(words)-1)], "[]…")
			if strings.TrimSpace(arg) == "" && word != "TEXT" {
				return wrong("%s is empty.", word)
			}
		}
		return nil
	}
}

// spelled is a list of words as one says it.
func spelled(words []string) string {
	plain := make([]string, len(words))
	for i, word := range words {
		plain[i] = strings.Trim(word, "[]…")
	}
	return strings.Join(plain, " and ")
}

// placed are the flags that name places and people.
var placed = map[string]bool{"home": true, "profile": true, "dir": true, "to": true, "peer": true, "interface": true}

// notEmpty refuses those of them that were given without a value: an empty folder
// would be the one that a person happens to be in, an empty pattern everything.
func notEmpty(cmd *cobra.Command) error {
	var err error
	cmd.Flags().Visit(func(f *pflag.Flag) {
		values := []string{f.Value.String()}
		if list, ok := f.Value.(pflag.SliceValue); ok {
			values = list.GetSlice()
		}
		blank := func(value string) bool { return strings.TrimSpace(value) == "" }
		if placed[f.Name] && (len(values) == 0 || slices.ContainsFunc(values, blank)) {
			err = usage(cmd, wrong("%s is empty.", flagName(f)))
		}
	})
	return err
}
