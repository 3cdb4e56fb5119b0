// Gathering descriptors one by one, until a period is over and its directory is made.

package peer

import (
	"errors"
	"fmt"
	"log/slog"
	"maps"
	"slices"
)

// maxProofs bounds the proofs kept for handing on, 0.2 MB. Beyond it an equivocator is excluded here all the
// same; that others hear of it is left to them.
const maxProofs = 256

// proofLife is how many periods a proof is kept: a key epoch, after which its peer has another NodeID, and one more for
// overlays with longer ones.
const proofLife = 120

// ErrFull is returned when the bound on peers or on excluded ones is reached.
var ErrFull = errors.New("peer: directory is full")

// Outcome is what became of a descriptor that was offered to a Gather.
type Outcome uint8

// Outcomes. All but Added leave the descriptors that are held as they were, except that Equivocated takes the
// peer out of all periods.
const (
	// Refused: of another overlay, or of a period outside of the window.
	Refused Outcome = iota
	// Added: new, hand it on.
	Added
	// Known: the same is held already.
	Known
	// Equivocated: differs from the one held; Proof has what to hand on.
	Equivocated
	// Excluded: of a peer that is revoked or has equivocated.
	Excluded
	// Collided: another peer has the same 8-byte prefix in this period; neither is in its directory.
	Collided
	// Full: the bound on peers is reached. Nobody is evicted: the authority decides how many are admitted, so
	// a flood of admitted peers is not to be had for free, and an eviction could be aimed.
	Full
)

// Gather holds the descriptors of three periods, the ones UsableForLinks names, each up to a bound. It is not safe
// for concurrent use; one goroutine owns it.
type Gather struct {
	overlay  OverlayID
	now      uint32
	limit    int
	shelves  map[uint32]*shelf
	excluded map[NodeID]struct{}
	proofs   map[NodeID]Proof
}

// shelf is one period. Peers that share a prefix are kept apart, so that a directory made of both parts does
// not depend on who came first.
type shelf struct {
	byPrefix map[IDPrefix]*Descriptor
	collided []*Descriptor
}

// NewGather begins with nothing in period now. Limit is the size of the directory that the overlay document
// states; it bounds each period, and the number of excluded peers.
func NewGather(overlay OverlayID, now uint32, limit int) *Gather {
	return &Gather{
		overlay: overlay, now: now, limit: limit,
		shelves:  make(map[uint32]*shelf, 3),
		excluded: make(map[NodeID]struct{}),
		proofs:   make(map[NodeID]Proof),
	}
}

// Advance moves the window to period now and drops what is older than the period before it. A clock that was
// set back moves the window back.
func (g *Gather) Advance(now uint32) {
	g.now = now
	maps.DeleteFunc(g.shelves, func(period uint32, _ *shelf) bool { return !UsableForLinks(period, now) })
	// Nobody can be dialled by what an old proof is against, and others need the room. That its peer is excluded stays.
	maps.DeleteFunc(g.proofs, func(_ NodeID, p Proof) bool {
		return p.first.Period() < now && now-p.first.Period() > proofLife
	})
}

// Add offers a verified descriptor.
func (g *Gather) Add(d *Descriptor) Outcome {
	id := d.NodeID()
	if d.Static().Overlay() != g.overlay || !UsableForLinks(d.Period(), g.now) {
		return Refused
	}
	if g.IsExcluded(id) {
		return Excluded
	}
	s := g.shelves[d.Period()]
	if held, ok := s.get(id); ok {
		if p, differs := Equivocation(held, d); differs {
			g.convict(p)
			return Equivocated
		}
		return Known
	}
	if s.len() >= g.limit {
		return Full
	}
	if s == nil {
		s = &shelf{byPrefix: make(map[IDPrefix]*Descriptor)}
		g.shelves[d.Period()] = s
	}
	// A static part held for another period is taken over, and the new copy left to the collector.
	if known, ok := g.Admitted(id); ok {
		d = &Descriptor{known, d.daily}
	}
	if _, taken := s.byPrefix[id.Prefix()]; taken {
		s.collided = append(s.collided, d)
		return Collided
	}
	s.byPrefix[id.Prefix()] = d
	return Added
}

func (s *shelf) len() int {
	if s == nil {
		return 0
	}
	return len(s.byPrefix) + len(s.collided)
}

