package path

import (
	"errors"
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
	"time"

	"sotto/overlay/peer"
)

func TestEveryPathOfAnyDirectoryKeepsTheRulesOrSaysWhyThereIsNone(t *testing.T) {
	const seed = 1
	r := rand.New(seeded(seed))
	made, refused := 0, 0
	for d := range 150 {
		all := anyDirectory(t, r, 4+r.IntN(60))
		tr := truthOf(all)
		own := all[r.IntN(len(all))].ID
		s, _ := newNode(t, uint64(d), own)
		must(t, s.Update(start(), TableOf(overlayID(t), all)))
		up(t, s, start())
		for range 100 {
			far := all[r.IntN(len(all))].ID
			purpose, profile := Purpose(r.IntN(Purposes)), Profile(r.IntN(2))
			p, err := s.Path(start(), purpose, profile, far)
			if err != nil {
				var why *NoPath
				if !errors.As(err, &why) || !errors.Is(err, ErrNoPath) || why.Reason == 0 || !strings.HasPrefix(err.Error(), "no path: ") {
					t.Fatalf("seed %d, directory %d: %v", seed, d, err)
				}
				refused++
				continue
			}
			made++
			hops := p.Hops()
			if len(hops) != 3+int(profile) || hops[len(hops)-1] != far || slices.Contains(hops, own) {
				t.Fatalf("seed %d, directory %d: wrong hops", seed, d)
			}
			tr.apart(t, hops)
		}
	}
	if made < 5000 || refused == 0 {
		t.Errorf("seed %d: %d paths, %d refused", seed, made, refused)
	}
}

func TestAFarNodeThatIsAGuardIsReachedThroughTheOtherOne(t *testing.T) {
	s, _ := linked(t, 2, relays(t, 20))
	guards := s.Guards()
	if len(guards) != 2 {
		t.Fatalf("%d guards", len(guards))
	}
	for i, far := range guards {
		for range rebuilds {
			p, err := s.Path(start(), Lookups, Standard, far)
			must(t, err)
			if p.Stem().Guard() != guards[1-i] {
				t.Fatal("not through the other guard")
			}
		}
	}
}

func TestSecondsArePinnedAndApartByPurpose(t *testing.T) {
	s, _ := linked(t, 3, relays(t, 60))
	of := map[peer.NodeID]Purpose{}
	for p := range Purpose(Purposes) {
		seen := map[peer.NodeID]bool{}
		for range 200 {
			stem, err := s.Stem(start(), p, Standard)
			must(t, err)
			second := stem.Hops()[1]
			seen[second] = true
			if q, ok := of[second]; ok && q != p {
				t.Fatalf("one second for %v and %v", p, q)
			}
			of[second] = p
		}
		if len(seen) != seconds {
			t.Errorf("%d seconds for %v", len(seen), p)
		}
	}
	if s.Shared() != 0 {
		t.Error("seconds are said to be shared")
	}
}

func TestTheRandomHopIsDrawnEachTimeFromEverybody(t *testing.T) {
	s, _ := linked(t, 4, relays(t, 40))
	seen := map[peer.NodeID]bool{}
	for range 1000 {
		stem, err := s.Stem(start(), Calls, High)
		must(t, err)
		seen[stem.Hops()[2]] = true
	}
	if len(seen) < 35 {
		t.Errorf("only %d of 40 relays are ever the random hop", len(seen))
	}
}

func TestPathsToOneFarNodeAreCountedByTheHour(t *testing.T) {
	all := relays(t, 30)
	s, _ := linked(t, 5, all)
	far := all[0].ID
	for range rebuilds {
		_, err := s.Path(start(), Calls, Standard, far)
		must(t, err)
	}
	_, err := s.Path(start().Add(window-1), Calls, Standard, far)
	var why *NoPath
	if !errors.As(err, &why) || why.Reason != TooOften || !why.Until.Equal(start().Add(window)) {
		t.Fatalf("after %d paths within the hour: %v", rebuilds, err)
	}
	for _, other := range []struct {
		purpose Purpose
		far     peer.NodeID
		now     time.Time
	}{{Lookups, far, start()}, {Calls, all[1].ID, start()}, {Calls, far, why.Until}} {
		if _, err := s.Path(other.now, other.purpose, Standard, other.far); err != nil {
			t.Error(err)
		}
	}
}

