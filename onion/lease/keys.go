// The keys of a lease, one type per role; none of them prints itself.

package lease

import (
	"crypto/ecdh"
	"crypto/subtle"
	"errors"
	"fmt"
	"io"
	"log/slog"

	"sotto/onion/cell"
)

// KnockKeyLen is a knock key in bytes: it admits to a rate limit and protects no content.
const KnockKeyLen = 16

// ErrKey is a key that is none: too short, too long, or a point that agrees on nothing.
var ErrKey = errors.New("lease: not a key")

// Key is the private key of a lease, X25519. Copies share its bytes, so that Wipe reaches all of them.
type Key struct {
	private *[cell.KeyLen]byte
	public  PublicKey
}

// PublicKey is the key that a session with a lease's owner is opened to.
type PublicKey struct{ b [cell.KeyLen]byte }

// KnockKey is what an opening must know to pass the relay: only the record that tells of a lease holds it.
type KnockKey struct{ b [KnockKeyLen]byte }

// GenerateKey makes a key from 32 bytes of r.
func GenerateKey(r io.Reader) (Key, error) {
	var b [cell.KeyLen]byte
	if _, err := io.ReadFull(r, b[:]); err != nil {
		return Key{}, fmt.Errorf("lease: no randomness for a key: %w", err)
	}
	return KeyFromBytes(b[:])
}

// KeyFromBytes is the key with these 32 bytes, or ErrKey.
func KeyFromBytes(b []byte) (Key, error) {
	p, err := ecdh.X25519().NewPrivateKey(b)
	if err != nil {
		return Key{}, ErrKey
	}
	private := [cell.KeyLen]byte(b)
	return Key{&private, PublicKey{[cell.KeyLen]byte(p.PublicKey().Bytes())}}, nil
}

// Public is the other half.
func (k Key) Public() PublicKey { return k.public }

// Bytes are the 32 bytes of the private key, for the session's handshake and for the state of a storing lease. They are
// zero after Wipe.
func (k Key) Bytes() [cell.KeyLen]byte {
	if k.private == nil {
		return [cell.KeyLen]byte{}
	}
	return *k.private
}

// Wipe forgets the private key.
func (k Key) Wipe() {
	if k.private != nil {
		clear(k.private[:])
	}
}

// agree is X25519, refusing points of low order, and keys that were wiped: everybody knows what is left of them.
func (k Key) agree(theirs [cell.KeyLen]byte) ([cell.KeyLen]byte, error) {
	if k.Bytes() == ([cell.KeyLen]byte{}) {
		return [cell.KeyLen]byte{}, ErrKey
	}
	mine, err := ecdh.X25519().NewPrivateKey(k.private[:])
	if err != nil {
		return [cell.KeyLen]byte{}, ErrKey
	}
	public, err := ecdh.X25519().NewPublicKey(theirs[:])
	if err != nil {
		return [cell.KeyLen]byte{}, ErrKey
	}
	shared, err := mine.ECDH(public)
	if err != nil {
		return [cell.KeyLen]byte{}, ErrKey
	}
	return [cell.KeyLen]byte(shared), nil
}

// ParsePublicKey reads 32 bytes, or ErrKey.
func ParsePublicKey(b []byte) (PublicKey, error) {
	if len(b) != cell.KeyLen {
		return PublicKey{}, ErrKey
	}
	return PublicKey{[cell.KeyLen]byte(b)}, nil
}

// Bytes are the 32 bytes.
func (k PublicKey) Bytes() [cell.KeyLen]byte { return k.b }

// GenerateKnockKey makes a knock key from 16 bytes of r.
func GenerateKnockKey(r io.Reader) (KnockKey, error) {
	var k KnockKey
	if _, err := io.ReadFull(r, k.b[:]); err != nil {
		return KnockKey{}, fmt.Errorf("lease: no randomness for a knock key: %w", err)
	}
	return k, nil
}

// ParseKnockKey reads 16 bytes, or ErrKey.
func ParseKnockKey(b []byte) (KnockKey, error) {
	if len(b) != KnockKeyLen {
		return KnockKey{}, ErrKey
	}
	return KnockKey{[KnockKeyLen]byte(b)}, nil
}

// Bytes are the 16 bytes.
func (k KnockKey) Bytes() [KnockKeyLen]byte { return k.b }

// Equal compares in constant time.
func (k KnockKey) Equal(o KnockKey) bool { return subtle.ConstantTimeCompare(k.b[:], o.b[:]) == 1 }

// Format prints a placeholder for every verb.
func (Key) Format(s fmt.State, _ rune) { _, _ = io.WriteString(s, "[lease private key]") }

// LogValue logs a placeholder.
func (Key) LogValue() slog.Value { return slog.StringValue("[lease private key]") }

// Format prints a placeholder for every verb.
func (PublicKey) Format(s fmt.State, _ rune) { _, _ = io.WriteString(s, "[lease key]") }

// LogValue logs a placeholder.
func (PublicKey) LogValue() slog.Value { return slog.StringValue("[lease key]") }

// Format prints a placeholder for every verb.
func (KnockKey) Format(s fmt.State, _ rune) { _, _ = io.WriteString(s, "[knock key]") }

// LogValue logs a placeholder.
func (KnockKey) LogValue() slog.Value { return slog.StringValue("[knock key]") }
