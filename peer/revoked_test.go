package peer

import (
	"bytes"
	"encoding/binary"
	"reflect"
	"testing"

	"pgregory.net/rapid"
)

// sampleRevocations is the golden list: of the realm seed 02.
func sampleRevocations() Revocations {
	return Revocations{Realm: seedID(2), Epoch: 5}.Add(seedID(1), 7).Add(seedID(3), 1)
}

// numberedID is one of many devices, in the order of their numbers.
func numberedID(n int) (id ID) {
	binary.BigEndian.PutUint64(id[:], uint64(n))
	return id
}

// crowd is a list of so many devices.
func crowd(devices int) Revocations {
	list := Revocations{Realm: seedID(2), Epoch: 1}
	for n := range devices {
		list.Void = append(list.Void, Void{Device: numberedID(n), Serial: 1<<64 - 1})
	}
	return list
}

func TestRevocationsHaveTheirGoldenBytes(t *testing.T) {
	want := goldenSealed(t, "revoked")
	got, err := sampleRevocations().Sign(NewIdentity(seed(2)))
	if err != nil || !bytes.Equal(got, want) {
		t.Errorf("got %x, %v, want %x", got, err, want)
	}
	if list, err := ParseRevocations(want); err != nil || !reflect.DeepEqual(list, sampleRevocations()) {
		t.Errorf("got %+v, %v", list, err)
	}
}

func TestAListIsReadAsItWasSigned(t *testing.T) {
	realm := NewIdentity(seed(2))
	for _, devices := range []int{0, 1, revokedPage, revokedPage + 1, maxRevokedPages * revokedPage} {
		list := crowd(devices)
		raw, err := list.Sign(realm)
		if err != nil || len(raw) > MaxRevocations {
			t.Fatalf("%d devices: %d bytes, %v", devices, len(raw), err)
		}
		got, err := ParseRevocations(raw)
		if err != nil || got.Realm != list.Realm || got.Epoch != 1 || len(got.Void) != devices {
			t.Errorf("%d devices: read %d, %v", devices, len(got.Void), err)
		}
		pages, _ := splitRevoked(raw)
		for _, page := range pages {
			if len(page) > ControlFrame-100 {
				t.Errorf("%d devices: a page of %d bytes in a frame", devices, len(page))
			}
		}
	}
	if raw, err := crowd(maxRevokedPages*revokedPage + 1).Sign(realm); err == nil {
		t.Errorf("a list of %d bytes was signed", len(raw))
	}
}

func TestAListOutOfOrderIsNotSigned(t *testing.T) {
	one, two := Void{Device: numberedID(1)}, Void{Device: numberedID(2)}
	for _, void := range [][]Void{{two, one}, {one, one}} {
		if _, err := (Revocations{Void: void}).Sign(NewIdentity(seed(2))); err == nil {
			t.Errorf("signed %v", void)
		}
	}
}

func TestPagesOfDifferentListsAreNoList(t *testing.T) {
	realm := NewIdentity(seed(2))
	raw := must(crowd(2*revokedPage + 1).Sign(realm))
	pages, err := splitRevoked(raw)
	if err != nil || len(pages) != 3 {
		t.Fatalf("%d pages, %v", len(pages), err)
	}
	newer := crowd(2*revokedPage + 1)
	newer.Epoch++
	others, _ := splitRevoked(must(newer.Sign(realm)))
	foreign, _ := splitRevoked(must(crowd(2*revokedPage + 1).Sign(NewIdentity(seed(3)))))
	for what, pages := range map[string][][]byte{
		"the first is missing": pages[1:],
		"the last is missing":  pages[:2],
		"one is missing":       {pages[0], pages[2]},
		"one comes twice":      {pages[0], pages[1], pages[1], pages[2]},
		"the wrong order":      {pages[0], pages[2], pages[1]},
		"of another epoch":     {pages[0], others[1], pages[2]},
		"of another realm":     {pages[0], foreign[1], pages[2]},
		"something behind":     {pages[0], pages[1], pages[2], {0}},
		"nothing":              nil,
	} {
		if list, err := ParseRevocations(bytes.Join(pages, nil)); err == nil {
			t.Errorf("%s: read %d devices", what, len(list.Void))
		}
	}
}