func (s *shelf) get(id NodeID) (*Descriptor, bool) {
	if s == nil {
		return nil, false
	}
	if d, ok := s.byPrefix[id.Prefix()]; ok && d.NodeID() == id {
		return d, true
	}
	i := slices.IndexFunc(s.collided, func(d *Descriptor) bool { return d.NodeID() == id })
	if i < 0 {
		return nil, false
	}
	return s.collided[i], true
}

// AddProof verifies a proof that came from somebody else, excludes the peer, and reports whether the proof is to
// be handed on: it is new, and the bound on proofs is not reached. Errors are those of Proof.Verify.
func (g *Gather) AddProof(p Proof, calendar Calendar, verifier AdmissionVerifier) (bool, error) {
	if _, known := g.proofs[p.NodeID()]; known {
		return false, nil
	}
	if err := p.Verify(g.overlay, calendar, verifier); err != nil {
		return false, err
	}
	return g.convict(p), nil
}

// convict excludes a peer by a proof, and reports whether the proof was kept.
func (g *Gather) convict(p Proof) bool {
	_ = g.Exclude(p.NodeID())
	if len(g.proofs) >= maxProofs {
		return false
	}
	g.proofs[p.NodeID()] = p
	return true
}

// Exclude takes a peer out for as long as the Gather lives, for instance because the overlay document revokes it.
// At the bound it fails with ErrFull; the peer is out then, but not remembered.
func (g *Gather) Exclude(id NodeID) error {
	for _, s := range g.shelves {
		s.remove(id)
	}
	if _, ok := g.excluded[id]; !ok && len(g.excluded) >= g.limit {
		return ErrFull
	}
	g.excluded[id] = struct{}{}
	return nil
}

// remove takes one peer out, and gives its prefix to another that collided with it.
func (s *shelf) remove(id NodeID) {
	if d, ok := s.byPrefix[id.Prefix()]; ok && d.NodeID() == id {
		delete(s.byPrefix, id.Prefix())
	}
	s.collided = slices.DeleteFunc(s.collided, func(d *Descriptor) bool {
		if d.NodeID() == id {
			return true
		}
		if _, taken := s.byPrefix[d.NodeID().Prefix()]; taken {
			return false
		}
		s.byPrefix[d.NodeID().Prefix()] = d
		return true
	})
}

// IsExcluded reports whether a peer is revoked or has equivocated.
func (g *Gather) IsExcluded(id NodeID) bool {
	_, ok := g.excluded[id]
	return ok
}

// Proof returns the proof that is held against a peer.
func (g *Gather) Proof(id NodeID) (Proof, bool) {
	p, ok := g.proofs[id]
	return p, ok
}

// Proofs returns the proofs to hand on, at most 256, in no order.
func (g *Gather) Proofs() []Proof { return slices.Collect(maps.Values(g.proofs)) }

// Admitted returns the verified static part of a peer held for any period, so that its next daily part costs no
// RSA verification.
func (g *Gather) Admitted(id NodeID) (Admitted, bool) {
	if d, ok := g.Newest(id); ok {
		return d.admitted, true
	}
	return Admitted{}, false
}

// Newest returns the descriptor of the latest period held of a peer, by which it is dialled.
func (g *Gather) Newest(id NodeID) (*Descriptor, bool) {
	for _, period := range [...]uint32{g.now + 1, g.now, g.now - 1} { // wraps at the ends onto periods that no shelf has
		if d, ok := g.shelves[period].get(id); ok {
			return d, true
		}
	}
	return nil, false
}

// Len returns how many peers are held for a period.
func (g *Gather) Len(period uint32) int { return g.shelves[period].len() }

// Directory makes the snapshot of a period; empty for one outside of the window. The descriptors are shared with
// the Gather.
func (g *Gather) Directory(period uint32) *Directory {
	var held []*Descriptor
	if s := g.shelves[period]; s != nil {
		held = slices.AppendSeq(make([]*Descriptor, 0, s.len()), maps.Values(s.byPrefix))
		held = append(held, s.collided...)
	}
	dir, err := NewDirectory(g.overlay, period, held, slices.Collect(maps.Keys(g.excluded)))
	if err != nil {
		panic("peer: a descriptor on the wrong shelf") // Add put each one where it belongs
	}
	return dir
}

// Format prints a fixed text for every verb.
func (g Gather) Format(s fmt.State, _ rune) { redact(s, "[gather]") }

// LogValue logs a fixed text.
func (g Gather) LogValue() slog.Value { return slog.StringValue("[gather]") }
