// Keys: the secrets of contacts, and one key for each direction, by which cells are sealed under masked counters.

package session

import (
	"crypto/aes"
	"crypto/cipher"
	"crypto/hkdf"
	"crypto/sha256"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"time"

	"sotto/onion/cell"
)

// ErrSecret means that a contact's secret has not 32 bytes.
var ErrSecret = errors.New("session: not a contact's secret")

// Secret is what two contacts share, 32 random bytes. It never prints itself. The zero value is none.
type Secret struct {
	// Behind a pointer, because package fmt prints the bytes of an unexported array without asking Format.
	b *[keyLen]byte
}

// NewSecret takes 32 bytes.
func NewSecret(b []byte) (Secret, error) {
	if len(b) != keyLen {
		return Secret{}, ErrSecret
	}
	return Secret{b: (*[keyLen]byte)(append([]byte(nil), b...))}, nil
}

// IsZero reports whether there is no secret.
func (s Secret) IsZero() bool { return s.b == nil }

// Format prints a placeholder for every verb.
func (Secret) Format(f fmt.State, _ rune) { io.WriteString(f, "[contact secret]") }

// LogValue logs a placeholder.
func (Secret) LogValue() slog.Value { return slog.StringValue("[contact secret]") }

// bytes is nil without a secret.
func (s Secret) bytes() []byte {
	if s.b == nil {
		return nil
	}
	return s.b[:]
}

// wipe overwrites the secret in all copies of s.
func (s Secret) wipe() {
	if s.b != nil {
		clear(s.b[:])
	}
}

// expand derives n bytes. The labels are the domain separation.
func expand(secret []byte, label string, n int) []byte {
	k, err := hkdf.Expand(sha256.New, secret, label, n)
	if err != nil {
		panic("session: HKDF refuses its lengths")
	}
	return k
}

// block is AES under a derived key.
func block(key []byte) cipher.Block {
	b, err := aes.NewCipher(key)
	if err != nil {
		panic("session: AES refuses its key")
	}
	return b
}

// aeadOf is the cipher of one generation.
func aeadOf(secret []byte) cipher.AEAD {
	a, err := cipher.NewGCM(block(expand(secret, "sotto session key v1", keyLen)))
	if err != nil {
		panic("session: GCM refuses its block")
	}
	return a
}

// ratchet replaces the secret of a generation by that of the next, which does not lead back.
func ratchet(secret *[keyLen]byte) {
	copy(secret[:], expand(secret[:], "sotto session next v1", keyLen))
}

// headerMask is the cipher that masks counters. It stays for the life of a session: it hides an order, no content.
func headerMask(secret []byte) cipher.Block {
	return block(expand(secret, "sotto session mask v1", maskLen))
}

// nonceOf is four zero bytes and the field, big endian (Noise §12.4).
func nonceOf(field uint64) (n [12]byte) {
	binary.BigEndian.PutUint64(n[4:], field)
	return n
}

// sealer is the sending half of a direction. The session hands each counter out once, whatever the key and the leg.
type sealer struct {
	secret [keyLen]byte
	gen    uint64
	aead   cipher.AEAD
	mask   cipher.Block
	nonce  [12]byte
	pad    [maskLen]byte
}

func newSealer(secret []byte) *sealer {
	s := &sealer{aead: aeadOf(secret), mask: headerMask(secret)}
	copy(s.secret[:], secret)
	return s
}

// advance moves on to the next generation.
func (s *sealer) advance() {
	ratchet(&s.secret)
	s.gen++
	s.aead = aeadOf(s.secret[:])
}

// seal makes a cell of plainLen bytes of plaintext. No allocation.
func (s *sealer) seal(counter uint64, plain *[plainLen]byte, dst *[cell.SessionLen]byte) {
	field := s.gen<<counterBits | counter
	s.nonce = nonceOf(field)
	s.aead.Seal(dst[fieldLen:fieldLen], s.nonce[:], plain[:], nil)
	s.mask.Encrypt(s.pad[:], dst[cell.SessionLen-tagLen:])
	binary.BigEndian.PutUint64(dst[:], field^binary.BigEndian.Uint64(s.pad[:]))
}

// wipe forgets the key. What Go or the cipher has copied stays until it is overwritten.
func (s *sealer) wipe() {
	if s != nil {
		clear(s.secret[:])
		s.aead, s.mask = nil, nil
	}
}

// opener is the receiving half of a direction: the key of the newest generation seen, the next one, made in advance
// so that forged counters cost no derivation, and for a while the previous one.
type opener struct {
	secret   [keyLen]byte // of the next generation
	gen      uint64
	previous cipher.AEAD
	current  cipher.AEAD
	next     cipher.AEAD
	until    time.Time // of previous
	mask     cipher.Block
	nonce    [12]byte
	pad      [maskLen]byte
}

func newOpener(secret []byte) *opener {
	o := &opener{current: aeadOf(secret), mask: headerMask(secret)}
	copy(o.secret[:], secret)
	ratchet(&o.secret)
	o.next = aeadOf(o.secret[:])
	return o
}

// field is the generation and the counter that a cell claims.
func (o *opener) field(c []byte) uint64 {
	o.mask.Encrypt(o.pad[:], c[cell.SessionLen-tagLen:])
	return binary.BigEndian.Uint64(c) ^ binary.BigEndian.Uint64(o.pad[:])
}

// key is that of a generation, or nil.
func (o *opener) key(gen uint64) cipher.AEAD {
	switch gen {
	case o.gen:
		return o.current
	case o.gen + 1:
		return o.next
	case o.gen - 1: // or none, around zero
		return o.previous
	}
	return nil
}

// open opens a cell, and moves on to a generation that has proven itself.
func (o *opener) open(now time.Time, field uint64, c []byte, plain *[plainLen]byte) bool {
	gen := field >> counterBits
	key := o.key(gen)
	if key == nil {
		return false
	}
	o.nonce = nonceOf(field)
	if _, err := key.Open(plain[:0], o.nonce[:], c[fieldLen:], nil); err != nil {
		return false
	}
	if gen == o.gen+1 {
		ratchet(&o.secret)
		o.previous, o.current, o.next = o.current, o.next, aeadOf(o.secret[:])
		o.gen, o.until = gen, now.Add(previousLife)
	}
	return true
}

// expire forgets the previous key in time.
func (o *opener) expire(now time.Time) {
	if o.previous != nil && !now.Before(o.until) {
		o.previous = nil
	}
}

// wipe forgets all keys.
func (o *opener) wipe() {
	if o != nil {
		clear(o.secret[:])
		o.previous, o.current, o.next, o.mask = nil, nil, nil, nil
	}
}
