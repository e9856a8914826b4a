package ui

import (
	"cmp"
	"maps"
	"reflect"
	"regexp"
	"slices"
	"strings"
	"testing"

	"earshot/internal/node"
	"earshot/peer"
)

var verbs = regexp.MustCompile(`%(\[\d+\])?[.\d]*(\[\d+\])?[a-z]`)

// eachText calls f with every text of a language and its name.
func eachText(w *words, f func(name, text string)) {
	v := reflect.ValueOf(*w)
	for i := range v.NumField() {
		name := v.Type().Field(i).Name
		switch field := v.Field(i).Interface().(type) {
		case string:
			f(name, field)
		case template:
			f(name, string(field))
		case plural:
			f(name+".one", string(field.one))
			f(name+".many", string(field.many))
		case map[string]string:
			for key, text := range field {
				f(name+"."+key, text)
			}
		case [7]string:
			f(name, strings.Join(field[:], " "))
		case [12]string:
			f(name, strings.Join(field[:], " "))
		default:
			panic("no case for " + name)
		}
	}
}

func TestLanguagesSayTheSame(t *testing.T) {
	texts := map[string]string{}
	eachText(&english, func(name, text string) { texts[name] = text })
	seen := map[string]bool{}
	eachText(&chinese, func(name, text string) {
		seen[name] = true
		want, got := verbs.FindAllString(texts[name], -1), verbs.FindAllString(text, -1)
		if name == "DayForm" || name == "ShortDay" || name == "OtherYear" {
			return // each date has its own parts
		}
		if !slices.Equal(got, want) {
			t.Errorf("%s: %q has %q, %q has %q", name, text, got, texts[name], want)
		}
		if strings.TrimSpace(text) == "" {
			t.Errorf("%s: nothing in Chinese", name)
		}
		if strings.Count(text, "|") != strings.Count(texts[name], "|") {
			t.Errorf("%s: %q and %q have different parts", name, text, texts[name])
		}
	})
	for name, text := range texts {
		if !seen[name] || strings.TrimSpace(text) == "" {
			t.Errorf("%s: %q in English only, or empty", name, text)
		}
	}
}

func TestShortTextsFitTheirPlace(t *testing.T) {
	for _, w := range []*words{&english, &chinese} {
		for name, most := range map[string]int{
			"People": 10, "HereNow": 20, "AwaySection": 20, "Imitators": 20, "Transfers": 12, "Verified": 12, "OnlineNow": 12,
			"NotTheOne": 26, "AnswerHint": 8, "BadReceipt": statusCells - 2, "SavedSome": statusCells - 2, "Skipped": statusCells - 2,
		} {
			eachText(w, func(n, text string) {
				if n == name && width(text) > most {
					t.Errorf("%s: %q is wider than %d", name, text, most)
				}
			})
		}
		for state, text := range w.States {
			if !strings.HasPrefix(state, "done") && width(text) > statusCells {
				t.Errorf("%s: %q is wider than %d", state, text, statusCells)
			}
		}
	}
}

func TestEveryStateHasWords(t *testing.T) {
	for _, state := range []string{"preparing", "offered", "active", "paused", "interrupted", "done", "declined", "cancelled", "failed"} {
		for _, reason := range []string{"", "verifying", "queued", "name taken", "by me", "by peer", "disk full", "peer away", "stalled", "source unreadable", "source changed", "damaged", "no room", "refused", "limit"} {
			for _, direction := range []node.Direction{node.Sending, node.Receiving} {
				tr := node.Transfer{State: state, Reason: reason, Direction: direction, Peer: ref(person(2, "Ann", ""))}
				for _, w := range []*words{&english, &chinese} {
					if text := w.transfer(tr); text == "" || w == &chinese && text == state {
						t.Errorf("%s %s %s: no words", direction, state, reason)
					}
				}
			}
		}
	}
}

