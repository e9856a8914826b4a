package main

import (
	"slices"
	"strings"
	"testing"
	"time"
)

func TestSizes(t *testing.T) {
	for text, want := range map[string]size{"2GiB": 2 << 30, "512MiB": 512 << 20, "64 KiB": 64 << 10, "1000": 1000} {
		var got size
		if err := got.Set(text); err != nil || got != want {
			t.Errorf("%s: got %d, %v", text, int64(got), err)
		}
		var again size
		if err := again.Set(got.String()); err != nil || again != want {
			t.Errorf("%s: written as %q: %d, %v", text, got, int64(again), err)
		}
	}
	for _, text := range []string{"", "GiB", "0", "-1MiB", "1.5GiB", "1GB", "9999999999GiB"} {
		if err := new(size).Set(text); err == nil {
			t.Errorf("%q is taken for a size", text)
		}
	}
}

func TestProcessorTimeIsThatOfAProcessAndItsChildren(t *testing.T) {
	const stat = "41 (a ) b) S 1 41 41 0 -1 4194560 900 12 0 0 11 22 33 44 20 0 1 0 100 1 1"
	if got, err := parseStat(stat); err != nil || got != 1100*time.Millisecond {
		t.Errorf("got %v, %v", got, err)
	}
	for _, bad := range []string{"", "41 (a) S 1 2", strings.Replace(stat, " 33 ", " x ", 1)} {
		if _, err := parseStat(bad); err == nil {
			t.Errorf("%q is read", bad)
		}
	}
}

func TestPeakMemory(t *testing.T) {
	if got, err := parsePeak("Name:\tearshot\nVmPeak:\t  9 kB\nVmHWM:\t   25000 kB\nVmRSS:\t 1 kB\n"); err != nil || got != 25000<<10 {
		t.Errorf("got %d, %v", got, err)
	}
	for _, bad := range []string{"", "VmHWM: some kB\n"} {
		if _, err := parsePeak(bad); err == nil {
			t.Errorf("%q is read", bad)
		}
	}
}

func TestIperfReports(t *testing.T) {
	const good = `{"start":{},"end":{"sum_sent":{"bits_per_second":1e9},"sum_received":{"seconds":1.1,"bytes":1048576,"bits_per_second":8e8,"sender":true}}}`
	if got, err := parseIperf(good); err != nil || got != 1e8 {
		t.Errorf("got %v, %v", got, err)
	}
	for _, bad := range []string{"", "{}", `{"end":{},"error":"unable to connect to server: Connection refused"}`,
		`{"end":{"sum_received":{"bytes":0,"bits_per_second":0}}}`} {
		if _, err := parseIperf(bad); err == nil {
			t.Errorf("%q is read", bad)
		}
	}
}

func TestSpreads(t *testing.T) {
	for _, tt := range []struct {
		values []float64
		want   string
	}{
		{[]float64{2}, "2.00"},
		{[]float64{123.4, 12.34, 1.234}, "12.3 (1.23 to 123)"},
		{[]float64{0.02, 0.01}, "0.0150 (0.0100 to 0.0200)"},
		{[]float64{0, 0}, "0.00"},
	} {
		if got := spreadOf(tt.values).String(); got != tt.want {
			t.Errorf("got %q, want %q", got, tt.want)
		}
	}
}

func TestOutputIsTakenLineByLine(t *testing.T) {
	var got []string
	l := &lines{each: func(line []byte) error { got = append(got, string(line)); return nil }}
	for _, piece := range []string{"one", " line\ntwo\n\nthr", "ee", "\nrest"} {
		if n, err := l.Write([]byte(piece)); err != nil || n != len(piece) {
			t.Fatal(n, err)
		}
	}
	if want := []string{"one line", "two", "", "three"}; !slices.Equal(got, want) {
		t.Errorf("got %q, want %q", got, want)
	}
}

func TestFieldsOfProcFiles(t *testing.T) {
	text := "processor\t: 0\nmodel name\t: A: B\nmodel name\t: C\n"
	if got := fieldOf(text, "model name"); got != "A: B" {
		t.Errorf("got %q", got)
	}
	if got := fieldOf(text, "name"); got != "" {
		t.Errorf("got %q for a name that is not there", got)
	}
}
