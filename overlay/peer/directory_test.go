package peer

import (
	"errors"
	"fmt"
	"math/rand/v2"
	"runtime"
	"slices"
	"testing"
)

func testDirectory(t testing.TB, descriptors []*Descriptor, excluded ...NodeID) *Directory {
	t.Helper()
	dir, err := NewDirectory(testOverlay(t), 3, descriptors, excluded)
	must(t, err)
	return dir
}

func testDescriptors(t testing.TB, n int) []*Descriptor {
	t.Helper()
	var all []*Descriptor
	for i := range n {
		all = append(all, newTestPeer(t, uint32(i), 0).describe(t, relayFields(t, 3)))
	}
	return all
}

func TestDirectoryFindsEverybodyAndNobodyElse(t *testing.T) {
	all := testDescriptors(t, 50)
	dir := testDirectory(t, all)
	if dir.Len() != 50 || dir.Period() != 3 || dir.Overlay() != testOverlay(t) {
		t.Fatalf("%d peers in the directory", dir.Len())
	}
	for _, d := range all {
		byID, ok1 := dir.ByID(d.NodeID())
		byPrefix, ok2 := dir.ByPrefix(d.NodeID().Prefix())
		if !ok1 || !ok2 || byID != d || byPrefix != d {
			t.Fatal("a peer is not found")
		}
		namesake := d.NodeID()
		namesake.b[NodeIDLen-1] ^= 1
		if _, ok := dir.ByID(namesake); ok {
			t.Fatal("a NodeID with the prefix of another is found")
		}
	}
	if _, ok := dir.ByPrefix(IDPrefix{}); ok {
		t.Error("the prefix of nobody is found")
	}
	if !slices.IsSortedFunc(slices.Collect(dir.All()), func(a, b *Descriptor) int { return a.NodeID().Compare(b.NodeID()) }) {
		t.Error("not in order")
	}
	if dir.At(0).NodeID().Compare(dir.At(49).NodeID()) >= 0 {
		t.Error("the first is not before the last")
	}
}

func TestRootDependsOnTheSetAndNotOnTheOrder(t *testing.T) {
	all := testDescriptors(t, 20)
	root := testDirectory(t, all).Root()
	shuffled := append(slices.Clone(all), all[3], all[7]) // told twice
	rand.New(rand.NewPCG(1, 2)).Shuffle(len(shuffled), func(i, j int) { shuffled[i], shuffled[j] = shuffled[j], shuffled[i] })
	if testDirectory(t, shuffled).Root() != root {
		t.Error("the order of arrival changes the root")
	}
	other := relayFields(t, 3)
	other.Capacity++
	swapped := slices.Clone(all)
	swapped[4] = newTestPeer(t, 4, 0).describe(t, other)
	next, err := NewDirectory(testOverlay(t), 4, nil, nil)
	must(t, err)
	for name, dir := range map[string]*Directory{
		"one peer less":             testDirectory(t, all[1:]),
		"one peer with another key": testDirectory(t, swapped),
		"one peer excluded":         testDirectory(t, all, all[2].NodeID()),
		"nobody":                    testDirectory(t, nil),
		"nobody, next period":       next,
	} {
		if dir.Root() == root {
			t.Errorf("%s: the same root", name)
		}
	}
	if next.Root() == testDirectory(t, nil).Root() {
		t.Error("two periods have one root")
	}
}

func TestDirectoryHasNoRoomForAmbiguity(t *testing.T) {
	all := testDescriptors(t, 3)
	twin := func(d *Descriptor) *Descriptor {
		id := d.NodeID()
		id.b[NodeIDLen-1] ^= 1
		return unsigned(t, id, relayFields(t, 3))
	}
	second := newTestPeer(t, 0, 0).describe(t, anonymousFields(t, 3))
	t.Run("two daily parts", func(t *testing.T) {
		dir := testDirectory(t, append(slices.Clone(all), second))
		if _, ok := dir.ByID(all[0].NodeID()); ok || dir.Len() != 2 {
			t.Error("an equivocating peer is listed")
		}
	})
	t.Run("one prefix", func(t *testing.T) {
		dir := testDirectory(t, append(slices.Clone(all), twin(all[0])))
		if _, ok := dir.ByPrefix(all[0].NodeID().Prefix()); ok || dir.Len() != 2 {
			t.Error("a prefix that two peers have names one of them")
		}
	})
	t.Run("one prefix, one excluded", func(t *testing.T) {
		impostor := twin(all[0])
		dir := testDirectory(t, append(slices.Clone(all), impostor), impostor.NodeID())
		if _, ok := dir.ByID(all[0].NodeID()); !ok || dir.Len() != 3 {
			t.Error("a revoked impostor still takes the place of a peer")
		}
		if !dir.Excluded(impostor.NodeID()) || dir.Excluded(all[0].NodeID()) {
			t.Error("the wrong one is excluded")
		}
	})
}