func TestTransfersSayWhatIsTheMatter(t *testing.T) {
	for _, c := range []struct{ state, reason, trouble, en, zh string }{
		{"interrupted", "peer away", "", "waiting for Ann", "等待 Ann 上线"},
		{"interrupted", "stalled", "", "waiting for Ann", "等待 Ann 上线"},
		{"interrupted", "stalled", "/media/usb is not there", "/media/usb is not there", "/media/usb is not there"},
		{"interrupted", "peer away", "/media/usb is not there", "/media/usb is not there", "/media/usb is not there"},
		{"declined", "by peer", "", "declined by Ann", "Ann 已拒绝"},
		{"declined", "", "", "declined", "已拒绝"},
		{"declined", "limit", "", "too many offers", "已拒绝：待处理过多"},
		{"preparing", "", "", "reading the files", "正在读取文件"},
		{"active", "verifying", "", "verifying", "正在校验"},
		{"active", "queued", "", "waiting its turn", "排队等待"},
		{"paused", "name taken", "", "paused: name taken", "暂停：重名"},
	} {
		tr := node.Transfer{State: c.state, Reason: c.reason, Error: peer.Line(c.trouble, 0), Peer: ref(person(2, "Ann", ""))}
		if en, zh := english.transfer(tr), chinese.transfer(tr); en != c.en || zh != c.zh {
			t.Errorf("%s %s: %q and %q, want %q and %q", c.state, c.reason, en, zh, c.en, c.zh)
		}
	}
}

func TestWhatWasSentSaysWhetherThereIsAReceipt(t *testing.T) {
	for _, c := range []struct {
		direction   node.Direction
		receipt, en string
	}{
		{node.Sending, "", "saved"}, {node.Sending, "signed", "saved, receipt signed"},
		{node.Sending, "invalid", "saved, but the receipt is not valid"}, {node.Receiving, "signed", "saved"},
	} {
		tr := node.Transfer{State: "done", Direction: c.direction, Receipt: c.receipt, Content: "00", Peer: ref(person(2, "Ann", ""))}
		if got := english.transfer(tr); got != c.en {
			t.Errorf("%s %q: %q, want %q", c.direction, c.receipt, got, c.en)
		}
	}
}

func TestWhatWasSkippedIsNotCalledSaved(t *testing.T) {
	c := still(t, 80, 24, office())
	for _, want := range []struct {
		tr         node.Transfer
		words, row string
	}{
		{node.Transfer{Files: 1, Content: "00", Bytes: 1000}, "saved", "✓ saved 1.0 kB"},
		{node.Transfer{Files: 1, Content: "00", Path: "/in/a.tar.gz"}, "saved", "✓ saved 0 B"},
		{node.Transfer{Files: 1, Content: "00", Path: "/in/a.tar (2).gz"}, "saved as a.tar (2).gz", "✓ saved 0 B"},
		{node.Transfer{Files: 9, Content: "00", Path: "/srv/a.tar and more"}, "saved", "✓ saved 0 B"},
		{node.Transfer{Files: 1, Bytes: 1000}, "skipped, it was there already", "✓ skipped"},
		{node.Transfer{Files: 9, Bytes: 1000}, "saved, but for what was there already", "✓ saved, not all"},
		{node.Transfer{Direction: node.Sending, Receipt: "invalid"}, "saved, but the receipt is not valid", "! bad receipt"},
		{node.Transfer{Direction: node.Sending, Receipt: "signed", Bytes: 1000}, "saved, receipt signed", "✓ saved 1.0 kB"},
	} {
		want.tr.State, want.tr.Direction = "done", cmp.Or(want.tr.Direction, node.Receiving)
		want.tr.Name = peer.Line("a.tar.gz", 0)
		if words, row := english.transfer(want.tr), c.status(want.tr); words != want.words || row != want.row {
			t.Errorf("%v: %q and %q, want %q and %q", want.tr, words, row, want.words, want.row)
		}
	}
}

func TestTheOfferCountsItsFiles(t *testing.T) {
	for files, want := range map[int]string{1: "Ann wants to send you a file", 3: "Ann wants to send you files"} {
		if got := english.OfferTitle.of(files, "Ann"); got != want {
			t.Errorf("%d files: %q, want %q", files, got, want)
		}
	}
}

