package peer

import (
	"context"
	"crypto/ed25519"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"errors"
	"fmt"
	"math/big"
	"time"
)

// The protocols of ALPN (RFC 7301): what a connection is for.
const (
	protoSession = "earshot/1"
	protoData    = "earshot-data/1"
	protoHTTP    = "http/1.1"
)

// serverName is in every ClientHello: it is there so that nobody's name is.
const serverName = "earshot"

// wrongKey says that the other side is not who was dialled. The key it shows is
// not proven yet.
type wrongKey struct{ want, got ID }

func (e *wrongKey) Error() string {
	return fmt.Sprintf("the key there is %s, want %s", e.got, e.want)
}

// tlsConfig is the one TLS profile: TLS 1.3, both sides show a self-signed
// certificate, and its Ed25519 key is the identity. Names and times in a
// certificate mean nothing. want pins the other side's key; the zero ID takes
// any.
//
// What is checked here is a claim: VerifyConnection runs before the other side
// has proved that it holds the key. Only after [handshake] is the ID proven.
func tlsConfig(cert tls.Certificate, want ID, protos ...string) *tls.Config {
	return &tls.Config{
		MinVersion:   tls.VersionTLS13,
		MaxVersion:   tls.VersionTLS13,
		Certificates: []tls.Certificate{cert},
		NextProtos:   protos,
		ServerName:   serverName,
		ClientAuth:   tls.RequireAnyClientCert,
		// There is no chain and no name to verify. This is called on every
		// connection, which VerifyPeerCertificate is not.
		InsecureSkipVerify: true,
		VerifyConnection:   func(state tls.ConnectionState) error { return verify(state, want) },
		// A resumed session would show a key that nobody proved today.
		SessionTicketsDisabled: true,
	}
}

// HTTPConfig is the TLS profile of HTTP between a device and a rendezvous server,
// for either side. want pins the other side's key; the zero ID takes any. What it
// checks is proved only once the handshake has returned without an error: then
// [ProvedKey] is the other side.
func HTTPConfig(i *Identity, want ID) (*tls.Config, error) {
	cert, err := selfSigned(i)
	if err != nil {
		return nil, err
	}
	return tlsConfig(cert, want, protoHTTP), nil
}

// ProvedKey is the other side's key on a connection whose handshake has returned
// without an error.
func ProvedKey(state tls.ConnectionState) (ID, error) {
	if !state.HandshakeComplete {
		return ID{}, errors.New("the handshake is not complete")
	}
	return claimed(state)
}

// OtherKey reports whether a handshake ended because the other side showed another
// key than the one that was wanted, and which.
func OtherKey(err error) (ID, bool) {
	wrong, ok := errors.AsType[*wrongKey](err)
	if !ok {
		return ID{}, false
	}
	return wrong.got, true
}

// verify looks at what the other side claims to be.
func verify(state tls.ConnectionState, want ID) error {
	if state.NegotiatedProtocol == "" { // a client without ALPN gets this far
		return errors.New("no protocol was negotiated")
	}
	if state.DidResume {
		return errors.New("a resumed TLS session")
	}
	id, err := claimed(state)
	if err == nil && !want.IsZero() && id != want {
		err = &wrongKey{want: want, got: id}
	}
	return err
}

// claimed is the key in the other side's one certificate.
func claimed(state tls.ConnectionState) (ID, error) {
	if n := len(state.PeerCertificates); n != 1 {
		return ID{}, fmt.Errorf("%d certificates, want 1", n)
	}
	key, ok := state.PeerCertificates[0].PublicKey.(ed25519.PublicKey)
	if !ok || len(key) != ed25519.PublicKeySize {
		return ID{}, fmt.Errorf("a certificate of a %T, want Ed25519", state.PeerCertificates[0].PublicKey)
	}
	return ID(key), nil
}

// selfSigned makes the certificate that an identity shows, anew at each start.
func selfSigned(i *Identity) (tls.Certificate, error) {
	template := &x509.Certificate{
		SerialNumber: big.NewInt(1),
		Subject:      pkix.Name{CommonName: serverName},
		NotBefore:    time.Date(2000, 1, 1, 0, 0, 0, 0, time.UTC),
		NotAfter:     time.Date(9999, 12, 31, 23, 59, 59, 0, time.UTC), // RFC 5280: no end
	}
	der, err := x509.CreateCertificate(rand.Reader, template, template, i.key.Public(), i.key)
	if err != nil {
		return tls.Certificate{}, fmt.Errorf("make a certificate: %w", err)
	}
	return tls.Certificate{Certificate: [][]byte{der}, PrivateKey: i.key}, nil
}

// secure is a connection whose other side proved its key.
type secure struct {
	*tls.Conn
	wire  *wire
	id    ID
	proto string
}

// handshake proves both keys to each other, within handshakeTime, and closes w
// where that fails. The identity is taken only after it: a signature that is
// wrong shows up last.
func handshake(ctx context.Context, w *wire, side func(*wire) *tls.Conn) (*secure, error) {
	ctx, cancel := context.WithTimeout(ctx, handshakeTime)
	defer cancel()
	conn := side(w)
	if err := conn.HandshakeContext(ctx); err != nil {
		w.Close()
		return nil, err
	}
	state := conn.ConnectionState()
	id, err := claimed(state)
	if err != nil {
		w.Close()
		return nil, err
	}
	return &secure{Conn: conn, wire: w, id: id, proto: state.NegotiatedProtocol}, nil
}

// Close says goodbye within farewellTime and closes the connection, whether or
// not the other side reads. It may be called more than once.
func (s *secure) Close() error {
	s.wire.hurry(time.Now().Add(farewellTime))
	return s.Conn.Close()
}
