package peer

import (
	"crypto/ed25519"
	"crypto/rand"
	"crypto/x509"
	"encoding/pem"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
)

// Identity is a device's Ed25519 key pair. It is safe for concurrent use.
type Identity struct {
	key ed25519.PrivateKey
	id  ID
}

// NewIdentity is the identity of a seed (RFC 8032): the same seed is the same
// device.
func NewIdentity(seed [32]byte) *Identity {
	key := ed25519.NewKeyFromSeed(seed[:])
	return &Identity{key: key, id: ID(key.Public().(ed25519.PublicKey))}
}

// ID is the public key.
func (i *Identity) ID() ID { return i.id }

// Sign signs msg. A domain string at its beginning keeps what is signed for one
// purpose from being used for another.
func (i *Identity) Sign(msg []byte) []byte { return ed25519.Sign(i.key, msg) }

// Verify reports whether sig is the signature of the device id over msg.
func Verify(id ID, msg, sig []byte) bool { return ed25519.Verify(id[:], msg, sig) }

// identityLimit is the longest identity file that is looked at; one has 119 bytes.
const identityLimit = 4 << 10

// pemType is the label of PKCS #8 (RFC 5958) in PEM.
const pemType = "PRIVATE KEY"

// ErrIdentity says that what should be an identity file is none. It is never
// replaced.
var ErrIdentity = errors.New("not an identity file; restore it from a backup, or move it away to become a new device")

// LoadIdentity reads the identity file at path, an Ed25519 key in PKCS #8 and
// PEM. Where there is none it makes a new one, whole or not at all: a file that
// is there is never replaced, whatever it holds. Only its owner can read it.
func LoadIdentity(path string) (*Identity, error) {
	id, err := readIdentity(path)
	if errors.Is(err, fs.ErrNotExist) {
		return createIdentity(path, systemFiles{})
	}
	if err != nil {
		return nil, fmt.Errorf("read identity %s: %w", path, err)
	}
	return id, nil
}

func readIdentity(path string) (*Identity, error) {
	info, err := os.Stat(path)
	if err != nil {
		return nil, err
	}
	if !info.Mode().IsRegular() { // opening a FIFO would wait for ever
		return nil, ErrIdentity
	}
	f, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	b, err := io.ReadAll(io.LimitReader(f, identityLimit+1))
	if err != nil {
		return nil, err
	}
	id, err := parseIdentity(b)
	if err != nil {
		return nil, err
	}
	return id, ownerOnly(path)
}

func parseIdentity(b []byte) (*Identity, error) {
	block, rest := pem.Decode(b)
	if block == nil || block.Type != pemType || len(rest) > 0 || len(b) > identityLimit {
		return nil, ErrIdentity
	}
	key, err := x509.ParsePKCS8PrivateKey(block.Bytes)
	if err != nil {
		return nil, fmt.Errorf("%w (%w)", ErrIdentity, err)
	}
	private, ok := key.(ed25519.PrivateKey)
	if !ok {
		return nil, fmt.Errorf("%w (a key of type %T)", ErrIdentity, key)
	}
	return NewIdentity([32]byte(private.Seed())), nil
}

func (i *Identity) marshalPEM() ([]byte, error) {
	der, err := x509.MarshalPKCS8PrivateKey(i.key)
	if err != nil {
		return nil, err
	}
	return pem.EncodeToMemory(&pem.Block{Type: pemType, Bytes: der}), nil
}

// createIdentity draws a key and writes it. Another process that was faster
// wins: its key is the identity.
func createIdentity(path string, files files) (*Identity, error) {
	var seed [32]byte
	rand.Read(seed[:]) // never fails
	id := NewIdentity(seed)
	b, err := id.marshalPEM()
	if err == nil {
		err = writeNew(path, b, files)
	}
	if errors.Is(err, fs.ErrExist) {
		id, err = readIdentity(path)
	}
	if err != nil {
		return nil, fmt.Errorf("create identity %s: %w", path, err)
	}
	return id, nil
}
