package server

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"

	"net"
	"net/netip"
	"net/url"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/go-ldap/ldap/v3"
	"golang.org/x/text/unicode/norm"

	"earshot/peer"
)

// LDAP is the directory (RFC 4511) that knows people's passwords. A log-in is checked
// by signing in there with what the person typed; nothing of it is kept.
type LDAP struct {
	// URL is ldaps://host[:port], or ldap://host[:port], where StartTLS follows unless
	// the host is this machine, or ldapi://%2Fpath%2Fof%2Fsocket. Empty: no directory.
	URL string
	// Bind is as whom a person signs in there, with %s for the user name: a DN, or
	// another form that the directory takes.
	Bind string
	// Base is the DN below which a person's entry is sought where Bind is no DN. Empty:
	// names and teams are not taken from there.
	Base string
	// Roots are those that the directory's certificate may come from; nil: the system's.
	Roots *x509.CertPool
}

// ErrLDAP says what is wrong with [LDAP].
var ErrLDAP = errors.New("this directory cannot be asked")

// byLDAP stands for the hash of a password that a directory knows. It is none.
const byLDAP = "ldap"

const (
	// ldapTime bounds a log-in at the directory, from the first packet to the last, and
	// ldapBytes what it may answer: a handshake and one entry.
	ldapTime  = 5 * time.Second
	ldapBytes = 256 << 10
	// ldapAtOnce log-ins are under way there at most; the others wait, in ldapTime.
	ldapAtOnce = 8
)

var (
	errWrong = errors.New("the directory says no")
	errLong  = errors.New("the directory's answer is too long")
)

// ldapServer asks a directory. The zero pointer is none.
type ldapServer struct {
	LDAP
	network, address string
	tls              *tls.Config // nil: in the clear, on this machine
	start            bool        // with StartTLS
	turns            chan struct{}
}

// ldapEntry is what a directory says of somebody; hostile, and empty where it says
// nothing.
type ldapEntry struct{ name, team string }

// newLDAP checks what an administrator wrote.
func newLDAP(c LDAP) (*ldapServer, error) {
	if c.URL == "" {
		return nil, nil
	}
	if strings.Count(c.Bind, "%s") != 1 {
		return nil, fmt.Errorf("%w: want one %%s for the user name in %q", ErrLDAP, c.Bind)
	}
	if socket, ok := strings.CutPrefix(c.URL, "ldapi://"); ok {
		return newLDAPHere(c, socket)
	}
	u, err := url.Parse(c.URL)
	if err != nil || u.User != nil || u.RawQuery != "" || u.Fragment != "" || strings.Trim(u.Path, "/") != "" {
		return nil, fmt.Errorf("%w: want ldaps://host, not %q", ErrLDAP, c.URL)
	}
	l := &ldapServer{LDAP: c, network: "tcp", turns: make(chan struct{}, ldapAtOnce)}
	host, port := u.Hostname(), u.Port()
	secure := &tls.Config{ServerName: host, RootCAs: c.Roots, MinVersion: tls.VersionTLS12}
	switch {
	case u.Scheme == "ldaps" && host != "":
		l.tls = secure
		port = orPort(port, ldap.DefaultLdapsPort)
	case u.Scheme == "ldap" && host != "":
		if !isHere(host) {
			l.tls, l.start = secure, true
		}
		port = orPort(port, ldap.DefaultLdapPort)
	default:
		return nil, fmt.Errorf("%w: want ldaps://host, not %q", ErrLDAP, c.URL)
	}
	l.address = net.JoinHostPort(host, port)
	return l, nil
}

// newLDAPHere is a directory on this machine's socket, whose path is escaped as in a
// URL.
func newLDAPHere(c LDAP, socket string) (*ldapServer, error) {
	path, err := url.PathUnescape(socket)
	if err != nil || !strings.HasPrefix(path, "/") {
		return nil, fmt.Errorf("%w: want ldapi:// and an escaped path, not %q", ErrLDAP, c.URL)
	}
	return &ldapServer{LDAP: c, network: "unix", address: path, turns: make(chan struct{}, ldapAtOnce)}, nil
}

func orPort(port, usual string) string {
	if port == "" {
		return usual
	}
	return port
}

// isHere reports whether what goes to a host never leaves this machine.
func isHere(host string) bool {
	addr, err := netip.ParseAddr(host)
	return err == nil && addr.IsLoopback()
}

