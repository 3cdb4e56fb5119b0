package noise

import (
	"crypto/subtle"
	"errors"
	"fmt"
	"io"
	"log/slog"

	"github.com/cloudflare/circl/dh/x25519"
)

// Link keys. One type per role; none of them prints itself, whatever verb or
// handler is used, because a key in a log names a peer.

// ErrKey means that bytes are no usable X25519 key: wrong length or a point of
// low order, with which every shared secret is known (RFC 7748 §6.1).
var ErrKey = errors.New("noise: not a link key")

// PublicKey is the X25519 public key of a responder, 32 bytes. It is comparable
// and so can be the key of a map.
type PublicKey struct{ b [keyLen]byte }

// ParsePublicKey takes 32 bytes. Points of low order are refused.
func ParsePublicKey(b []byte) (PublicKey, error) {
	var k PublicKey
	if len(b) != keyLen {
		return k, ErrKey
	}
	copy(k.b[:], b)
	if lowOrder(k.b[:]) {
		return PublicKey{}, ErrKey
	}
	return k, nil
}

// Bytes returns the 32 bytes of the key.
func (k PublicKey) Bytes() [keyLen]byte { return k.b }

// IsZero reports whether k is the zero value, which is no key.
func (k PublicKey) IsZero() bool { return k == PublicKey{} }

// Format prints a placeholder for every verb.
func (PublicKey) Format(s fmt.State, _ rune) { io.WriteString(s, "[link key]") }

// LogValue logs a placeholder.
func (PublicKey) LogValue() slog.Value { return slog.StringValue("[link key]") }

// StaticKey is the X25519 private key with which a peer answers links.
type StaticKey struct {
	// Behind a pointer, because package fmt prints the bytes of an unexported
	// array field without asking Format.
	private *[keyLen]byte
	public  PublicKey
}

// GenerateStaticKey makes a key from 32 bytes of r.
func GenerateStaticKey(r io.Reader) (*StaticKey, error) {
	var seed [keyLen]byte
	if _, err := io.ReadFull(r, seed[:]); err != nil {
		return nil, fmt.Errorf("noise: random source: %w", err)
	}
	return StaticKeyFromBytes(seed[:])
}

// StaticKeyFromBytes takes the 32 private bytes as StaticKey.Bytes gave them.
func StaticKeyFromBytes(b []byte) (*StaticKey, error) {
	if len(b) != keyLen {
		return nil, ErrKey
	}
	k := &StaticKey{private: (*[keyLen]byte)(append([]byte(nil), b...))}
	x25519.KeyGen((*x25519.Key)(&k.public.b), (*x25519.Key)(k.private))
	return k, nil
}

// Public returns the public half.
func (k *StaticKey) Public() PublicKey { return k.public }

// Bytes returns the 32 private bytes, for storing with mode 0600 only.
func (k *StaticKey) Bytes() [keyLen]byte { return *k.private }

// Agree is X25519 with a public key; false for a point of low order, with which the
// secret is known to everybody (RFC 7748 §6.1).
func (k *StaticKey) Agree(public [keyLen]byte) (shared [keyLen]byte, ok bool) {
	ok = x25519.Shared((*x25519.Key)(&shared), (*x25519.Key)(k.private), (*x25519.Key)(&public))
	return shared, ok
}

// Equal compares in constant time.
func (k *StaticKey) Equal(o *StaticKey) bool {
	return subtle.ConstantTimeCompare(k.private[:], o.private[:]) == 1
}

// Wipe overwrites the private half. Go may have copied it before.
func (k *StaticKey) Wipe() { clear(k.private[:]) }

// Format prints a placeholder for every verb. It stands on the value, so that
// neither a pointer nor a copy prints.
func (StaticKey) Format(s fmt.State, _ rune) { io.WriteString(s, "[link private key]") }

// LogValue logs a placeholder.
func (StaticKey) LogValue() slog.Value { return slog.StringValue("[link private key]") }
