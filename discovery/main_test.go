package discovery

import (
	"bytes"
	"crypto/ed25519"
	"net"
	"net/netip"
	"os"
	"testing"

	"github.com/google/uuid"
	"go.uber.org/goleak"

	"earshot/peer"
)

func TestMain(m *testing.M) {
	if seed := os.Getenv(hostSeed); seed != "" {
		os.Exit(runHost(seed))
	}
	goleak.VerifyTestMain(m)
}

// seedID is the ID of the key whose seed is 32 times b.
func seedID(b byte) peer.ID {
	key := ed25519.NewKeyFromSeed(bytes.Repeat([]byte{b}, ed25519.SeedSize))
	return peer.ID(key.Public().(ed25519.PublicKey))
}

// numberedID is one of many IDs.
func numberedID(n int) peer.ID {
	return peer.ID{0: 1, 1: byte(n >> 16), 2: byte(n >> 8), 3: byte(n)}
}

// instance is the n-th start of a device.
func instance(n byte) uuid.UUID { return uuid.UUID{6: 0x40, 8: 0x80, 15: n} }

// selfNamed is a device with the seed b.
func selfNamed(b byte, name string) Self {
	return Self{ID: seedID(b), Instance: instance(b), Name: name, Port: 7420}
}

// testLink is an interface with the addresses.
func testLink(index int, name string, prefixes ...string) link {
	l := link{ifi: net.Interface{Index: index, Name: name, Flags: net.FlagUp | net.FlagMulticast | net.FlagRunning}}
	for _, p := range prefixes {
		l.prefixes = append(l.prefixes, netip.MustParsePrefix(p))
	}
	return l
}

func addrPorts(list ...string) []netip.AddrPort {
	var all []netip.AddrPort
	for _, s := range list {
		all = append(all, netip.MustParseAddrPort(s))
	}
	return all
}
