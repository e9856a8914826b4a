package discovery

import (
	"encoding/base64"
	"net/netip"
	"strings"
	"unicode/utf8"

	"github.com/google/uuid"

	"earshot/peer"
)

// What a TXT record may hold. All of it fits one packet, also on the smallest
// links, and every string the 255 bytes that the format allows.
const (
	maxStrings   = 16  // looked at; we send five
	maxNameBytes = 192 // as everywhere: 48 characters of 4 bytes
	maxNamed     = 6   // addresses told
)

// text is what a TXT record says of a device, or of a server.
type text struct {
	id       peer.ID   // of a server: its realm's key
	instance uuid.UUID // zero when not said
	name     string
	addrs    []netip.Addr // at most maxNamed, without zones
}

// strings is the record's content, in the presentation form that miekg/dns
// packs: there a backslash begins an escape, so ours are doubled.
func (t text) strings() []string {
	var addrs []string
	for _, a := range t.addrs[:min(len(t.addrs), maxNamed)] {
		addrs = append(addrs, a.String())
	}
	txt := []string{
		"txtvers=1",
		"p=1", // the protocol version spoken, for who looks with other tools
		"k=" + base64.RawURLEncoding.EncodeToString(t.id[:]),
		"i=" + t.instance.String(),
	}
	if name := firstBytes(t.name, maxNameBytes); name != "" {
		txt = append(txt, "n="+strings.ReplaceAll(name, `\`, `\\`))
	}
	if len(addrs) > 0 {
		txt = append(txt, "a="+strings.Join(addrs, ","))
	}
	return txt
}

// parseText reads a TXT record as miekg/dns unpacks it. Of a key that is there
// twice the first one counts (RFC 6763, section 6.4). It reports false where no
// device is named.
func parseText(txt []string) (text, bool) {
	var t text
	seen := map[string]bool{}
	for _, s := range txt[:min(len(txt), maxStrings)] {
		key, value, ok := strings.Cut(s, "=")
		key = strings.ToLower(key)
		if !ok || seen[key] {
			continue
		}
		seen[key] = true
		t.set(key, unescape(value))
	}
	return t, !t.id.IsZero()
}

// set takes over one key's value, if it is a right one.
func (t *text) set(key, value string) {
	switch key {
	case "k":
		if b, err := base64.RawURLEncoding.Strict().DecodeString(value); err == nil && len(b) == len(t.id) {
			t.id = peer.ID(b)
		}
	case "i":
		if id, err := uuid.Parse(value); err == nil {
			t.instance = id
		}
	case "n":
		t.name = firstBytes(value, maxNameBytes)
	case "a":
		for _, s := range strings.SplitN(value, ",", maxNamed+1) {
			if a, err := netip.ParseAddr(s); err == nil && len(t.addrs) < maxNamed {
				t.addrs = append(t.addrs, a.Unmap().WithZone(""))
			}
		}
	}
}

// unescape undoes the presentation form of miekg/dns: \DDD is a byte, a
// backslash before anything else stands for that.
func unescape(s string) string {
	if !strings.Contains(s, `\`) {
		return s
	}
	b := make([]byte, 0, len(s))
	for i := 0; i < len(s); i++ {
		if s[i] == '\\' && i+1 < len(s) {
			i++
			if v, ok := decimal(s[i:]); ok {
				b = append(b, v)
				i += 2
				continue
			}
		}
		b = append(b, s[i])
	}
	return string(b)
}

// decimal reads the three digits of a byte at the beginning of s.
func decimal(s string) (byte, bool) {
	if len(s) < 3 {
		return 0, false
	}
	v := 0
	for _, c := range []byte(s[:3]) {
		if c < '0' || c > '9' {
			return 0, false
		}
		v = 10*v + int(c-'0')
	}
	return byte(v), v <= 255
}

// firstBytes cuts s to at most n bytes, between two characters where it has
// any.
func firstBytes(s string, n int) string {
	if len(s) <= n {
		return s
	}
	for cut := n; cut > n-utf8.UTFMax; cut-- {
		if utf8.RuneStart(s[cut]) {
			return s[:cut]
		}
	}
	return s[:n]
}
