// From an address to its place: AoR → y → slot.

package slot

import (
	"crypto/sha256"
	"crypto/subtle"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"log/slog"

	"golang.org/x/crypto/argon2"
)

// Parameters of Argon2id (RFC 9106). What counts is what a guess costs, as P15 prints it: 60 to 70 ms of one core
// of a server of 2023 (AMD Zen 4 at 64 MiB: 60, 105, 136 ms for 1, 2, 3 passes; at 32 MiB: 50, 60, 90 ms for 2, 3,
// 4 passes). The RFC's second choice, 3 passes and 64 MiB, was not taken because a node that resolves would then
// need more memory for that than for all the rest. One lane, because more would spare an attacker nothing,
// and the honest node computes in the background.
const (
	argonPasses = 3
	argonKiB    = 32 << 10
	argonLanes  = 1
)

// Sizes in bytes.
const (
	// OverlayIDLen is that of the id of an overlay.
	OverlayIDLen = 32
	// YLen and Len are those of y and of a slot, which is a key of the overlay's key space of 256 bits.
	YLen = 32
	Len  = 32
	// MaxAoRLen bounds what is hashed; a SIP URI of a person is a tenth of it.
	MaxAoRLen = 512
)

var (
	// ErrLength is returned where bytes do not have the one length that their type has.
	ErrLength = errors.New("slot: wrong length")
	// ErrAoR is returned for an empty address, or one above MaxAoRLen.
	ErrAoR = errors.New("slot: unusable address of record")
)

// AoR is the canonical form of an address of record as bytes. What is canonical is not decided here: two forms
// of one address have two slots. It lies behind two pointers, of which fmt follows one at most where it cannot
// call Format.
type AoR struct{ text **[]byte }

// CanonicalAoR takes a copy of an address that is already canonical; ErrAoR if it is empty or too long.
func CanonicalAoR(canonical []byte) (AoR, error) {
	if len(canonical) == 0 || len(canonical) > MaxAoRLen {
		return AoR{}, ErrAoR
	}
	text := append([]byte(nil), canonical...)
	p := &text
	return AoR{&p}, nil
}

// Format prints a fixed text for every verb.
func (a AoR) Format(s fmt.State, _ rune) { redact(s, "[address of record]") }

// LogValue logs a fixed text.
func (a AoR) LogValue() slog.Value { return slog.StringValue("[address of record]") }

// Y is what an AoR becomes in one key epoch. It is a secret of those who know the AoR: it opens the records of its
// slots. Copies share their bytes; compare with Equal.
type Y struct{ b **[YLen]byte }

// DeriveY computes y, which takes some 65 ms of one core and 32 MiB. It fails with ErrAoR for a zero AoR.
func DeriveY(aor AoR, overlay [OverlayIDLen]byte, keyEpoch uint32) (Y, error) {
	if aor.text == nil {
		return Y{}, ErrAoR
	}
	h := sha256.New()
	h.Write(appendDomain(nil, "sotto slot salt v1"))
	h.Write(overlay[:])
	h.Write(binary.BigEndian.AppendUint32(nil, keyEpoch))
	return ParseY(argon2.IDKey(**aor.text, h.Sum(nil), argonPasses, argonKiB, argonLanes, YLen))
}

// ParseY takes back what Bytes gave out and fails with ErrLength at any other length.
func ParseY(b []byte) (Y, error) {
	if len(b) != YLen {
		return Y{}, ErrLength
	}
	p := new([YLen]byte)
	copy(p[:], b)
	return Y{&p}, nil
}

// Bytes returns the secret, for showing it to the authority and for keeping it; zeros for a zero Y.
func (y Y) Bytes() [YLen]byte {
	if y.b == nil {
		return [YLen]byte{}
	}
	return **y.b
}

// IsZero reports whether there is no y, or only a wiped one.
func (y Y) IsZero() bool { return y.Equal(Y{}) }

// Equal compares in constant time.
func (y Y) Equal(other Y) bool {
	a, b := y.Bytes(), other.Bytes()
	return subtle.ConstantTimeCompare(a[:], b[:]) == 1
}

// Wipe overwrites the secret in this y and in all its copies.
func (y Y) Wipe() {
	if y.b != nil {
		clear((*y.b)[:])
	}
}

// Format prints a fixed text for every verb.
func (y Y) Format(s fmt.State, _ rune) { redact(s, "[y]") }

// LogValue logs a fixed text.
func (y Y) LogValue() slog.Value { return slog.StringValue("[y]") }

// Slot is the place of a record in one epoch. It can be compared with == and used as a map key; it does not print
// itself, since who guesses the AoR recognises it.
type Slot struct{ b [Len]byte }

// Derive returns the slot of y in an epoch.
func Derive(overlay [OverlayIDLen]byte, y Y, epoch Epoch) Slot {
	secret := y.Bytes()
	h := sha256.New()
	h.Write(appendDomain(nil, "sotto slot v1"))
	h.Write(overlay[:])
	h.Write(secret[:])
	h.Write(binary.BigEndian.AppendUint32(nil, uint32(epoch)))
	return Slot{[Len]byte(h.Sum(nil))}
}

// Parse takes exactly Len bytes and fails with ErrLength otherwise.
func Parse(b []byte) (Slot, error) {
	if len(b) != Len {
		return Slot{}, ErrLength
	}
	return Slot{[Len]byte(b)}, nil
}

// Bytes returns the 32 bytes for the wire and for distances.
func (s Slot) Bytes() [Len]byte { return s.b }

// Format prints a fixed text for every verb.
func (s Slot) Format(f fmt.State, _ rune) { redact(f, "[slot]") }

// LogValue logs a fixed text.
func (s Slot) LogValue() slog.Value { return slog.StringValue("[slot]") }

// appendDomain puts a label in front of bytes that are hashed or signed. The length byte makes no label a
// prefix of another; all fields that follow have fixed lengths.
func appendDomain(dst []byte, label string) []byte {
	dst = append(dst, byte(len(label)))
	return append(dst, label...)
}

// redact is the whole of every Format method here. An error of a formatting state has no one to go to.
func redact(s fmt.State, text string) { _, _ = io.WriteString(s, text) }
