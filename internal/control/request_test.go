package control

import (
	"bufio"
	"bytes"
	"fmt"
	"maps"
	"net"
	"slices"
	"strings"
	"testing"

	"github.com/go-json-experiment/json"
)

// hostile are lines that a client must not get through with. They are what
// looser readers take: another program would then see something else in them.
var hostile = []struct{ what, line string }{
	{"nothing", ``},
	{"not an object", `[1]`},
	{"no id", `{"call":"look"}`},
	{"id 0", `{"id":0,"call":"look"}`},
	{"negative id", `{"id":-1,"call":"look"}`},
	{"id with an exponent", `{"id":1e3,"call":"look"}`},
	{"id with a fraction", `{"id":1.0,"call":"look"}`},
	{"id of 2^64", `{"id":18446744073709551616,"call":"look"}`},
	{"id as text", `{"id":"1","call":"look"}`},
	{"a key twice", `{"id":1,"call":"look","call":"stop"}`},
	{"a key in another case", `{"id":1,"Call":"look"}`},
	{"an unknown key", `{"id":1,"call":"look","more":1}`},
	{"trailing bytes", `{"id":1,"call":"look"}{}`},
	{"a lone surrogate", `{"id":1,"call":"\ud800"}`},
	{"invalid UTF-8", "{\"id\":1,\"call\":\"\xff\"}"},
	{"deep nesting", `{"id":1,"call":"look","with":` + strings.Repeat("[", 100_000) + strings.Repeat("]", 100_000) + `}`},
}

func TestHostileLinesEndTheirConnectionAlone(t *testing.T) {
	path, _ := serve(t, &fakeNode{})
	good := dial(t, path)
	for _, c := range append(hostile, struct{ what, line string }{"a line without end", strings.Repeat(" ", maxRequest+1)}) {
		t.Run(c.what+"/F-09", func(t *testing.T) {
			conn, err := net.Dial("unix", path)
			if err != nil {
				t.Fatal(err)
			}
			defer conn.Close()
			fmt.Fprintf(conn, "{\"earshot\":1}\n%s\n", c.line)
			lines := bufio.NewScanner(conn)
			lines.Buffer(nil, maxRequest)
			lines.Scan() // the greeting
			for lines.Scan() {
				var r response
				if err := json.Unmarshal(lines.Bytes(), &r, encoding); err != nil || r.Error == nil {
					t.Errorf("got %s", lines.Text())
				}
			}
			if err := good.Look(t.Context()); err != nil {
				t.Errorf("another client: %v", err)
			}
		})
	}
}

func TestWrongArgumentsAreAnErrorOfTheCallAlone(t *testing.T) {
	path, _ := serve(t, &fakeNode{})
	c := dial(t, path)
	for _, with := range []any{
		map[string]any{"to": "X", "text": "a", "more": 1}, map[string]any{"to": 1}, "text",
	} {
		var result any
		if err := c.ask(t.Context(), "write", with, &result); err == nil {
			t.Errorf("%v was taken", with)
		}
	}
	var result any
	if err := c.ask(t.Context(), "no such call", none{}, &result); err == nil {
		t.Error("an unknown call was answered")
	}
	if err := c.Look(t.Context()); err != nil {
		t.Errorf("afterwards: %v", err)
	}
}

func TestTooManyCallsAtOnce(t *testing.T) {
	n := &fakeNode{block: make(chan struct{})}
	path, _ := serve(t, n)
	c := dial(t, path)
	errs := make(chan error, maxCalls+1)
	for range maxCalls + 1 {
		go func() { errs <- c.Look(t.Context()) }()
	}
	if err := <-errs; err == nil || !strings.Contains(err.Error(), "calls at once") {
		t.Errorf("the one too many: %v", err)
	}
	close(n.block)
	for range maxCalls {
		if err := <-errs; err != nil {
			t.Error(err)
		}
	}
}

func TestTooManyClients(t *testing.T) {
	path, _ := serve(t, &fakeNode{})
	for range maxClients {
		dial(t, path)
	}
	if _, err := Dial(t.Context(), path); err == nil {
		t.Error("one client too many")
	}
}

// FuzzRequest checks that no line makes the server panic, and that what it took
// is what another strict reader takes.
func FuzzRequest(f *testing.F) {
	for _, word := range slices.Concat(slices.Collect(maps.Keys(calls)), slices.Collect(maps.Keys(accountCalls))) {
		f.Add([]byte(fmt.Sprintf(`{"id":1,"call":%q,"with":{}}`, word)))
	}
	f.Add([]byte(`{"id":2,"call":"write","with":{"to":"K7QF","text":"hello \u4e16\n"}}`))
	f.Add([]byte(`{"id":3,"call":"read","with":{"conversation":"K7QF","up_to":{"clock":9223372036854775808,"author":"RKEOHXLUBHYZL7KS3MWTZOS5OLFGOCN7DWKBEG7TOSEADNAPN5OA","id":"019b76da-a800-7000-8000-000000000001"}}}`))
	for _, c := range hostile {
		f.Add([]byte(c.line))
	}
	f.Fuzz(func(t *testing.T, line []byte) {
		if len(line) > maxRequest || bytes.ContainsRune(line, '\n') {
			return
		}
		r, err := readRequest(line)
		if err != nil {
			return
		}
		again, err := json.Marshal(r, encoding)
		if err != nil {
			t.Fatalf("%q was taken, but cannot be written: %v", line, err)
		}
		if same, err := readRequest(again); err != nil || same.ID != r.ID || same.Call != r.Call {
			t.Fatalf("%q: read again: %+v, %v", line, same, err)
		}
		if ask, ok := callOf(r.Call); ok {
			ask(t.Context(), &fakeNode{}, r.With)
		}
	})
}
