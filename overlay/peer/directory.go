// The directory of one period: a read-only snapshot of everybody who is out there.

package peer

import (
	"crypto/sha256"
	"encoding/binary"
	"fmt"
	"iter"
	"log/slog"
	"slices"
)

// Root is the hash of a directory. Two nodes with the same root hold the same peers with the same keys (P21).
type Root [32]byte

// Directory is a snapshot of the descriptors of one period, in the order of their NodeIDs, safe for concurrent
// use. It costs about 650 bytes a peer, of which the static part (384) is shared between periods.
type Directory struct {
	overlay OverlayID
	period  uint32
	// prefixes repeats the first 64 bits of the NodeIDs side by side, so that a search stays in the cache.
	prefixes    []uint64
	descriptors []*Descriptor
	excluded    []NodeID // in order
	root        Root
}

// NewDirectory makes a snapshot of verified descriptors in any order. It fails with ErrOverlay or ErrPeriod if
// one is of another overlay or period. It leaves out, whatever the order in which they come:
//
//   - the excluded (revoked ones, equivocators);
//   - a peer with two different daily parts;
//   - peers of one 8-byte prefix, all of them: circuits name the next hop by it, and nobody shall be able to
//     take the place of another. With honest admission this happens once in 2^35 directories.
func NewDirectory(overlay OverlayID, period uint32, descriptors []*Descriptor, excluded []NodeID) (*Directory, error) {
	for _, d := range descriptors {
		if d.Static().Overlay() != overlay {
			return nil, ErrOverlay
		}
		if d.Period() != period {
			return nil, ErrPeriod
		}
	}
	dir := &Directory{overlay: overlay, period: period}
	dir.excluded = slices.Clone(excluded)
	slices.SortFunc(dir.excluded, NodeID.Compare)
	dir.excluded = slices.Compact(dir.excluded)

	dir.descriptors = withoutCollisions(dir.withoutEquivocators(descriptors))
	dir.prefixes = make([]uint64, len(dir.descriptors))
	for i, d := range dir.descriptors {
		dir.prefixes[i] = d.NodeID().Prefix().number()
	}
	dir.root = dir.hash()
	return dir, nil
}

// withoutEquivocators returns the peers that are not excluded and have one daily part, once each, in order.
func (dir *Directory) withoutEquivocators(descriptors []*Descriptor) []*Descriptor {
	left := slices.Clone(descriptors)
	slices.SortFunc(left, func(a, b *Descriptor) int { return a.NodeID().Compare(b.NodeID()) })
	kept := left[:0]
	for len(left) > 0 {
		n, same := 1, true
		for n < len(left) && left[n].NodeID() == left[0].NodeID() {
			same = same && left[n].daily == left[0].daily
			n++
		}
		if same && !dir.Excluded(left[0].NodeID()) {
			kept = append(kept, left[0])
		}
		left = left[n:]
	}
	return kept
}

// withoutCollisions takes peers in order and drops the groups that share a prefix. It allocates, so that the
// snapshot is no larger than what is in it.
func withoutCollisions(sorted []*Descriptor) []*Descriptor {
	kept := make([]*Descriptor, 0, len(sorted))
	for len(sorted) > 0 {
		n := 1
		for n < len(sorted) && sorted[n].NodeID().Prefix() == sorted[0].NodeID().Prefix() {
			n++
		}
		if n == 1 {
			kept = append(kept, sorted[0])
		}
		sorted = sorted[n:]
	}
	return kept
}

// hash is flat: directories are fetched whole and compared whole, and a tree would invite asking for branches,
// which tells what one holds.
func (dir *Directory) hash() Root {
	h := sha256.New()
	h.Write(appendDomain(nil, "sotto directory v1"))
	h.Write(dir.overlay.b[:])
	h.Write(binary.BigEndian.AppendUint32(nil, dir.period))
	h.Write(binary.BigEndian.AppendUint32(nil, uint32(len(dir.descriptors))))
	for _, d := range dir.descriptors {
		h.Write(d.admitted.static.block.id.b[:])
		h.Write(d.daily.b[:])
	}
	return Root(h.Sum(nil))
}

// number is the prefix as a big-endian number, which orders as the bytes do.
func (p IDPrefix) number() uint64 { return binary.BigEndian.Uint64(p.b[:]) }

// Overlay returns the overlay of all peers in the directory.
func (dir *Directory) Overlay() OverlayID { return dir.overlay }

// Period returns the period of all daily parts in the directory.
func (dir *Directory) Period() uint32 { return dir.period }

// Root returns the hash that is compared with others.
func (dir *Directory) Root() Root { return dir.root }

// Len returns the number of peers.
func (dir *Directory) Len() int { return len(dir.descriptors) }

// At returns the i-th peer in the order of NodeIDs, 0 ≤ i < Len.
func (dir *Directory) At(i int) *Descriptor { return dir.descriptors[i] }

// All iterates over the peers in the order of NodeIDs.
func (dir *Directory) All() iter.Seq[*Descriptor] { return slices.Values(dir.descriptors) }

// ByPrefix returns the one peer whose NodeID begins with prefix.
func (dir *Directory) ByPrefix(prefix IDPrefix) (*Descriptor, bool) {
	i, ok := slices.BinarySearch(dir.prefixes, prefix.number())
	if !ok {
		return nil, false
	}
	return dir.descriptors[i], true
}

// ByID returns the peer of a NodeID.
func (dir *Directory) ByID(id NodeID) (*Descriptor, bool) {
	d, ok := dir.ByPrefix(id.Prefix())
	if !ok || d.NodeID() != id {
		return nil, false
	}
	return d, true
}

// Excluded reports whether the directory was made without this peer on purpose.
func (dir *Directory) Excluded(id NodeID) bool {
	_, ok := slices.BinarySearchFunc(dir.excluded, id, NodeID.Compare)
	return ok
}

// Format prints a fixed text for every verb.
func (dir Directory) Format(s fmt.State, _ rune) { redact(s, "[directory]") }

// LogValue logs a fixed text.
func (dir Directory) LogValue() slog.Value { return slog.StringValue("[directory]") }
