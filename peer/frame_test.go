package peer

import (
	"bufio"
	"bytes"
	"compress/flate"
	"encoding/hex"
	"errors"
	"io"
	"math"
	"os"
	"path/filepath"
	"reflect"
	"runtime"
	"strings"
	"testing"

	"github.com/google/uuid"
)

// vector is one line of testdata/frames: frames of a released version, which
// must be read for ever.
type vector struct {
	name  string
	bytes []byte
}

// vectors reads all golden frames, and fails where there are none.
func vectors(t testing.TB) []vector {
	t.Helper()
	files, err := filepath.Glob("testdata/frames/*.txt")
	if err != nil || len(files) == 0 {
		t.Fatalf("no golden frames: %v", err)
	}
	var all []vector
	for _, file := range files {
		b, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		for lines := bufio.NewScanner(bytes.NewReader(b)); lines.Scan(); {
			fields := strings.Fields(lines.Text())
			if len(fields) < 2 || fields[0] == "#" {
				continue
			}
			raw, err := hex.DecodeString(strings.Join(fields[1:], ""))
			if err != nil {
				t.Fatalf("%s: %s: %v", file, fields[0], err)
			}
			all = append(all, vector{fields[0], raw})
		}
	}
	if len(all) == 0 {
		t.Fatal("no golden frames")
	}
	return all
}

// samples is one message of each type, by the name of its golden frame.
func samples() map[string]Message {
	id, to := uuid.MustParse("019b76da-a800-7000-8000-000000000001"), uint64(9)
	hash := Hash(bytes.Repeat([]byte{0xab}, 32))
	return map[string]Message{
		"hello":  Hello{Lowest: 1, Highest: 1, Name: "Ада", Instance: id, Port: 7420},
		"ticket": Hello{Lowest: 1, Highest: 2, Features: 1, Instance: id, Port: 7420, Ticket: []byte{1}, Epoch: 3},
		"ping":   Ping{N: 7},
		"pong":   Pong{N: 7},
		"bye":    Bye{Code: ByeDuplicate, Text: "another session of the pair survives"},
		"have": Have{More: true, Conversations: []HaveConversation{{
			ID: hash, Preimage: []byte("p"), Logs: []HaveLog{{Author: seedID(1), Log: 1, First: 2, Last: 3, Hash: hash, Read: 3}},
		}}},
		"want":    Want{Ranges: []WantRange{{Conversation: hash, Author: seedID(1), Log: 1, From: 4}, {Conversation: hash, Author: seedID(2), Log: 1, From: 4, To: &to}}},
		"entries": Entries{Entries: []SignedEntry{{Header: []byte{1}, Signature: []byte{2}, Body: []byte{3}}, {Header: []byte{1}, Signature: []byte{2}}}},
		"name":    Presence{Name: "Ада"},
		"twice":   Presence{Name: "Ada", Twice: true},
		"newer":   NewerTicket{Ticket: []byte{1}},
		"vouch":   Vouch{Vouchers: []Voucher{{Device: seedID(1), By: seedID(2), Signature: []byte{2}}}},
		"revoked": Revoked{Realm: seedID(2), Epoch: 5, Page: []byte{1}},
		"behind":  Revoked{Realm: seedID(2), Epoch: 4, Want: 1},
		"state":   OfferState{Offer: id, State: "paused", Reason: "disk full", Done: 1 << 33},
		"back":    DialBack{Offer: id},
		"noback":  DialBack{Offer: id, Reason: "peer away"},
	}
}

func TestFramesHaveTheirGoldenBytes(t *testing.T) {
	want := samples()
	seen := make(map[Type]bool)
	for _, v := range vectors(t) {
		m, err := parseFrame(v.bytes)
		if err != nil {
			t.Errorf("%s: %v", v.name, err)
			continue
		}
		seen[m.Type()] = true
		if w, ok := want[v.name]; ok && !reflect.DeepEqual(m, w) {
			t.Errorf("%s: got %+v, want %+v", v.name, m, w)
		}
		if got, err := Append(nil, m); err != nil || !bytes.Equal(got, v.bytes) {
			t.Errorf("%s: got %x, %v, want %x", v.name, got, err, v.bytes)
		}
		delete(want, v.name)
	}
	for name, m := range want {
		b, _ := Append(nil, m)
		t.Errorf("no golden frame %s: it would be %x", name, b)
	}
	for typ := range decoders {
		if !seen[typ] && !typ.data() {
			t.Errorf("no golden frame of type %#02x", uint8(typ))
		}
	}
}

// parseFrame reads one frame that fills all of b.
func parseFrame(b []byte) (Message, error) {
	r := bytes.NewReader(b)
	typ, payload, err := ReadFrame(r, DataFrame)
	if err != nil {
		return nil, err
	}
	if r.Len() > 0 {
		return nil, errors.New("bytes behind the frame")
	}
	return Decode(typ, payload)
}

