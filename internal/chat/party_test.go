package chat_test

import (
	"encoding/hex"
	"os"
	"strings"
	"testing"

	"github.com/google/uuid"

	"earshot/internal/chat"
)

// goldenAccount is the direct conversation of the device with seed 01 and the account
// 019b76da-a800-7000-8000-000000000001 of the realm with seed 03.
const goldenAccount = "56b41164a6e4a8542c0274ad47f993598727688b3ecf2c1096abab5a21882445"

func TestPartiesHaveTheirGoldenBytes(t *testing.T) {
	device := chat.DeviceParty(identity(1).ID())
	account := chat.AccountParty(identity(3).ID(), uuid.MustParse("019b76da-a800-7000-8000-000000000001"))
	id, preimage := chat.Between(account, device)
	page, err := os.ReadFile("../../docs/PROTOCOL.md")
	if hex.EncodeToString(id[:]) != goldenAccount || err != nil || !strings.Contains(string(page), goldenAccount) {
		t.Errorf("conversation %x, %v; want %s, here and in docs/PROTOCOL.md", id, err, goldenAccount)
	}
	if same, _ := chat.Between(device, account); same != id {
		t.Error("the two sides name their conversation differently")
	}
	a, b, err := chat.Parties(preimage)
	if err != nil || a != device || b != account {
		t.Errorf("parties %+v and %+v, %v", a, b, err)
	}
}

func TestPartiesHaveOneForm(t *testing.T) {
	device, other := chat.DeviceParty(identity(1).ID()), chat.DeviceParty(identity(2).ID())
	_, good := chat.Between(device, other)
	domain, one, two := good[:18], good[18:51], good[51:]
	for name, preimage := range map[string][]byte{
		"nothing":           nil,
		"another domain":    append([]byte("earshot group v1\x00"), good...),
		"one party":         good[:51],
		"out of order":      []byte(string(domain) + string(two) + string(one)),
		"one party twice":   []byte(string(domain) + string(one) + string(one)),
		"bytes behind":      append(good[:len(good):len(good)], 0),
		"a cut party":       good[:len(good)-1],
		"an unknown party":  []byte(string(domain) + string(one) + "\x09" + string(two[1:])),
		"no account at all": []byte(string(domain) + string(one) + "\x02" + string(two[1:]) + strings.Repeat("\x00", 16)),
	} {
		if a, b, err := chat.Parties(preimage); err == nil {
			t.Errorf("%s: %+v and %+v", name, a, b)
		}
	}
	if _, _, err := chat.Parties(good); err != nil {
		t.Error(err)
	}
}

func FuzzParties(f *testing.F) {
	realm, account := identity(3).ID(), uuid.MustParse("019b76da-a800-7000-8000-000000000001")
	for _, p := range []chat.Party{chat.DeviceParty(identity(2).ID()), chat.AccountParty(realm, account)} {
		_, preimage := chat.Between(chat.DeviceParty(identity(1).ID()), p)
		f.Add(preimage)
	}
	f.Fuzz(func(t *testing.T, preimage []byte) {
		a, b, err := chat.Parties(preimage)
		if err != nil {
			return
		}
		if _, again := chat.Between(a, b); string(again) != string(preimage) {
			t.Errorf("%x is %+v and %+v, whose preimage is %x", preimage, a, b, again)
		}
	})
}
