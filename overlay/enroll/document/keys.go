// The authority's signing keys: a root that may lie in a safe, and the key in daily use that it certifies.

package document

import (
	"crypto/ed25519"
	"crypto/sha256"
	"crypto/x509"
	"encoding/binary"
	"fmt"
	"io"
	"log/slog"
	"time"

	"sotto/overlay/peer"
	"sotto/overlay/slot"
)

// SeedLen is the length in bytes of the stored form of RootKey and SigningKey.
const SeedLen = ed25519.SeedSize

// seedKey is the common part of the authority's Ed25519 keys. The seed lies behind a pointer, which fmt does
// not follow even where it cannot call Format.
type seedKey struct{ k *[SeedLen]byte }

// RootKey is the key that an overlay's ID is made of. It signs KeyCerts only, so it can be kept offline.
type RootKey struct{ seedKey }

// SigningKey signs documents, invites and answers, each under its own label.
type SigningKey struct{ seedKey }

// SlotKey signs slot certificates (package slot) and nothing else.
type SlotKey struct{ seedKey }

// NewRootKey reads SeedLen bytes from random, a cryptographic source.
func NewRootKey(random io.Reader) (RootKey, error) {
	k, err := newSeed(random)
	return RootKey{k}, err
}

// NewSigningKey reads SeedLen bytes from random, a cryptographic source.
func NewSigningKey(random io.Reader) (SigningKey, error) {
	k, err := newSeed(random)
	return SigningKey{k}, err
}

// NewSlotKey reads SeedLen bytes from random, a cryptographic source.
func NewSlotKey(random io.Reader) (SlotKey, error) {
	k, err := newSeed(random)
	return SlotKey{k}, err
}

// ParseRootKey reads what Seed gave out; ErrMalformed for any other length.
func ParseRootKey(seed []byte) (RootKey, error) {
	k, err := parseSeed(seed)
	return RootKey{k}, err
}

// ParseSigningKey reads what Seed gave out; ErrMalformed for any other length.
func ParseSigningKey(seed []byte) (SigningKey, error) {
	k, err := parseSeed(seed)
	return SigningKey{k}, err
}

// ParseSlotKey reads what Seed gave out; ErrMalformed for any other length.
func ParseSlotKey(seed []byte) (SlotKey, error) {
	k, err := parseSeed(seed)
	return SlotKey{k}, err
}

func newSeed(random io.Reader) (seedKey, error) {
	k := new([SeedLen]byte)
	if _, err := io.ReadFull(random, k[:]); err != nil {
		return seedKey{}, fmt.Errorf("document: no randomness for a key: %w", err)
	}
	return seedKey{k}, nil
}

func parseSeed(seed []byte) (seedKey, error) {
	if len(seed) != SeedLen {
		return seedKey{}, ErrMalformed
	}
	k := [SeedLen]byte(seed)
	return seedKey{&k}, nil
}

// Seed returns the secret for storing; zeros for a zero key.
func (k seedKey) Seed() [SeedLen]byte {
	if k.k == nil {
		return [SeedLen]byte{}
	}
	return *k.k
}

// IsZero reports whether there is no key.
func (k seedKey) IsZero() bool { return k.k == nil }

// Public returns the 32 bytes of the public half; of no use for a zero key.
func (k seedKey) Public() [pubLen]byte {
	seed := k.Seed()
	private := ed25519.NewKeyFromSeed(seed[:])
	defer clear(private)
	return [pubLen]byte(private[SeedLen:])
}

func (k seedKey) sign(message []byte) []byte {
	seed := k.Seed()
	private := ed25519.NewKeyFromSeed(seed[:])
	defer clear(private)
	return ed25519.Sign(private, message)
}

// Sign is what slot.Issue takes; it fails for a zero key.
func (k SlotKey) Sign(message []byte) ([]byte, error) {
	if k.IsZero() {
		return nil, ErrMalformed
	}
	return k.sign(message), nil
}

// Format prints a fixed text for every verb.
func (k seedKey) Format(s fmt.State, _ rune) { redact(s, "[authority key]") }

// LogValue logs a fixed text.
func (k seedKey) LogValue() slog.Value { return redacted("[authority key]") }

// KeyCert is the root's word for one generation of online keys: the signing key, the slot key and the
// certificate of the CA for users. Generations count up; a lower one never replaces a higher one, so that a signing key that
// was taken out after a theft stays out.
//
//	  0  4  generation
//	  4 32  signing key
//	 36 32  slot key
//	 68 32  SHA-256 of the CA certificate (DER)
//	100  8  not before, unix seconds
//	108  8  not after
//	116 64  Ed25519 signature of the root over label, overlay ID and bytes 0 to 115
type KeyCert struct {
	generation uint32
	signing    [pubLen]byte
	slot       slot.AuthorityPublic
	caHash     [HashLen]byte
	notBefore  time.Time
	notAfter   time.Time
	sig        [sigLen]byte
}