func TestReadFrameChecksTheLengthFirst(t *testing.T) {
	for _, c := range []struct {
		header string
		limit  int
		code   ByeCode // 0: the frame is cut short, which is no breach
	}{
		{"00000000", HelloFrame, ByeProtocol},
		{"00001001", HelloFrame, ByeProtocol},
		{"00001000", HelloFrame, 0},
		{"00010000", ControlFrame, 0},
		{"00010001", ControlFrame, ByeProtocol},
		{"7fffffff", DataFrame, ByeProtocol},
		{"80000000", DataFrame, ByeProtocol},
		{"ffffffff", DataFrame, ByeProtocol},
	} {
		header, _ := hex.DecodeString(c.header)
		_, _, err := ReadFrame(bytes.NewReader(header), c.limit)
		var wrong *ProtocolError
		switch {
		case c.code == 0 && !errors.Is(err, io.ErrUnexpectedEOF):
			t.Errorf("%s: got %v, want that it is cut short", c.header, err)
		case c.code != 0 && (!errors.As(err, &wrong) || wrong.Code != c.code):
			t.Errorf("%s: got %v, want code %d", c.header, err, c.code)
		}
	}
	if _, _, err := ReadFrame(strings.NewReader(""), HelloFrame); err != io.EOF {
		t.Errorf("between frames: got %v, want io.EOF", err)
	}
}

func TestDecodeRefuses(t *testing.T) {
	for _, c := range []struct{ what, payload string }{
		{"nothing", ""},
		{"bytes behind the item", "a1010700"},
		{"a duplicate key", "a201070107"},
		{"an indefinite map", "bf0107ff"},
		{"a tag", "a101c10a"},
		{"text that is not UTF-8", "a10161ff"},
		{"another kind of item", "80"},
		{"a negative number", "a10120"},
		{"a number that does not fit", "a101c249010000000000000000"},
		{"depth", strings.Repeat("81", maxNesting+1) + "00"},
		{"a count that is not there", "a1019b7fffffffffffffff"},
	} {
		payload, err := hex.DecodeString(c.payload)
		if err != nil {
			t.Fatal(err)
		}
		if m, err := Decode(TypePing, payload); err == nil {
			t.Errorf("%s: took %+v", c.what, m)
		}
	}
	if _, err := Decode(0x80, nil); !errors.Is(err, ErrSkip) {
		t.Errorf("type 0x80: got %v, want ErrSkip", err)
	}
	var wrong *ProtocolError
	if _, err := Decode(0x7f, nil); !errors.As(err, &wrong) || wrong.Code != ByeUnsupported {
		t.Errorf("type 0x7f: got %v, want unsupported", err)
	}
}

func TestAnUnknownKeyIsIgnored(t *testing.T) {
	m, err := Decode(TypePing, []byte{0xa2, 0x01, 0x07, 0x18, 0x63, 0x80})
	if err != nil || m != (Ping{N: 7}) {
		t.Errorf("got %+v, %v", m, err)
	}
}

func TestKeysAndSumsHaveTheirLength(t *testing.T) {
	type keys struct {
		ID   ID   `cbor:"1,keyasint"`
		Hash Hash `cbor:"2,keyasint"`
	}
	good := must(Marshal(keys{seedID(1), Hash{2}}))
	var k keys
	if err := UnmarshalSigned(good, &k); err != nil || k != (keys{seedID(1), Hash{2}}) {
		t.Fatalf("got %+v, %v", k, err)
	}
	short := must(Marshal(map[int][]byte{1: make([]byte, 31)}))
	long := must(Marshal(map[int][]byte{2: make([]byte, 33)}))
	for _, b := range [][]byte{short, long, {0xa1, 0x01, 0x80}} {
		if err := Unmarshal(b, &k); err == nil {
			t.Errorf("took %x", b)
		}
	}
}

func TestWhatIsSignedHasOneForm(t *testing.T) {
	for _, c := range []struct {
		what, bytes string
		ok          bool
	}{
		{"as it is written", "a10107", true},
		{"a number in two bytes", "a1011807", false},
		{"a key of a later version", "a201070208", false},
		{"a map length in two bytes", "b8010107", false},
		{"the key in two bytes", "a1180107", false},
	} {
		b, _ := hex.DecodeString(c.bytes)
		if err := UnmarshalSigned(b, new(Ping)); (err == nil) != c.ok {
			t.Errorf("%s: %v", c.what, err)
		}
	}
}

func TestAppendRefusesWhatNobodyTakes(t *testing.T) {
	for _, c := range []struct {
		m  Message
		ok bool
	}{
		{Bye{Text: strings.Repeat("x", ControlFrame-9)}, true},
		{Bye{Text: strings.Repeat("x", ControlFrame)}, false},
	} {
		b, err := Append([]byte("before"), c.m)
		if (err == nil) != c.ok {
			t.Errorf("%d bytes: %v", len(b), err)
		}
		if err != nil && string(b) != "before" {
			t.Errorf("a part was left: %d bytes", len(b))
		}
	}
}

// checkFrame is what holds for any input: it is refused, or it is read as the
// same that its encoding is read as.
func checkFrame(t *testing.T, b []byte) {
	t.Helper()
	m, err := parseFrame(b)
	if err != nil {
		return
	}
	again, err := Append(nil, m)
	if err != nil {
		t.Fatalf("%+v cannot be encoded: %v", m, err)
	}
	if n, err := parseFrame(again); err != nil || !reflect.DeepEqual(m, n) {
		t.Fatalf("%+v became %+v, %v", m, n, err)
	}
}

