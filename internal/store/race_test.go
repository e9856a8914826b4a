//go:build race

package store

// raceOn: the race detector is part of this program.
const raceOn = true
