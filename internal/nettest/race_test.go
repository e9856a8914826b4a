//go:build linux && race

package nettest

// buildFlags make the program that the tests start as checked as the tests.
var buildFlags = []string{"-race"}
