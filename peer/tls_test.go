package peer

import (
	"crypto"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"errors"
	"fmt"
	"io"
	"math/big"
	"net"
	"net/netip"
	"os"
	"strings"
	"testing"
	"testing/synctest"
	"time"
)

// visitor is the number of the key with which these tests visit a host.
const visitor = 7

// knock visits a host with a TLS configuration, and returns what it heard: nil
// means that the host took the visitor for a peer.
func (s *stage) knock(a *actor, config *tls.Config) error {
	conn, err := s.dial(s.t.Context(), addrOf(visitor).Addr(), a.addr)
	if err != nil {
		return err
	}
	defer conn.Close()
	client := tls.Client(conn, config)
	if err := client.HandshakeContext(s.t.Context()); err != nil {
		return err
	}
	// In TLS 1.3 the client is done before the server has looked at it.
	_, _, err = ReadFrame(client, HelloFrame)
	return err
}

// visit is the profile of a good visitor, to be spoiled.
func visit(spoil func(*tls.Config)) *tls.Config {
	config := tlsConfig(must(selfSigned(NewIdentity(seed(visitor)))), ID{}, protoSession)
	spoil(config)
	return config
}

// issue makes a certificate for a key, as anybody can.
func issue(public any, names pkix.Name, dns ...string) []byte {
	template := &x509.Certificate{SerialNumber: big.NewInt(2), Subject: names, DNSNames: dns}
	return must(x509.CreateCertificate(rand.Reader, template, template, public, NewIdentity(seed(visitor)).key))
}

// forger shows a public key that is not its own.
type forger struct {
	public crypto.PublicKey
	crypto.Signer
}

func (f forger) Public() crypto.PublicKey { return f.public }

// forged is the certificate of a key that its bearer does not have.
func forged(public crypto.PublicKey) tls.Certificate {
	return tls.Certificate{
		Certificate: [][]byte{issue(public, pkix.Name{})},
		PrivateKey:  forger{public, NewIdentity(seed(visitor)).key},
	}
}

// rsaForger signs as a key of 8,192 bits would.
type rsaForger struct{ public *rsa.PublicKey }

func (f rsaForger) Public() crypto.PublicKey { return f.public }
func (f rsaForger) Sign(io.Reader, []byte, crypto.SignerOpts) ([]byte, error) {
	return make([]byte, f.public.Size()), nil
}

func TestOnlyTheProfileIsSpoken(t *testing.T) {
	for _, c := range []struct {
		name, why string
		spoil     func(*tls.Config)
	}{
		{"TLS 1.2/H-01", "unsupported versions", func(c *tls.Config) { c.MinVersion, c.MaxVersion = tls.VersionTLS12, tls.VersionTLS12 }},
		{"no ALPN/H-01", "no protocol", func(c *tls.Config) { c.NextProtos = nil }},
		{"another ALPN/H-01", "unsupported application protocols", func(c *tls.Config) { c.NextProtos = []string{"h2", "http/1.1"} }},
	} {
		t.Run(c.name, func(t *testing.T) {
			story(t, func(t *testing.T, s *stage) {
				refuses(t, s, visit(func(config *tls.Config) {
					config.VerifyConnection = nil // the visitor would mind first
					c.spoil(config)
				}), c.why)
			})
		})
	}
	t.Run("hello without TLS/H-01", func(t *testing.T) {
		story(t, func(t *testing.T, s *stage) {
			a := s.host(1)
			conn := must(s.dial(t.Context(), addrOf(visitor).Addr(), a.addr))
			defer conn.Close()
			conn.Write(frameOf(greeting("x", a.cfg.Instance, 7420)))
			if _, err := io.Copy(io.Discard, conn); err != nil && !closedBy(err) {
				t.Error(err)
			}
			notLetIn(t, a)
		})
	})
	t.Run("nothing at all/H-01", func(t *testing.T) {
		story(t, func(t *testing.T, s *stage) {
			a := s.host(1)
			conn := must(s.dial(t.Context(), addrOf(visitor).Addr(), a.addr))
			defer conn.Close()
			began := time.Now()
			io.Copy(io.Discard, conn)
			if took := time.Since(began); took != handshakeTime {
				t.Errorf("closed after %v, want %v", took, handshakeTime)
			}
			notLetIn(t, a)
		})
	})
}

// refuses lets a visitor knock at a new host, which must refuse it for that
// reason.
func refuses(t *testing.T, s *stage, config *tls.Config, why string) {
	t.Helper()
	a := s.host(1)
	if err := s.knock(a, config); err == nil {
		t.Error("the visitor was let in")
	}
	notLetIn(t, a)
	if !strings.Contains(a.log.String(), why) {
		t.Errorf("refused for another reason: %s", a.log)
	}
}

