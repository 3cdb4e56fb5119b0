// The loop: equal seeds, timers in order, no garbage; and how fast it is.

package simnet

import (
	"bytes"
	"errors"
	"fmt"
	"math/rand/v2"
	"net/netip"
	"slices"
	"sort"
	"testing"
	"time"
)

// scenario runs a world with every fault in it, driven by the seed alone, and returns what the tap recorded.
func scenario(seed uint64) []Capture {
	n := New(Config{Seed: seed, SocketQueue: 8, Link: Link{Latency: 5 * time.Millisecond, Jitter: 3 * time.Millisecond, Loss: 0.05,
		Duplicate: 0.05, Reorder: 0.05, ReorderBy: 4 * time.Millisecond}})
	r := &Recorder{KeepPayload: true}
	n.Tap(r.Record)
	loop := NewLoop(n, dawn())
	var machines []*Machine
	var nats []*NAT
	for i := range 10 {
		a := netip.AddrFrom4([4]byte{192, 0, 2, byte(i + 1)})
		if i < 5 {
			machines = append(machines, loop.Machine(n.Host(a)))
			continue
		}
		nat := n.NAT(NATConfig{Mapping: Dependence(i % 3), Filtering: Dependence(i % 2), Timeout: 50 * time.Millisecond}, a)
		nats = append(nats, nat)
		machines = append(machines, loop.Machine(nat.Host(addr("10.0.0.2"))))
	}
	draw := rand.New(rand.NewPCG(seed, 1))
	for i, m := range machines {
		m.Handle(1, func(_ time.Time, from, _ netip.AddrPort, payload []byte) {
			m.Spend(time.Duration(draw.IntN(2000)) * time.Microsecond)
			if len(payload) < 40 {
				m.Send(1, from, append(payload, byte(i)))
			}
		})
		var tick *Timer
		tick = m.Timer(func(now time.Time) {
			m.Send(1, netip.AddrPortFrom(netip.AddrFrom4([4]byte{192, 0, 2, byte(1 + draw.IntN(5))}), 1), []byte{byte(i)})
			tick.Reset(now.Add(time.Duration(draw.IntN(20)) * time.Millisecond))
		})
		tick.Reset(dawn())
	}
	loop.At(dawn().Add(200*time.Millisecond), func() { nats[0].Rebind() })
	loop.Run(dawn().Add(400 * time.Millisecond))
	return r.Captures()
}

func sameCapture(a, b Capture) bool {
	return bytes.Equal(a.Payload, b.Payload) && fmt.Sprint(a) == fmt.Sprint(b)
}

func TestEqualSeedsGiveEqualRecordsAndOthersDoNot(t *testing.T) {
	first := scenario(5)
	if len(first) < 2000 {
		t.Fatalf("only %d captures: the scenario shows nothing", len(first))
	}
	seen := make(map[Verdict]bool)
	for _, c := range first {
		seen[c.Verdict] = true
	}
	for _, v := range []Verdict{Passed, Delivered, Lost, Unmapped, SocketFull} {
		if !seen[v] {
			t.Errorf("the scenario has nothing %v", v)
		}
	}
	if !slices.EqualFunc(first, scenario(5), sameCapture) {
		t.Error("two runs with seed 5 differ")
	}
	if slices.EqualFunc(first, scenario(6), sameCapture) {
		t.Error("seeds 5 and 6 gave one record")
	}
}

func TestTimersFireInOrderAndCanBeMoved(t *testing.T) {
	b := newBench(t, Config{})
	var fired []string
	note := func(name string) func(time.Time) {
		return func(now time.Time) { fired = append(fired, fmt.Sprint(name, now.Sub(dawn()))) }
	}
	at := func(d time.Duration) time.Time { return dawn().Add(d) }
	early, late, off, zero := b.loop.Timer(note("early")), b.loop.Timer(note("late")), b.loop.Timer(note("off")), b.loop.Timer(note("zero"))
	late.Reset(at(time.Second))
	early.Reset(at(5 * time.Second))
	off.Reset(at(2 * time.Second))
	zero.Reset(at(2 * time.Second))
	late.Reset(at(3 * time.Second))
	early.Reset(at(2 * time.Second))
	off.Stop()
	off.Stop()
	zero.Reset(time.Time{})
	b.loop.At(at(3*time.Second), func() { note("after late")(b.loop.Now()) })
	b.loop.At(at(3*time.Second), func() { early.Reset(dawn()) })
	if next, ok := b.loop.Next(); !ok || next != at(2*time.Second) {
		t.Errorf("next event at %v", next)
	}
	b.loop.Run(at(3 * time.Second))
	if want := []string{"early2s", "late3s", "after late3s", "early3s"}; !slices.Equal(fired, want) {
		t.Errorf("fired %q, want %q", fired, want)
	}
	b.loop.Run(at(time.Second))
	if b.loop.Now() != at(3*time.Second) || b.loop.Step() {
		t.Error("the past was run again")
	}
}

