package path

import (
	"encoding/binary"
	"slices"

	"sotto/internal/mutation"
	"sotto/overlay/peer"
)

// The relays of a period in the shape that choosing needs: numbered, with networks and families as numbers and the
// weights summed up once.

// Candidate is what choosing needs to know of a peer.
type Candidate struct {
	ID        peer.NodeID
	Roles     peer.Roles
	Capacity  peer.Capacity
	Family    peer.Family
	Networks  []peer.NetPrefix // one or two; those beyond are ignored, a descriptor has no more
	Addresses []peer.Address   // one or two; by them a guard is known again in the next key epoch
}

// Table is everybody who can stand in a path in one period. It does not change and may be shared. It costs about 200
// bytes a peer.
type Table struct {
	overlay  peer.OverlayID
	members  []member // in the order of their NodeIDs
	prefixes []uint64 // of the NodeIDs, side by side
	guards   urn
	relays   urn
}

// member is a peer by numbers. A number is the same for all members of a network or family, 0 is none.
type member struct {
	id        peer.NodeID
	networks  [2]uint32
	family    uint32
	guard     bool
	relay     bool
	capacity  peer.Capacity
	addresses [2]peer.Address
}

// NewTable makes the table of a directory, which must be one that is usable for paths now (peer.UsableForPaths).
// Anonymous peers are not in it: they are reached through the relays of their leases.
func NewTable(dir *peer.Directory) *Table {
	all := make([]Candidate, 0, dir.Len())
	for d := range dir.All() {
		day := d.Daily()
		if day.Anonymous() {
			continue
		}
		all = append(all, Candidate{
			ID: d.NodeID(), Roles: day.Roles(), Capacity: day.Capacity(), Family: day.Family(),
			Networks: day.Prefixes(), Addresses: day.Addresses(),
		})
	}
	return TableOf(dir.Overlay(), all)
}

// TableOf makes a table of candidates, in any order. Of two with the same 8 bytes in front of their NodeIDs, which a
// directory does not have, the first is taken.
func TableOf(overlay peer.OverlayID, all []Candidate) *Table {
	all = slices.Clone(all)
	slices.SortStableFunc(all, func(a, b Candidate) int { return a.ID.Prefix().Compare(b.ID.Prefix()) })
	all = slices.CompactFunc(all, func(a, b Candidate) bool { return a.ID.Prefix() == b.ID.Prefix() })
	t := &Table{overlay: overlay, members: make([]member, len(all)), prefixes: make([]uint64, len(all))}
	networks, families := map[peer.NetPrefix]uint32{}, map[peer.Family]uint32{}
	for i, c := range all {
		m := member{id: c.ID, capacity: c.Capacity, relay: c.Roles.Has(peer.RoleRelay)}
		m.guard = m.relay && c.Roles.Has(peer.RoleGuard)
		for j, n := range c.Networks[:min(2, len(c.Networks))] {
			m.networks[j] = number(networks, n)
		}
		if !c.Family.IsZero() {
			m.family = number(families, c.Family)
		}
		copy(m.addresses[:], c.Addresses)
		// One whose network nobody knows could share it with anybody.
		if m.networks[0] == 0 {
			m.guard, m.relay = false, false
		}
		t.members[i] = m
		prefix := c.ID.Prefix().Bytes()
		t.prefixes[i] = binary.BigEndian.Uint64(prefix[:])
	}
	t.guards = newUrn(t.members, uint32(len(networks)), func(m *member) bool { return m.guard })
	t.relays = newUrn(t.members, uint32(len(networks)), func(m *member) bool { return m.relay })
	return t
}

// number gives a key the next number, beginning with 1, or the one that it has.
func number[K comparable](numbers map[K]uint32, k K) uint32 {
	n, ok := numbers[k]
	if !ok {
		n = uint32(len(numbers) + 1)
		numbers[k] = n
	}
	return n
}

// Len is the number of peers.
func (t *Table) Len() int { return len(t.members) }

// Overlay is whose relays these are.
func (t *Table) Overlay() peer.OverlayID { return t.overlay }

// find returns the number of a peer.
func (t *Table) find(id peer.NodeID) (int, bool) {
	prefix := id.Prefix().Bytes()
	i, ok := slices.BinarySearch(t.prefixes, binary.BigEndian.Uint64(prefix[:]))
	return i, ok && t.members[i].id == id
}

// atAddress returns the number of the one wanted member that is reached at one of the addresses. Of two that claim it
// neither is meant.
func (t *Table) atAddress(addresses [2]peer.Address, want func(*member) bool) (found int, ok bool) {
	for i := range t.members {
		m := &t.members[i]
		if !want(m) || !sameAddress(m.addresses, addresses) {
			continue
		}
		if ok {
			return 0, false
		}
		found, ok = i, true
	}
	return found, ok
}

// follow finds a relay that stays, and brings its name and addresses up to date. One whose NodeID is gone is looked for
// by its address, if anew: choosing everybody anew at the end of a key epoch would be 14 chances at once for whoever
// waits for one. Anybody can claim an address, so one that was found by it is bound to it: if it moves it is gone, or a
// thief of the address could take the place along.
func (t *Table) follow(h *held, all []held, anew bool, want func(*member) bool) (int, bool) {
	m, ok := t.find(h.id)
	switch {
	case ok && (!want(&t.members[m]) || h.bound && !sameAddress(t.members[m].addresses, h.addresses)):
		return -1, false
	case ok:
		if !h.bound {
			h.addresses = t.members[m].addresses
		}
		return m, true
	case !anew:
		return -1, false
	}
	m, ok = t.atAddress(h.addresses, want)
	if !ok || slices.ContainsFunc(all, func(o held) bool { return o.id == t.members[m].id }) {
		return -1, false
	}
	h.id, h.bound = t.members[m].id, true
	return m, true
}

func sameAddress(a, b [2]peer.Address) bool {
	for _, x := range a {
		if x != (peer.Address{}) && (x == b[0] || x == b[1]) {
			return true
		}
	}
	return false
}

// conflict reports whether two peers may not stand in one path.
func (t *Table) conflict(a, b int) bool {
	x, y := &t.members[a], &t.members[b]
	if a == b {
		return true
	}
	if mutation.Active(noNetworks) {
		return false
	}
	if x.family != 0 && x.family == y.family {
		return true
	}
	for _, n := range x.networks {
		if n != 0 && (n == y.networks[0] || n == y.networks[1]) {
			return true
		}
	}
	return false
}

// conflictsAny reports whether a peer may not stand in a path with one of others.
func (t *Table) conflictsAny(a int, others []int) bool {
	for _, b := range others {
		if t.conflict(a, b) {
			return true
		}
	}
	return false
}

// networksOf counts the networks of which somebody is wanted.
func (t *Table) networksOf(want func(m *member) bool) int {
	seen := map[uint32]bool{}
	for i := range t.members {
		if m := &t.members[i]; want(m) {
			seen[m.networks[0]] = true
		}
	}
	return len(seen)
}
