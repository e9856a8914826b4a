//go:build race

package server

// raceOn: the race detector is part of this program.
const raceOn = true
