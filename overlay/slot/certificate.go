// Slot certificates: the authority's word that one key may write one slot in one epoch, and nothing else.

package slot

import (
	"crypto/ed25519"
	"encoding/binary"
	"errors"
	"fmt"
	"log/slog"
)

// Layout of a certificate; the table stands in the package comment.
const (
	// CertificateLen is the length of every certificate in bytes.
	CertificateLen = offSignature + ed25519.SignatureSize

	offWriter    = Len
	offEpoch     = offWriter + ed25519.PublicKeySize
	offSignature = offEpoch + 4
)

var (
	// ErrKey is returned for a public key that is all zero.
	ErrKey = errors.New("slot: unusable public key")
	// ErrCertificate is returned for a certificate that the authority of this overlay did not sign.
	ErrCertificate = errors.New("slot: certificate not signed by the authority")
	// ErrSigning is returned where the authority's key did not sign.
	ErrSigning = errors.New("slot: the authority did not sign")
)

// WriterPublic is the Ed25519 key that signs the records of a slot.
type WriterPublic struct{ b [ed25519.PublicKeySize]byte }

// ParseWriterPublic takes 32 bytes; ErrLength for any other length, ErrKey for zeros.
func ParseWriterPublic(b []byte) (WriterPublic, error) {
	k, err := parseEd25519(b)
	return WriterPublic{k}, err
}

// Bytes returns the 32 bytes for the wire.
func (k WriterPublic) Bytes() [ed25519.PublicKeySize]byte { return k.b }

// IsZero reports whether there is no key.
func (k WriterPublic) IsZero() bool { return k == WriterPublic{} }

// Verify reports whether signature is one of this key's over message.
func (k WriterPublic) Verify(message, signature []byte) bool {
	return !k.IsZero() && len(signature) == ed25519.SignatureSize && ed25519.Verify(k.b[:], message, signature)
}

// Format prints a fixed text for every verb.
func (k WriterPublic) Format(s fmt.State, _ rune) { redact(s, "[writer public key]") }

// LogValue logs a fixed text.
func (k WriterPublic) LogValue() slog.Value { return slog.StringValue("[writer public key]") }

// AuthorityPublic is the Ed25519 key by which the authority signs slot certificates and nothing else; the overlay
// document names it.
type AuthorityPublic struct{ b [ed25519.PublicKeySize]byte }

// ParseAuthorityPublic takes 32 bytes; ErrLength for any other length, ErrKey for zeros.
func ParseAuthorityPublic(b []byte) (AuthorityPublic, error) {
	k, err := parseEd25519(b)
	return AuthorityPublic{k}, err
}

// Bytes returns the 32 bytes for the overlay document.
func (k AuthorityPublic) Bytes() [ed25519.PublicKeySize]byte { return k.b }

// IsZero reports whether there is no key.
func (k AuthorityPublic) IsZero() bool { return k == AuthorityPublic{} }

// Format prints a fixed text for every verb.
func (k AuthorityPublic) Format(s fmt.State, _ rune) { redact(s, "[authority public key]") }

// LogValue logs a fixed text.
func (k AuthorityPublic) LogValue() slog.Value { return slog.StringValue("[authority public key]") }

func parseEd25519(b []byte) ([ed25519.PublicKeySize]byte, error) {
	if len(b) != ed25519.PublicKeySize {
		return [ed25519.PublicKeySize]byte{}, ErrLength
	}
	k := [ed25519.PublicKeySize]byte(b)
	if k == ([ed25519.PublicKeySize]byte{}) {
		return k, ErrKey
	}
	return k, nil
}

// Certificate is a slot certificate. What was parsed is not yet verified. Two of them are the same on the wire if
// they are equal by ==.
type Certificate struct{ b [CertificateLen]byte }

// Issue makes a certificate. Sign is the authority's Ed25519 signature (RFC 8032, deterministic) of the message that
// it is given. ErrKey for a zero writer, ErrSigning if sign fails or returns another length.
func Issue(overlay [OverlayIDLen]byte, s Slot, writer WriterPublic, epoch Epoch, sign func(message []byte) ([]byte, error)) (Certificate, error) {
	if writer.IsZero() {
		return Certificate{}, ErrKey
	}
	var c Certificate
	copy(c.b[:], s.b[:])
	copy(c.b[offWriter:], writer.b[:])
	binary.BigEndian.PutUint32(c.b[offEpoch:], uint32(epoch))
	signature, err := sign(c.message(overlay))
	if err != nil || len(signature) != ed25519.SignatureSize {
		return Certificate{}, ErrSigning
	}
	copy(c.b[offSignature:], signature)
	return c, nil
}

// ParseCertificate reads a certificate of exactly CertificateLen bytes. It fails with ErrLength or ErrKey, and
// verifies nothing.
func ParseCertificate(b []byte) (Certificate, error) {
	if len(b) != CertificateLen {
		return Certificate{}, ErrLength
	}
	if _, err := ParseWriterPublic(b[offWriter:offEpoch]); err != nil {
		return Certificate{}, err
	}
	return Certificate{[CertificateLen]byte(b)}, nil
}

// Append appends the CertificateLen bytes of the wire.
func (c Certificate) Append(dst []byte) []byte { return append(dst, c.b[:]...) }

// Verify checks the signature of the authority, and fails with ErrCertificate. Whether the slot is the one at hand,
// and the epoch one of now (Schedule.Accepts), is for the caller to compare.
func (c Certificate) Verify(overlay [OverlayIDLen]byte, authority AuthorityPublic) error {
	if authority.IsZero() || !ed25519.Verify(authority.b[:], c.message(overlay), c.b[offSignature:]) {
		return ErrCertificate
	}
	return nil
}

// Slot returns the slot that may be written.
func (c Certificate) Slot() Slot { return Slot{[Len]byte(c.b[:offWriter])} }

// Writer returns the key that may write it.
func (c Certificate) Writer() WriterPublic {
	return WriterPublic{[ed25519.PublicKeySize]byte(c.b[offWriter:offEpoch])}
}

// Epoch returns the epoch in which it may.
func (c Certificate) Epoch() Epoch { return Epoch(binary.BigEndian.Uint32(c.b[offEpoch:])) }

// message returns the bytes that the authority signs.
func (c Certificate) message(overlay [OverlayIDLen]byte) []byte {
	m := appendDomain(nil, "sotto slot certificate v1")
	m = append(m, overlay[:]...)
	return append(m, c.b[:offSignature]...)
}

// Format prints a fixed text for every verb.
func (c Certificate) Format(s fmt.State, _ rune) { redact(s, "[slot certificate]") }

// LogValue logs a fixed text.
func (c Certificate) LogValue() slog.Value { return slog.StringValue("[slot certificate]") }