func TestTheAgendaSortsWhateverIsPutMovedAndRemoved(t *testing.T) {
	draw := rand.New(rand.NewPCG(3, 3))
	var a agenda
	items := make([]item, 300)
	want := make(map[*item]entry)
	for range 20000 {
		it := &items[draw.IntN(len(items))]
		if draw.IntN(4) == 0 {
			a.remove(it)
			delete(want, it)
			continue
		}
		at := time.Duration(draw.IntN(50))
		a.set(it, at)
		want[it] = entry{at, a.order, it}
	}
	sorted := make([]entry, 0, len(want))
	for _, e := range want {
		sorted = append(sorted, e)
	}
	sort.Slice(sorted, func(i, j int) bool { return sorted[i].before(sorted[j]) })
	for i, e := range sorted {
		if at, ok := a.first(); !ok || at != e.at {
			t.Fatalf("place %d: due at %v, want %v", i, at, e.at)
		}
		if a.pop() != e.it {
			t.Fatalf("place %d: another item", i)
		}
	}
	if _, ok := a.first(); ok {
		t.Error("more came out than went in")
	}
}

func TestALoopTakesTheNetworkOver(t *testing.T) {
	b := newBench(t, Config{})
	h := b.net.Host(addr("192.0.2.1"))
	if _, err := h.Listen(1); !errors.Is(err, ErrLoop) {
		t.Errorf("Listen: %v", err)
	}
	defer func() {
		if recover() == nil {
			t.Error("a second loop was made")
		}
	}()
	NewLoop(b.net, dawn())
}

func TestSteadyTrafficAllocatesNothing(t *testing.T) {
	b := newBench(t, Config{Link: Link{Latency: time.Millisecond}})
	ping(b.net, b.loop, 2, 4)
	b.run(time.Second)
	if n := testing.AllocsPerRun(1, func() { b.run(time.Second) }); n > 10 {
		t.Errorf("%v allocations for 4000 events", n)
	}
}

// ping makes pairs of hosts throw a number of datagrams back and forth for ever.
func ping(n *Net, loop *Loop, hosts, each int) {
	payload := make([]byte, 512)
	for i := range hosts / 2 {
		a, b := netip.AddrFrom4([4]byte{10, byte(i >> 16), byte(i >> 8), byte(i)}), netip.AddrFrom4([4]byte{11, byte(i >> 16), byte(i >> 8), byte(i)})
		for _, own := range []netip.Addr{a, b} {
			m := loop.Machine(n.Host(own))
			m.Handle(1, func(_ time.Time, from, _ netip.AddrPort, payload []byte) { m.Send(1, from, payload) })
		}
		for range each {
			loop.Machine(n.public.owners[a].host).Send(1, netip.AddrPortFrom(b, 1), payload)
		}
	}
}

func BenchmarkLoop(b *testing.B) {
	for _, hosts := range []int{2, 1000, 100000} {
		b.Run(fmt.Sprintf("%d hosts", hosts), func(b *testing.B) {
			n := New(Config{Seed: 1, Path: func(from, to *Host) Link {
				return Link{Latency: time.Duration(10+(from.index*7+to.index)%90) * time.Millisecond}
			}})
			loop := NewLoop(n, dawn())
			ping(n, loop, hosts, 1)
			b.ReportAllocs()
			b.ResetTimer()
			for range b.N {
				loop.Step()
			}
			b.ReportMetric(float64(b.N)/b.Elapsed().Seconds(), "events/s")
		})
	}
}

func BenchmarkTimer(b *testing.B) {
	loop := NewLoop(New(Config{}), dawn())
	timers := make([]*Timer, 100000)
	draw := rand.New(rand.NewPCG(1, 1))
	for i := range timers {
		timers[i] = loop.Timer(func(time.Time) {})
		timers[i].Reset(dawn().Add(time.Duration(draw.IntN(1e9))))
	}
	b.ReportAllocs()
	b.ResetTimer()
	for i := range b.N {
		timers[i%len(timers)].Reset(dawn().Add(time.Duration(draw.IntN(1e9))))
	}
}