func TestPathsThatDidTheirWorkAreNotCounted(t *testing.T) {
	all := relays(t, 30)
	s, _ := linked(t, 12, all)
	far := all[0].ID
	for range 10 * rebuilds {
		p, err := s.Path(start(), Lookups, Standard, far)
		must(t, err)
		s.Settled(p)
	}
	if len(s.ledger.made) != 0 {
		t.Error("settled paths are remembered")
	}
	for range rebuilds {
		_, err := s.Path(start(), Lookups, Standard, far)
		must(t, err)
	}
	s.Settled(Path{})
	if _, err := s.Path(start(), Lookups, Standard, far); err == nil {
		t.Error("one path more than the bound, none of them settled")
	}
}

func TestCountingPathsTakesBoundedMemory(t *testing.T) {
	l := ledger{map[errand][]time.Time{}}
	for i := range maxTargets {
		if _, ok := l.enter(start(), errand{Lookups, node(t, i, 0)}); !ok {
			t.Fatalf("refused at %d far nodes", i)
		}
	}
	if until, ok := l.enter(start(), errand{Lookups, node(t, maxTargets, 0)}); ok || until.Before(start()) {
		t.Error("one more than the bound was taken")
	}
	if _, ok := l.enter(start().Add(window), errand{Lookups, node(t, maxTargets, 0)}); !ok || len(l.made) != 1 {
		t.Errorf("after an hour %d far nodes are remembered", len(l.made))
	}
	for i := range maxTargets {
		l.enter(start().Add(window), errand{Lookups, node(t, i, 0)})
	}
	if _, ok := l.enter(start(), errand{Lookups, node(t, 2*maxTargets, 0)}); !ok {
		t.Error("with a clock that was set back nothing is forgotten")
	}
}

func TestTooSmallNetworksGetASentence(t *testing.T) {
	for _, c := range []struct {
		all    []Candidate
		reason Reason
		words  string
	}{
		{nil, FewGuards, "no network has guards"},
		{relays(t, 1), FewRelays, "only 1 network has relays, 3 are needed"},
		{relays(t, 2), FewRelays, "only 2 networks have relays, 3 are needed"},
	} {
		s, _ := newNode(t, 6, peer.NodeID{})
		must(t, s.Update(start(), TableOf(overlayID(t), c.all)))
		up(t, s, start())
		_, err := s.Stem(start(), Lookups, Standard)
		var why *NoPath
		if !errors.As(err, &why) || why.Reason != c.reason || !strings.Contains(err.Error(), c.words) {
			t.Errorf("%d relays: %v", len(c.all), err)
		}
	}
	s, _ := newNode(t, 6, peer.NodeID{})
	if _, err := s.Stem(start(), Lookups, Standard); !errors.Is(err, ErrNoPath) {
		t.Errorf("without a directory: %v", err)
	}
	s, _ = linked(t, 6, relays(t, 3))
	if _, err := s.Path(start(), Lookups, High, s.Guards()[0]); err == nil || !strings.Contains(err.Error(), "only 3 networks have relays, 4 are needed") {
		t.Errorf("profile high in three networks: %v", err)
	}
	if s.Shared() != 1 {
		t.Errorf("with one relay beside the guards, %d are said to be shared", s.Shared())
	}
}

// A relay that knows this node's address by a link could tell alone what the rules let two find out together.
func TestARelayThatIsLinkedStandsInNoOtherPlaceThatIsChosen(t *testing.T) {
	for i := range 60 {
		all := relays(t, 14)
		s, _ := linked(t, uint64(i), all)
		// One guard is away, so that another is sampled: at times one that is second already.
		gone := s.Guards()[0]
		now := start().Add(time.Hour)
		must(t, s.Update(now, TableOf(overlayID(t), slices.DeleteFunc(slices.Clone(all), func(c Candidate) bool { return c.ID == gone }))))
		up(t, s, now)
		for p := range Purpose(Purposes) {
			for range 20 {
				stem, err := s.Stem(now, p, High)
				must(t, err)
				far, err := s.Choose(stem)
				must(t, err)
				for _, h := range append(stem.Hops()[1:], far) {
					if slices.Contains(s.Guards(), h) {
						t.Fatal("a guard stands in another place")
					}
				}
			}
		}
	}
}

