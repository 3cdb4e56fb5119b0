// Proof that a peer has shown two different daily parts of one period to different askers.

package peer

import (
	"bytes"
	"errors"
	"fmt"
	"log/slog"
)

// Layout of a proof; the table stands in the package comment.
const (
	// ProofLen is the length of every proof in bytes.
	ProofLen = 1 + StaticLen + 2*DailyLen

	proofVersion = 1
)

// ErrProof is returned for bytes that prove nothing against anybody.
var ErrProof = errors.New("peer: no proof of equivocation")

// Proof shows that one peer signed two daily parts of one period. Whoever verifies it excludes the peer and hands
// it on. What was parsed is not yet verified. Two parts that differ in nothing but the signature count as well:
// an honest peer signs deterministically, others cannot make a second signature, and a directory would have
// another root by each of them.
type Proof struct {
	static        Static
	first, second Daily
}

// ParseProof reads a proof of exactly ProofLen bytes. It fails with ErrLength, ErrVersion, ErrProof where the
// parts are not two of one peer and period in order, or as ParseStatic and ParseDaily do.
func ParseProof(b []byte) (Proof, error) {
	if len(b) != ProofLen {
		return Proof{}, ErrLength
	}
	if b[0] != proofVersion {
		return Proof{}, ErrVersion
	}
	static, err := ParseStatic(b[1 : 1+StaticLen])
	if err != nil {
		return Proof{}, err
	}
	first, err := ParseDaily(b[1+StaticLen : 1+StaticLen+DailyLen])
	if err != nil {
		return Proof{}, err
	}
	second, err := ParseDaily(b[1+StaticLen+DailyLen:])
	if err != nil {
		return Proof{}, err
	}
	if first.Period() != second.Period() || bytes.Compare(first.b[:], second.b[:]) >= 0 {
		return Proof{}, ErrProof
	}
	return Proof{static, first, second}, nil
}

// Append appends the ProofLen bytes of the wire; nothing for a zero Proof.
func (p Proof) Append(dst []byte) []byte {
	if p.static.IsZero() {
		return dst
	}
	dst = append(dst, proofVersion)
	dst = p.static.Append(dst)
	dst = p.first.Append(dst)
	return p.second.Append(dst)
}

// NodeID returns the peer that the proof is against.
func (p Proof) NodeID() NodeID { return p.static.NodeID() }

// KeyEpoch returns the key epoch of the peer; after its last period the proof is of no more use.
func (p Proof) KeyEpoch() uint32 { return p.static.KeyEpoch() }

// Verify checks that the peer is one of this overlay and signed both parts. It fails with ErrOverlay,
// ErrAdmission, ErrPeriod, ErrSignature or, for a zero Proof, ErrProof.
func (p Proof) Verify(overlay OverlayID, calendar Calendar, verifier AdmissionVerifier) error {
	if p.static.IsZero() {
		return ErrProof
	}
	admitted, err := Admit(p.static, overlay, verifier)
	if err != nil {
		return err
	}
	if err := admitted.verify(p.first, calendar); err != nil {
		return err
	}
	return admitted.verify(p.second, calendar)
}

// Equivocation compares two descriptors, and returns a proof if they are different ones of one peer and period.
func Equivocation(a, b *Descriptor) (Proof, bool) {
	if a.NodeID() != b.NodeID() || a.Period() != b.Period() || a.daily == b.daily {
		return Proof{}, false
	}
	p := Proof{a.Static(), a.daily, b.daily}
	if bytes.Compare(p.first.b[:], p.second.b[:]) > 0 {
		p.first, p.second = p.second, p.first
	}
	return p, true
}

// Format prints a fixed text for every verb.
func (p Proof) Format(s fmt.State, _ rune) { redact(s, "[proof of equivocation]") }

// LogValue logs a fixed text.
func (p Proof) LogValue() slog.Value { return slog.StringValue("[proof of equivocation]") }
