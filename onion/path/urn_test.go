package path

import (
	"math"
	"net/netip"
	"testing"

	"sotto/overlay/peer"
)

// share is how much of the weight belongs to some.
func (u *urn) share(members []member, of func(*member) bool) float64 {
	var sum, before uint64
	for i, m := range u.members {
		if of(&members[m]) {
			sum += u.sums[i] - before
		}
		before = u.sums[i]
	}
	return float64(sum) / float64(before)
}

func TestANetworkWithNineTenthsOfThePeersWeighsAsFourNetworks(t *testing.T) {
	all := relays(t, 100)
	for i := range 900 {
		c := relayAt(t, 1000+i, in4(300, i))
		c.Capacity = peer.MaxCapacity // and they lie
		all = append(all, c)
	}
	table := TableOf(overlayID(t), all)
	tr := truthOf(all)
	hostile := func(m *member) bool { return tr[m.id].Networks[0] == all[100].Networks[0] }
	if s := table.guards.share(table.members, hostile); s > 4.0/104+1e-6 {
		t.Errorf("one of 101 networks holds %.1f %% of the guards' weight", 100*s)
	}
	guards, seconds := 0, 0
	const nodes = 500
	for i := range nodes {
		s, _ := linked(t, uint64(i), all)
		stem, err := s.Stem(start(), Calls, Standard)
		must(t, err)
		tr.apart(t, append(stem.Hops(), all[i%50].ID)[:2])
		if m, _ := table.find(stem.Guard()); hostile(&table.members[m]) {
			guards++
		}
		if m, _ := table.find(stem.Hops()[1]); hostile(&table.members[m]) {
			seconds++
		}
	}
	if guards > 45 || seconds > 45 { // 20 are expected
		t.Errorf("of %d nodes %d have a guard there and %d a second", nodes, guards, seconds)
	}
}

func TestAFamilyWithNineTenthsOfThePeersIsInAPathOnce(t *testing.T) {
	all := relays(t, 300)
	for i := range all[30:] {
		all[30+i].Family = peer.FamilyOf(overlayID(t), "one operator")
	}
	tr := truthOf(all)
	for i := range 100 {
		s, _ := linked(t, uint64(i), all)
		for range 10 {
			stem, err := s.Stem(start(), Calls, High)
			must(t, err)
			tr.apart(t, append(stem.Hops(), stem.Hops()[2])[:3])
		}
	}
}

func TestALiarCountsForFourMedianRelays(t *testing.T) {
	all := relays(t, 100)
	all[7].Capacity = peer.MaxCapacity
	table := TableOf(overlayID(t), all)
	if s := table.relays.share(table.members, func(m *member) bool { return m.id == all[7].ID }); math.Abs(s-4.0/103) > 1e-6 {
		t.Errorf("a liar holds %.2f %%", 100*s)
	}
}

func TestBothNetworksOfAPeerCount(t *testing.T) {
	var all []Candidate
	for i := range 60 {
		ips := []netip.Addr{in4(i, 1), in6(i, 1)}
		if i < 30 {
			ips = []netip.Addr{in4(i, 1), in6(500, i)} // half of them in one /32
		}
		all = append(all, relayAt(t, i, ips...))
	}
	table := TableOf(overlayID(t), all)
	if s := table.relays.share(table.members, func(m *member) bool { return truthOf(all)[m.id].Networks[1] == all[0].Networks[1] }); s > 4.0/34+1e-6 {
		t.Errorf("one /32 holds %.1f %%", 100*s)
	}
	tr := truthOf(all)
	s, _ := linked(t, 1, all)
	for range 200 {
		stem, err := s.Stem(start(), Calls, High)
		must(t, err)
		tr.apart(t, append(stem.Hops(), stem.Hops()[2])[:3])
	}
}

func TestDrawsFollowTheWeights(t *testing.T) {
	all := relays(t, 8)
	for i := range all {
		all[i].Capacity = peer.Capacity(10 + i%2) // 1 : 2
	}
	table := TableOf(overlayID(t), all)
	random := source{r: seeded(3)}
	const n = 100_000
	for name, draw := range map[string]func() (int, bool){
		"fast": func() (int, bool) {
			return table.relays.draw(&random, func(m int) bool { return table.members[m].id != all[0].ID })
		},
		"slow": func() (int, bool) {
			return table.relays.drawSlowly(&random, func(m int) bool { return table.members[m].id != all[0].ID })
		},
	} {
		heavy := 0
		for range n {
			m, ok := draw()
			if !ok || table.members[m].id == all[0].ID {
				t.Fatal("an excluded member")
			}
			if table.members[m].capacity == 11 {
				heavy++
			}
		}
		// 4 heavy ones of weight 2 against 3 light ones: 8/11, with 6 standard deviations to either side.
		if p := float64(heavy) / n; math.Abs(p-8.0/11) > 0.0085 {
			t.Errorf("%s: heavy ones are drawn in %.2f %%", name, 100*p)
		}
	}
}

func TestNumbersBelowAreEven(t *testing.T) {
	random := source{r: seeded(4)}
	counts := [6]int{}
	for range 60_000 {
		counts[random.below(6)]++
	}
	for i, c := range counts {
		if c < 9450 || c > 10550 { // 6 standard deviations
			t.Errorf("%d came %d times", i, c)
		}
	}
}

type broken struct{}

func (broken) Read([]byte) (int, error) { return 0, ErrRandom }

func TestASourceThatFailsChoosesNothing(t *testing.T) {
	d := &disk{}
	s, err := New(Config{Overlay: overlayID(t), Random: broken{}, Keeper: d, First: true})
	must(t, err)
	if err := s.Update(start(), TableOf(overlayID(t), relays(t, 20))); err != ErrRandom {
		t.Errorf("%v", err)
	}
	if len(s.Guards()) != 0 || d.times != 0 {
		t.Error("guards without randomness")
	}
}
