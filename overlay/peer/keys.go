// The keys of a peer, one type per role, so that none can be taken for another; none prints itself.
//
// There are no text forms on purpose: a method that makes text is what loggers and encoders look for.

package peer

import (
	"crypto/ed25519"
	"crypto/subtle"
	"errors"
	"fmt"
	"io"
	"log/slog"
)

// Sizes in bytes.
const (
	// PublicKeyLen is that of Ed25519 (RFC 8032) and X25519 (RFC 7748) public keys.
	PublicKeyLen = 32
	// SeedLen is that of an Ed25519 private key as RFC 8032 stores it.
	SeedLen = 32
	// SignatureLen is that of an Ed25519 signature.
	SignatureLen = 64
)

// ErrKey is returned for a public key that is all zero or not in its one canonical encoding.
var ErrKey = errors.New("peer: unusable public key")

// SigningKey is the private Ed25519 key that a peer is admitted with. It lives for one key epoch. Copies share
// their bytes; a zero or wiped SigningKey signs nothing.
//
// The bytes lie behind two pointers. Where fmt cannot call Format, in an unexported field, it follows none under
// %v and one under %s.
type SigningKey struct{ seed **[SeedLen]byte }

func newSigningKey(seed *[SeedLen]byte) SigningKey { return SigningKey{&seed} }

// GenerateSigningKey reads SeedLen bytes from random and fails only if that fails.
func GenerateSigningKey(random io.Reader) (SigningKey, error) {
	seed := new([SeedLen]byte)
	if _, err := io.ReadFull(random, seed[:]); err != nil {
		return SigningKey{}, errors.New("peer: no random bytes for a signing key")
	}
	return newSigningKey(seed), nil
}

// SigningKeyFromSeed takes back what Seed gave out and fails with ErrLength at any other length.
func SigningKeyFromSeed(seed []byte) (SigningKey, error) {
	if len(seed) != SeedLen {
		return SigningKey{}, ErrLength
	}
	s := [SeedLen]byte(seed)
	return newSigningKey(&s), nil
}

// Seed returns the secret for storing; a file that holds it has mode 0600. Zero for a zero key.
func (k SigningKey) Seed() [SeedLen]byte {
	if k.seed == nil {
		return [SeedLen]byte{}
	}
	return **k.seed
}

// IsZero reports whether there is no key, or only a wiped one.
func (k SigningKey) IsZero() bool {
	return k.seed == nil || subtle.ConstantTimeCompare((*k.seed)[:], make([]byte, SeedLen)) == 1
}

// Public returns the public half, zero for a zero key.
func (k SigningKey) Public() SigningPublic {
	if k.IsZero() {
		return SigningPublic{}
	}
	private := ed25519.NewKeyFromSeed((*k.seed)[:])
	defer clear(private)
	return SigningPublic{[PublicKeyLen]byte(private[SeedLen:])}
}

// Sign returns the deterministic Ed25519 signature of message, which must begin with a label of its own use.
// A zero key returns zeros, which verify under no key.
func (k SigningKey) Sign(message []byte) [SignatureLen]byte {
	if k.IsZero() {
		return [SignatureLen]byte{}
	}
	private := ed25519.NewKeyFromSeed((*k.seed)[:])
	defer clear(private)
	return [SignatureLen]byte(ed25519.Sign(private, message))
}

// Equal compares in constant time.
func (k SigningKey) Equal(other SigningKey) bool {
	a, b := k.Seed(), other.Seed()
	defer clear(a[:])
	defer clear(b[:])
	return subtle.ConstantTimeCompare(a[:], b[:]) == 1
}

// Wipe overwrites the secret of this key and of all its copies.
func (k SigningKey) Wipe() {
	if k.seed != nil {
		clear((*k.seed)[:])
	}
}

// Format prints a fixed text for every verb.
func (k SigningKey) Format(s fmt.State, _ rune) { redact(s, "[signing key]") }

// LogValue logs a fixed text.
func (k SigningKey) LogValue() slog.Value { return slog.StringValue("[signing key]") }

// SigningPublic is the public half of a SigningKey.
type SigningPublic struct{ b [PublicKeyLen]byte }

// ParseSigningPublic takes 32 bytes; ErrLength for any other length, ErrKey for zeros.
func ParseSigningPublic(b []byte) (SigningPublic, error) {
	if len(b) != PublicKeyLen {
		return SigningPublic{}, ErrLength
	}
	k := SigningPublic{[PublicKeyLen]byte(b)}
	if k.IsZero() {
		return SigningPublic{}, ErrKey
	}
	return k, nil
}

