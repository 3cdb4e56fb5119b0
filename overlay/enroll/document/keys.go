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
)

// SeedLen is the length in bytes of the stored form of RootKey and SigningKey.
const SeedLen = ed25519.SeedSize

// RootKey is the Ed25519 key that an overlay's ID is made of. It signs KeyCerts only, so it can be kept
// offline. It refuses to print.
type RootKey struct{ k *[ed25519.SeedSize]byte }

// SigningKey is the Ed25519 key that signs documents, invites, answers and slot certificates, each under
// its own label. It refuses to print.
type SigningKey struct{ k *[ed25519.SeedSize]byte }

// NewRootKey and NewSigningKey read 32 bytes from random, a cryptographic source.
func NewRootKey(random io.Reader) (RootKey, error) {
	k, err := newSeed(random)
	return RootKey{k}, err
}

// NewSigningKey reads 32 bytes from random, a cryptographic source.
func NewSigningKey(random io.Reader) (SigningKey, error) {
	k, err := newSeed(random)
	return SigningKey{k}, err
}

func newSeed(random io.Reader) (*[ed25519.SeedSize]byte, error) {
	k := new([ed25519.SeedSize]byte)
	if _, err := io.ReadFull(random, k[:]); err != nil {
		return nil, fmt.Errorf("document: no randomness for a key: %w", err)
	}
	return k, nil
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

func parseSeed(seed []byte) (*[ed25519.SeedSize]byte, error) {
	if len(seed) != ed25519.SeedSize {
		return nil, ErrMalformed
	}
	k := [ed25519.SeedSize]byte(seed)
	return &k, nil
}

// Seed returns the secret for storing.
func (k RootKey) Seed() [SeedLen]byte { return *k.k }

// Seed returns the secret for storing.
func (k SigningKey) Seed() [SeedLen]byte { return *k.k }

// IsZero reports whether there is no key.
func (k RootKey) IsZero() bool { return k.k == nil }

// IsZero reports whether there is no key.
func (k SigningKey) IsZero() bool { return k.k == nil }

// Public returns the 32 bytes of the public half.
func (k RootKey) Public() [pubLen]byte { return publicOf(k.k) }

// Public returns the 32 bytes of the public half.
func (k SigningKey) Public() [pubLen]byte { return publicOf(k.k) }

func publicOf(seed *[ed25519.SeedSize]byte) [pubLen]byte {
	private := ed25519.NewKeyFromSeed(seed[:])
	defer clear(private)
	return [pubLen]byte(private[ed25519.SeedSize:])
}

func signWith(seed *[ed25519.SeedSize]byte, message []byte) []byte {
	private := ed25519.NewKeyFromSeed(seed[:])
	defer clear(private)
	return ed25519.Sign(private, message)
}

// Sign returns the deterministic signature of message, which must begin with a label of its own use
// (package slot makes such messages; those of this package are signed inside it).
func (k SigningKey) Sign(message []byte) [sigLen]byte { return [sigLen]byte(signWith(k.k, message)) }

// Format prints a fixed text for every verb.
func (k RootKey) Format(s fmt.State, _ rune) { redact(s, "[root key]") }

// LogValue logs a fixed text.
func (k RootKey) LogValue() slog.Value { return redacted("[root key]") }

// Format prints a fixed text for every verb.
func (k SigningKey) Format(s fmt.State, _ rune) { redact(s, "[authority signing key]") }

// LogValue logs a fixed text.
func (k SigningKey) LogValue() slog.Value { return redacted("[authority signing key]") }

// KeyCert is the root's word for one generation of online keys: the signing key and the certificate of the
// CA for users. Generations count up; a lower one never replaces a higher one, so that a signing key that
// was taken out after a theft stays out.
//
//	 0  4  generation
//	 4 32  signing key
//	36 32  SHA-256 of the CA certificate (DER)
//	68  8  not before, unix seconds
//	76  8  not after
//	84 64  Ed25519 signature of the root over label, overlay ID and bytes 0 to 83
type KeyCert struct {
	generation uint32
	signing    [pubLen]byte
	caHash     [HashLen]byte
	notBefore  time.Time
	notAfter   time.Time
	sig        [sigLen]byte
}

const (
	keyCertLabel = "sotto key certificate v1"
	keyCertLen   = 4 + pubLen + HashLen + 8 + 8 + sigLen
)

// CertifyKeys makes a KeyCert.
func CertifyKeys(root RootKey, overlay peer.OverlayID, generation uint32, signing [pubLen]byte, caDER []byte, notBefore, notAfter time.Time) KeyCert {
	c := KeyCert{generation: generation, signing: signing, caHash: sha256.Sum256(caDER),
		notBefore: notBefore.Truncate(time.Second).UTC(), notAfter: notAfter.Truncate(time.Second).UTC()}
	c.sig = [sigLen]byte(signWith(root.k, c.message(overlay)))
	return c
}

func (c KeyCert) message(overlay peer.OverlayID) []byte {
	id := overlay.Bytes()
	return labelled(keyCertLabel, id[:], c.appendFields(nil))
}

func (c KeyCert) appendFields(b []byte) []byte {
	b = binary.BigEndian.AppendUint32(b, c.generation)
	b = append(b, c.signing[:]...)
	b = append(b, c.caHash[:]...)
	return appendTime(appendTime(b, c.notBefore), c.notAfter)
}

func (c KeyCert) append(b []byte) []byte { return append(c.appendFields(b), c.sig[:]...) }

func (r *reader) keyCert() KeyCert {
	var c KeyCert
	c.generation = r.u32()
	copy(c.signing[:], r.bytes(pubLen))
	copy(c.caHash[:], r.bytes(HashLen))
	c.notBefore, c.notAfter = r.time(), r.time()
	copy(c.sig[:], r.bytes(sigLen))
	r.require(c.notBefore.Before(c.notAfter))
	return c
}

// verify checks the root's signature and that ca is the certificate meant.
func (c KeyCert) verify(root [pubLen]byte, overlay peer.OverlayID, caDER []byte) error {
	if sha256.Sum256(caDER) != c.caHash || !ed25519.Verify(root[:], c.message(overlay), c.sig[:]) {
		return ErrSignature
	}
	return nil
}

// Generation counts the authority's changes of online keys, from 0.
func (c KeyCert) Generation() uint32 { return c.generation }

// NotAfter is when the certificate ends.
func (c KeyCert) NotAfter() time.Time { return c.notAfter }

// SigningPublic returns the certified key, by which slot certificates are verified.
func (c KeyCert) SigningPublic() [pubLen]byte { return c.signing }

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
