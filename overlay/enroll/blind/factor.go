// The blinding factor: how the client's secret is kept between asking and being answered.

package blind

import (
	"crypto/rsa"
	"crypto/sha256"
	"fmt"
	"io"
	"log/slog"

	"github.com/cloudflare/circl/blindsign/blindrsa"
	"golang.org/x/crypto/chacha20"
)

// FactorSize is the length in bytes of a factor as stored.
const FactorSize = 32

// Factor is the client's secret of one blinding: a 256-bit seed from which the factor modulo N is drawn
// uniformly. Whoever holds it can link the signature to the request. It refuses to print.
type Factor struct{ seed [FactorSize]byte }

// ParseFactor reads what Append wrote.
func ParseFactor(b []byte) (Factor, error) {
	if len(b) != FactorSize {
		return Factor{}, ErrBlinded
	}
	return Factor{seed: [FactorSize]byte(b)}, nil
}

// Append appends the 32 bytes of the seed to b.
func (f Factor) Append(b []byte) []byte { return append(b, f.seed[:]...) }

// Format implements fmt.Formatter: a factor never prints.
func (f Factor) Format(s fmt.State, _ rune) { io.WriteString(s, "[blinding factor]") }

// LogValue implements slog.LogValuer: a factor is never logged.
func (f Factor) LogValue() slog.Value { return slog.StringValue("[blinding factor]") }

func (f Factor) blind(pub *rsa.PublicKey, msg []byte) ([]byte, blindrsa.State, error) {
	c, err := blindrsa.NewClient(variant, pub)
	if err != nil {
		return nil, blindrsa.State{}, err
	}
	stream, err := newStream(f.under(pub))
	if err != nil {
		return nil, blindrsa.State{}, err
	}
	prepared, err := c.Prepare(stream, msg)
	if err != nil {
		return nil, blindrsa.State{}, err
	}
	return c.Blind(stream, prepared)
}

// under binds the seed to a modulus. One message blinded under two moduli with one factor would be
// recognised by a signer who has both keys: only for the right message do both give the same factor.
func (f Factor) under(pub *rsa.PublicKey) [FactorSize]byte {
	const label = "sotto blinding factor v1"
	var n [Size]byte
	pub.N.FillBytes(n[:])
	b := append([]byte{byte(len(label))}, label...)
	return sha256.Sum256(append(append(b, f.seed[:]...), n[:]...))
}

// stream expands a seed to as many bytes as rejection sampling below N needs.
type stream struct{ cipher *chacha20.Cipher }

func newStream(seed [FactorSize]byte) (*stream, error) {
	c, err := chacha20.NewUnauthenticatedCipher(seed[:], make([]byte, chacha20.NonceSize))
	return &stream{cipher: c}, err
}

func (s *stream) Read(p []byte) (int, error) {
	clear(p)
	s.cipher.XORKeyStream(p, p)
	return len(p), nil
}
