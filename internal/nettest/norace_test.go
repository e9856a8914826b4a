//go:build !race

package nettest

var buildFlags []string
