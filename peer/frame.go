package peer

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"io"

	"github.com/fxamacker/cbor/v2"
)

// A frame is a u32 big-endian length of what follows, a u8 type, and a payload
// in deterministic CBOR (RFC 8949, section 4.2.1).

// headerSize is the length and the type.
const headerSize = 5

// ErrSkip is what [Decode] returns for an unknown type that may be skipped.
var ErrSkip = errors.New("frame of an unknown type that may be skipped")

// ProtocolError is what a peer did wrong, and the code that it is told with a
// [Bye].
type ProtocolError struct {
	Code   ByeCode
	Reason string
}

func (e *ProtocolError) Error() string { return "protocol error: " + e.Reason }

// protocolErrorf is an error that ends the session with [ByeProtocol].
func protocolErrorf(format string, args ...any) error {
	return &ProtocolError{Code: ByeProtocol, Reason: fmt.Sprintf(format, args...)}
}

// decoders holds every type this version knows.
var decoders = map[Type]func([]byte) (Message, error){
	TypeHello:      decode[Hello],
	TypePing:       decode[Ping],
	TypePong:       decode[Pong],
	TypeBye:        decode[Bye],
	TypeHave:       decode[Have],
	TypeWant:       decode[Want],
	TypeEntries:    decode[Entries],
	TypeRevoked:    decode[Revoked],
	TypePresence:   decode[Presence],
	TypeTicket:     decode[NewerTicket],
	TypeVouch:      decode[Vouch],
	TypeOfferState: decode[OfferState],
	TypeDialBack:   decode[DialBack],
}

func decode[M Message](payload []byte) (Message, error) {
	var m M
	if err := Unmarshal(payload, &m); err != nil {
		return nil, protocolErrorf("frame of type %#02x: %v", uint8(m.Type()), err)
	}
	return m, nil
}

// Decode reads the payload of a frame. The message shares no memory with it.
// For an unknown type it is ErrSkip or a *ProtocolError; a payload that is not
// what the type says is a *ProtocolError too.
func Decode(t Type, payload []byte) (Message, error) {
	if decode, ok := decoders[t]; ok {
		return decode(payload)
	}
	if t >= 0x80 {
		return nil, ErrSkip
	}
	return nil, &ProtocolError{Code: ByeUnsupported, Reason: fmt.Sprintf("frame of the unknown type %#02x", uint8(t))}
}

// data reports whether frames of this type belong on a data connection.
func (t Type) data() bool { return t >= 0x20 && t < 0x30 }

// Append adds the frame of m to b. It fails where the frame would be longer
// than its receiver takes.
func Append(b []byte, m Message) ([]byte, error) {
	payload, err := Marshal(m)
	if err != nil {
		return b, fmt.Errorf("encode frame of type %#02x: %w", uint8(m.Type()), err)
	}
	limit := ControlFrame
	if m.Type().data() {
		limit = DataFrame
	}
	if n := len(payload) + 1; n > limit {
		return b, fmt.Errorf("encode frame of type %#02x: %d bytes, at most %d", uint8(m.Type()), n, limit)
	}
	b = binary.BigEndian.AppendUint32(b, uint32(len(payload)+1))
	b = append(b, byte(m.Type()))
	return append(b, payload...), nil
}

// ReadFrame reads one frame whose type and payload have at most limit bytes.
// Its length is checked before anything is allocated: a bad one is a
// *ProtocolError. The error is io.EOF only where the stream ends between frames.
func ReadFrame(r io.Reader, limit int) (Type, []byte, error) {
	var header [headerSize]byte
	if _, err := io.ReadFull(r, header[:4]); err != nil {
		return 0, nil, err
	}
	n := binary.BigEndian.Uint32(header[:4])
	if n < 1 || int64(n) > int64(limit) {
		return 0, nil, protocolErrorf("frame of %d bytes, want 1 to %d", n, limit)
	}
	if _, err := io.ReadFull(r, header[4:]); err != nil {
		return 0, nil, unexpected(err)
	}
	payload := make([]byte, n-1)
	if _, err := io.ReadFull(r, payload); err != nil {
		return 0, nil, unexpected(err)
	}
	return Type(header[4]), payload, nil
}

// unexpected says that a stream ended inside a frame.
func unexpected(err error) error {
	if errors.Is(err, io.EOF) {
		return io.ErrUnexpectedEOF
	}
	return err
}

var (
	encMode = must(cbor.CoreDetEncOptions().EncMode())
	decMode = must(cbor.DecOptions{
		DupMapKey:        cbor.DupMapKeyEnforcedAPF,
		IndefLength:      cbor.IndefLengthForbidden,
		TagsMd:           cbor.TagsForbidden,
		MaxNestedLevels:  maxNesting,
		MaxArrayElements: maxElements,
		MaxMapPairs:      maxPairs,
	}.DecMode())
)

// must is for what depends on constants alone.
func must[T any](v T, err error) T {
	if err != nil {
		panic(err)
	}
	return v
}

// Marshal encodes v as deterministic CBOR: the same value is the same bytes
// everywhere.
func Marshal(v any) ([]byte, error) { return encMode.Marshal(v) }

// Unmarshal decodes one CBOR item that fills all of b, into the pointer v.
// Refused are indefinite lengths, duplicate keys, tags, text that is not UTF-8,
// and what is too deep or has too many elements; unknown keys are ignored.
func Unmarshal(b []byte, v any) error { return decMode.Unmarshal(b, v) }

// errNotStrict says that something signed has a second form.
var errNotStrict = errors.New("not in its one deterministic form")

// UnmarshalSigned decodes what somebody signed, into the pointer v: as
// [Unmarshal], and encoded again it must be the same bytes. So nothing that was
// signed can be read in two ways, or hold what this version does not see.
func UnmarshalSigned(b []byte, v any) error {
	if err := Unmarshal(b, v); err != nil {
		return err
	}
	again, err := Marshal(v)
	if err != nil {
		return err
	}
	if !bytes.Equal(again, b) {
		return errNotStrict
	}
	return nil
}

// UnmarshalCBOR takes exactly 32 bytes; the decoder alone would pad and cut.
func (id *ID) UnmarshalCBOR(b []byte) error { return fill32((*[32]byte)(id), b) }

// UnmarshalCBOR takes exactly 32 bytes; the decoder alone would pad and cut.
func (h *Hash) UnmarshalCBOR(b []byte) error { return fill32((*[32]byte)(h), b) }

func fill32(to *[32]byte, item []byte) error {
	if len(item) != 34 || item[0] != 0x58 || item[1] != 32 {
		return errors.New("want a byte string of 32 bytes")
	}
	copy(to[:], item[2:])
	return nil
}
