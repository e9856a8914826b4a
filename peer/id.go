package peer

import (
	"bytes"
	"crypto/ed25519"
	"crypto/sha512"
	"encoding/base32"
	"encoding/binary"
	"fmt"
	"strings"

	"github.com/google/uuid"
)

// ID is a device's Ed25519 public key. It is the identity: whoever proves the
// key in the TLS handshake is this device, and nothing else is.
type ID [ed25519.PublicKeySize]byte

// idText is RFC 4648 base32, upper case, without padding: 52 characters.
var idText = base32.StdEncoding.WithPadding(base32.NoPadding)

// labelSpace is the namespace of the mDNS instance labels.
var labelSpace = uuid.NewSHA1(uuid.NameSpaceDNS, []byte("earshot"))

// ParseID reads an ID as [ID.String] or [ID.Grouped] writes it; case, spaces
// and hyphens do not matter.
func ParseID(text string) (ID, error) {
	var id ID
	b, err := idText.DecodeString(FoldID(text))
	if err != nil || len(b) != len(id) {
		return ID{}, fmt.Errorf("parse ID %q: want 52 letters and digits", text)
	}
	copy(id[:], b)
	if id.String() != FoldID(text) { // the last character has bits to spare
		return ID{}, fmt.Errorf("parse ID %q: not in its one form", text)
	}
	return id, nil
}

// FoldID brings what a person typed of an ID, whole or only its beginning, to
// the form of [ID.String].
func FoldID(text string) string {
	return strings.ToUpper(strings.NewReplacer(" ", "", "-", "").Replace(text))
}

// String is the ID as JSON and commands show it: 52 characters.
func (id ID) String() string { return idText.EncodeToString(id[:]) }

// Grouped is the ID as a person reads it: 13 groups of 4.
func (id ID) Grouped() string {
	s := id.String()
	groups := make([]string, 0, 13)
	for ; s != ""; s = s[4:] {
		groups = append(groups, s[:4])
	}
	return strings.Join(groups, " ")
}

// IsZero reports whether the ID is unset.
func (id ID) IsZero() bool { return id == ID{} }

// Compare orders IDs by their bytes.
func (id ID) Compare(other ID) int { return bytes.Compare(id[:], other[:]) }

// Label is the device's mDNS instance label: plain ASCII, and provable, because
// it is a UUIDv5 (RFC 9562) of the key.
func (id ID) Label() uuid.UUID { return uuid.NewSHA1(labelSpace, id[:]) }

// MarshalText writes the form of [ID.String].
func (id ID) MarshalText() ([]byte, error) { return []byte(id.String()), nil }

// UnmarshalText reads what [ParseID] reads.
func (id *ID) UnmarshalText(text []byte) (err error) {
	*id, err = ParseID(string(text))
	return err
}

// SafetyNumber is what two people compare to be sure that nobody sits between
// them: 12 groups of 5 digits of both keys, the same on both sides.
func SafetyNumber(a, b ID) string {
	if a.Compare(b) > 0 {
		a, b = b, a
	}
	h := sha512.New()
	h.Write([]byte("earshot safety v1\x00"))
	h.Write(a[:])
	h.Write(b[:])
	sum := h.Sum(nil)
	groups := make([]string, 12)
	for i := range groups {
		var five [8]byte
		copy(five[3:], sum[5*i:5*i+5])
		groups[i] = fmt.Sprintf("%05d", binary.BigEndian.Uint64(five[:])%100_000)
	}
	return strings.Join(groups, " ")
}
