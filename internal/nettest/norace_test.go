//go:build linux && !race

package nettest

var buildFlags []string
