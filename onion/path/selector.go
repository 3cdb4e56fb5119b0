package path

import (
	"io"
	"slices"
	"time"

	"sotto/internal/mutation"
	"sotto/overlay/peer"
)

// The selector: what a node goes by when it chooses, and when that changes.

// Keeper keeps the state of a Selector, of at most MaxStateLen bytes, where nobody else reads it. When it returns
// without an error, the bytes must survive a crash.
type Keeper interface {
	Keep(state []byte) error
}

// Config is what New takes. Overlay, Random and Keeper are required.
type Config struct {
	Overlay peer.OverlayID
	Own     peer.NodeID // this node's, if it is in the directory
	Random  io.Reader   // crypto/rand.Reader but in tests
	Keeper  Keeper
	State   []byte // what was kept last
	// First says that nothing was ever kept. Without it a missing State is an error, so that a lost file does not
	// quietly become new guards.
	First bool
}

// Upkeep is how often Advance is to be called at least.
const Upkeep = 5 * time.Minute

// Selector chooses paths for one node. It is a pure core, for one goroutine: nothing in it looks at a clock or a
// network. The shell tells it of links and stems; it tells the shell which links to hold.
type Selector struct {
	own    peer.NodeID
	random source
	keeper Keeper

	kept    state
	stored  []byte // what the keeper has
	table   *Table // nil before the first directory
	anew    bool   // the table is new: relays that are gone are looked for by address
	health  map[peer.NodeID]health
	trouble map[spot]trouble
	ledger  ledger

	// What Advance last decided, positions in kept.guards and in the table.
	at     []int // of each guard of the sample: where in the table, -1 for nowhere
	chosen []int // guards in use
	wanted []int // guards to hold links to
	places [Purposes][]int
}

// New makes a selector and starts nothing. It fails with ErrConfig, ErrNoState, or ErrState.
func New(c Config) (*Selector, error) {
	if c.Random == nil || c.Keeper == nil || c.Overlay == (peer.OverlayID{}) {
		return nil, ErrConfig
	}
	s := &Selector{
		own: c.Own, random: source{r: c.Random}, keeper: c.Keeper, kept: state{overlay: c.Overlay},
		health: map[peer.NodeID]health{}, trouble: map[spot]trouble{}, ledger: ledger{map[errand][]time.Time{}},
	}
	if c.First {
		if len(c.State) != 0 {
			return nil, ErrConfig
		}
		return s, nil
	}
	if len(c.State) == 0 {
		return nil, ErrNoState
	}
	kept, err := parseState(c.State)
	if err != nil || kept.overlay != c.Overlay {
		return nil, ErrState
	}
	s.kept, s.stored = kept, slices.Clone(c.State)
	return s, nil
}

// Update takes the directory of a new period, as a table, and does what Advance does. It fails with ErrOverlay for that
// of another overlay, and keeps the one that it has.
func (s *Selector) Update(now time.Time, t *Table) error {
	if t.overlay != s.kept.overlay {
		return ErrOverlay
	}
	s.table, s.anew = t, true
	return s.Advance(now)
}

// Advance lets time pass: guards and seconds end and are replaced within their bounds. It is to be called after GuardUp,
// GuardDown and Failed, and every Upkeep; Guards may be another list afterwards. If what changed could not be kept
// (ErrNotKept) nothing has changed; before the first Update it does nothing.
func (s *Selector) Advance(now time.Time) error {
	if s.table == nil {
		return nil
	}
	next := s.kept.clone()
	next.expire(unix(now))
	at := s.sample(now, &next, s.locate(&next))
	guards := make([]int, 0, inUse)
	for _, g := range s.use(now, &next, at) {
		guards = append(guards, at[g])
	}
	for p := range Purpose(Purposes) {
		if mutation.Active(noPurposes) && p > 0 {
			next.sets[p] = set{next.sets[0].early, slices.Clone(next.sets[0].members)}
			continue
		}
		s.renew(now, &next, p, guards)
	}
	if s.random.err != nil {
		s.settle(now, s.locate(&s.kept))
		return s.random.err
	}
	if b := appendState(nil, &next); !slices.Equal(b, s.stored) {
		// Before it is used: a guard that was linked and then forgotten is one more that knows the address.
		if err := s.keeper.Keep(b); err != nil {
			s.settle(now, s.locate(&s.kept))
			return ErrNotKept
		}
		s.stored = b
	}
	s.kept, s.anew = next, false
	s.settle(now, at)
	return nil
}

// settle works out what choosing looks at, and forgets what is known of relays that are gone.
func (s *Selector) settle(now time.Time, at []int) {
	s.at = at
	s.chosen = s.use(now, &s.kept, at)
	s.wanted = s.want(now, at)
	for id := range s.health {
		if s.sampledAt(id) < 0 {
			delete(s.health, id)
		}
	}
	for one := range s.trouble {
		if !s.isPinned(one) {
			delete(s.trouble, one)
		}
	}
	for p := range s.places {
		s.places[p] = s.places[p][:0]
		members := s.kept.sets[p].members
		for m := range members {
			if i, ok := s.table.follow(&members[m], members, false, s.mayBeSecond); ok && !s.linked(i) {
				s.places[p] = append(s.places[p], i)
			}
		}
	}
}
