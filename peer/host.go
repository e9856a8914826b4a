package peer

import (
	"context"
	"errors"
	"log/slog"
	"net"
	"net/netip"

	"github.com/google/uuid"
)

// Config is what a [Host] is made of.
type Config struct {
	Identity *Identity
	Instance uuid.UUID    // new at each start
	Name     string       // display name in the hello
	Notify   func(Event)  // is told what happens; must return at once
	Log      *slog.Logger // nil: nothing is logged
}

// Host keeps the sessions of this device.
type Host struct {
	cfg Config
}

// Listen opens the port: exactly this one, or an error; else this one or the
// next free one, and any for port 0.
func Listen(cfg Config, port uint16, exact bool) (*Host, error) {
	return nil, errors.New("not yet")
}

func (h *Host) Run(ctx context.Context) error                         { return nil }
func (h *Host) Port() uint16                                          { return 0 }
func (h *Host) SetName(name string)                                   {}
func (h *Host) Reach(id ID, addrs []netip.AddrPort)                   {}
func (h *Host) Forget(id ID)                                          {}
func (h *Host) Probe(addr netip.AddrPort)                             {}
func (h *Host) Drop(id ID, code ByeCode)                              {}
func (h *Host) Send(id ID, m Message) bool                            { return false }
func (h *Host) Watch(id ID, key string, on bool)                      {}
func (h *Host) SetContact(id ID, yes bool)                            {}
func (h *Host) DialData(ctx context.Context, id ID) (net.Conn, error) { return nil, nil }
func (h *Host) NetworkChanged()                                       {}