const (
	keyCertLabel = "sotto key certificate v1"
	keyCertLen   = 4 + 2*pubLen + HashLen + 8 + 8 + sigLen
)

// CertifyKeys makes a KeyCert.
func CertifyKeys(root RootKey, overlay peer.OverlayID, generation uint32, signing SigningKey, slots SlotKey, caDER []byte, notBefore, notAfter time.Time) KeyCert {
	public := slots.Public()
	k, err := slot.ParseAuthorityPublic(public[:])
	if err != nil {
		panic("document: a public key that is none")
	}
	c := KeyCert{generation: generation, signing: signing.Public(), slot: k, caHash: sha256.Sum256(caDER),
		notBefore: notBefore.Truncate(time.Second).UTC(), notAfter: notAfter.Truncate(time.Second).UTC()}
	c.sig = [sigLen]byte(root.sign(c.message(overlay)))
	return c
}

func (c KeyCert) message(overlay peer.OverlayID) []byte {
	id := overlay.Bytes()
	return labelled(keyCertLabel, id[:], c.appendFields(nil))
}

func (c KeyCert) appendFields(b []byte) []byte {
	b = binary.BigEndian.AppendUint32(b, c.generation)
	slotKey := c.slot.Bytes()
	b = append(append(b, c.signing[:]...), slotKey[:]...)
	b = append(b, c.caHash[:]...)
	return appendTime(appendTime(b, c.notBefore), c.notAfter)
}

func (c KeyCert) append(b []byte) []byte { return append(c.appendFields(b), c.sig[:]...) }

func (r *reader) keyCert() KeyCert {
	var c KeyCert
	c.generation = r.u32()
	copy(c.signing[:], r.bytes(pubLen))
	var err error
	c.slot, err = slot.ParseAuthorityPublic(r.bytes(pubLen))
	r.require(err == nil)
	copy(c.caHash[:], r.bytes(HashLen))
	c.notBefore, c.notAfter = r.time(), r.time()
	copy(c.sig[:], r.bytes(sigLen))
	r.require(c.notBefore.Before(c.notAfter))
	return c
}

// verify checks the root's signature and that ca is the certificate meant.
func (c KeyCert) verify(root [pubLen]byte, overlay peer.OverlayID, caDER []byte) error {
	if sha256.Sum256(caDER) != c.caHash || !c.certified(root, overlay) {
		return ErrSignature
	}
	return nil
}

func (c KeyCert) certified(root [pubLen]byte, overlay peer.OverlayID) bool {
	return ed25519.Verify(root[:], c.message(overlay), c.sig[:])
}

func (c KeyCert) covers(at time.Time) bool { return !at.Before(c.notBefore) && !at.After(c.notAfter) }

// Generation counts the authority's changes of online keys, from 0.
func (c KeyCert) Generation() uint32 { return c.generation }

// NotAfter is when the certificate ends.
func (c KeyCert) NotAfter() time.Time { return c.notAfter }

// SlotPublic returns the key by which slot certificates are verified.
func (c KeyCert) SlotPublic() slot.AuthorityPublic { return c.slot }

// Format prints a fixed text for every verb.
func (c KeyCert) Format(s fmt.State, _ rune) { redact(s, "[key certificate]") }

// LogValue logs a fixed text.
func (c KeyCert) LogValue() slog.Value { return redacted("[key certificate]") }

// parseCA reads the certificate of a CA for users: P-256, self-signed, allowed to sign certificates.
func parseCA(der []byte) (*x509.Certificate, error) {
	ca, err := x509.ParseCertificate(der)
	if err != nil || !ca.IsCA || !ca.BasicConstraintsValid || !isP256(ca.PublicKey) ||
		ca.SignatureAlgorithm != x509.ECDSAWithSHA256 || ca.KeyUsage&x509.KeyUsageCertSign == 0 {
		return nil, ErrMalformed
	}
	return ca, nil
}

// Bytes returns the stored form.
func (c KeyCert) Bytes() []byte { return c.append(nil) }

// ParseKeyCert reads what Bytes gave out; ErrMalformed otherwise. It verifies nothing.
func ParseKeyCert(b []byte) (KeyCert, error) {
	r := newReader(b)
	c := r.keyCert()
	if !r.end() {
		return KeyCert{}, ErrMalformed
	}
	return c, nil
}
