//go:build !race

package store

// raceOn: the race detector is no part of this program.
const raceOn = false
