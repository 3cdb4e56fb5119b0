// One key of one direction: the AEAD, its nonces, its streams.

package layer

import (
	"crypto/aes"
	"crypto/cipher"
	"crypto/hkdf"
	"crypto/sha256"
	"encoding/binary"
	"errors"

	"sotto/onion/cell"
)

// ErrLayer is the one error of a body that is not right: not authentic, seen before, or not what it may be here.
var ErrLayer = errors.New("layer: body refused")

// ErrExhausted means that a key has sealed as many cells as it may, or was erased.
var ErrExhausted = errors.New("layer: key exhausted")

// The purposes of nonces. Equal counters never meet under one purpose of one key.
const (
	forLayer     = 0
	forFiller    = 1
	forExtension = 2
)

// maxCells bounds what one key seals. At 2³² cells of 29 blocks an attacker's advantage against GCM stays below 2⁻⁵⁰ (NIST SP
// 800-38D §8.3 allows 2³² invocations); a circuit at 10⁵ cells a second gets there after 12 hours and is closed.
const maxCells = 1 << 32

// expanded is a secret from which an AEAD can be made at any time. The AEAD takes 0.8 KB, so an idle circuit lets go of
// it and makes it anew, in less than a microsecond, when it is needed.
type expanded struct {
	key  [cell.KeyLen]byte
	aead cipher.AEAD // nil: folded
}

// lost reports whether there is no key, because it was erased. Zeros are none: what they seal, everybody can open.
func (e *expanded) lost() bool { return e.aead == nil && allZero(e.key[:]) }

func (e *expanded) unfold() cipher.AEAD {
	if e.aead == nil {
		if e.lost() {
			panic("layer: use of an erased key")
		}
		b, err := aes.NewCipher(e.key[:])
		if err != nil {
			panic("layer: AES refuses 32 bytes")
		}
		if e.aead, err = cipher.NewGCM(b); err != nil {
			panic("layer: GCM refuses its block")
		}
	}
	return e.aead
}

// direction is a key and where its counters begin.
type direction struct {
	expanded
	start uint64
}

// newDirection derives both from a secret.
func newDirection(secret []byte, label string) direction {
	var d direction
	b := expand(secret, label, cell.KeyLen+cell.FieldLen)
	copy(d.key[:], b)
	d.start = binary.BigEndian.Uint64(b[cell.KeyLen:]) >> 2
	clear(b)
	return d
}

// wipe overwrites the key. The AEAD made from it has copies that only the collector takes.
func (d *direction) wipe() { *d = direction{} }

func expand(secret []byte, label string, n int) []byte {
	b, err := hkdf.Expand(sha256.New, secret, label, n)
	if err != nil {
		panic("layer: HKDF refuses its lengths")
	}
	return b
}

// nonce is written into place, so that none is allocated.
type nonce [12]byte

func (n *nonce) set(purpose byte, counter uint64) []byte {
	*n = nonce{purpose}
	binary.BigEndian.PutUint64(n[4:], counter)
	return n[:]
}

// Scratch is room to work in, shared by all circuits of one machine: nothing in it outlives a call. Not safe for
// concurrent use.
type Scratch struct {
	nonce nonce
	buf   [cell.BodyLen + cell.TagLen]byte
	zero  [cell.BodyLen]byte // stays so
}

// stream writes a stream into dst, whose length is at most a body's.
func (s *Scratch) stream(a cipher.AEAD, purpose byte, counter uint64, dst []byte) {
	a.Seal(s.buf[:0], s.nonce.set(purpose, counter), s.zero[:len(dst)], nil)
	copy(dst, s.buf[:])
}

// seal makes body, whose plaintext is its first PlainLen bytes, a layer.
func (s *Scratch) seal(a cipher.AEAD, counter uint64, body []byte) {
	sealed := a.Seal(s.buf[:0], s.nonce.set(forLayer, counter), body[:cell.PlainLen], nil)
	binary.BigEndian.PutUint64(body, counter)
	copy(body[cell.FieldLen:], sealed[cell.PlainLen:])
	copy(body[cell.LayerLen:], sealed[:cell.PlainLen])
}

// open writes the plaintext of a layer over its first PlainLen bytes; on failure nothing of the body is to be used.
func (s *Scratch) open(a cipher.AEAD, counter uint64, body []byte) error {
	n := copy(s.buf[:], body[cell.LayerLen:cell.BodyLen])
	copy(s.buf[n:], body[cell.FieldLen:cell.LayerLen])
	if _, err := a.Open(body[:0], s.nonce.set(forLayer, counter), s.buf[:n+cell.TagLen], nil); err != nil {
		return ErrLayer
	}
	return nil
}

// field reads the counter of a layer; false if the first bit says that it is none.
func field(body []byte) (uint64, bool) {
	n := binary.BigEndian.Uint64(body)
	return n, n>>63 == 0
}

// xor changes dst by src, which is as long.
func xor(dst, src []byte) {
	for i := range dst {
		dst[i] ^= src[i]
	}
}
