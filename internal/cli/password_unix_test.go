//go:build unix

package cli

import (
	"io"
	"strings"
	"testing"

	"github.com/creack/pty"
)

// types has a person at a terminal type lines.
func (c *call) types(lines ...string) {
	c.t.Helper()
	ptmx, tty, err := pty.Open()
	if err != nil {
		c.t.Fatal(err)
	}
	c.t.Cleanup(func() { tty.Close(); ptmx.Close() })
	c.stdin = tty
	if _, err := io.WriteString(ptmx, strings.Join(lines, "\n")+"\n"); err != nil {
		c.t.Fatal(err)
	}
}

func TestANewPasswordIsTypedTwice(t *testing.T) {
	c := accountCall(t)
	c.types("my own words", "my own words")
	c.run(codeDone, "account", "register", "chat", "ann").complains("Password of ann: ", "The same again: ")
	c.types("my own words", "my other words")
	c.run(codeUsage, "account", "register", "chat", "ann").complains("The two passwords are not the same.")
	c.types("old words", "my own words", "my own words")
	c.run(codeDone, "account", "password").complains("Password so far: ", "New password: ", "The same again: ")
	c.types("old words", "my own words", "my other words")
	c.run(codeUsage, "account", "password").complains("The two passwords are not the same.")
	c.types("once is enough")
	c.run(codeDone, "account", "login", "chat", "ann").complains("Password of ann: ")
	c.does("key chat", "register chat  ann my own words  ", "key chat", "password old words my own words", "key chat", "sign in chat  ann once is enough")
}
