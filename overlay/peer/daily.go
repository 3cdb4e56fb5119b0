// The daily part of a descriptor: how to reach a peer in one period, in 226 bytes whatever it holds.

package peer

import (
	"encoding/binary"
	"errors"
	"fmt"
	"log/slog"
	"slices"
)

// Layout of the daily part; the table stands in the package comment.
const (
	// DailyLen is the length of every daily part in bytes.
	DailyLen = offSignature + SignatureLen
	// MaxAddresses and MaxLeases bound how a peer is reached: one IPv4 and one IPv6 address, or two listening
	// points of which one may fail (protocol §6).
	MaxAddresses = 2
	MaxLeases    = 2

	dailyVersion = 1
	offPeriod    = 1
	offPrefix    = offPeriod + 4
	offDocument  = offPrefix + IDPrefixLen
	offRoles     = offDocument + 32
	offCapacity  = offRoles + 1
	offFamily    = offCapacity + 1
	offDeclared  = offFamily + FamilyLen
	offReach     = offDeclared + 4
	offLink      = offReach + 1
	offOnion     = offLink + PublicKeyLen
	offAddresses = offOnion + PublicKeyLen
	offSignature = offAddresses + MaxAddresses*addressLen

	offLease       = offLink
	offLeaseRelays = offLease + PublicKeyLen
	offLeasePad    = offLeaseRelays + MaxLeases*IDPrefixLen

	reachAddresses = 1
	reachLeases    = 2

	maxDaily = 250 // protocol §6
)

// A negative constant does not convert: too long a daily part, or leases that do not fit, fail to compile.
const (
	_ = uint(maxDaily - DailyLen)
	_ = uint(offSignature - offLeasePad)
)

var (
	// ErrMalformed is returned for a field outside of its range, in another than its one form, or in
	// contradiction to another field.
	ErrMalformed = errors.New("peer: malformed descriptor")
	// ErrSignature is returned for a daily part that its peer did not sign.
	ErrSignature = errors.New("peer: daily descriptor not signed by its peer")
)

// DailyFields is the content of a daily part. Either Link, Onion and Addresses are set, or Lease and LeaseRelays.
type DailyFields struct {
	Period   uint32
	Document DocumentHash
	Roles    Roles
	Capacity Capacity
	Family   Family
	Declared DeclaredPrefix

	Link      LinkPublic
	Onion     OnionPublic
	Addresses []Address

	Lease       LeasePublic
	LeaseRelays []IDPrefix
}

// Format prints a fixed text for every verb.
func (f DailyFields) Format(s fmt.State, _ rune) { redact(s, "[daily descriptor]") }

// LogValue logs a fixed text.
func (f DailyFields) LogValue() slog.Value { return slog.StringValue("[daily descriptor]") }

// Daily is a daily part whose form has been checked, but whose signature has not: see Admitted.Verify. Two of
// them are the same on the wire if they are equal by ==.
type Daily struct{ b [DailyLen]byte }

// SignDaily makes the daily part of a peer; ErrMalformed if the fields contradict each other, ErrKey if the key
// is not that of the static part. Signing again with other fields in the same period makes a proof of
// equivocation against oneself: the part must be on disk before it is shown to anybody.
func SignDaily(s Static, f DailyFields, key SigningKey) (Daily, error) {
	if s.IsZero() || key.Public() != s.SigningKey() {
		return Daily{}, ErrKey
	}
	d, err := encodeDaily(s.NodeID(), f)
	if err != nil {
		return Daily{}, err
	}
	signature := key.Sign(d.message(s))
	copy(d.b[offSignature:], signature[:])
	return d, nil
}

// encodeDaily lays the fields out in canonical order, and lets check say whether the result may exist.
func encodeDaily(id NodeID, f DailyFields) (Daily, error) {
	var d Daily
	prefix := id.Prefix()
	d.b[0] = dailyVersion
	binary.BigEndian.PutUint32(d.b[offPeriod:], f.Period)
	copy(d.b[offPrefix:], prefix.b[:])
	copy(d.b[offDocument:], f.Document[:])
	d.b[offRoles] = byte(f.Roles)
	d.b[offCapacity] = byte(f.Capacity)
	copy(d.b[offFamily:], f.Family.b[:])
	copy(d.b[offDeclared:], f.Declared[:])
	byAddresses := !f.Link.IsZero() || !f.Onion.IsZero() || len(f.Addresses) > 0
	byLeases := !f.Lease.IsZero() || len(f.LeaseRelays) > 0
	if byAddresses == byLeases || len(f.Addresses) > MaxAddresses || len(f.LeaseRelays) > MaxLeases {
		return Daily{}, ErrMalformed
	}
	if byAddresses {
		d.b[offReach] = reachAddresses
		copy(d.b[offLink:], f.Link.b[:])
		copy(d.b[offOnion:], f.Onion.b[:])
		for i, a := range slices.SortedFunc(slices.Values(f.Addresses), Address.Compare) {
			copy(d.b[offAddresses+i*addressLen:], a.b[:])
		}
	} else {
		d.b[offReach] = reachLeases
		copy(d.b[offLease:], f.Lease.b[:])
		for i, r := range slices.SortedFunc(slices.Values(f.LeaseRelays), IDPrefix.Compare) {
			copy(d.b[offLeaseRelays+i*IDPrefixLen:], r.b[:])
		}
	}
	return d, d.check()
}

