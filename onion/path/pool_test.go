package path

import (
	"errors"
	"math/rand/v2"
	"testing"
	"time"

	"sotto/overlay/peer"
)

func anyStem(Stem) bool { return true }

// pooled is a pool and a selector that builds whatever it orders at once.
func pooled(t testing.TB, r [Purposes]Ready) (*Pool, *Selector) {
	t.Helper()
	s, _ := linked(t, 1, relays(t, 60))
	p, err := NewPool(start(), PoolConfig{Random: seeded(2), Ready: r})
	must(t, err)
	return p, s
}

// build begins and builds what is ordered at a moment.
func build(t testing.TB, now time.Time, p *Pool, s *Selector) int {
	t.Helper()
	orders := p.Want(now)
	for _, o := range orders {
		stem, err := s.Stem(now, o.Purpose, o.Profile)
		must(t, err)
		if !p.Built(now, o.ID, stem) {
			t.Fatal("an ordered stem is not wanted")
		}
	}
	return len(orders)
}

func TestAStemServesOnePurposeOnce(t *testing.T) {
	p, s := pooled(t, [Purposes]Ready{Lookups: {3, Standard}, Calls: {2, High}})
	now := start().Add(startSpread)
	if n := build(t, now, p, s); n != 5 || p.Len(Lookups) != 3 || p.Len(Calls) != 2 {
		t.Fatalf("%d stems were ordered", n)
	}
	seen := map[StemID]bool{}
	for range 3 {
		id, stem, ok := p.Take(now, Lookups, anyStem)
		if !ok || seen[id] || stem.Purpose() != Lookups || len(stem.Hops()) != 2 {
			t.Fatal("not a new stem for look-ups")
		}
		seen[id] = true
	}
	if _, _, ok := p.Take(now, Lookups, anyStem); ok {
		t.Error("a fourth of three")
	}
	if _, _, ok := p.Take(now, Publishing, anyStem); ok {
		t.Error("a stem for a purpose that has none")
	}
	if _, stem, ok := p.Take(now, Calls, anyStem); !ok || len(stem.Hops()) != 3 {
		t.Error("no stem of profile high")
	}
}

func TestAStemThatDoesNotFitIsLeft(t *testing.T) {
	p, s := pooled(t, [Purposes]Ready{Lookups: {4, Standard}})
	now := start().Add(startSpread)
	build(t, now, p, s)
	far := s.Guards()[0]
	for {
		_, stem, ok := p.Take(now, Lookups, func(stem Stem) bool { return s.Fits(stem, far) })
		if !ok {
			break
		}
		if stem.Guard() == far {
			t.Fatal("a stem through the far node was handed out")
		}
	}
	for _, one := range p.places {
		if one.stage == ready && one.stem.Guard() != far {
			t.Error("a stem that fits was left")
		}
	}
}

func TestRefillingTellsLittleOfTheTimeOfUse(t *testing.T) {
	p, s := pooled(t, [Purposes]Ready{Lookups: {1, Standard}})
	now := start().Add(startSpread)
	build(t, now, p, s)
	shortest, longest := time.Hour, time.Duration(0)
	for range 500 {
		if _, _, ok := p.Take(now, Lookups, anyStem); !ok {
			t.Fatal("no stem")
		}
		pause := p.Next().Sub(now)
		shortest, longest = min(shortest, pause), max(longest, pause)
		now = p.Next()
		build(t, now, p, s)
	}
	if shortest < refillMin || longest > refillMax || longest-shortest < 6*time.Second {
		t.Errorf("refilled %v to %v after use", shortest, longest)
	}
}

func TestStemsEndAtRandomTimes(t *testing.T) {
	p, s := pooled(t, [Purposes]Ready{Lookups: {16, Standard}, Calls: {16, Standard}})
	now := start().Add(startSpread)
	build(t, now, p, s)
	if n := len(p.Expired(now.Add(lifeMin - 1))); n != 0 {
		t.Errorf("%d ended before their time", n)
	}
	half := len(p.Expired(now.Add((lifeMin + lifeMax) / 2)))
	rest := len(p.Expired(now.Add(lifeMax)))
	if half < 6 || rest < 6 || half+rest != 32 {
		t.Errorf("%d and %d of 32 ended", half, rest)
	}
	if _, _, ok := p.Take(now.Add(lifeMax), Calls, anyStem); ok {
		t.Error("an ended stem was handed out")
	}
}

