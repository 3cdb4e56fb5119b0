package noise

import (
	"crypto/aes"
	"crypto/cipher"
	"crypto/hkdf"
	"crypto/sha256"
	"encoding/binary"
	"errors"
)

// Sessions: one key per direction, an explicit 64-bit counter, both masked.
//
// The mask of the index is one AES block keyed by the receiver's header key,
// which it gives to those it has links with, so that it can find the session
// before it knows it; the mask of the counter is one AES block under a key of
// the session. The input of both is the tag, which never repeats.

// ErrDatagram is the one error of an established datagram that is not right:
// not authentic, seen before, or too old.
var ErrDatagram = errors.New("noise: datagram refused")

// ErrExhausted means that a key has sealed as many datagrams as it may.
var ErrExhausted = errors.New("noise: link key exhausted")

// Frame types. Unknown ones are refused.
const (
	frameData    = 0
	frameControl = 1
)

// headerKey masks receiver indexes: one per endpoint and start, given to peers
// inside handshakes.
type headerKey [headerKeyLen]byte

// block returns the mask function of the key.
func (k *headerKey) block() cipher.Block {
	b, err := aes.NewCipher(k[:])
	if err != nil {
		panic("noise: AES refuses 16 bytes")
	}
	return b
}

// directionKeys makes the AEAD and the counter mask of one direction. The key
// that Noise gives is used for nothing itself.
func directionKeys(secret []byte) (cipher.AEAD, cipher.Block) {
	derive := func(info string, n int) cipher.Block {
		k, err := hkdf.Expand(sha256.New, secret, info, n)
		if err != nil {
			panic("noise: HKDF refuses its lengths")
		}
		b, err := aes.NewCipher(k)
		if err != nil {
			panic("noise: AES refuses its key")
		}
		return b
	}
	aead, err := cipher.NewGCM(derive("sotto link data v1", keyLen))
	if err != nil {
		panic("noise: GCM refuses its block")
	}
	return aead, derive("sotto link counter v1", headerKeyLen)
}

// Sealer seals the datagrams of one direction of a session. Not safe for
// concurrent use. The counter is never reused: it only grows, and Seal stops
// before the limit of the key.
type Sealer struct {
	aead    cipher.AEAD
	counter cipher.Block
	index   cipher.Block
	remote  uint64 // the receiver's index for this session
	next    uint64
	nonce   [12]byte // four zero bytes and the counter, big endian (Noise §12.4)
	mask    [aes.BlockSize]byte
}

// newSealer takes the sending secret and what the receiver gave out.
func newSealer(secret []byte, remote uint64, key headerKey) *Sealer {
	s := &Sealer{remote: remote, index: key.block()}
	s.aead, s.counter = directionKeys(secret)
	return s
}

// NewSealer makes the sealing half of a session outside of a Core: for
// measuring and for vectors. index and key are what the opening half was given.
func NewSealer(secret [keyLen]byte, index uint64, key [headerKeyLen]byte) *Sealer {
	return newSealer(secret[:], index, key)
}

// Frame returns the part of a datagram of 512 bytes that carries the frame of
// 479 bytes, to be filled before Seal.
func Frame(d []byte) []byte { return d[dataHeaderLen+frameTypeLen:][:FrameLen] }

// Seal turns d, 512 bytes with a data frame in place, into a datagram. No
// allocation.
func (s *Sealer) Seal(d []byte) error {
	d[dataHeaderLen] = frameData
	return s.seal(d)
}

// exhausted reports whether the key may seal nothing more.
func (s *Sealer) exhausted() bool { return s.next >= rejectAfterCounter }

// seal is Seal with the type byte set by the caller.
func (s *Sealer) seal(d []byte) error {
	if s.exhausted() {
		return ErrExhausted
	}
	n := s.next
	s.next++
	binary.BigEndian.PutUint64(s.nonce[4:], n)
	d = d[:DatagramLen]
	plain := d[dataHeaderLen : DatagramLen-tagLen]
	s.aead.Seal(plain[:0], s.nonce[:], plain, nil)
	tag := d[DatagramLen-tagLen:]
	s.index.Encrypt(s.mask[:], tag)
	binary.BigEndian.PutUint64(d, s.remote^binary.BigEndian.Uint64(s.mask[:]))
	s.counter.Encrypt(s.mask[:], tag)
	binary.BigEndian.PutUint64(d[indexLen:], n^binary.BigEndian.Uint64(s.mask[:]))
	return nil
}

// Opener opens the datagrams of one direction of a session, in any order, each
// once. Not safe for concurrent use.
type Opener struct {
	aead    cipher.AEAD
	counter cipher.Block
	seen    window
	nonce   [12]byte
	mask    [aes.BlockSize]byte
}

// newOpener takes the receiving secret.
func newOpener(secret []byte) *Opener {
	o := new(Opener)
	o.aead, o.counter = directionKeys(secret)
	return o
}

// NewOpener makes the opening half of a session outside of a Core.
func NewOpener(secret [keyLen]byte) *Opener { return newOpener(secret[:]) }

// Open opens a datagram of 512 bytes in place and returns its frame, which
// aliases it. An error leaves the state of the session as it was; the bytes of
// the datagram are destroyed. No allocation.
func (o *Opener) Open(d []byte) ([]byte, error) {
	plain, _, err := o.open(d)
	if err != nil || plain[0] != frameData {
		return nil, ErrDatagram
	}
	return plain[frameTypeLen:], nil
}

// open returns type and frame, and whether the counter is the highest so far.
func (o *Opener) open(d []byte) (plain []byte, highest bool, err error) {
	if len(d) != DatagramLen {
		return nil, false, ErrDatagram
	}
	o.counter.Encrypt(o.mask[:], d[DatagramLen-tagLen:])
	n := binary.BigEndian.Uint64(d[indexLen:]) ^ binary.BigEndian.Uint64(o.mask[:])
	if n >= rejectAfterCounter || !o.seen.check(n) {
		return nil, false, ErrDatagram
	}
	binary.BigEndian.PutUint64(o.nonce[4:], n)
	plain, err = o.aead.Open(d[dataHeaderLen:dataHeaderLen], o.nonce[:], d[dataHeaderLen:], nil)
	if err != nil {
		return nil, false, ErrDatagram
	}
	return plain, o.seen.Mark(n), nil
}
