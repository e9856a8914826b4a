package discovery

import (
	"errors"
	"fmt"
	"net"
	"net/netip"
	"sync"
	"time"

	"golang.org/x/net/ipv4"
	"golang.org/x/net/ipv6"
)

const (
	// hopLimit of mDNS (RFC 6762, section 11): no router has passed it on.
	hopLimit = 255
	// receiveBuffer holds the announcements of a crowd that starts at once.
	receiveBuffer = 1 << 20
	// readPause is the wait after a read that failed; the interface may be gone.
	readPause = 100 * time.Millisecond
)

// udpSocket is a socket on the mDNS port of one link and family. It speaks to
// everybody there, from the port that others expect (avahi takes announcements
// from no other), and hears them with their true addresses.
//
// net.ListenMulticastUDP lets others share the port on every system
// (SO_REUSEADDR, and SO_REUSEPORT where it takes that), and switches off the
// loopback that a second profile on this machine hears us by.
type udpSocket struct {
	conn  *net.UDPConn
	group *net.UDPAddr
	link  link
	read  func(buf []byte) (arrival, error)
	done  chan struct{}
	wg    sync.WaitGroup
}

// arrival is what the system says of a packet.
type arrival struct {
	size  int
	index int    // of the interface, 0: not known
	to    net.IP // nil: not known
	from  net.Addr
}

// multicast reports whether the packet was for everybody, as far as is known.
func (a arrival) multicast() bool { return a.to == nil || a.to.IsMulticast() }

func (machine) listen(l link, f family, heard func(packet)) (socket, error) {
	conn, err := net.ListenMulticastUDP(f.String(), &l.ifi, groups[f])
	if err != nil {
		return nil, fmt.Errorf("listen on %s: %w", l.ifi.Name, err)
	}
	s := &udpSocket{conn: conn, group: groups[f], link: l, done: make(chan struct{})}
	if err := s.prepare(f); err != nil {
		conn.Close()
		return nil, fmt.Errorf("listen on %s: %w", l.ifi.Name, err)
	}
	s.wg.Go(func() { s.receive(heard) })
	return s, nil
}

// prepare sets the socket's options. Control messages do not exist on Windows
// and large buffers not everywhere; the rest must work.
func (s *udpSocket) prepare(f family) error {
	_ = s.conn.SetReadBuffer(receiveBuffer)
	if f == v4 {
		p := ipv4.NewPacketConn(s.conn)
		_ = p.SetControlMessage(ipv4.FlagInterface|ipv4.FlagDst, true)
		s.read = func(buf []byte) (a arrival, err error) {
			var cm *ipv4.ControlMessage
			if a.size, cm, a.from, err = p.ReadFrom(buf); cm != nil {
				a.index, a.to = cm.IfIndex, cm.Dst
			}
			return a, err
		}
		return errors.Join(p.SetMulticastTTL(hopLimit), p.SetMulticastLoopback(true))
	}
	p := ipv6.NewPacketConn(s.conn)
	_ = p.SetControlMessage(ipv6.FlagInterface|ipv6.FlagDst, true)
	s.read = func(buf []byte) (a arrival, err error) {
		var cm *ipv6.ControlMessage
		if a.size, cm, a.from, err = p.ReadFrom(buf); cm != nil {
			a.index, a.to = cm.IfIndex, cm.Dst
		}
		return a, err
	}
	return errors.Join(p.SetMulticastHopLimit(hopLimit), p.SetMulticastLoopback(true))
}

// receive hands on what comes until the socket is closed.
func (s *udpSocket) receive(heard func(packet)) {
	buf := make([]byte, maxPacket+1)
	for {
		a, err := s.read(buf)
		switch {
		case errors.Is(err, net.ErrClosed):
			return
		case err != nil:
			s.pause()
		default:
			if p, ok := s.packet(a, buf); ok {
				heard(p)
			}
		}
	}
}

// pause waits a little, or for the socket to be closed.
func (s *udpSocket) pause() {
	t := time.NewTimer(readPause)
	defer t.Stop()
	select {
	case <-t.C:
	case <-s.done:
	}
}

// packet is what is handed on; false where the packet is not for this socket:
// Linux gives a socket the multicast of every group that any socket of the
// machine joined, on any interface.
func (s *udpSocket) packet(a arrival, buf []byte) (packet, bool) {
	from, ok := a.from.(*net.UDPAddr)
	if !ok || a.size > maxPacket {
		return packet{}, false
	}
	if a.index == 0 {
		a.index = s.link.ifi.Index
	}
	if a.index != s.link.ifi.Index && a.multicast() {
		return packet{}, false
	}
	return packet{
		data:    append([]byte(nil), buf[:a.size]...),
		from:    from.AddrPort(),
		index:   a.index,
		unicast: !a.multicast(),
		socket:  s,
	}, true
}

func (s *udpSocket) send(message []byte) error {
	_, err := s.conn.WriteToUDP(message, s.group)
	return err
}

func (s *udpSocket) reply(message []byte, to netip.AddrPort) error {
	_, err := s.conn.WriteToUDPAddrPort(message, to)
	return err
}

func (s *udpSocket) close() {
	close(s.done)
	s.conn.Close()
	s.wg.Wait()
}
