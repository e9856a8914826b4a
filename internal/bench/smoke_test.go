package main

import (
	"bytes"
	"strings"
	"testing"

	"earshot/internal/lab"
)

// tiny are sizes at which every scenario takes moments.
var tiny = []string{
	"-rounds", "1", "-size", "32MiB", "-loss-size", "2MiB", "-files", "100", "-memory-size", "4MiB", "-many", "1500",
	"-resume-size", "64MiB", "-resume-rate", "100mbit", "-seconds", "2", "-delta-size", "12MiB",
}

func TestEveryScenarioPrintsItsTableAndLeavesNothing(t *testing.T) {
	if reason := lab.Missing(); reason != "" {
		t.Skip(reason)
	}
	dir, check := shortDir(t), nothingLeft(t)
	var stdout, stderr bytes.Buffer
	if code := run(t.Context(), append([]string{"-dir", dir}, tiny...), &stdout, &stderr); code != 0 {
		t.Errorf("ended with %d", code)
	}
	titles := []string{
		"One file of 32 MiB, link without a limit", "One file of 32 MiB, 1 Gbit/s", "One file of 2 MiB, 1 Gbit/s, 0.5 % of the packets lost",
		"100 files of 4 KiB in 50 folders", "Peak memory of both nodes", "A file of 64 MiB, both nodes killed at 90 %",
		"Messages over a link of 100 Mbit/s", "A file of 12 MiB with 1 % changed in 20 places",
	}
	for _, title := range titles {
		if !strings.Contains(stdout.String(), "### "+title) {
			t.Errorf("no table %q", title)
		}
	}
	if got := strings.Count(stdout.String(), "\n### "); got != len(scenarios) {
		t.Errorf("%d tables, want %d", got, len(scenarios))
	}
	check(dir)
	if t.Failed() || testing.Verbose() {
		t.Logf("%s\n%s", stderr.String(), stdout.String())
	}
}
