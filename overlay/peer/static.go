// The static part of a descriptor: the peer's key of a key epoch and the admission that makes it valid.

package peer

import (
	"encoding/binary"
	"errors"
	"fmt"
	"log/slog"
)

// Layout of the static part; the table stands in the package comment.
const (
	// AdmissionSignatureLen is that of a 2048-bit RSA signature in bytes (RFC 9474).
	AdmissionSignatureLen = 256
	// StaticLen is the length of every static part in bytes.
	StaticLen = offAdmission + AdmissionSignatureLen

	staticVersion = 1
	offOverlay    = 1
	offKeyEpoch   = offOverlay + OverlayIDLen
	offSigning    = offKeyEpoch + 4
	offAdmission  = offSigning + PublicKeyLen
)

var (
	// ErrVersion is returned for a layout that this package does not know.
	ErrVersion = errors.New("peer: unknown version")
	// ErrOverlay is returned for something valid perhaps, but of another overlay.
	ErrOverlay = errors.New("peer: of another overlay")
	// ErrAdmission is returned for a peer key that the authority has not signed.
	ErrAdmission = errors.New("peer: not admitted to the overlay")
)

// AdmissionVerifier checks admission signatures against the blind key that the overlay document names for a
// key epoch. It must accept one signature only per message, and refuse a signature that is not smaller than
// the modulus: each accepted signature is a NodeID.
type AdmissionVerifier interface {
	VerifyAdmission(keyEpoch uint32, message, signature []byte) error
}

// AdmissionMessage returns the exact bytes that the authority signs blindly to admit a peer's key.
func AdmissionMessage(overlay OverlayID, keyEpoch uint32, key SigningPublic) []byte {
	m := appendDomain(nil, "sotto admission v1")
	m = append(m, overlay.b[:]...)
	m = binary.BigEndian.AppendUint32(m, keyEpoch)
	return append(m, key.b[:]...)
}

// Static is a static part of a descriptor. What was parsed is not yet verified: see Admit. It is immutable;
// copies share their bytes, so that the directories of two periods hold them once.
type Static struct{ block *staticBlock }

// staticBlock keeps the NodeID beside the bytes it is derived from, since every search compares it.
type staticBlock struct {
	wire [StaticLen]byte
	id   NodeID
}

// NewStatic puts a static part together; ErrLength for a signature of another length, ErrKey for a zero key.
func NewStatic(overlay OverlayID, keyEpoch uint32, key SigningPublic, admissionSignature []byte) (Static, error) {
	if len(admissionSignature) != AdmissionSignatureLen {
		return Static{}, ErrLength
	}
	b := make([]byte, 0, StaticLen)
	b = append(b, staticVersion)
	b = append(b, overlay.b[:]...)
	b = binary.BigEndian.AppendUint32(b, keyEpoch)
	b = append(b, key.b[:]...)
	b = append(b, admissionSignature...)
	return ParseStatic(b)
}

// ParseStatic reads a static part of exactly StaticLen bytes. It fails with ErrLength, ErrVersion or ErrKey,
// and verifies nothing.
func ParseStatic(b []byte) (Static, error) {
	if len(b) != StaticLen {
		return Static{}, ErrLength
	}
	if b[0] != staticVersion {
		return Static{}, ErrVersion
	}
	if _, err := ParseSigningPublic(b[offSigning:offAdmission]); err != nil {
		return Static{}, err
	}
	s := Static{&staticBlock{wire: [StaticLen]byte(b)}}
	s.block.id = NodeIDFromAdmission(s.Overlay(), s.KeyEpoch(), b[offAdmission:])
	return s, nil
}

// Append appends the StaticLen bytes of the wire; nothing for a zero Static.
func (s Static) Append(dst []byte) []byte {
	if s.block == nil {
		return dst
	}
	return append(dst, s.block.wire[:]...)
}

// IsZero reports whether there is no static part. The other methods return zeros then.
func (s Static) IsZero() bool { return s.block == nil }

// Overlay returns the overlay that the peer belongs to.
func (s Static) Overlay() OverlayID {
	if s.block == nil {
		return OverlayID{}
	}
	return OverlayID{[OverlayIDLen]byte(s.block.wire[offOverlay:offKeyEpoch])}
}

// KeyEpoch returns the key epoch that the admission is for.
func (s Static) KeyEpoch() uint32 {
	if s.block == nil {
		return 0
	}
	return binary.BigEndian.Uint32(s.block.wire[offKeyEpoch:])
}

// SigningKey returns the key that signs the daily parts.
func (s Static) SigningKey() SigningPublic {
	if s.block == nil {
		return SigningPublic{}
	}
	return SigningPublic{[PublicKeyLen]byte(s.block.wire[offSigning:offAdmission])}
}

// NodeID returns the identifier that follows from the admission signature.
func (s Static) NodeID() NodeID {
	if s.block == nil {
		return NodeID{}
	}
	return s.block.id
}

// Format prints a fixed text for every verb.
func (s Static) Format(f fmt.State, _ rune) { redact(f, "[static descriptor]") }

// LogValue logs a fixed text.
func (s Static) LogValue() slog.Value { return slog.StringValue("[static descriptor]") }

// Admitted is a static part whose admission has been verified. It is made by Admit only, once per peer and key
// epoch, since an RSA verification costs about as much as that of the daily part.
type Admitted struct{ static Static }

// Admit verifies a static part: of this overlay (ErrOverlay) and admitted in its key epoch (ErrAdmission, which
// does not tell what the verifier said).
func Admit(s Static, overlay OverlayID, verifier AdmissionVerifier) (Admitted, error) {
	if s.block == nil || s.Overlay() != overlay {
		return Admitted{}, ErrOverlay
	}
	message := AdmissionMessage(overlay, s.KeyEpoch(), s.SigningKey())
	if verifier.VerifyAdmission(s.KeyEpoch(), message, s.block.wire[offAdmission:]) != nil {
		return Admitted{}, ErrAdmission
	}
	return Admitted{s}, nil
}

// Static returns the verified static part.
func (a Admitted) Static() Static { return a.static }

// NodeID returns the identifier of the admitted peer.
func (a Admitted) NodeID() NodeID { return a.static.NodeID() }

// Format prints a fixed text for every verb.
func (a Admitted) Format(f fmt.State, _ rune) { redact(f, "[static descriptor]") }

// LogValue logs a fixed text.
func (a Admitted) LogValue() slog.Value { return slog.StringValue("[static descriptor]") }
