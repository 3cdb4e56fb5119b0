// A change of a user's key: the new key signed by the old one, so that contacts who pinned the old follow.

package document

import (
	"fmt"
	"log/slog"
	"time"

	"sotto/overlay/peer"
)

// Succession says that one user key replaces another, signed with both: with the old one as its will, with
// the new one so that nobody claims a key that is not his.
//
//	 11  32  overlay ID
//	 43   8  when, unix seconds
//	 51  65  old key
//	116  65  new key
//	181  64  ECDSA signature of the old key over label and bytes 0 to 180
//	245  64  of the new key, over another label and the same
type Succession struct {
	overlay   peer.OverlayID
	at        time.Time
	old, next UserPublic
	wire      [SuccessionLen]byte
}

// SuccessionLen is the length of a Succession in bytes.
const SuccessionLen = headerLen + peer.OverlayIDLen + 8 + 2*UserPublicLen + 2*sigLen

const (
	successionOld = "sotto key succession old v1"
	successionNew = "sotto key succession new v1"
)

// Succeed makes the statement.
func Succeed(overlay peer.OverlayID, old, next UserKey, now time.Time) (Succession, error) {
	id, from, to := overlay.Bytes(), old.Public(), next.Public()
	b := append(appendHeader(nil, kindSuccession), id[:]...)
	b = appendTime(b, now)
	b = append(append(b, from.b[:]...), to.b[:]...)
	b = setLength(b, 2*sigLen)
	s1, s2 := old.sign(labelled(successionOld, b)), next.sign(labelled(successionNew, b))
	return ParseSuccession(append(append(b, s1[:]...), s2[:]...))
}

// ParseSuccession reads the statement and verifies both signatures.
func ParseSuccession(b []byte) (Succession, error) {
	s, err := body(b, kindSuccession, SuccessionLen)
	if err != nil {
		return Succession{}, err
	}
	r := newReader(s)
	id, err := peer.ParseOverlayID(r.bytes(peer.OverlayIDLen))
	r.require(err == nil)
	at := r.time()
	old, err := ParseUserPublic(r.bytes(UserPublicLen))
	r.require(err == nil)
	next, err := ParseUserPublic(r.bytes(UserPublicLen))
	r.require(err == nil && next != old)
	s1, s2 := r.bytes(sigLen), r.bytes(sigLen)
	if !r.end() {
		return Succession{}, ErrMalformed
	}
	n := len(b) - 2*sigLen
	if !old.verify(labelled(successionOld, b[:n]), s1) || !next.verify(labelled(successionNew, b[:n]), s2) {
		return Succession{}, ErrSignature
	}
	return Succession{overlay: id, at: at, old: old, next: next, wire: [SuccessionLen]byte(b)}, nil
}

// Overlay is the overlay in which the key is enrolled.
func (s Succession) Overlay() peer.OverlayID { return s.overlay }

// Old is the key that is given up.
func (s Succession) Old() UserPublic { return s.old }

// New is the key that replaces it.
func (s Succession) New() UserPublic { return s.next }

// At is when the owner changed keys.
func (s Succession) At() time.Time { return s.at }

// IsZero reports whether there is no statement.
func (s Succession) IsZero() bool { return s.next == UserPublic{} }

// Append appends the SuccessionLen bytes.
func (s Succession) Append(b []byte) []byte { return append(b, s.wire[:]...) }

// Format prints a fixed text for every verb.
func (s Succession) Format(f fmt.State, _ rune) { redact(f, "[key succession]") }

// LogValue logs a fixed text.
func (s Succession) LogValue() slog.Value { return redacted("[key succession]") }
