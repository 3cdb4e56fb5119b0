package path

import (
	"errors"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
	"time"

	"sotto/overlay/peer"
)

// sampledIDs is who is in the sample, oldest first.
func (s *Selector) sampledIDs() []peer.NodeID {
	var ids []peer.NodeID
	for _, g := range s.kept.guards {
		ids = append(ids, g.id)
	}
	return ids
}

func TestGuardsOutliveTheProcess(t *testing.T) {
	all := relays(t, 100)
	s, d := linked(t, 1, all)
	guards := s.Guards()
	for run := range 20 {
		s = restart(t, uint64(100+run), d)
		must(t, s.Update(start().Add(time.Duration(run)*day), TableOf(overlayID(t), all)))
		if !slices.Equal(s.Guards(), guards) {
			t.Fatal("other guards after a restart")
		}
	}
}

func TestGuardsOfTheSampleAreOfDifferentNetworksAndFamilies(t *testing.T) {
	const seed = 2
	r := rand.New(seeded(seed))
	for d := range 200 {
		all := anyDirectory(t, r, 30+r.IntN(100))
		tr := truthOf(all)
		s, _ := linked(t, uint64(d), all)
		now := start()
		for range 8 { // every guard fails
			for _, g := range s.Guards() {
				s.GuardDown(now, g)
			}
			now = now.Add(alonePatience)
			must(t, s.Advance(now))
		}
		ids := s.sampledIDs()
		for i := range ids {
			for j := range i {
				tr.apart(t, []peer.NodeID{ids[i], ids[j]})
			}
		}
		if len(ids) > sampleSize {
			t.Fatalf("seed %d, directory %d: %d guards", seed, d, len(ids))
		}
	}
}

func TestAGuardThatLeavesComesBackAsTheSame(t *testing.T) {
	all := relays(t, 50)
	s, _ := linked(t, 3, all)
	first := s.Guards()[0]
	without := slices.DeleteFunc(slices.Clone(all), func(c Candidate) bool { return c.ID == first })
	must(t, s.Update(start().Add(day), TableOf(overlayID(t), without)))
	up(t, s, start().Add(day))
	if slices.Contains(s.Guards(), first) || len(s.Guards()) != 2 {
		t.Fatal("a guard that is not in the directory is wanted, or nobody took its place")
	}
	if !slices.Contains(s.sampledIDs(), first) {
		t.Fatal("a guard that left is forgotten")
	}
	must(t, s.Update(start().Add(2*day), TableOf(overlayID(t), all)))
	if s.Guards()[0] != first || len(s.Guards()) != 2 {
		t.Error("the oldest guard is not preferred when it is back")
	}
}

// Every NodeID ends with its key epoch, and what is pinned must not.
func TestRelaysThatStayAreKnownByTheirAddressesInTheNextKeyEpoch(t *testing.T) {
	all := relays(t, 50)
	s, d := linked(t, 4, all)
	held := func() (addresses []peer.Address) {
		tr := truthOf(all)
		for _, g := range s.Guards() {
			addresses = append(addresses, tr[g].Addresses[0])
		}
		for _, one := range s.kept.sets {
			for _, m := range one.members {
				addresses = append(addresses, tr[m.id].Addresses...)
			}
		}
		return addresses
	}
	before := held()
	for i := range all {
		all[i].ID = node(t, i, 1)
	}
	s = restart(t, 5, d)
	must(t, s.Update(start().Add(day/2), TableOf(overlayID(t), all)))
	if after := held(); !slices.Equal(before, after) || len(after) != inUse+Purposes*seconds {
		t.Error("other relays at the end of a key epoch")
	}
	up(t, s, start().Add(day/2))
	if _, err := s.Stem(start().Add(day/2), Calls, Standard); err != nil {
		t.Error(err)
	}
}

func TestAnAddressThatTwoPeersClaimMakesNeitherAGuard(t *testing.T) {
	all := relays(t, 50)
	s, _ := linked(t, 6, all)
	taken := truthOf(all)[s.Guards()[0]]
	for i := range all {
		all[i].ID = node(t, i, 1)
	}
	thief := relayAt(t, 99, taken.Addresses[0].AddrPort().Addr())
	must(t, s.Update(start().Add(day), TableOf(overlayID(t), append(all, thief))))
	if at := s.at[0]; at >= 0 {
		t.Error("a claimed address was followed")
	}
	if len(s.Guards()) != 2 || slices.Contains(s.Guards(), thief.ID) {
		t.Error("the claim made somebody a guard")
	}
}