func TestDirectoryIsOfOneOverlayAndPeriod(t *testing.T) {
	other := testOverlay(t)
	other.b[0] ^= 1
	if _, err := NewDirectory(other, 3, testDescriptors(t, 1), nil); !errors.Is(err, ErrOverlay) {
		t.Errorf("a peer of another overlay: %v", err)
	}
	if _, err := NewDirectory(testOverlay(t), 4, testDescriptors(t, 1), nil); !errors.Is(err, ErrPeriod) {
		t.Errorf("a peer of another period: %v", err)
	}
}

// syntheticPeriods gathers n peers for two periods as a node does at the end of a day, and makes both snapshots.
func syntheticPeriods(t testing.TB, n int) (g *Gather, yesterday, today *Directory) {
	g = NewGather(testOverlay(t), 4, n)
	for _, period := range []uint32{3, 4} {
		fields, random := relayFields(t, period), rand.New(rand.NewPCG(3, 4))
		for range n {
			var id NodeID
			for i := range id.b {
				id.b[i] = byte(random.Uint32())
			}
			if got := g.Add(unsigned(t, id, fields)); got != Added {
				t.Fatalf("outcome %d", got)
			}
		}
	}
	return g, g.Directory(3), g.Directory(4)
}

func heap() uint64 {
	runtime.GC()
	runtime.GC()
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return m.HeapAlloc
}

func TestThirtyThousandPeersFitIntoThirtyMegabytes(t *testing.T) {
	const n, goal = 5_000, 30_000_000 / 30_000
	before := heap()
	g, yesterday, today := syntheticPeriods(t, n)
	each := int(heap()-before) / n
	t.Logf("%d bytes a peer: two periods with their snapshots, and the index of the gathering", each)
	if each > goal {
		t.Errorf("%d bytes a peer, at most %d", each, goal)
	}
	runtime.KeepAlive(g)
	runtime.KeepAlive(yesterday)
	runtime.KeepAlive(today)
}

func BenchmarkDirectory(b *testing.B) {
	for _, n := range []int{1_000, 30_000} {
		b.Run(fmt.Sprintf("%d/memory", n), func(b *testing.B) {
			for b.Loop() {
				before := heap()
				g, yesterday, today := syntheticPeriods(b, n)
				two := heap() - before
				runtime.KeepAlive(g)
				runtime.KeepAlive(yesterday)
				one := heap() - before // of today alone
				b.ReportMetric(float64(two)/float64(n), "B/peer-2-periods")
				b.ReportMetric(float64(one)/float64(n), "B/peer-1-period")
				runtime.KeepAlive(today)
			}
		})
		_, _, dir := syntheticPeriods(b, n)
		descriptors := slices.Collect(dir.All())
		b.Run(fmt.Sprintf("%d/make", n), func(b *testing.B) {
			for b.Loop() {
				_, _ = NewDirectory(dir.Overlay(), dir.Period(), descriptors, nil)
			}
		})
		b.Run(fmt.Sprintf("%d/byprefix", n), func(b *testing.B) {
			i := 0
			for b.Loop() {
				dir.ByPrefix(descriptors[i%n].NodeID().Prefix())
				i += 7919
			}
		})
	}
}

func BenchmarkVerifyDaily(b *testing.B) {
	p := newTestPeer(b, 1, 0)
	d := p.describe(b, relayFields(b, 3))
	calendar := testCalendar(b)
	for b.Loop() {
		_, _ = d.Admitted().Verify(d.Daily(), calendar, 3)
	}
}