func TestAnEmptyListHasOneForm(t *testing.T) {
	body := revokedBody{Version: 1, Realm: seedID(2), Pages: 1}
	if raw := must(seal(NewIdentity(seed(2)), revokedDomain, body)); raw != nil {
		if _, err := ParseRevocations(raw); err == nil {
			t.Error("took null for no devices")
		}
	}
}

func TestAListIsOfOneRealm(t *testing.T) {
	list, foreign := sampleRevocations(), Revocations{Realm: seedID(3), Epoch: 9}.Add(seedID(1), 99)
	if got := list.Merge(foreign); !reflect.DeepEqual(got, list) {
		t.Errorf("another realm made it %+v", got)
	}
	if got := (Revocations{}).Merge(list); !reflect.DeepEqual(got, list) {
		t.Errorf("the first list is %+v", got)
	}
	ticket := sampleTicket()
	ticket.Serial = 99
	if list.Voids(ticket) || !foreign.Add(seedID(1), 3).Voids(Ticket{Realm: seedID(3), Device: seedID(1), Serial: 99}) {
		t.Error("serials are mixed up")
	}
	if foreign.Voids(ticket) {
		t.Error("another realm voids the ticket")
	}
}

// drawList draws a list of a few devices.
func drawList(t *rapid.T, name string) Revocations {
	list := Revocations{Realm: seedID(2), Epoch: rapid.Uint64Range(0, 5).Draw(t, name+" epoch")}
	for device, serial := range rapid.MapOf(rapid.IntRange(0, 6), rapid.Uint64Range(0, 3)).Draw(t, name) {
		list = list.Add(numberedID(device), serial)
	}
	return list
}

// same compares lists; none and nil are one.
func same(a, b Revocations) bool {
	return a.Realm == b.Realm && a.Epoch == b.Epoch && len(a.Void) == len(b.Void) && (len(a.Void) == 0 || reflect.DeepEqual(a.Void, b.Void))
}

func TestListsMergeInAnyOrder(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		a, b, c := drawList(t, "a"), drawList(t, "b"), drawList(t, "c")
		if !same(a.Merge(b), b.Merge(a)) {
			t.Fatal("not commutative")
		}
		if !same(a.Merge(b).Merge(c), a.Merge(b.Merge(c))) {
			t.Fatal("not associative")
		}
		if !same(a.Merge(a), a) || !same(a.Merge(b).Merge(b), a.Merge(b)) {
			t.Fatal("not idempotent")
		}
		merged := a.Merge(b)
		ticket := Ticket{Realm: seedID(2), Device: numberedID(rapid.IntRange(0, 7).Draw(t, "device")), Serial: rapid.Uint64Range(0, 4).Draw(t, "serial")}
		if merged.Voids(ticket) != (a.Voids(ticket) || b.Voids(ticket)) {
			t.Fatalf("%+v: a %v, b %v, merged %v", ticket, a.Voids(ticket), b.Voids(ticket), merged.Voids(ticket))
		}
		raw, err := merged.Sign(NewIdentity(seed(2)))
		if err != nil {
			t.Fatal(err)
		}
		if again, err := ParseRevocations(raw); err != nil || !same(again, merged) {
			t.Fatalf("read again as %+v, %v", again, err)
		}
	})
}

// checkRevocations is what holds for any bytes: they are refused, or the list is
// written as the same bytes but for the signatures.
func checkRevocations(t *testing.T, raw []byte) {
	t.Helper()
	list, err := ParseRevocations(raw)
	if err != nil {
		return
	}
	again, err := list.Sign(NewIdentity(seed(2)))
	if err != nil || list.Realm == seedID(2) && !bytes.Equal(again, raw) {
		t.Fatalf("%+v was %x and is %x, %v", list, raw, again, err)
	}
}

func FuzzRevocations(f *testing.F) {
	f.Add(goldenSealed(f, "revoked"))
	f.Add(must(crowd(0).Sign(NewIdentity(seed(2)))))
	f.Fuzz(func(t *testing.T, raw []byte) { checkRevocations(t, raw) })
}
