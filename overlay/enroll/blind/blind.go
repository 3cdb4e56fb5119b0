// Package blind is the one door to blind RSA signatures: RSABSSA-SHA384-PSSZERO-Deterministic
// (RFC 9474 §5) with 2048-bit moduli and the exponent 65537.
//
// The enrolment authority signs a peer's admission message without seeing it. PSSZERO and
// "deterministic" together give exactly one signature per message and key, so that whoever hashes the
// signature into an identifier cannot try several.
package blind

import (
	"crypto/rand"
	"crypto/rsa"
	"crypto/x509"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"math/big"

	"github.com/cloudflare/circl/blindsign/blindrsa"
)

// Size is the length in bytes of a modulus, a blinded message, a blind signature and a signature.
// Source: protocol §5; 2048 bits is the least that RFC 9474 §5 tables use in practice.
const Size = 256

// exponent is fixed: a public exponent chosen by the signer could make r^e a marker of the client.
const exponent = 65537

const variant = blindrsa.SHA384PSSZeroDeterministic

var (
	// ErrKey says that bytes are not a key of this scheme: not 2048 bits, even, or not parseable.
	ErrKey = errors.New("blind: not a usable blind signing key")
	// ErrSignature says that a signature does not fit message and key.
	ErrSignature = errors.New("blind: the signature does not fit")
	// ErrBlinded says that a blinded message is not one: wrong length or not below the modulus.
	ErrBlinded = errors.New("blind: not a blinded message")
)

// Message is a blinded message, BlindSignature the signer's answer and Signature what the client makes
// of it: 256 bytes each, big-endian, below the modulus.
type (
	Message        [Size]byte
	BlindSignature [Size]byte
	Signature      [Size]byte
)

// PublicKey verifies and blinds. The zero value verifies nothing.
type PublicKey struct{ n *big.Int }

// ParsePublicKey reads a big-endian modulus of exactly 256 bytes. It returns ErrKey for any other
// length, an even number, or one of fewer than 2048 bits.
func ParsePublicKey(modulus []byte) (PublicKey, error) {
	if len(modulus) != Size || modulus[0] < 0x80 || modulus[Size-1]&1 == 0 {
		return PublicKey{}, ErrKey
	}
	return PublicKey{n: new(big.Int).SetBytes(modulus)}, nil
}

// Append appends the 256 bytes of the modulus to b.
func (k PublicKey) Append(b []byte) []byte {
	var m [Size]byte
	if k.n != nil {
		k.n.FillBytes(m[:])
	}
	return append(b, m[:]...)
}

// Equal reports whether both are the same key.
func (k PublicKey) Equal(o PublicKey) bool {
	return k.n != nil && o.n != nil && k.n.Cmp(o.n) == 0
}

func (k PublicKey) rsa() (*rsa.PublicKey, error) {
	if k.n == nil {
		return nil, ErrKey
	}
	return &rsa.PublicKey{N: k.n, E: exponent}, nil
}

// Verify checks that sig is the one signature of msg under k. It returns ErrKey or ErrSignature.
func (k PublicKey) Verify(msg []byte, sig Signature) error {
	pub, err := k.rsa()
	if err != nil {
		return err
	}
	v, err := blindrsa.NewVerifier(variant, pub)
	if err != nil {
		return ErrKey
	}
	if v.Verify(msg, sig[:]) != nil {
		return ErrSignature
	}
	return nil
}

// Blind hides msg under a factor drawn from random, which must be a cryptographic source: it is all
// that keeps the signer from recognising the signature later. A factor is drawn anew for each call.
// Factor returns what Unblind needs; it is secret, 256 bytes, and kept until the answer is there.
func (k PublicKey) Blind(random io.Reader, msg []byte) (Message, Factor, error) {
	// The library hands out its state opaquely, so it cannot be stored across a restart. Feeding it
	// from a stored seed instead lets Unblind rebuild it, and a killed join carries on.
	var f Factor
	if _, err := io.ReadFull(random, f.seed[:]); err != nil {
		return Message{}, Factor{}, fmt.Errorf("blind: no randomness: %w", err)
	}
	m, err := k.BlindAgain(f, msg)
	return m, f, err
}

// BlindAgain makes the same blinded message again from its factor.
func (k PublicKey) BlindAgain(f Factor, msg []byte) (Message, error) {
	pub, err := k.rsa()
	if err != nil {
		return Message{}, err
	}
	blinded, _, err := f.blind(pub, msg)
	if err != nil {
		return Message{}, ErrKey
	}
	return Message(blinded), nil
}

// Unblind turns the signer's answer into the signature of msg and verifies it. It returns
// ErrSignature when the signer answered with anything but the one right value.
func (k PublicKey) Unblind(f Factor, msg []byte, answer BlindSignature) (Signature, error) {
	pub, err := k.rsa()
	if err != nil {
		return Signature{}, err
	}
	c, err := blindrsa.NewClient(variant, pub)
	if err != nil {
		return Signature{}, ErrKey
	}
	_, state, err := f.blind(pub, msg)
	if err != nil {
		return Signature{}, ErrKey
	}
	raw, err := c.Finalize(state, answer[:])
	if err != nil {
		return Signature{}, ErrSignature
	}
	sig := Signature(raw)
	return sig, k.Verify(msg, sig)
}

// PrivateKey signs blinded messages. It refuses to print.
type PrivateKey struct{ key *rsa.PrivateKey }

// GenerateKey makes a new key: two primes of 1024 bits, some hundred milliseconds.
func GenerateKey() (PrivateKey, error) {
	key, err := rsa.GenerateKey(rand.Reader, Size*8)
	if err != nil {
		return PrivateKey{}, fmt.Errorf("blind: no key: %w", err)
	}
	return PrivateKey{key: key}, nil
}

// ParsePrivateKey reads what Bytes wrote. It returns ErrKey.
func ParsePrivateKey(der []byte) (PrivateKey, error) {
	key, err := x509.ParsePKCS1PrivateKey(der)
	if err != nil || key.N.BitLen() != Size*8 || key.E != exponent {
		return PrivateKey{}, ErrKey
	}
	return PrivateKey{key: key}, nil
}

// Bytes returns the key as PKCS #1 DER, for the authority's own store and nothing else.
func (k PrivateKey) Bytes() []byte { return x509.MarshalPKCS1PrivateKey(k.key) }

// Public returns the public half.
func (k PrivateKey) Public() PublicKey { return PublicKey{n: k.key.N} }

// Sign signs a blinded message without learning what it hides: about 3 ms. The same message always
// gives the same signature. It returns ErrBlinded.
func (k PrivateKey) Sign(m Message) (BlindSignature, error) {
	// The library lets m = N through, which is zero in disguise.
	if new(big.Int).SetBytes(m[:]).Cmp(k.key.N) >= 0 {
		return BlindSignature{}, ErrBlinded
	}
	s, err := blindrsa.NewSigner(k.key).BlindSign(m[:])
	if err != nil {
		return BlindSignature{}, ErrBlinded
	}
	return BlindSignature(s), nil
}

// Format implements fmt.Formatter: a private key never prints.
func (k PrivateKey) Format(s fmt.State, _ rune) { io.WriteString(s, "[blind private key]") }

// LogValue implements slog.LogValuer: a private key is never logged.
func (k PrivateKey) LogValue() slog.Value { return slog.StringValue("[blind private key]") }
