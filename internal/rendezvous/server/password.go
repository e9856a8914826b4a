package server

import (
	"context"
	"crypto/rand"
	"crypto/subtle"
	"encoding/base64"
	"errors"
	"fmt"
	"runtime"
	"strings"

	"golang.org/x/crypto/argon2"

	"earshot/internal/rendezvous"
)

// cost is what one hash takes.
type cost struct {
	memory  uint32 // KiB
	passes  uint32
	threads uint8
}

// usual is what passwords cost (RFC 9106 asks for 64 MiB and three passes where
// there is no room for 2 GiB).
var usual = cost{memory: 64 << 10, passes: 3, threads: 1}

const (
	// hashesAtOnce bounds memory: 128 MiB, however many log in. They work on half of the
	// processors at most, as handshakes do: that of two is one.
	hashesAtOnce = 2
	// hashesWaiting is how many wait for that at most, some seconds; the others are
	// asked to come again.
	hashesWaiting = 32
	saltBytes     = 16
	hashBytes     = 32
	// What a hash in the database may ask for at most: who can write there must not
	// be able to exhaust the machine.
	mostMemory  = 256 << 10
	mostPasses  = 16
	mostThreads = 8
	maxHash     = 256 // of its text form
)

// hasher hashes passwords, a few at a time.
type hasher struct {
	cost    cost
	waiting chan struct{}
	working chan struct{}
	nobody  string // a hash of no password, for users that there are not
}

func newHasher(c cost) *hasher {
	atOnce := min(hashesAtOnce, max(1, runtime.GOMAXPROCS(0)/2))
	h := &hasher{cost: c, waiting: make(chan struct{}, hashesWaiting), working: make(chan struct{}, atOnce)}
	h.nobody = hashed{cost: c, salt: make([]byte, saltBytes), sum: make([]byte, hashBytes)}.String()
	return h
}

// turn waits for a place to hash in; done gives it back.
func (h *hasher) turn(ctx context.Context) (done func(), err error) {
	select {
	case h.waiting <- struct{}{}:
	default:
		return nil, &refusal{code: rendezvous.CodeTooMany, wait: 5}
	}
	defer func() { <-h.waiting }()
	select {
	case h.working <- struct{}{}:
		return h.done, nil
	case <-ctx.Done():
		return nil, ctx.Err()
	}
}

// done gives a place back, and the memory before it: what two hashes left behind
// would be as much again as what two use.
func (h *hasher) done() {
	runtime.GC()
	<-h.working
}

// hash is what is kept of a password.
func (h *hasher) hash(ctx context.Context, password string) (string, error) {
	done, err := h.turn(ctx)
	if err != nil {
		return "", err
	}
	defer done()
	salt := make([]byte, saltBytes)
	rand.Read(salt) // never fails
	return hashed{cost: h.cost, salt: salt, sum: h.cost.sum(password, salt)}.String(), nil
}

// check reports whether the password is the one that kept came of. Where there is no
// such user kept is empty, and it takes as long.
func (h *hasher) check(ctx context.Context, password, kept string) (bool, error) {
	known := kept != ""
	if !known {
		kept = h.nobody
	}
	want, err := parseHash(kept)
	if err != nil {
		return false, err
	}
	done, err := h.turn(ctx)
	if err != nil {
		return false, err
	}
	defer done()
	return subtle.ConstantTimeCompare(want.cost.sum(password, want.salt), want.sum) == 1 && known, nil
}

func (c cost) sum(password string, salt []byte) []byte {
	return argon2.IDKey([]byte(password), salt, c.passes, c.memory, c.threads, hashBytes)
}

// hashed is a hash with what it was made with.
type hashed struct {
	cost
	salt, sum []byte
}

var raw64 = base64.RawStdEncoding.Strict()

// String is the PHC string format.
func (h hashed) String() string {
	return fmt.Sprintf("$argon2id$v=%d$m=%d,t=%d,p=%d$%s$%s", argon2.Version, h.memory, h.passes, h.threads,
		raw64.EncodeToString(h.salt), raw64.EncodeToString(h.sum))
}

var errHash = errors.New("the password's hash in the database is none")

// parseHash reads what [hashed.String] wrote. A hash that would cost too much, or is
// in another form, is none.
func parseHash(text string) (hashed, error) {
	var h hashed
	var version int
	parts := strings.Split(text, "$")
	if len(text) > maxHash || len(parts) != 6 {
		return h, errHash
	}
	_, err := fmt.Sscanf(parts[2]+" "+parts[3], "v=%d m=%d,t=%d,p=%d", &version, &h.memory, &h.passes, &h.threads)
	if err == nil {
		h.salt, err = raw64.DecodeString(parts[4])
	}
	if err == nil {
		h.sum, err = raw64.DecodeString(parts[5])
	}
	if err != nil || version != argon2.Version || !h.bearable() || len(h.salt) != saltBytes || len(h.sum) != hashBytes || h.String() != text {
		return hashed{}, errHash
	}
	return h, nil
}

// bearable reports whether the machine can pay this.
func (c cost) bearable() bool {
	return c.memory >= 8 && c.memory <= mostMemory && c.passes >= 1 && c.passes <= mostPasses && c.threads >= 1 && c.threads <= mostThreads
}