func TestFailuresSlowThePoolDown(t *testing.T) {
	p, _ := pooled(t, [Purposes]Ready{Lookups: {2, Standard}})
	now, orders := start(), 0
	for end := start().Add(time.Hour); now.Before(end); now = p.Next() {
		for _, o := range p.Want(now) {
			orders++
			if orders%2 == 0 {
				p.Failed(now, o.ID) // and the others are never answered
			}
		}
	}
	if orders < 20 || orders > 70 {
		t.Errorf("%d stems were begun within an hour in which all failed", orders)
	}
	p.Remake(now)
	if p.Next().Sub(now) > startSpread {
		t.Error("a guard came back and the pool still waits")
	}
}

func TestAnAnswerThatComesTooLateIsNotTaken(t *testing.T) {
	p, s := pooled(t, [Purposes]Ready{Lookups: {1, Standard}})
	now := start().Add(startSpread)
	o := p.Want(now)[0]
	stem, err := s.Stem(now, Lookups, Standard)
	must(t, err)
	other, err := s.Stem(now, Calls, Standard)
	must(t, err)
	if p.Built(now, o.ID, other) || p.Built(now, o.ID+1, stem) {
		t.Error("a stem of another purpose or order was taken")
	}
	p.Want(now.Add(buildTime))
	if p.Built(now.Add(buildTime), o.ID, stem) {
		t.Error("a stem was taken after it was given up")
	}
}

func TestStemsOfAGuardThatIsNoLongerUsedAreDropped(t *testing.T) {
	p, s := pooled(t, [Purposes]Ready{Lookups: {8, Standard}})
	now := start().Add(startSpread)
	build(t, now, p, s)
	gone := s.Guards()[1]
	n := 0
	for _, one := range p.places {
		if one.stem.Guard() == gone {
			n++
		}
	}
	all := relays(t, 60)
	for i := range all {
		if all[i].ID == gone {
			all = append(all[:i], all[i+1:]...)
			break
		}
	}
	must(t, s.Update(now, TableOf(overlayID(t), all)))
	if dropped := p.Drop(now, s.Usable); len(dropped) != n || p.Len(Lookups) != 8-n {
		t.Errorf("%d dropped, %d left; %d went through it", len(dropped), p.Len(Lookups), n)
	}
}

func TestAPoolIsBounded(t *testing.T) {
	for name, c := range map[string]PoolConfig{
		"too many":         {Random: seeded(1), Ready: [Purposes]Ready{Lookups: {20, Standard}, Calls: {13, Standard}}},
		"negative":         {Random: seeded(1), Ready: [Purposes]Ready{Lookups: {-1, Standard}}},
		"unknown profile":  {Random: seeded(1), Ready: [Purposes]Ready{Lookups: {1, High + 1}}},
		"no random source": {},
	} {
		if _, err := NewPool(start(), c); !errors.Is(err, ErrConfig) {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// Whatever the shell says in whatever order, no stem is handed out twice and no more stand than should.
func TestAnyCourseOfEventsKeepsThePoolInItsBounds(t *testing.T) {
	const seed = 9
	r := rand.New(seeded(seed))
	s, _ := linked(t, seed, relays(t, 60))
	for range 30 {
		var want [Purposes]Ready
		for i := range want {
			want[i] = Ready{r.IntN(4), Profile(r.IntN(2))}
		}
		p, err := NewPool(start(), PoolConfig{Random: seeded(r.Uint64()), Ready: want})
		must(t, err)
		now, taken, ids := start(), map[StemID]bool{}, []StemID{1}
		for range 1000 {
			now = now.Add(time.Duration(r.IntN(60_000)) * time.Millisecond)
			id := ids[r.IntN(len(ids))]
			switch r.IntN(6) {
			case 0, 1:
				for _, o := range p.Want(now) {
					ids = append(ids, o.ID)
					if r.IntN(3) > 0 {
						stem, err := s.Stem(now, o.Purpose, o.Profile)
						must(t, err)
						p.Built(now, o.ID, stem)
					}
				}
			case 2:
				p.Failed(now, id)
			case 3:
				p.Gone(now, id)
			case 4:
				for _, id := range p.Expired(now) {
					if taken[id] {
						t.Fatalf("seed %d: a used stem expires", seed)
					}
				}
			case 5:
				purpose := Purpose(r.IntN(Purposes))
				if id, stem, ok := p.Take(now, purpose, anyStem); ok {
					if taken[id] || stem.Purpose() != purpose || stem.Guard() == (peer.NodeID{}) {
						t.Fatalf("seed %d: a stem was handed out wrongly", seed)
					}
					taken[id] = true
				}
			}
			for purpose := range Purpose(Purposes) {
				if p.Len(purpose) > want[purpose].Stems {
					t.Fatalf("seed %d: too many stems stand", seed)
				}
			}
		}
	}
}
