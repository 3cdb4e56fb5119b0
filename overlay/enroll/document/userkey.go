// The key of a user: ECDSA on P-256, because RFC 8225 §8 (ES256) and X.509 stacks of phones speak it.

package document

import (
	"crypto"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/sha256"
	"encoding/asn1"
	"errors"
	"fmt"
	"log/slog"
	"math/big"
)

// Sizes in bytes.
const (
	// UserPublicLen is that of an uncompressed P-256 point (SEC 1 §2.3.3).
	UserPublicLen = 65
	// UserKeyLen is that of a P-256 private scalar.
	UserKeyLen = 32
)

// UserKey is a person's private key. It refuses to print. The zero value holds no key.
type UserKey struct{ k *ecdsa.PrivateKey }

// UserPublic is its public half: comparable, and it does not print either, being what names a person.
type UserPublic struct{ b [UserPublicLen]byte }

// GenerateUserKey makes a key from the system's randomness.
func GenerateUserKey() (UserKey, error) {
	k, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return UserKey{}, errors.New("document: no randomness for a user key")
	}
	return UserKey{k}, nil
}

// ParseUserKey reads what Bytes gave out; ErrMalformed otherwise.
func ParseUserKey(b []byte) (UserKey, error) {
	if len(b) != UserKeyLen {
		return UserKey{}, ErrMalformed
	}
	k, err := ecdsa.ParseRawPrivateKey(elliptic.P256(), b)
	if err != nil {
		return UserKey{}, ErrMalformed
	}
	return UserKey{k}, nil
}

// Bytes returns the 32-byte scalar for storing.
func (k UserKey) Bytes() []byte {
	b, err := k.k.Bytes()
	if err != nil {
		// Only a key of another curve fails, and none gets in here.
		panic("document: a user key that is no P-256 key")
	}
	return b
}

// IsZero reports whether there is no key.
func (k UserKey) IsZero() bool { return k.k == nil }

// Public returns the public half.
func (k UserKey) Public() UserPublic { return publicUser(&k.k.PublicKey) }

// Signer gives the key to signers of PASSporTs and dialogs above.
func (k UserKey) Signer() crypto.Signer { return k.k }

// sign makes the deterministic signature of RFC 6979 in 64 bytes, r and s, s in the lower half: a request
// that is made again after a crash is the same request, byte for byte.
func (k UserKey) sign(message []byte) [sigLen]byte {
	digest := sha256.Sum256(message)
	der, err := k.k.Sign(nil, digest[:], crypto.SHA256)
	if err != nil {
		panic("document: signing with a P-256 key failed")
	}
	var sig struct{ R, S *big.Int }
	if _, err := asn1.Unmarshal(der, &sig); err != nil {
		panic("document: an ECDSA signature that is no DER")
	}
	n := elliptic.P256().Params().N
	if sig.S.Cmp(new(big.Int).Rsh(n, 1)) > 0 {
		sig.S.Sub(n, sig.S)
	}
	var out [sigLen]byte
	sig.R.FillBytes(out[:32])
	sig.S.FillBytes(out[32:])
	return out
}

// Format prints a fixed text for every verb.
func (k UserKey) Format(s fmt.State, _ rune) { redact(s, "[user key]") }

// LogValue logs a fixed text.
func (k UserKey) LogValue() slog.Value { return redacted("[user key]") }

func publicUser(k *ecdsa.PublicKey) UserPublic {
	b, err := k.Bytes()
	if err != nil || len(b) != UserPublicLen {
		panic("document: a user key that is no P-256 key")
	}
	return UserPublic{[UserPublicLen]byte(b)}
}

// ParseUserPublic reads an uncompressed point of the curve; ErrMalformed otherwise.
func ParseUserPublic(b []byte) (UserPublic, error) {
	if len(b) != UserPublicLen {
		return UserPublic{}, ErrMalformed
	}
	if _, err := ecdsa.ParseUncompressedPublicKey(elliptic.P256(), b); err != nil {
		return UserPublic{}, ErrMalformed
	}
	return UserPublic{[UserPublicLen]byte(b)}, nil
}

// Bytes returns the 65 bytes of the point.
func (p UserPublic) Bytes() [UserPublicLen]byte { return p.b }

// ECDSA returns the key for the standard library.
func (p UserPublic) ECDSA() (*ecdsa.PublicKey, error) {
	k, err := ecdsa.ParseUncompressedPublicKey(elliptic.P256(), p.b[:])
	if err != nil {
		return nil, ErrMalformed
	}
	return k, nil
}

// verify refuses the second form (r, n-s) that every ECDSA signature has.
func (p UserPublic) verify(message, sig []byte) bool {
	k, err := p.ECDSA()
	if err != nil || len(sig) != sigLen {
		return false
	}
	r, s := new(big.Int).SetBytes(sig[:32]), new(big.Int).SetBytes(sig[32:])
	if s.Cmp(new(big.Int).Rsh(elliptic.P256().Params().N, 1)) > 0 {
		return false
	}
	digest := sha256.Sum256(message)
	return ecdsa.Verify(k, digest[:], r, s)
}

// Format prints a fixed text for every verb.
func (p UserPublic) Format(s fmt.State, _ rune) { redact(s, "[user public key]") }

// LogValue logs a fixed text.
func (p UserPublic) LogValue() slog.Value { return redacted("[user public key]") }

func isP256(key any) bool {
	k, ok := key.(*ecdsa.PublicKey)
	return ok && k.Curve == elliptic.P256()
}
