package peer

import (
	"crypto/tls"
	"net"
	"testing"
)

// shakeHands has a client and a server shake hands over a pipe.
func shakeHands(t *testing.T, client, server *tls.Config) (c, s tls.ConnectionState, err error) {
	t.Helper()
	a, b := net.Pipe()
	defer a.Close()
	defer b.Close()
	served := make(chan tls.ConnectionState, 1)
	go func() {
		conn := tls.Server(b, server)
		if conn.HandshakeContext(t.Context()) != nil {
			b.Close()
		}
		served <- conn.ConnectionState()
	}()
	conn := tls.Client(a, client)
	if err = conn.HandshakeContext(t.Context()); err != nil {
		a.Close()
	}
	return conn.ConnectionState(), <-served, err
}

func TestHTTPProvesBothKeys(t *testing.T) {
	device, realm := NewIdentity(seed(1)), NewIdentity(seed(2))
	client := must(HTTPConfig(device, realm.ID()))
	c, s, err := shakeHands(t, client, must(HTTPConfig(realm, ID{})))
	if err != nil {
		t.Fatal(err)
	}
	if got, err := ProvedKey(c); err != nil || got != realm.ID() {
		t.Errorf("the device knows %v, %v", got, err)
	}
	if got, err := ProvedKey(s); err != nil || got != device.ID() {
		t.Errorf("the server knows %v, %v", got, err)
	}
	if c.NegotiatedProtocol != "http/1.1" {
		t.Errorf("they speak %q", c.NegotiatedProtocol)
	}
}

func TestHTTPStopsBeforeAnotherKey(t *testing.T) {
	device, realm, rogue := NewIdentity(seed(1)), NewIdentity(seed(2)), NewIdentity(seed(3))
	c, _, err := shakeHands(t, must(HTTPConfig(device, realm.ID())), must(HTTPConfig(rogue, ID{})))
	if got, other := OtherKey(err); !other || got != rogue.ID() {
		t.Errorf("got %v, %v of %v", got, other, err)
	}
	if got, err := ProvedKey(c); err == nil {
		t.Errorf("%v is called proved", got)
	}
}

func TestASessionIsNoHTTP(t *testing.T) {
	device, realm := NewIdentity(seed(1)), NewIdentity(seed(2))
	session := tlsConfig(must(selfSigned(device)), ID{}, protoSession)
	if _, _, err := shakeHands(t, session, must(HTTPConfig(realm, ID{}))); err == nil {
		t.Error("a session was negotiated with a server of HTTP")
	}
}