// ParseDaily reads a daily part of exactly DailyLen bytes. It fails with ErrLength, ErrVersion or ErrMalformed,
// and verifies nothing.
func ParseDaily(b []byte) (Daily, error) {
	if len(b) != DailyLen {
		return Daily{}, ErrLength
	}
	d := Daily{[DailyLen]byte(b)}
	if err := d.check(); err != nil {
		return Daily{}, err
	}
	return d, nil
}

// check is the one place that says which bytes are a daily part.
func (d Daily) check() error {
	if d.b[0] != dailyVersion {
		return ErrVersion
	}
	if !d.Roles().valid() || d.Capacity() > MaxCapacity {
		return ErrMalformed
	}
	switch d.b[offReach] {
	case reachAddresses:
		return d.checkAddresses()
	case reachLeases:
		return d.checkLeases()
	}
	return ErrMalformed
}

func (d Daily) checkAddresses() error {
	link, errLink := ParseLinkPublic(d.b[offLink:offOnion])
	onion, errOnion := ParseOnionPublic(d.b[offOnion:offAddresses])
	if errLink != nil || errOnion != nil || link.b == onion.b {
		return ErrMalformed
	}
	first, err := parseAddress(d.b[offAddresses : offAddresses+addressLen])
	if err != nil {
		return ErrMalformed
	}
	loopback := first.IsLoopback()
	if second := d.b[offAddresses+addressLen : offSignature]; !allZero(second) {
		a, err := parseAddress(second)
		if err != nil || first.Compare(a) >= 0 {
			return ErrMalformed
		}
		loopback = loopback && a.IsLoopback()
	}
	if d.declared() != (DeclaredPrefix{}) && !loopback {
		return ErrMalformed
	}
	return nil
}

func (d Daily) checkLeases() error {
	// An anonymous peer forwards for nobody, and a declared prefix stands in for addresses that it has not.
	if d.Roles() != RoleStorer || d.declared() != (DeclaredPrefix{}) {
		return ErrMalformed
	}
	if _, err := ParseLeasePublic(d.b[offLease:offLeaseRelays]); err != nil {
		return ErrMalformed
	}
	own := IDPrefix{[IDPrefixLen]byte(d.b[offPrefix:])}
	first := IDPrefix{[IDPrefixLen]byte(d.b[offLeaseRelays:])}
	second := IDPrefix{[IDPrefixLen]byte(d.b[offLeaseRelays+IDPrefixLen:])}
	if first.IsZero() || first == own || second == own {
		return ErrMalformed
	}
	if !second.IsZero() && first.Compare(second) >= 0 {
		return ErrMalformed
	}
	if !allZero(d.b[offLeasePad:offSignature]) {
		return ErrMalformed
	}
	return nil
}

func allZero(b []byte) bool {
	for _, x := range b {
		if x != 0 {
			return false
		}
	}
	return true
}

// message returns the bytes that the peer signs. The whole NodeID is in them although the wire has a prefix
// only, so that a prefix shared by two peers confuses nobody.
func (d Daily) message(s Static) []byte {
	overlay, id := s.Overlay(), s.NodeID()
	m := appendDomain(make([]byte, 0, 256), "sotto daily v1")
	m = append(m, overlay.b[:]...)
	m = append(m, id.b[:]...)
	return append(m, d.b[:offSignature]...)
}

// signedBy reports whether the daily part belongs to the static part, which must be admitted already.
func (d Daily) signedBy(s Static) bool {
	prefix := s.NodeID().Prefix()
	return d.Prefix() == prefix && s.SigningKey().Verify(d.message(s), d.b[offSignature:])
}

// Append appends the DailyLen bytes of the wire.
func (d Daily) Append(dst []byte) []byte { return append(dst, d.b[:]...) }

// Format prints a fixed text for every verb.
func (d Daily) Format(s fmt.State, _ rune) { redact(s, "[daily descriptor]") }

// LogValue logs a fixed text.
func (d Daily) LogValue() slog.Value { return slog.StringValue("[daily descriptor]") }