// notLetIn checks that a refused visitor left no trace but one line.
func notLetIn(t *testing.T, a *actor) {
	t.Helper()
	synctest.Wait()
	if kinds := a.kinds(); len(kinds) > 0 {
		t.Errorf("there were events: %v", kinds)
	}
	if n := a.log.warnings(); n != 1 {
		t.Errorf("%d lines in the log, want 1", n)
	}
}

func TestOnlyAProvenKeyIsAPeer(t *testing.T) {
	ec := must(ecdsa.GenerateKey(elliptic.P256(), rand.Reader))
	long := &rsa.PublicKey{N: new(big.Int).SetBit(big.NewInt(1), 8191, 1), E: 65537}
	victim := seedID(2)
	good := must(selfSigned(NewIdentity(seed(visitor))))
	for _, c := range []struct {
		name, why string
		cert      *tls.Certificate
	}{
		{"no certificate/H-03", "provide a certificate", &tls.Certificate{}},
		{"two certificates/H-03", "2 certificates", &tls.Certificate{
			Certificate: [][]byte{good.Certificate[0], good.Certificate[0]}, PrivateKey: good.PrivateKey,
		}},
		{"RSA with 8192 bits/H-03", "*rsa.PublicKey", &tls.Certificate{
			Certificate: [][]byte{issue(long, pkix.Name{})}, PrivateKey: rsaForger{long},
		}},
		{"ECDSA/H-03", "*ecdsa.PublicKey", &tls.Certificate{Certificate: [][]byte{issue(ec.Public(), pkix.Name{})}, PrivateKey: ec}},
		{"a wrong signature of the handshake/H-03", "invalid signature", new(forged(ed25519.PublicKey(victim[:])))},
	} {
		t.Run(c.name, func(t *testing.T) {
			story(t, func(t *testing.T, s *stage) {
				refuses(t, s, visit(func(config *tls.Config) {
					config.GetClientCertificate = func(*tls.CertificateRequestInfo) (*tls.Certificate, error) { return c.cert, nil }
				}), c.why)
			})
		})
	}
}

// A server that shows a key it does not have is found out by its signature
// too, although VerifyConnection has seen the right key by then.
func TestAServerWithoutTheKeyIsNotAPeer(t *testing.T) {
	t.Run("a wrong signature of the dialled side/H-03", func(t *testing.T) {
		story(t, func(t *testing.T, s *stage) {
			a, victim := s.host(1), seedID(2)
			l := s.listen(addrOf(2))
			go func() {
				for {
					conn, err := l.Accept()
					if err != nil {
						return
					}
					tls.Server(conn, tlsConfig(forged(ed25519.PublicKey(victim[:])), ID{}, protoSession)).Handshake()
					conn.Close()
				}
			}()
			a.Reach(victim, []netip.AddrPort{addrOf(2)})
			await[PeerGone](a)
			l.Close()
			if n := count[SessionUp](a) + count[WrongKey](a); n != 0 {
				t.Errorf("there were events: %v", a.kinds())
			}
		})
	})
}

// tickets counts what a server gave to resume with.
type tickets struct {
	tls.ClientSessionCache
	given int
}

func (c *tickets) Put(key string, state *tls.ClientSessionState) {
	c.given++
	c.ClientSessionCache.Put(key, state)
}

func TestNothingIsResumed(t *testing.T) {
	t.Run("a visitor that was dropped comes with a session cache/H-05", func(t *testing.T) {
		story(t, func(t *testing.T, s *stage) {
			a := s.host(1)
			cache := &tickets{ClientSessionCache: tls.NewLRUClientSessionCache(8)}
			config := visit(func(c *tls.Config) { c.ClientSessionCache, c.SessionTicketsDisabled = cache, false })
			for range 2 {
				conn := must(s.dial(t.Context(), addrOf(visitor).Addr(), a.addr))
				p := s.puppetOn(conn, config)
				p.hello()
				if p.ConnectionState().DidResume {
					t.Error("resumed")
				}
				await[SessionUp](a)
				a.Drop(seedID(visitor), ByeIdle)
				p.hearBye()
			}
			if cache.given > 0 {
				t.Errorf("%d tickets were given", cache.given)
			}
		})
	})
}

func TestNamesInACertificateMeanNothing(t *testing.T) {
	t.Run("subject and names of somebody else/H-07", func(t *testing.T) {
		story(t, func(t *testing.T, s *stage) {
			a, key := s.host(1), NewIdentity(seed(visitor)).key
			other := seedID(2).String()
			cert := tls.Certificate{Certificate: [][]byte{issue(key.Public(), pkix.Name{CommonName: other}, other, "alice")}, PrivateKey: key}
			conn := must(s.dial(t.Context(), addrOf(visitor).Addr(), a.addr))
			s.puppetOn(conn, tlsConfig(cert, a.id(), protoSession)).hello()
			if up := await[SessionUp](a); up.ID != seedID(visitor) {
				t.Errorf("taken for %s", up.ID)
			}
		})
	})
}

