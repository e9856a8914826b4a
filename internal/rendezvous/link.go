package rendezvous

import (
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"net/url"
	"strconv"
	"strings"

	"earshot/peer"
)

const (
	// maxLink is the longest join link that is looked at: a host name has 253
	// characters, a key 43, a code a few dozen.
	maxLink = 512
	// maxCode is the longest invitation in a link.
	maxCode = 64
)

// ErrLink says that a text is neither a join link nor host or host:port.
var ErrLink = errors.New("not the address of a server")

// Link says where a server is, which key it has, and who may register there:
//
//	earshot://host:port/?k=<base64url of the realm's key>&c=<code>
type Link struct {
	Address string  // host:port
	Realm   peer.ID // zero: not known, see [Probe]
	Code    string  // an invitation; may be empty
}

// ParseLink reads a join link, or host or host:port, which say nothing of the key.
// [Link.String] gives what means the same.
func ParseLink(text string) (Link, error) {
	if len(text) > maxLink {
		return Link{}, fmt.Errorf("%w: longer than %d bytes", ErrLink, maxLink)
	}
	if !strings.Contains(text, "://") {
		address, err := parseAddress(text)
		return Link{Address: address}, err
	}
	u, err := url.Parse(text)
	if err != nil {
		return Link{}, fmt.Errorf("%w: not a link", ErrLink)
	}
	if u.Scheme != "earshot" || u.User != nil || u.Fragment != "" || u.Path != "" && u.Path != "/" {
		return Link{}, fmt.Errorf("%w: not a join link", ErrLink)
	}
	l := Link{}
	if l.Address, err = parseAddress(u.Host); err != nil {
		return Link{}, err
	}
	return l, l.parseQuery(u.RawQuery)
}

// parseQuery reads the key, which a link must have, and the code.
func (l *Link) parseQuery(raw string) error {
	values, err := url.ParseQuery(raw)
	if err != nil || len(values["k"]) != 1 {
		return fmt.Errorf("%w: a join link has one key", ErrLink)
	}
	key, err := base64.RawURLEncoding.Strict().DecodeString(values.Get("k"))
	if err != nil || len(key) != len(l.Realm) || peer.ID(key).IsZero() {
		return fmt.Errorf("%w: the key in the link is not whole", ErrLink)
	}
	l.Realm = peer.ID(key)
	if codes := values["c"]; len(codes) > 1 || len(codes) == 1 && !isCode(codes[0]) {
		return fmt.Errorf("%w: the code in the link is not whole", ErrLink)
	}
	l.Code = values.Get("c")
	return nil
}

// isCode reports whether text can be an invitation.
func isCode(text string) bool {
	alien := func(r rune) bool {
		return (r < '0' || r > '9') && (r < 'a' || r > 'z') && (r < 'A' || r > 'Z') && r != '-' && r != '_'
	}
	return text != "" && len(text) <= maxCode && !strings.ContainsFunc(text, alien)
}

// String is the join link, without a key just host:port.
func (l Link) String() string {
	if l.Realm.IsZero() {
		return l.Address
	}
	link := "earshot://" + l.Address + "/?k=" + base64.RawURLEncoding.EncodeToString(l.Realm[:])
	if l.Code != "" {
		link += "&c=" + l.Code
	}
	return link
}

// parseAddress makes host:port of host or host:port: the port is [DefaultPort]
// where none is said, and an IPv6 address stands in brackets where one is.
func parseAddress(text string) (string, error) {
	host, digits := text, strconv.Itoa(DefaultPort)
	if _, err := netip.ParseAddr(text); err != nil && strings.LastIndexByte(text, ':') > strings.LastIndexByte(text, ']') {
		if host, digits, err = net.SplitHostPort(text); err != nil {
			return "", fmt.Errorf("%w: %q", ErrLink, text)
		}
	} else if inner, ok := strings.CutPrefix(text, "["); ok {
		host = strings.TrimSuffix(inner, "]")
	}
	port, err := strconv.ParseUint(digits, 10, 16)
	if err != nil || port == 0 || !isHost(host) {
		return "", fmt.Errorf("%w: %q", ErrLink, text)
	}
	return net.JoinHostPort(strings.ToLower(host), strconv.FormatUint(port, 10)), nil
}

// isHost reports whether text is an IP address or may be a computer's name.
func isHost(text string) bool {
	if addr, err := netip.ParseAddr(text); err == nil {
		return addr.Zone() == ""
	}
	alien := func(r rune) bool {
		return (r < '0' || r > '9') && (r < 'a' || r > 'z') && (r < 'A' || r > 'Z') && r != '-' && r != '_' && r != '.'
	}
	return text != "" && len(text) <= 253 && !strings.ContainsFunc(text, alien)
}

// Fingerprint is a realm's key as people compare it: the first 16 bytes of the
// SHA-256 of "earshot realm v1\0" and the key, in 8 groups of hexadecimal digits.
func Fingerprint(realm peer.ID) string {
	sum := sha256.Sum256(append([]byte("earshot realm v1\x00"), realm[:]...))
	digits := strings.ToUpper(hex.EncodeToString(sum[:16]))
	groups := make([]string, 0, len(digits)/4)
	for i := 0; i < len(digits); i += 4 {
		groups = append(groups, digits[i:i+4])
	}
	return strings.Join(groups, " ")
}

// SameFingerprint reports whether what a person typed is the realm's fingerprint,
// all of it: case, spaces, "-" and ":" do not matter.
func SameFingerprint(realm peer.ID, typed string) bool {
	fold := strings.NewReplacer(" ", "", "-", "", ":", "", "\t", "")
	return strings.ToUpper(fold.Replace(typed)) == fold.Replace(Fingerprint(realm))
}
