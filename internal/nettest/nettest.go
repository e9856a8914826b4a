// Package nettest holds the tests of the whole program on a network: real
// processes on hosts made of network namespaces, driven by the commands that
// people and scripts use. It has no code of the product.
//
// The tests need root (see package lab) and run alone, one after the other.
package nettest