func TestOwnKeyIsClosedQuietly(t *testing.T) {
	quiet := func(t *testing.T, a *actor) {
		t.Helper()
		synctest.Wait()
		if len(a.kinds()) > 0 || a.log.warnings() > 0 || a.sessions() > 0 {
			t.Errorf("not quiet: %v, %d warnings, %d sessions", a.kinds(), a.log.warnings(), a.sessions())
		}
	}
	t.Run("our own hello comes back/H-13", func(t *testing.T) {
		story(t, func(t *testing.T, s *stage) {
			a := s.host(1)
			p := s.double(a)
			p.helloAs(a.hello())
			if bye := p.hearBye(); bye.Code != ByeDuplicate {
				t.Errorf("heard %+v", bye)
			}
			quiet(t, a)
		})
	})
	t.Run("it says nothing/H-13", func(t *testing.T) {
		story(t, func(t *testing.T, s *stage) {
			a := s.host(1)
			s.double(a).hear()
			time.Sleep(helloTime)
			quiet(t, a)
		})
	})
	t.Run("an address turns out to be ours/H-13", func(t *testing.T) {
		story(t, func(t *testing.T, s *stage) {
			a := s.host(1)
			a.Probe(a.addr)
			a.Challenge(a.addr)
			a.Reach(a.id(), []netip.AddrPort{a.addr})
			quiet(t, a)
			time.Sleep(time.Hour) // of the bubble: nothing is tried again
			quiet(t, a)
			if n := s.dialled(a.addr); n != 2 {
				t.Errorf("dialled %d times, want 2", n)
			}
		})
	})
	t.Run("another peer is said to be at our address/H-13", func(t *testing.T) {
		story(t, func(t *testing.T, s *stage) {
			a := s.host(1)
			a.Reach(seedID(2), []netip.AddrPort{a.addr})
			await[PeerGone](a)
			if count[WrongKey](a) > 0 {
				t.Error("an alarm about ourselves")
			}
		})
	})
}

func TestAWrongKeyIsTold(t *testing.T) {
	story(t, func(t *testing.T, s *stage) {
		a, thief := s.host(1), s.host(3)
		a.Reach(seedID(2), []netip.AddrPort{thief.addr})
		want := WrongKey{Want: seedID(2), Got: thief.id(), Addr: thief.addr}
		if got := await[WrongKey](a); got != want {
			t.Errorf("got %+v, want %+v", got, want)
		}
		await[PeerGone](a)
		if a.sessions()+count[SessionUp](thief) > 0 {
			t.Error("there is a session")
		}
	})
}

// TestAnAttackerChangesNothing lets somebody who knows all that is public of a
// peer try to be it.
func TestAnAttackerChangesNothing(t *testing.T) {
	t.Run("a thousand connections in the name of a peer/H-11", func(t *testing.T) {
		story(t, func(t *testing.T, s *stage) {
			a, victim := s.host(1), s.host(2)
			meet(a, victim)
			id := victim.id()
			cert := forged(ed25519.PublicKey(id[:]))
			config := visit(func(c *tls.Config) {
				c.GetClientCertificate = func(*tls.CertificateRequestInfo) (*tls.Certificate, error) { return &cert, nil }
			})
			for range 1000 {
				if err := s.knock(a, config); err == nil {
					t.Fatal("let in")
				}
			}
			p := s.puppet(visitor, a)
			p.helloAs(victim.hello()) // its name, its instance, its port
			if up := await[SessionUp](a); up.ID != seedID(visitor) {
				t.Errorf("taken for %s", up.ID)
			}
			if n := a.log.warnings(); n > 1 {
				t.Errorf("%d warnings in a moment", n)
			}
			if !a.Send(victim.id(), OfferState{State: "active"}) || count[SessionDown](a) > 0 {
				t.Error("the victim's session suffered")
			}
			await[Received](victim)
		})
	})
}

// A real listener, so that closing and resetting are those of the system.
func TestAPlainClientIsClosedOnARealSocket(t *testing.T) {
	t.Run("hello without TLS on TCP/H-01", func(t *testing.T) {
		a := realHost(t, 1)
		conn, err := net.Dial("tcp", a.addr.String())
		if err != nil {
			t.Fatal(err)
		}
		defer conn.Close()
		fmt.Fprint(conn, "\x00\x00\x00\x04\x02\xa1\x01\x07")
		conn.SetReadDeadline(time.Now().Add(realPatience))
		if _, err := io.Copy(io.Discard, conn); errors.Is(err, os.ErrDeadlineExceeded) {
			t.Error("not closed")
		}
	})
}