// Whoever claims the address of a relay that is away must not keep its place when he shows his own.
func TestAThiefOfAnAddressTakesNoPlaceAlong(t *testing.T) {
	all := relays(t, 50)
	s, d := linked(t, 16, all)
	stolen := truthOf(all)[s.Guards()[0]]
	second := truthOf(all)[s.kept.sets[Calls].members[0].id]
	away := slices.DeleteFunc(slices.Clone(all), func(c Candidate) bool { return c.ID == stolen.ID || c.ID == second.ID })
	thieves := []Candidate{
		relayAt(t, 98, stolen.Addresses[0].AddrPort().Addr()), relayAt(t, 99, second.Addresses[0].AddrPort().Addr()),
	}
	must(t, s.Update(start().Add(day/4), TableOf(overlayID(t), append(slices.Clone(away), thieves...))))
	s = restart(t, 17, d)
	moved := []Candidate{relay(t, 98), relay(t, 99)}
	for i := range moved {
		moved[i].ID = thieves[i].ID
	}
	must(t, s.Update(start().Add(day/2), TableOf(overlayID(t), append(slices.Clone(away), moved...))))
	up(t, s, start().Add(day/2))
	if slices.Contains(s.Guards(), thieves[0].ID) {
		t.Error("the thief is guard")
	}
	for range 100 {
		stem, err := s.Stem(start().Add(day/2), Calls, Standard)
		must(t, err)
		if slices.Contains(stem.Hops(), thieves[1].ID) {
			t.Fatal("the thief is second")
		}
	}
}

func TestAGuardThatMovesWithinAKeyEpochStays(t *testing.T) {
	all := relays(t, 50)
	s, _ := linked(t, 18, all)
	guards := s.Guards()
	for i := range all {
		if all[i].ID == guards[0] {
			all[i] = relay(t, 400+i)
			all[i].ID = guards[0]
		}
	}
	must(t, s.Update(start().Add(day), TableOf(overlayID(t), all)))
	if !slices.Equal(s.Guards(), guards) {
		t.Error("another guard")
	}
}

func TestNobodyWearsGuardsOutPastTheCap(t *testing.T) {
	all := relays(t, 200)
	s, d := linked(t, 7, all)
	ever := map[peer.NodeID]bool{}
	var why *NoPath
	now := start()
	for now.Before(start().Add(sampleAge - day)) { // no guard ever answers again
		for _, g := range s.Guards() {
			s.GuardDown(now, g)
		}
		for _, g := range s.sampledIDs() {
			ever[g] = true
		}
		now = now.Add(6 * time.Hour)
		must(t, s.Advance(now))
		if int(now.Sub(start())/day)%10 == 0 {
			s = restart(t, uint64(now.Unix()), d)
			must(t, s.Update(now, TableOf(overlayID(t), all)))
		}
	}
	if len(ever) > sampleSize || len(s.kept.guards) != sampleSize {
		t.Fatalf("%d guards within 120 days, %d in the sample", len(ever), len(s.kept.guards))
	}
	if _, err := s.Stem(now, Calls, Standard); !errors.As(err, &why) {
		t.Fatalf("with no guard up: %v", err)
	}
	// When all have left the directory, the user is told until when.
	must(t, s.Update(now, TableOf(overlayID(t), slices.DeleteFunc(all, func(c Candidate) bool { return ever[c.ID] }))))
	_, err := s.Stem(now, Calls, Standard)
	if !errors.As(err, &why) || why.Reason != GuardsSpent || !why.Until.Equal(start().Add(sampleAge)) || !strings.Contains(err.Error(), "6 guards") {
		t.Fatalf("all guards gone: %v", err)
	}
	// And then there is a new one.
	must(t, s.Advance(why.Until))
	up(t, s, why.Until)
	if _, err := s.Stem(why.Until, Calls, Standard); err != nil {
		t.Error(err)
	}
}

func TestNoMoreThanSixGuardsInAny120DaysOf400(t *testing.T) {
	const seed = 8
	r := rand.New(seeded(seed))
	all := relays(t, 120)
	s, d := linked(t, seed, all)
	added := map[peer.NodeID]time.Time{}
	var order []time.Time
	for n := range 400 {
		now := start().Add(time.Duration(n) * day)
		// A tenth of the relays is away each day, and a guard may be down for the day.
		there := slices.DeleteFunc(slices.Clone(all), func(Candidate) bool { return r.IntN(10) == 0 })
		if n%7 == 0 {
			s = restart(t, uint64(n), d)
		}
		must(t, s.Update(now, TableOf(overlayID(t), there)))
		for range 4 {
			for _, g := range s.Guards() {
				if r.IntN(5) == 0 {
					s.GuardDown(now, g)
				} else {
					s.GuardUp(now, g)
				}
			}
			now = now.Add(2 * time.Hour)
			must(t, s.Advance(now))
		}
		for _, g := range s.kept.guards {
			if now.Sub(time.Unix(g.time, 0)) >= sampleAge {
				t.Fatalf("day %d: a guard older than 120 days", n)
			}
			if at := time.Unix(g.time, 0); !added[g.id].Equal(at) {
				added[g.id] = at
				order = append(order, at)
			}
		}
	}
	for i := range order {
		if i >= sampleSize && order[i].Sub(order[i-sampleSize]) < sampleAge {
			t.Fatalf("seed %d: more than %d guards within 120 days", seed, sampleSize)
		}
	}
	if len(order) < 8 {
		t.Errorf("only %d guards in 400 days", len(order))
	}
}

