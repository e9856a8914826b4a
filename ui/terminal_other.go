//go:build !windows

package ui

// systemLanguage is empty where the environment says everything.
func systemLanguage() string { return "" }
