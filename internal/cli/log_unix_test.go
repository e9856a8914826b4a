//go:build !windows

package cli

import (
	"os"
	"strings"
	"syscall"
	"testing"

	"earshot/internal/profile"
)

func TestLogIsTheOwnersAlone(t *testing.T) {
	t.Run("umask 000/S-01", func(t *testing.T) {
		defer syscall.Umask(syscall.Umask(0))
		pr, err := profile.Open(t.TempDir(), "default")
		if err != nil {
			t.Fatal(err)
		}
		p := Program{profile: pr}
		logged := func() os.FileInfo {
			t.Helper()
			log, err := p.fileLog()
			if err != nil {
				t.Fatal(err)
			}
			log.Warn("a peer with a name", "name", "\x1b[2J")
			for _, f := range p.cleanup {
				f()
			}
			p.cleanup = nil
			info, err := os.Stat(pr.Path(profile.LogFile))
			if err != nil {
				t.Fatal(err)
			}
			return info
		}
		if got := logged().Mode().Perm(); got != 0o600 {
			t.Errorf("the log has mode %o", got)
		}
		if b, err := os.ReadFile(pr.Path(profile.LogFile)); err != nil || strings.Contains(string(b), "\x1b") {
			t.Errorf("logged %q, %v", b, err)
		}
		if err := os.Truncate(pr.Path(profile.LogFile), maxLog+1); err != nil {
			t.Fatal(err)
		}
		if got := logged(); got.Size() > 1000 || got.Mode().Perm() != 0o600 {
			t.Errorf("a long log went on: %d bytes, mode %o", got.Size(), got.Mode().Perm())
		}
	})
}
