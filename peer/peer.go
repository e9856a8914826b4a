// Package peer is the bottom of Earshot: who a device is, and how two devices
// talk.
//
// It holds the identity and its text form, the one TLS profile, the frames and
// the messages in them, the sessions between devices, and the two functions
// that decide what a name or a text from somebody else may contain. It knows
// nothing of conversations, files or screens, and imports no other package of
// this module. The node starts and stops a [Host]; everything else here is
// plain data and pure functions.
package peer
