// Package node is one running Earshot without a screen: it owns the identity,
// the store, the sessions, the conversations and the transfers of one profile,
// takes calls from screens, commands and the control socket, and tells them what
// happens in events.
//
// [Open] takes the profile and prepares everything; [Node.Run] runs it until its
// context ends and then leaves cleanly; [Node.Close] gives the profile back. The
// methods of [Node] may be called from any goroutine, before, while and after
// Run: they block their caller until there is an answer (nobody answers before
// Run), never the node.
//
// Inside, one goroutine owns all state. It takes typed events from one mailbox,
// into which every part puts what happened to it; each kind of event is one line
// in loop.go and one short handler. What is slow happens elsewhere and comes
// back as an event. The package knows no pixels, no JSON and no flags.
package node

import (
	"log/slog"
)

// Config says how a node of a profile is to run. Flags, environment and settings
// have been merged into it.
type Config struct {
	Home    string // where the profiles are
	Profile string // the profile's name: its folder is HOME/PROFILE
	Name    string // display name
	Named   bool   // a person chose Name
	Port    uint16 // 0: any
	// ExactPort makes a taken port an error; else the next free one is used.
	ExactPort  bool
	Peers      []string // host or host:port, to look at as well
	Interfaces []string // patterns, see package discovery
	Dir        string   // where received files go
	Rule       Rule     // which offers are accepted without asking
	// Passing: the node of a command, which ends with the command.
	Passing bool
	// Keep saves a setting ("name", "save_to") in the profile; nil keeps nothing.
	Keep func(key, value string) error
	Log  *slog.Logger // nil: none
}

// A Rule says which file offers are accepted without asking.
type Rule string

// The rules; an imitator's offers are never accepted by one.
const (
	AcceptNone     Rule = "none"
	AcceptVerified Rule = "verified"
	AcceptFriends  Rule = "friends" // verified, or a contact
	AcceptAll      Rule = "all"
)