// checkHello is what holds for any payload of a hello.
func checkHello(t *testing.T, payload []byte) {
	t.Helper()
	m, err := Decode(TypeHello, payload)
	if err != nil {
		return
	}
	var strict Hello
	if err := UnmarshalSigned(payload, &strict); err == nil && !reflect.DeepEqual(strict, m) {
		t.Fatalf("read as %+v and as %+v", m, strict)
	}
	if again := must(Marshal(m)); UnmarshalSigned(again, &strict) != nil {
		t.Fatalf("%x is not in its one form", again)
	}
}

func checkIdentity(t *testing.T, b []byte) {
	t.Helper()
	id, err := parseIdentity(b)
	if err != nil {
		return
	}
	again, err := parseIdentity(must(id.marshalPEM()))
	if err != nil || again.ID() != id.ID() {
		t.Fatalf("%s became %v, %v", id.ID(), again, err)
	}
}

func FuzzFrame(f *testing.F) {
	for _, v := range vectors(f) {
		f.Add(v.bytes)
	}
	f.Fuzz(func(t *testing.T, b []byte) { checkFrame(t, b) })
}

func FuzzHello(f *testing.F) {
	for _, v := range vectors(f) {
		f.Add(v.bytes[headerSize:])
	}
	f.Fuzz(func(t *testing.T, b []byte) { checkHello(t, b) })
}

func FuzzIdentity(f *testing.F) {
	f.Add(must(NewIdentity(seed(1)).marshalPEM()))
	f.Fuzz(func(t *testing.T, b []byte) { checkIdentity(t, b) })
}

// TestParsersHoldOnDamagedVectors is a little of what fuzzing does, on every
// run: each golden frame cut anywhere, and with each byte changed.
func TestParsersHoldOnDamagedVectors(t *testing.T) {
	t.Run("frames and hellos parse to what parses the same/F-05", func(t *testing.T) {
		tried := 0
		damaged(t, func(b []byte) {
			tried++
			checkFrame(t, b)
			checkHello(t, b[min(headerSize, len(b)):])
		})
		if tried < 3_000 { // as many as there were when this was written
			t.Errorf("only %d inputs", tried)
		}
	})
	t.Run("identity files/F-05", func(t *testing.T) {
		whole := must(NewIdentity(seed(1)).marshalPEM())
		for n := range whole {
			checkIdentity(t, whole[:n])
			changed := bytes.Clone(whole)
			changed[n] ^= 0x55
			checkIdentity(t, changed)
		}
	})
}

func damaged(t *testing.T, try func([]byte)) {
	t.Helper()
	for _, v := range vectors(t) {
		for n := range v.bytes {
			try(v.bytes[:n])
			for _, mask := range []byte{0x01, 0x1f, 0x20, 0x60, 0x80, 0xff} {
				b := bytes.Clone(v.bytes)
				b[n] ^= mask
				if n < 4 { // a length that is wrong is refused: let the rest be looked at
					continue
				}
				try(b)
			}
		}
	}
}

// bomb is 64 MiB of zeros, deflated to 67 KB.
func bomb(t *testing.T) []byte {
	t.Helper()
	var b bytes.Buffer
	w := must(flate.NewWriter(&b, flate.BestCompression))
	w.Write(make([]byte, 1<<20))
	w.Flush()
	bomb := bytes.Repeat(b.Bytes(), 64) // a flushed piece can follow itself
	if n, _ := io.Copy(io.Discard, flate.NewReader(bytes.NewReader(bomb))); n != 64<<20 {
		t.Fatalf("the bomb has %d bytes, and %d inflated", len(bomb), n)
	}
	return bomb
}

func TestNothingIsInflated(t *testing.T) {
	t.Run("a deflated payload and every flag on a type/F-07", func(t *testing.T) {
		payload := bomb(t)
		for typ := range decoders {
			for _, flag := range []Type{0, 0x40} {
				var wrong *ProtocolError
				skipped := flag != 0 && typ >= 0x80
				if m, err := Decode(typ|flag, payload); !errors.As(err, &wrong) && !(skipped && errors.Is(err, ErrSkip)) {
					t.Errorf("type %#02x: took %+v, %v", uint8(typ|flag), m, err)
				}
				if n := allocatedBy(func() { Decode(typ|flag, payload) }); n > 1<<20 {
					t.Errorf("type %#02x: %d bytes were allocated", uint8(typ|flag), n)
				}
			}
		}
	})
}

// allocatedBy is how many bytes f allocates: the least of a few times, because
// others allocate too.
func allocatedBy(f func()) uint64 {
	least := uint64(math.MaxUint64)
	for range 5 {
		var before, after runtime.MemStats
		runtime.ReadMemStats(&before)
		f()
		runtime.ReadMemStats(&after)
		least = min(least, after.TotalAlloc-before.TotalAlloc)
	}
	return least
}
