// What a peer offers and declares of itself: roles, capacity, family, the overlay document it goes by.

package peer

import (
	"crypto/sha256"
	"fmt"
	"log/slog"
	"math/bits"
)

// Roles is a set of bits.
type Roles uint8

const (
	// RoleRelay forwards the circuits of others.
	RoleRelay Roles = 1 << iota
	// RoleStorer keeps records and answers for them.
	RoleStorer
	// RoleGuard accepts links from anonymous nodes and clients; only relays do.
	RoleGuard

	allRoles = RoleRelay | RoleStorer | RoleGuard
)

// Has reports whether all of want are in r.
func (r Roles) Has(want Roles) bool { return r&want == want }

// valid refuses unknown bits, so that they can mean something later, and peers without a role.
func (r Roles) valid() bool {
	return r != 0 && r&^allRoles == 0 && (!r.Has(RoleGuard) || r.Has(RoleRelay))
}

// Capacity is what a peer says it can carry: log2 of datagrams (512 bytes) per second in each direction. It is a
// claim that nobody checks, so paths weigh it with a cap.
type Capacity uint8

// MaxCapacity is 2^24 datagrams per second, 69 Gbit/s, more than one machine forwards.
const MaxCapacity Capacity = 24

// CapacityOf rounds down; 0 and 1 datagrams per second both give 0.
func CapacityOf(datagramsPerSecond uint64) Capacity {
	if datagramsPerSecond == 0 {
		return 0
	}
	return min(MaxCapacity, Capacity(bits.Len64(datagramsPerSecond)-1))
}

// DatagramsPerSecond is the reverse of CapacityOf.
func (c Capacity) DatagramsPerSecond() uint64 { return 1 << min(c, MaxCapacity) }

// Family is declared by peers of one operator; no path goes through two of them. Zero means none. Whoever copies
// somebody's family keeps himself out of paths with him, and gains nothing else.
type Family struct{ b [FamilyLen]byte }

// FamilyLen in bytes: families are few and their names no secret, so that only accidental collisions count.
const FamilyLen = 8

// FamilyOf hashes the name that an operator gives to all of his peers; the empty name gives no family.
func FamilyOf(overlay OverlayID, name string) Family {
	if name == "" {
		return Family{}
	}
	h := sha256.New()
	h.Write(appendDomain(nil, "sotto family v1"))
	h.Write(overlay.b[:])
	h.Write([]byte(name))
	return Family{[FamilyLen]byte(h.Sum(nil))}
}

// IsZero reports whether no family is declared.
func (f Family) IsZero() bool { return f == Family{} }

// Format prints a fixed text for every verb.
func (f Family) Format(s fmt.State, _ rune) { redact(s, "[family]") }

// LogValue logs a fixed text.
func (f Family) LogValue() slog.Value { return slog.StringValue("[family]") }

// DocumentHash is the SHA-256 of a signed overlay document. It is whole because the adversary is the authority,
// who writes the document: he would look for a collision, which 16 bytes make possible, not for a preimage.
type DocumentHash [32]byte