// prove signs in as a user, and gives the entry of who can. The error is errWrong where
// the directory knows nobody of that name and password.
func (l *ldapServer) prove(ctx context.Context, user, password string) (ldapEntry, error) {
	ctx, cancel := context.WithTimeout(ctx, ldapTime)
	defer cancel()
	select {
	case l.turns <- struct{}{}:
		defer func() { <-l.turns }()
	case <-ctx.Done():
		return ldapEntry{}, ctx.Err()
	}
	password, ok := foldForLDAP(password)
	if !ok {
		return ldapEntry{}, errWrong
	}
	conn, err := l.dial(ctx)
	if err != nil {
		return ldapEntry{}, fmt.Errorf("reach %s: %w", l.address, err)
	}
	defer conn.Close()
	if err := conn.Bind(l.name(user), password); err != nil {
		return ldapEntry{}, refusedByLDAP(err)
	}
	return l.entry(conn, user), nil
}

// foldForLDAP gives a password one form, as [foldPassword] does. How long it has to be
// is the directory's business; but an empty one would be no log-in at all (RFC 4513,
// 5.1.2), and be answered with success.
func foldForLDAP(password string) (string, bool) {
	folded := norm.NFC.String(password)
	return folded, folded != "" && len(password) <= maxPassword && len(folded) <= maxPassword && utf8.ValidString(folded)
}

// name is as whom a user signs in.
func (l *ldapServer) name(user string) string {
	if l.isDN() {
		user = ldap.EscapeDN(user)
	}
	return strings.Replace(l.Bind, "%s", user, 1)
}

func (l *ldapServer) isDN() bool {
	_, err := ldap.ParseDN(strings.Replace(l.Bind, "%s", "x", 1))
	return err == nil
}

// refusedByLDAP tells a wrong name or password from trouble.
func refusedByLDAP(err error) error {
	if ldap.IsErrorAnyOf(err, ldap.LDAPResultInvalidCredentials, ldap.LDAPResultNoSuchObject, ldap.LDAPResultInvalidDNSyntax,
		ldap.LDAPResultInappropriateAuthentication, ldap.LDAPResultUnwillingToPerform, ldap.LDAPResultConstraintViolation,
		ldap.LDAPResultInsufficientAccessRights) {
		return errWrong
	}
	return err
}

// entry reads what the directory says of who just signed in. Who may not read that has
// no name there.
func (l *ldapServer) entry(conn *ldap.Conn, user string) ldapEntry {
	base, scope, filter := l.name(user), ldap.ScopeBaseObject, "(objectClass=*)"
	if !l.isDN() {
		if l.Base == "" {
			return ldapEntry{}
		}
		base, scope = l.Base, ldap.ScopeWholeSubtree
		filter = strings.ReplaceAll("(|(uid=%s)(sAMAccountName=%s))", "%s", ldap.EscapeFilter(user))
	}
	found, err := conn.Search(ldap.NewSearchRequest(base, scope, ldap.NeverDerefAliases, 1, int(ldapTime/time.Second), false,
		filter, []string{"displayName", "cn", "department", "ou"}, nil))
	if err != nil || len(found.Entries) != 1 {
		return ldapEntry{}
	}
	e := found.Entries[0]
	return ldapEntry{name: shown(e, "displayName", "cn"), team: shown(e, "department", "ou")}
}

// shown is the first of the attributes that says something.
func shown(e *ldap.Entry, attributes ...string) string {
	for _, a := range attributes {
		if text := peer.DisplayName(e.GetEqualFoldAttributeValue(a)); !text.IsZero() {
			return text.String()
		}
	}
	return ""
}

// dial connects, and ends everything on that connection when ctx does.
func (l *ldapServer) dial(ctx context.Context) (*ldap.Conn, error) {
	raw, err := (&net.Dialer{}).DialContext(ctx, l.network, l.address)
	if err != nil {
		return nil, err
	}
	context.AfterFunc(ctx, func() { raw.Close() })
	if end, ok := ctx.Deadline(); ok {
		if err := raw.SetDeadline(end); err != nil {
			raw.Close()
			return nil, err
		}
	}
	var bounded net.Conn = &boundedConn{Conn: raw, left: ldapBytes}
	if l.tls != nil && !l.start {
		secure := tls.Client(bounded, l.tls)
		if err := secure.HandshakeContext(ctx); err != nil {
			raw.Close()
			return nil, err
		}
		bounded = secure
	}
	conn := ldap.NewConn(bounded, l.tls != nil && !l.start)
	conn.SetTimeout(ldapTime)
	conn.Start()
	if l.start {
		if err := conn.StartTLS(l.tls); err != nil {
			conn.Close()
			return nil, err
		}
	}
	return conn, nil
}

// boundedConn reads so many bytes and no more.
type boundedConn struct {
	net.Conn
	left int
}

func (c *boundedConn) Read(b []byte) (int, error) {
	if c.left <= 0 {
		return 0, errLong
	}
	n, err := c.Conn.Read(b[:min(len(b), c.left)])
	c.left -= n
	return n, err
}
