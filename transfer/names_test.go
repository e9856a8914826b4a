package transfer

import (
	"errors"
	"strings"
	"testing"
)

func TestNamesOfAManifestAreBounded(t *testing.T) {
	l := newListing()
	l.paths = maxPaths - 5
	if err := l.add([]File{{Path: "12345"}}); err != nil {
		t.Error(err)
	}
	if err := l.add([]File{{Path: "x", Wire: strings.Repeat("y", 3)}}); !errors.Is(err, errManifest) {
		t.Errorf("too many names: %v", err)
	}
}