func TestUnknownAndUnfitFarNodesAreSaidToBe(t *testing.T) {
	all := relays(t, 10)
	s, _ := linked(t, 7, all)
	var why *NoPath
	if _, err := s.Path(start(), Lookups, Standard, node(t, 999, 0)); !errors.As(err, &why) || why.Reason != UnknownTarget {
		t.Errorf("unknown: %v", err)
	}
	stem, err := s.Stem(start(), Lookups, Standard)
	must(t, err)
	if _, err := s.Complete(start(), stem, stem.Hops()[1]); !errors.As(err, &why) || why.Reason != UnfitTarget {
		t.Errorf("unfit: %v", err)
	}
	if s.Fits(stem, stem.Guard()) || s.Fits(Stem{}, all[0].ID) {
		t.Error("a guard fits behind itself, or somebody behind no stem")
	}
}

func TestAFailingSecondRestsAndIsReplacedAtMostOnceADay(t *testing.T) {
	s, d := linked(t, 8, relays(t, 60))
	now := start()
	replaced := map[peer.NodeID]bool{}
	for _, m := range s.kept.sets[Calls].members {
		replaced[m.id] = true
	}
	for range 3 * 24 * 60 { // every stem fails, three days long
		stem, err := s.Stem(now, Calls, Standard)
		must(t, err)
		replaced[stem.Hops()[1]] = true
		s.Failed(now, stem)
		must(t, s.Advance(now))
		now = now.Add(time.Minute)
	}
	// Three early ones, and those whose time ended: at the least a day after they were drawn.
	if n := len(replaced); n < 5 || n > 5+2*3 {
		t.Errorf("%d seconds within three days in which everything failed", n)
	}
	if d.times > 12 {
		t.Errorf("kept %d times", d.times)
	}
}

func TestASecondThatFailedIsLeftAloneWhileAnotherIsThere(t *testing.T) {
	s, _ := linked(t, 9, relays(t, 60))
	stem, err := s.Stem(start(), Calls, Standard)
	must(t, err)
	s.Failed(start(), stem)
	for range 50 {
		next, err := s.Stem(start().Add(time.Second), Calls, Standard)
		must(t, err)
		if next.Hops()[1] == stem.Hops()[1] {
			t.Fatal("the second that just failed was chosen again")
		}
	}
	s.Built(stem)
	for range 50 {
		next, err := s.Stem(start().Add(time.Second), Calls, Standard)
		must(t, err)
		if next.Hops()[1] == stem.Hops()[1] {
			return
		}
	}
	t.Error("a second that works again is not chosen")
}

func TestTheRelayOfALeaseFitsItsStemAndTheOtherLease(t *testing.T) {
	all := relays(t, 12)
	s, _ := linked(t, 10, all)
	for range 200 {
		stem, err := s.Stem(start(), UserLeases, Standard)
		must(t, err)
		first, err := s.Choose(stem)
		must(t, err)
		second, err := s.Choose(stem, first)
		must(t, err)
		truthOf(all).apart(t, append(stem.Hops(), first))
		truthOf(all).apart(t, append(stem.Hops(), first, second))
	}
}

func TestNothingPrintsItself(t *testing.T) {
	s, d := linked(t, 11, relays(t, 10))
	stem, err := s.Stem(start(), Calls, Standard)
	must(t, err)
	pool, err := NewPool(start(), PoolConfig{Random: seeded(1)})
	must(t, err)
	for _, v := range []any{*s, s, stem, Path{stem: stem}, s.kept, *s.table, Candidate{}, Config{State: d.bytes}, *pool, PoolConfig{}} {
		for _, verb := range []string{"%v", "%+v", "%#v", "%x", "%s"} {
			if text := fmt.Sprintf(verb, v); len(text) > 30 || !strings.HasPrefix(text, "[") {
				t.Errorf("%T prints %q", v, text)
			}
		}
	}
}

func BenchmarkPath(b *testing.B) {
	all := relays(b, 30_000)
	s, _ := linked(b, 1, all)
	for _, profile := range []Profile{Standard, High} {
		b.Run(profile.String(), func(b *testing.B) {
			i := 0
			s.ledger.made = map[errand][]time.Time{}
			for b.Loop() {
				i++
				if _, err := s.Path(start().Add(time.Duration(i)*time.Second), Purpose(i%Purposes), profile, all[i%len(all)].ID); err != nil && !errors.Is(err, ErrNoPath) {
					b.Fatal(err)
				}
			}
		})
	}
}

func BenchmarkTable(b *testing.B) {
	all := relays(b, 30_000)
	for b.Loop() {
		TableOf(overlayID(b), all)
	}
}