// Bytes returns the 32 bytes for the wire.
func (k SigningPublic) Bytes() [PublicKeyLen]byte { return k.b }

// IsZero reports whether there is no key.
func (k SigningPublic) IsZero() bool { return k == SigningPublic{} }

// Verify reports whether signature is one of this key's over message. Signatures whose scalar is not reduced
// are refused (RFC 8032 §5.1.7), so nobody but the owner can make a second signature of the same message.
func (k SigningPublic) Verify(message, signature []byte) bool {
	return !k.IsZero() && len(signature) == SignatureLen && ed25519.Verify(k.b[:], message, signature)
}

// Format prints a fixed text for every verb.
func (k SigningPublic) Format(s fmt.State, _ rune) { redact(s, "[signing public key]") }

// LogValue logs a fixed text.
func (k SigningPublic) LogValue() slog.Value { return slog.StringValue("[signing public key]") }

// LinkPublic is the static X25519 key that a peer answers link handshakes with.
type LinkPublic struct{ b [PublicKeyLen]byte }

// ParseLinkPublic takes a canonical X25519 public key; ErrLength or ErrKey otherwise.
func ParseLinkPublic(b []byte) (LinkPublic, error) {
	k, err := parseX25519(b)
	return LinkPublic{k}, err
}

// Bytes returns the 32 bytes for the wire and for the handshake.
func (k LinkPublic) Bytes() [PublicKeyLen]byte { return k.b }

// IsZero reports whether there is no key.
func (k LinkPublic) IsZero() bool { return k == LinkPublic{} }

// Format prints a fixed text for every verb.
func (k LinkPublic) Format(s fmt.State, _ rune) { redact(s, "[link public key]") }

// LogValue logs a fixed text.
func (k LinkPublic) LogValue() slog.Value { return slog.StringValue("[link public key]") }

// OnionPublic is the X25519 key that circuits are created with; it changes every period.
type OnionPublic struct{ b [PublicKeyLen]byte }

// ParseOnionPublic takes a canonical X25519 public key; ErrLength or ErrKey otherwise.
func ParseOnionPublic(b []byte) (OnionPublic, error) {
	k, err := parseX25519(b)
	return OnionPublic{k}, err
}

// Bytes returns the 32 bytes for the wire and for the handshake.
func (k OnionPublic) Bytes() [PublicKeyLen]byte { return k.b }

// IsZero reports whether there is no key.
func (k OnionPublic) IsZero() bool { return k == OnionPublic{} }

// Format prints a fixed text for every verb.
func (k OnionPublic) Format(s fmt.State, _ rune) { redact(s, "[onion public key]") }

// LogValue logs a fixed text.
func (k OnionPublic) LogValue() slog.Value { return slog.StringValue("[onion public key]") }

// LeasePublic is the X25519 key of the storing leases of an anonymous peer; it changes every period.
type LeasePublic struct{ b [PublicKeyLen]byte }

// ParseLeasePublic takes a canonical X25519 public key; ErrLength or ErrKey otherwise.
func ParseLeasePublic(b []byte) (LeasePublic, error) {
	k, err := parseX25519(b)
	return LeasePublic{k}, err
}

// Bytes returns the 32 bytes for the wire and for the handshake.
func (k LeasePublic) Bytes() [PublicKeyLen]byte { return k.b }

// IsZero reports whether there is no key.
func (k LeasePublic) IsZero() bool { return k == LeasePublic{} }

// Format prints a fixed text for every verb.
func (k LeasePublic) Format(s fmt.State, _ rune) { redact(s, "[lease public key]") }

// LogValue logs a fixed text.
func (k LeasePublic) LogValue() slog.Value { return slog.StringValue("[lease public key]") }

// parseX25519 refuses what X25519 would silently reduce (RFC 7748 §5): with the top bit set, or from 2^255-19
// on, one key would have two encodings, and a signed descriptor two forms of one meaning.
func parseX25519(b []byte) ([PublicKeyLen]byte, error) {
	var k [PublicKeyLen]byte
	if len(b) != PublicKeyLen {
		return k, ErrLength
	}
	copy(k[:], b)
	if k == ([PublicKeyLen]byte{}) || k[31]&0x80 != 0 || !belowFieldPrime(k) {
		return [PublicKeyLen]byte{}, ErrKey
	}
	return k, nil
}

// belowFieldPrime compares a little-endian number without its top bit with 2^255-19.
func belowFieldPrime(k [PublicKeyLen]byte) bool {
	if k[31] != 0x7f || k[0] < 0xed {
		return true
	}
	for _, x := range k[1:31] {
		if x != 0xff {
			return true
		}
	}
	return false
}