func TestGuardsGivenUpAreTriedOneAtATime(t *testing.T) {
	all := relays(t, 100)
	s, _ := linked(t, 9, all)
	now := start()
	for range 10 * 48 { // ten days without a network
		for _, g := range s.Guards() {
			s.GuardDown(now, g)
		}
		if len(s.Guards()) > inUse+1 {
			t.Fatalf("links to %d guards are wanted", len(s.Guards()))
		}
		now = now.Add(30 * time.Minute)
		must(t, s.Advance(now))
	}
	first := s.sampledIDs()[0]
	if s.Guards()[0] != first {
		t.Fatal("the oldest guard is not among those tried")
	}
	s.GuardUp(now, first)
	must(t, s.Advance(now))
	if _, err := s.Stem(now, Lookups, Standard); err != nil {
		t.Errorf("when the network is back: %v", err)
	}
}

func TestANightWithoutNetworkUsesUpNoGuards(t *testing.T) {
	s, _ := linked(t, 10, relays(t, 100))
	now := start()
	for range 12 {
		for _, g := range s.Guards() {
			s.GuardDown(now, g)
		}
		now = now.Add(time.Hour)
		must(t, s.Advance(now))
	}
	if len(s.kept.guards) != inUse {
		t.Errorf("%d guards after a night", len(s.kept.guards))
	}
}

func TestAGuardIsUsedOnlyWhenItsChoiceIsKept(t *testing.T) {
	d := &disk{err: errors.New("full")}
	s, err := New(Config{Overlay: overlayID(t), Random: seeded(11), Keeper: d, First: true})
	must(t, err)
	if err := s.Update(start(), TableOf(overlayID(t), relays(t, 20))); !errors.Is(err, ErrNotKept) {
		t.Fatalf("%v", err)
	}
	if len(s.Guards()) != 0 {
		t.Error("guards that are not kept are wanted")
	}
	d.err = nil
	must(t, s.Advance(start()))
	if len(s.Guards()) != 2 || d.times != 1 {
		t.Errorf("%d guards, kept %d times", len(s.Guards()), d.times)
	}
}

func TestWhatDidNotChangeIsNotKeptAgain(t *testing.T) {
	s, d := linked(t, 12, relays(t, 50))
	for i := range 200 {
		must(t, s.Advance(start().Add(time.Duration(i)*time.Minute)))
	}
	if d.times != 1 {
		t.Errorf("kept %d times", d.times)
	}
}

func TestAMissingStateIsNoFirstStart(t *testing.T) {
	c := Config{Overlay: overlayID(t), Random: seeded(1), Keeper: &disk{}}
	if _, err := New(c); !errors.Is(err, ErrNoState) {
		t.Errorf("missing: %v", err)
	}
	c.State = []byte("damaged")
	if _, err := New(c); !errors.Is(err, ErrState) {
		t.Errorf("damaged: %v", err)
	}
	c.First = true
	if _, err := New(c); !errors.Is(err, ErrConfig) {
		t.Errorf("first start with a state: %v", err)
	}
}

func TestTheStateOfAnotherOverlayIsRefused(t *testing.T) {
	_, d := linked(t, 13, relays(t, 20))
	other, err := peer.ParseOverlayID(append(make([]byte, 31), 9))
	must(t, err)
	if _, err := New(Config{Overlay: other, Random: seeded(1), Keeper: d, State: d.bytes}); !errors.Is(err, ErrState) {
		t.Errorf("%v", err)
	}
	s, _ := linked(t, 13, relays(t, 20))
	if err := s.Update(start(), TableOf(other, relays(t, 20))); !errors.Is(err, ErrOverlay) {
		t.Errorf("%v", err)
	}
}

func TestAClockThatWasWrongEndsNoSecondLateAndNoGuardNever(t *testing.T) {
	all := relays(t, 50)
	s, d := newNode(t, 14, peer.NodeID{})
	late := start().Add(1000 * day)
	must(t, s.Update(late, TableOf(overlayID(t), all)))
	guards := s.Guards()
	s = restart(t, 15, d)
	must(t, s.Update(start(), TableOf(overlayID(t), all)))
	if !slices.Equal(s.Guards(), guards) {
		t.Error("other guards because of a clock")
	}
	for _, m := range s.kept.sets[Calls].members {
		if m.time > start().Add(longest).Unix() {
			t.Error("a second stays for years")
		}
	}
	must(t, s.Advance(start().Add(sampleAge)))
	if slices.Equal(s.Guards(), guards) {
		t.Error("guards stay for ever")
	}
}
