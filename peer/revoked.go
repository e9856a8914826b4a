package peer

import (
	"errors"
	"fmt"
	"slices"
)

// Revocations is what a realm took back: for each device the last serial whose
// ticket is void. Entries are only added and only grow, so of two lists of a realm
// whatever either says holds. The zero value is an empty list of any realm. It
// must not be changed.
type Revocations struct {
	Realm ID
	Epoch uint64 // grows with each list that is signed; 0: none was
	Void  []Void // in the order of the devices, each once
}

// Void says that the tickets of a device up to this serial are void.
type Void struct {
	_      struct{} `cbor:",toarray"`
	Device ID
	Serial uint64
}

const (
	revokedVersion = 1
	revokedDomain  = "earshot revoked v1\x00"
	// revokedPage entries, of at most 44 bytes each, fit into a frame of a session.
	revokedPage = 1024
	// maxRevokedPages bounds a list to 65,536 devices, and to 3 MiB.
	maxRevokedPages = 64
	// maxPageBytes is the longest page with its signature.
	maxPageBytes = revokedPage*44 + 256
	// MaxRevocations is the longest signed list in bytes.
	MaxRevocations = maxRevokedPages * maxPageBytes
)

// revokedBody is what is signed of each page. A page is true on its own: who has
// only some of a list's knows of fewer devices, and nothing wrong.
type revokedBody struct {
	Version uint64 `cbor:"1,keyasint"`
	Realm   ID     `cbor:"2,keyasint"`
	Epoch   uint64 `cbor:"3,keyasint"`
	Page    uint64 `cbor:"4,keyasint"` // from 0
	Pages   uint64 `cbor:"5,keyasint"`
	Void    []Void `cbor:"6,keyasint"`
}

// Sign makes the list's bytes, signed by the realm, whose ID is filled in: one
// page after the other. It fails for a list that nobody would take.
func (r Revocations) Sign(realm *Identity) ([]byte, error) {
	pages := slices.Collect(slices.Chunk(r.Void, revokedPage))
	if len(pages) == 0 {
		pages = [][]Void{{}}
	}
	var raw []byte
	for n, void := range pages {
		page, err := seal(realm, revokedDomain, revokedBody{
			Version: revokedVersion, Realm: realm.ID(), Epoch: r.Epoch, Page: uint64(n), Pages: uint64(len(pages)), Void: void,
		})
		if err != nil {
			return nil, fmt.Errorf("sign revocations: %w", err)
		}
		raw = append(raw, page...)
	}
	if _, err := ParseRevocations(raw); err != nil {
		return nil, fmt.Errorf("sign revocations: %w", err)
	}
	return raw, nil
}

// ParseRevocations reads a whole list that the realm named in it signed. Whether
// that is the right realm is for the caller.
func ParseRevocations(raw []byte) (Revocations, error) {
	pages, err := splitRevoked(raw)
	if err != nil {
		return Revocations{}, fmt.Errorf("read revocations: %w", err)
	}
	var list Revocations
	for n, raw := range pages {
		b, err := parseRevokedPage(raw)
		switch {
		case err != nil:
		case b.Page != uint64(n) || b.Pages != uint64(len(pages)), n > 0 && (b.Realm != list.Realm || b.Epoch != list.Epoch):
			err = errors.New("the pages are of different lists")
		case n > 0 && list.Void[len(list.Void)-1].Device.Compare(b.Void[0].Device) >= 0:
			err = errVoidOrder
		}
		if err != nil {
			return Revocations{}, fmt.Errorf("read revocations, page %d: %w", n, err)
		}
		list.Realm, list.Epoch = b.Realm, b.Epoch
		list.Void = append(list.Void, b.Void...)
	}
	return list, nil
}

// splitRevoked cuts a list into its pages.
func splitRevoked(raw []byte) (pages [][]byte, err error) {
	for len(raw) > 0 || len(pages) == 0 {
		if len(pages) == maxRevokedPages {
			return nil, fmt.Errorf("more than %d pages", maxRevokedPages)
		}
		head := raw[:min(len(raw), maxPageBytes)]
		var b revokedBody
		rest, err := decMode.UnmarshalFirst(head, &b)
		if err != nil {
			return nil, err
		}
		n := len(head) - len(rest) + signatureSize
		if n > len(head) {
			return nil, errors.New("a page without its signature")
		}
		pages, raw = append(pages, raw[:n]), raw[n:]
	}
	return pages, nil
}

var errVoidOrder = errors.New("the devices are not in order")

// parseRevokedPage reads a page that the realm named in it signed. A page that is
// not the only one is never empty, and all but the last are full: a list has one
// form.
func parseRevokedPage(raw []byte) (revokedBody, error) {
	var b revokedBody
	if len(raw) > maxPageBytes {
		return b, fmt.Errorf("%d bytes, at most %d", len(raw), maxPageBytes)
	}
	if err := unseal(raw, revokedDomain, &b, &b.Realm); err != nil {
		return b, err
	}
	full := len(b.Void) == revokedPage
	switch {
	case b.Version != revokedVersion:
		return b, fmt.Errorf("version %d", b.Version)
	case b.Pages < 1 || b.Pages > maxRevokedPages || b.Page >= b.Pages:
		return b, fmt.Errorf("page %d of %d", b.Page, b.Pages)
	case b.Void == nil, len(b.Void) > revokedPage, b.Page+1 < b.Pages && !full, b.Page > 0 && len(b.Void) == 0:
		return b, fmt.Errorf("%d devices on page %d of %d", len(b.Void), b.Page, b.Pages)
	case !ordered(b.Void):
		return b, errVoidOrder
	}
	return b, nil
}

// ordered reports whether the devices are in order, each once.
func ordered(void []Void) bool {
	for n := 1; n < len(void); n++ {
		if void[n-1].Device.Compare(void[n].Device) >= 0 {
			return false
		}
	}
	return true
}

// Voids reports whether the list says that the ticket is void.
func (r Revocations) Voids(t Ticket) bool {
	if t.Realm != r.Realm {
		return false
	}
	n, found := slices.BinarySearchFunc(r.Void, t.Device, func(v Void, id ID) int { return v.Device.Compare(id) })
	return found && t.Serial <= r.Void[n].Serial
}

// Merge is the list of what either says, for two lists of one realm: for each
// device the higher serial, and the higher epoch. A list of another realm changes
// nothing.
func (r Revocations) Merge(other Revocations) Revocations {
	if r.Realm.IsZero() {
		r.Realm = other.Realm
	}
	if r.Realm != other.Realm {
		return r
	}
	return Revocations{Realm: r.Realm, Epoch: max(r.Epoch, other.Epoch), Void: mergeVoid(r.Void, other.Void)}
}

// Add is the list that says of one more device which serials are void.
func (r Revocations) Add(device ID, serial uint64) Revocations {
	r.Void = mergeVoid(r.Void, []Void{{Device: device, Serial: serial}})
	return r
}

// mergeVoid merges two lists in order.
func mergeVoid(a, b []Void) []Void {
	merged := make([]Void, 0, len(a)+len(b))
	for len(a) > 0 && len(b) > 0 {
		next := a[0]
		switch order := a[0].Device.Compare(b[0].Device); {
		case order < 0:
			a = a[1:]
		case order > 0:
			next, b = b[0], b[1:]
		default:
			next.Serial = max(next.Serial, b[0].Serial)
			a, b = a[1:], b[1:]
		}
		merged = append(merged, next)
	}
	return append(append(merged, a...), b...)
}