func TestCommandsHaveKeysAndHelpOfTheirOwn(t *testing.T) {
	table, byKey := commandTable()
	keys, slashes := map[string]string{}, map[string]string{}
	for _, cmd := range table {
		for _, key := range cmd.keys {
			if other, taken := keys[key]; taken {
				t.Errorf("%s is for %s and for %s", key, other, cmd.id)
			}
			keys[key] = cmd.id
			if ev := eventOf(key); ev == nil || keyName(ev) != key || byKey[keyName(ev)].id != cmd.id {
				t.Errorf("%s: no event is named so", key)
			}
		}
		if other, taken := slashes[cmd.slash]; taken && cmd.slash != "" {
			t.Errorf("/%s is for %s and for %s", cmd.slash, other, cmd.id)
		}
		slashes[cmd.slash] = cmd.id
		for _, w := range []*words{&english, &chinese} {
			if w.Help[cmd.id] == "" || cmd.hint != "" && w.Hints[cmd.id] == "" || cmd.args != "" && w.Args[cmd.args] == "" {
				t.Errorf("%s: no help, hint or word for what it takes", cmd.id)
			}
		}
		if len(cmd.keys) == 0 && cmd.slash == "" {
			t.Errorf("%s: nobody can call it", cmd.id)
		}
	}
	for _, w := range []*words{&english, &chinese} {
		if len(w.Help) != len(table) {
			t.Errorf("help for %q, commands %d", slices.Sorted(maps.Keys(w.Help)), len(table))
		}
	}
}

func TestReservedKeysAreNeverTheOnlyWay(t *testing.T) {
	reserved := []string{"Ctrl+B", "Ctrl+A", "Ctrl+V", "Alt+Enter", "F10", "F11", "Ctrl+H", "Ctrl+I", "Ctrl+M", "Ctrl+S"}
	table, _ := commandTable()
	for _, cmd := range table {
		for _, key := range cmd.keys {
			if slices.Contains(reserved, key) {
				t.Errorf("%s: %s belongs to a terminal", cmd.id, key)
			}
		}
		function := slices.IndexFunc(cmd.keys, func(k string) bool { return !strings.HasPrefix(k, "F") }) < 0
		if function && len(cmd.keys) > 0 && cmd.slash == "" {
			t.Errorf("%s: only function keys", cmd.id)
		}
	}
}

func TestLanguageIsTheEnvironments(t *testing.T) {
	for _, c := range []struct {
		lang string
		env  map[string]string
		want string
	}{
		{"en", map[string]string{"LANG": "zh_CN.UTF-8"}, "en"},
		{"zh", nil, "zh"},
		{"", map[string]string{"LANG": "zh_CN.UTF-8"}, "zh"},
		{"", map[string]string{"LC_ALL": "en_US.UTF-8", "LANG": "zh_CN.UTF-8"}, "en"},
		{"", map[string]string{"LC_MESSAGES": "zh_TW", "LANG": "de_DE"}, "zh"},
		{"", map[string]string{"LANG": "C"}, "en"},
	} {
		if got := languageOf(c.lang, func(k string) string { return c.env[k] }); got != c.want {
			t.Errorf("languageOf(%q, %v) = %q, want %q", c.lang, c.env, got, c.want)
		}
	}
}

func TestASCIIWhereGlyphsWouldBeSpoilt(t *testing.T) {
	for _, c := range []struct {
		env    map[string]string
		system string
		want   bool
	}{
		{map[string]string{"LANG": "en_US.UTF-8", "TERM": "xterm-256color"}, "linux", false},
		{map[string]string{"TERM": "xterm"}, "linux", false},
		{map[string]string{"LANG": "C", "TERM": "xterm"}, "linux", true},
		{map[string]string{"LC_ALL": "POSIX", "LANG": "en_US.UTF-8"}, "linux", true},
		{map[string]string{"LANG": "en_US.US-ASCII"}, "linux", true},
		{map[string]string{"LANG": "en_US.UTF-8", "TERM": "linux"}, "linux", true},
		{map[string]string{"LANG": "zh_CN.UTF-8", "RUNEWIDTH_EASTASIAN": "1"}, "linux", true},
		{nil, "windows", true},
		{map[string]string{"WT_SESSION": "x"}, "windows", false},
		{map[string]string{"TERM_PROGRAM": "vscode"}, "windows", false},
	} {
		if got := wantsASCII(func(k string) string { return c.env[k] }, c.system); got != c.want {
			t.Errorf("wantsASCII(%v, %s) = %v", c.env, c.system, got)
		}
	}
}
