//go:build !race

package server

// raceOn: the race detector is no part of this program.
const raceOn = false
