package peer

import (
	"bytes"
	"encoding/hex"
	"errors"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/google/uuid"
)

// sampleTicket is the golden one: the realm is seed 02, the device seed 01.
func sampleTicket() Ticket {
	return Ticket{
		Realm: seedID(2), Account: uuid.MustParse("019b76da-a800-7000-8000-000000000003"), Device: seedID(1), Serial: 7,
		User: "ada", Name: "Ада Лавлейс", Team: "Engines", Admin: true,
		Issued: time.Unix(1767225600, 0).UTC(), Expires: time.Unix(1767225600, 0).UTC().Add(72 * time.Hour),
	}
}

// goldenSealed reads testdata/NAME.txt, which holds one signed thing in hex.
func goldenSealed(t testing.TB, name string) []byte {
	t.Helper()
	b, err := os.ReadFile("testdata/" + name + ".txt")
	if err != nil {
		t.Fatal(err)
	}
	raw, err := hex.DecodeString(strings.Join(strings.Fields(string(b)), ""))
	if err != nil || len(raw) == 0 {
		t.Fatalf("testdata/%s.txt: %d bytes, %v", name, len(raw), err)
	}
	return raw
}

func TestATicketHasItsGoldenBytes(t *testing.T) {
	want := goldenSealed(t, "ticket")
	got, err := sampleTicket().Sign(NewIdentity(seed(2)))
	if err != nil || !bytes.Equal(got, want) {
		t.Errorf("got %x, %v, want %x", got, err, want)
	}
	if ticket, err := ParseTicket(want); err != nil || ticket != sampleTicket() {
		t.Errorf("got %+v, %v", ticket, err)
	}
}

func TestTheLongestTicketFits(t *testing.T) {
	long := sampleTicket()
	long.Serial, long.Expires = 1<<64-1, time.Unix(lastSecond, 0)
	long.User, long.Name, long.Team = strings.Repeat("𝔞", maxNameRunes), strings.Repeat("𝔞", maxNameRunes), strings.Repeat("𝔞", maxNameRunes)
	raw, err := long.Sign(NewIdentity(seed(2)))
	if err != nil || len(raw) > MaxTicket {
		t.Fatalf("%d bytes, %v", len(raw), err)
	}
	hello := greeting(long.Name, uuid.New(), 7420)
	hello.Ticket, hello.Epoch = raw, 1<<64-1
	if frame, err := Append(nil, hello); err != nil || len(frame) > HelloFrame {
		t.Errorf("a hello with it: %d bytes, %v", len(frame), err)
	}
}

func TestATicketThatNobodyTakesIsNotSigned(t *testing.T) {
	for what, spoil := range map[string]func(*Ticket){
		"too long":             func(t *Ticket) { t.Team = strings.Repeat("x", MaxTicket) },
		"over before it began": func(t *Ticket) { t.Expires = t.Issued.Add(-time.Second) },
		"before 1970":          func(t *Ticket) { t.Issued = time.Unix(-1, 0) },
		"after the year 9999":  func(t *Ticket) { t.Expires = time.Unix(lastSecond+1, 0) },
		"not UTF-8":            func(t *Ticket) { t.User = "\xff" },
	} {
		ticket := sampleTicket()
		spoil(&ticket)
		if raw, err := ticket.Sign(NewIdentity(seed(2))); err == nil {
			t.Errorf("%s: signed %x", what, raw)
		}
	}
}

