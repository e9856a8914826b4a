package server

import (
	"context"
	"go/ast"
	"go/parser"
	"go/token"
	"strings"
	"testing"

	"earshot/internal/rendezvous"
)

// cheap is what a hash costs in tests.
var cheap = cost{memory: 64, passes: 1, threads: 1}

func TestPasswords(t *testing.T) {
	h := newHasher(cheap)
	kept, err := h.hash(t.Context(), "correct horse")
	must(t, err)
	for _, c := range []struct {
		password, kept string
		want           bool
	}{
		{"correct horse", kept, true}, {"correct hors", kept, false}, {"correct horse ", kept, false}, {"", kept, false},
		{"correct horse", "", false}, {"", "", false},
	} {
		if got, err := h.check(t.Context(), c.password, c.kept); err != nil || got != c.want {
			t.Errorf("%q against %.12q: %v, %v", c.password, c.kept, got, err)
		}
	}
	if other, _ := h.hash(t.Context(), "correct horse"); other == kept {
		t.Error("two hashes of one password are the same")
	}
	if want := "$argon2id$v=19$m=65536,t=3,p=1$"; !strings.HasPrefix(newHasher(usual).nobody, want) {
		t.Errorf("a hash is made as %s", newHasher(usual).nobody)
	}
}

func TestOnlySoManyHashAtOnce(t *testing.T) {
	h := newHasher(cheap)
	for range cap(h.working) {
		done, err := h.turn(t.Context())
		must(t, err)
		defer done()
	}
	ctx, cancel := context.WithCancel(t.Context())
	refused, ended := make(chan error), make(chan error, hashesWaiting+1)
	for range hashesWaiting + 1 {
		go func() {
			_, err := h.turn(ctx)
			if ctx.Err() == nil {
				refused <- err
			}
			ended <- err
		}()
	}
	wantCode(t, <-refused, rendezvous.CodeTooMany) // one too many; the others wait
	cancel()
	for range hashesWaiting + 1 {
		if err := <-ended; err == nil {
			t.Error("got a turn while others worked")
		}
	}
}

func TestHashesThatAreNone(t *testing.T) {
	good := newHasher(cheap).nobody
	for _, bad := range []string{
		"", "$", strings.Repeat("$", 5), good + "$", good[:len(good)-1], " " + good, strings.Replace(good, "argon2id", "argon2i", 1),
		strings.Replace(good, "v=19", "v=16", 1), strings.Replace(good, "m=64", "m=4294967295", 1), strings.Replace(good, "m=64", "m=1048576", 1),
		strings.Replace(good, "t=1", "t=0", 1), strings.Replace(good, "t=1", "t=1000000", 1), strings.Replace(good, "p=1", "p=255", 1), strings.Replace(good, "p=1", "p=0", 1),
		strings.Replace(good, "m=64", "m=064", 1), "plain text", strings.Repeat("a", 1<<16),
	} {
		if h, err := parseHash(bad); err == nil {
			t.Errorf("%.60q is a hash: %+v", bad, h)
		}
	}
}

func FuzzHash(f *testing.F) {
	f.Add(newHasher(cheap).nobody)
	f.Add(newHasher(usual).nobody)
	f.Add("$argon2id$v=19$m=99999999,t=3,p=1$AAAA$AAAA")
	f.Fuzz(func(t *testing.T, text string) {
		h, err := parseHash(text)
		if err == nil && (h.String() != text || !h.bearable()) {
			t.Errorf("%q is read as %q", text, h)
		}
	})
}

func TestPasswordsThatAreTaken(t *testing.T) {
	for password, want := range map[string]bool{
		"12345678": true, "1234567": false, "": false, strings.Repeat("a", 256): true, strings.Repeat("a", 257): false, "passw\xffrd": false, "\u5bc6\u7801\u5bc6\u7801\u5bc6\u7801\u5bc6\u7801": true,
	} {
		if _, err := foldPassword(password); (err == nil) != want {
			t.Errorf("%.12q: %v", password, err)
		}
	}
	a, _ := foldPassword("cafe\u0301 cafe\u0301")
	if b, _ := foldPassword("caf\u00e9 caf\u00e9"); a != b {
		t.Error("one password from two keyboards is two")
	}
}

// TestSecretsAreComparedInConstantTime looks for the function that compares, not for
// a difference of time, which would be seen today and not tomorrow. Codes are found
// by their hash, which tells nothing about a guess that begins well.
func TestSecretsAreComparedInConstantTime(t *testing.T) {
	t.Run("the comparison of hashes/A-05", func(t *testing.T) {
		file, err := parser.ParseFile(token.NewFileSet(), "password.go", nil, 0)
		must(t, err)
		compares := 0
		ast.Inspect(file, func(n ast.Node) bool {
			if s, ok := n.(*ast.SelectorExpr); ok && s.Sel.Name == "ConstantTimeCompare" {
				compares++
			}
			if s, ok := n.(*ast.SelectorExpr); ok && (s.Sel.Name == "Equal" || s.Sel.Name == "EqualFold") {
				t.Errorf("password.go compares with %s", s.Sel.Name)
			}
			return true
		})
		if compares != 1 {
			t.Errorf("%d comparisons in constant time", compares)
		}
	})
}
