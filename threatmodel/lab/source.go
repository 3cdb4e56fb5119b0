package lab

import (
	"crypto/aes"
	"crypto/cipher"
	"crypto/sha256"
	"encoding/binary"
	"fmt"
)

// Randomness that repeats: a run of the lab is decided by its seed, byte for byte.

// Source is a deterministic stream of bytes and numbers for simulations: AES-256 in counter mode under a hash of seed
// and label, so that streams of different labels have nothing in common. Not safe for concurrent use.
type Source struct{ stream cipher.Stream }

// NewSource begins the stream of a seed and a label.
func NewSource(seed uint64, label string) *Source {
	key := sha256.Sum256(fmt.Appendf(nil, "sotto lab %d %s", seed, label))
	block, err := aes.NewCipher(key[:])
	if err != nil {
		panic("lab: AES refuses 32 bytes")
	}
	return &Source{cipher.NewCTR(block, make([]byte, aes.BlockSize))}
}

// Read fills p; it never fails.
func (s *Source) Read(p []byte) (int, error) {
	clear(p)
	s.stream.XORKeyStream(p, p)
	return len(p), nil
}

// Uint64 is the next eight bytes.
func (s *Source) Uint64() uint64 {
	var b [8]byte
	s.stream.XORKeyStream(b[:], b[:])
	return binary.BigEndian.Uint64(b[:])
}

// IntN is a number from 0 to n-1. The bias is below n/2⁶⁴, which no run can see.
func (s *Source) IntN(n int) int { return int(s.Uint64() % uint64(n)) }

// Perm is a random order of 0 to n-1.
func (s *Source) Perm(n int) []int {
	p := make([]int, n)
	for i := range p {
		p[i] = i
		j := s.IntN(i + 1)
		p[i], p[j] = p[j], p[i]
	}
	return p
}