func TestATicketIsCheckedWithoutTheServer(t *testing.T) {
	realm := NewIdentity(seed(2))
	good := sampleTicket()
	raw := must(good.Sign(realm))
	now := good.Issued.Add(time.Hour)
	other := sampleTicket()
	other.Device = seedID(3)
	forged := must(sampleTicket().Sign(NewIdentity(seed(4))))
	// The signature of another realm under the name of ours.
	stolen := append(bytes.Clone(raw[:len(raw)-signatureSize]), forged[len(forged)-signatureSize:]...)
	void := Revocations{Realm: realm.ID(), Void: []Void{{Device: good.Device, Serial: good.Serial}}}
	for _, c := range []struct {
		what string
		raw  []byte
		now  time.Time
		ok   bool
	}{
		{"in its time", raw, now, true},
		{"of another realm", forged, now, false},
		{"signed by another realm", stolen, now, false},
		{"of another device", must(other.Sign(realm)), now, false},
		{"expired for 11 minutes", raw, good.Expires.Add(11 * time.Minute), false},
		{"expired for 9 minutes", raw, good.Expires.Add(9 * time.Minute), true},
		{"issued in 11 minutes", raw, good.Issued.Add(-11 * time.Minute), false},
		{"issued in 9 minutes", raw, good.Issued.Add(-9 * time.Minute), true},
		{"truncated", raw[:len(raw)-1], now, false},
		{"with a byte behind it", append(bytes.Clone(raw), 0), now, false},
		{"nothing", nil, now, false},
	} {
		t.Run(c.what+"/H-25", func(t *testing.T) {
			ticket, err := OpenTicket(c.raw, realm.ID(), good.Device, c.now)
			if (err == nil) != c.ok {
				t.Errorf("got %+v, %v", ticket, err)
			}
			if c.ok && ticket != good {
				t.Errorf("got %+v", ticket)
			}
		})
	}
	t.Run("of a serial that is void/H-25", func(t *testing.T) {
		newer := good
		newer.Serial++
		if !void.Voids(good) || void.Voids(newer) {
			t.Error("the list says something else")
		}
	})
}

func TestAnExpiredTicketSaysWhoseItWas(t *testing.T) {
	good := sampleTicket()
	raw := must(good.Sign(NewIdentity(seed(2))))
	ticket, err := OpenTicket(raw, seedID(2), seedID(1), good.Expires.Add(time.Hour))
	if !errors.Is(err, ErrTicketExpired) || ticket != good {
		t.Errorf("got %+v, %v", ticket, err)
	}
}

// checkTicket is what holds for any bytes: they are refused, or the ticket is
// written as the same bytes but for the signature.
func checkTicket(t *testing.T, raw []byte) {
	t.Helper()
	ticket, err := ParseTicket(raw)
	if err != nil {
		return
	}
	again, err := ticket.Sign(NewIdentity(seed(2)))
	if err != nil || ticket.Realm == seedID(2) && !bytes.Equal(again, raw) {
		t.Fatalf("%+v was %x and is %x, %v", ticket, raw, again, err)
	}
}

func FuzzTicket(f *testing.F) {
	f.Add(goldenSealed(f, "ticket"))
	f.Fuzz(func(t *testing.T, raw []byte) { checkTicket(t, raw) })
}

// TestSignedThingsHoldWhenDamaged is a little of what fuzzing does, on every run:
// whatever is changed in something signed, it is refused. Signed anew, it encodes
// to the same bytes or is refused.
func TestSignedThingsHoldWhenDamaged(t *testing.T) {
	realm := NewIdentity(seed(2))
	for name, c := range map[string]struct {
		domain string
		check  func(*testing.T, []byte)
		parse  func([]byte) error
	}{
		"ticket":  {ticketDomain, checkTicket, func(b []byte) error { _, err := ParseTicket(b); return err }},
		"revoked": {revokedDomain, checkRevocations, func(b []byte) error { _, err := ParseRevocations(b); return err }},
	} {
		t.Run(name+"/F-05", func(t *testing.T) {
			whole := goldenSealed(t, name)
			for n := range whole {
				for _, mask := range []byte{0x01, 0x1f, 0x20, 0x60, 0x80, 0xff} {
					changed := bytes.Clone(whole)
					changed[n] ^= mask
					if c.parse(changed) == nil {
						t.Fatalf("took it with byte %d changed", n)
					}
					body := changed[:len(changed)-signatureSize]
					c.check(t, append(bytes.Clone(body), realm.Sign(append([]byte(c.domain), body...))...))
				}
				if c.parse(whole[:n]) == nil {
					t.Fatalf("took %d bytes of it", n)
				}
			}
		})
	}
}
