package profile

import (
	"bytes"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"

	"github.com/pelletier/go-toml/v2"
	"github.com/pelletier/go-toml/v2/unstable"

	"earshot/peer"
)

// document is a settings file: its text, its values, and where each is.
type document struct {
	path   string
	text   []byte
	values map[string]any
	places map[string]place
}

// place is where a key stands in the text.
type place struct {
	line     int // from 1
	from, to int // the bytes of its value; none known for a list or a table
	table    bool
}

func (d document) at(key string) string {
	return fmt.Sprintf("%s:%d", d.path, max(d.places[key].line, 1))
}

// parse reads a settings file: TOML 1.0, with known keys alone.
func (ks schema[S]) parse(path string, text []byte) (document, error) {
	text = bytes.TrimPrefix(text, []byte("\ufeff")) // some editors begin a file so
	d := document{path: path, text: text, values: map[string]any{}}
	if err := toml.Unmarshal(text, &d.values); err != nil {
		return document{}, d.syntaxError(err)
	}
	d.places = findPlaces(text)
	for _, name := range slices.SortedFunc(maps.Keys(d.values), d.byLine) {
		k, ok := ks.of(name)
		if !ok {
			return document{}, &SettingError{d.at(name), FromFile, "unknown setting " + quote(name), ks.known()}
		}
		value, ok := k.decoded(d.values[name])
		if !ok {
			return document{}, k.literal().wrong(Setting{Where: d.at(name), Origin: FromFile}, d.values[name])
		}
		d.values[name] = value
	}
	return d, nil
}

func (d document) byLine(a, b string) int { return d.places[a].line - d.places[b].line }

// syntaxError says where the file is no TOML.
func (d document) syntaxError(err error) error {
	line := 1
	var decode *toml.DecodeError
	if errors.As(err, &decode) {
		line, _ = decode.Position()
	}
	problem := peer.Line(strings.TrimPrefix(err.Error(), "toml: "), 200).String() // repeats what is in the file
	return &SettingError{fmt.Sprintf("%s:%d", d.path, line), FromFile, problem, `lines like name = "Ann"`}
}

// decoded gives a value from a file the type of the key.
func (k key[S]) decoded(value any) (any, bool) {
	switch k.value.(type) {
	case string:
		if n, ok := value.(int64); ok && k.number {
			return strconv.FormatInt(n, 10), true
		}
		text, ok := value.(string)
		return text, ok
	case int64:
		n, ok := value.(int64)
		return n, ok
	case bool:
		on, ok := value.(bool)
		return on, ok
	case []string:
		return decodedList(value)
	}
	return decodedTable(value)
}

func decodedList(value any) (any, bool) {
	items, ok := value.([]any)
	texts := make([]string, len(items))
	for i, item := range items {
		if texts[i], ok = item.(string); !ok {
			return nil, false
		}
	}
	return texts, ok
}

func decodedTable(value any) (any, bool) {
	items, ok := value.(map[string]any)
	texts := make(map[string]string, len(items))
	for name, item := range items {
		if texts[name], ok = item.(string); !ok {
			return nil, false
		}
	}
	return texts, ok
}

// findPlaces finds each key of the top level, and each table, in a text that is
// TOML.
func findPlaces(text []byte) map[string]place {
	places := map[string]place{}
	var p unstable.Parser
	p.Reset(text)
	for inTable := false; p.NextExpression(); {
		e := p.Expression()
		if e.Kind == unstable.Table || e.Kind == unstable.ArrayTable {
			inTable = true
		}
		if inTable && e.Kind == unstable.KeyValue {
			continue
		}
		name := e.Key()
		if !name.Next() {
			continue
		}
		shape := p.Shape(name.Node().Raw)
		found := place{line: shape.Start.Line, table: inTable}
		if e.Kind == unstable.KeyValue {
			raw := e.Value().Raw // none for lists
			found.from, found.to = int(raw.Offset), int(raw.Offset+raw.Length)
		}
		if _, seen := places[string(name.Node().Data)]; !seen {
			places[string(name.Node().Data)] = found
		}
	}
	return places
}

// with is the text of a file after name was set to value.
func (ks schema[S]) with(d document, name string, value any) ([]byte, error) {
	b, err := toml.Marshal(map[string]any{name: value})
	if err != nil {
		return nil, err
	}
	assignment := string(bytes.TrimSpace(b))
	text := string(d.text)
	at, known := d.places[name]
	switch {
	case known && at.to > at.from:
		_, literal, _ := strings.Cut(assignment, "= ")
		text = text[:at.from] + literal + text[at.to:]
	case d.hasTable():
		text = assignment + "\n" + text
	default:
		text = strings.TrimSuffix(text, "\n")
		if text != "" {
			text += "\n"
		}
		text += assignment + "\n"
	}
	return []byte(text), ks.sameBut(d, []byte(text), name, value)
}

// hasTable reports whether the file has a table, behind which every key would be
// the table's.
func (d document) hasTable() bool {
	return slices.ContainsFunc(slices.Collect(maps.Values(d.places)), func(p place) bool { return p.table })
}

// sameBut checks that text says what the file said, but for one setting.
func (ks schema[S]) sameBut(d document, text []byte, name string, value any) error {
	after, err := ks.parse(d.path, text)
	if err != nil {
		return fmt.Errorf("%s cannot be changed in place; change it by hand: %w", d.path, err)
	}
	want := maps.Clone(d.values)
	if want == nil {
		want = map[string]any{}
	}
	want[name] = value
	if fmt.Sprint(after.values) != fmt.Sprint(want) {
		return fmt.Errorf("%s cannot be changed in place; change it by hand", d.path)
	}
	return nil
}
