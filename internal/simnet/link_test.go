// What links do to datagrams, measured: exact delays, and shares within five standard deviations.

package simnet

import (
	"math"
	"net/netip"
	"testing"
	"time"
)

// stream sends count datagrams, one a millisecond, over a link and returns what arrived, by number.
func stream(t *testing.T, l Link, count int) (arrived []int, at []time.Duration, b *bench) {
	t.Helper()
	b = newBench(t, Config{Seed: 42, Link: l})
	from := b.loop.Machine(b.net.Host(addr("192.0.2.1")))
	to := b.loop.Machine(b.net.Host(addr("192.0.2.2")))
	to.Handle(1, func(now time.Time, _, _ netip.AddrPort, payload []byte) {
		arrived = append(arrived, int(payload[0])<<16|int(payload[1])<<8|int(payload[2]))
		at = append(at, now.Sub(dawn()))
	})
	for i := range count {
		if err := from.Send(1, addrPort("192.0.2.2:1"), []byte{byte(i >> 16), byte(i >> 8), byte(i)}); err != nil {
			t.Fatal(err)
		}
		b.run(time.Millisecond)
	}
	b.run(time.Hour)
	return arrived, at, b
}

// within checks a share of n trials against its expectation, at five standard deviations: with the seed given it never fails by chance.
func within(t *testing.T, what string, hits, n int, p float64) {
	t.Helper()
	share := float64(hits) / float64(n)
	if d := 5 * math.Sqrt(p*(1-p)/float64(n)); math.Abs(share-p) > d {
		t.Errorf("%s: share %.4f of %d, want %.4f ± %.4f", what, share, n, p, d)
	}
}

const trials = 20000

func TestLatencyIsExact(t *testing.T) {
	arrived, at, _ := stream(t, Link{Latency: 1234567 * time.Nanosecond}, 10)
	for i := range arrived {
		if want := time.Duration(i)*time.Millisecond + 1234567; arrived[i] != i || at[i] != want {
			t.Errorf("datagram %d at %v, want %d at %v", arrived[i], at[i], i, want)
		}
	}
}

func TestLossHasItsRateAndIsCounted(t *testing.T) {
	arrived, _, b := stream(t, Link{Loss: 0.1}, trials)
	within(t, "lost", trials-len(arrived), trials, 0.1)
	b.expect(Lost, uint64(trials-len(arrived)))
	b.expect(Delivered, uint64(len(arrived)))
}

func TestDuplicationHasItsRate(t *testing.T) {
	arrived, _, _ := stream(t, Link{Duplicate: 0.05}, trials)
	within(t, "duplicates", len(arrived)-trials, trials, 0.05)
	seen := make([]int, trials)
	for _, i := range arrived {
		seen[i]++
	}
	for i, n := range seen {
		if n < 1 || n > 2 {
			t.Fatalf("datagram %d arrived %d times", i, n)
		}
	}
}

func TestReorderingHasItsRateAndDelay(t *testing.T) {
	arrived, at, _ := stream(t, Link{Latency: time.Millisecond, Reorder: 0.02, ReorderBy: 2500 * time.Microsecond}, trials)
	late, overtaken := 0, 0
	for i, number := range arrived {
		switch delay := at[i] - time.Duration(number)*time.Millisecond; delay {
		case time.Millisecond:
		case 3500 * time.Microsecond:
			late++
			if i > 0 && arrived[i-1] > number {
				overtaken++
			}
		default:
			t.Fatalf("datagram %d took %v", number, delay)
		}
	}
	within(t, "held back", late, trials, 0.02)
	if overtaken < late*9/10 {
		t.Errorf("%d of %d held back were overtaken", overtaken, late)
	}
}

func TestJitterSpreadsButNeverReorders(t *testing.T) {
	const jitter = 5 * time.Millisecond
	arrived, at, _ := stream(t, Link{Latency: time.Millisecond, Jitter: jitter}, trials)
	least, most := time.Hour, time.Duration(0)
	for i, number := range arrived {
		if number != i {
			t.Fatalf("datagram %d arrived in place %d", number, i)
		}
		delay := at[i] - time.Duration(i)*time.Millisecond
		least, most = min(least, delay), max(most, delay)
	}
	if least < time.Millisecond || least > time.Millisecond+jitter/10 || most > time.Millisecond+jitter || most < time.Millisecond+jitter*9/10 {
		t.Errorf("delays between %v and %v", least, most)
	}
}

func TestMTUCountsHeadersAndDropsWhatIsLonger(t *testing.T) {
	for _, c := range []struct {
		from, to string
		room     int
	}{
		{"192.0.2.1", "192.0.2.2", 1280 - 28},
		{"2001:db8::1", "2001:db8::2", 1280 - 48},
	} {
		b := newBench(t, Config{Link: Link{MTU: 1280}})
		x := b.station(b.net.Host(addr(c.from)))
		y := b.station(b.net.Host(addr(c.to)), 1)
		to := netip.AddrPortFrom(addr(c.to), 1)
		x.Send(1, to, make([]byte, c.room))
		x.Send(1, to, make([]byte, c.room+1))
		b.run(0)
		if len(y.heard) != 1 || len(y.heard[0].payload) != c.room {
			t.Errorf("%d arrived", len(y.heard))
		}
		b.expect(TooBig, 1)
	}
}

func TestALinkOfTwoHostsCountsBeforePathAndDefault(t *testing.T) {
	var asked int
	b := newBench(t, Config{Link: Link{Latency: time.Hour}, Path: func(from, to *Host) Link {
		asked++
		return Link{Latency: time.Duration(10*from.Index()+to.Index()) * time.Second}
	}})
	x, y := b.station(b.net.Host(addr("192.0.2.1")), 1), b.station(b.net.Host(addr("192.0.2.2")), 1)
	z := b.station(b.net.NAT(NATConfig{}, addr("198.51.100.1")).Host(addr("10.0.0.2")), 1)
	b.net.SetOneWay(x.host, y.host, Link{Latency: time.Millisecond})

	measure := func(from, to *station, dst string) {
		t.Helper()
		start := b.loop.Now().Sub(dawn())
		from.send(1, addrPort(dst))
		b.run(time.Minute)
		want := time.Duration(10*from.host.Index()+to.host.Index()) * time.Second
		if from == x && to == y {
			want = time.Millisecond
		}
		if d := to.mustTake().at - start; d != want {
			t.Errorf("%v, want %v", d, want)
		}
	}
	measure(x, y, "192.0.2.2:1")
	if asked != 0 {
		t.Error("Path was asked although the two have a link")
	}
	measure(y, x, "192.0.2.1:1")
	z.send(1, addrPort("192.0.2.1:1"))
	b.run(time.Minute)
	measure(x, z, x.mustTake().from.String())
}

func TestAnUplinkPacesAndDropsWhatWaitsTooLong(t *testing.T) {
	b := newBench(t, Config{Link: Link{Latency: time.Millisecond}})
	x, y := b.station(b.net.Host(addr("192.0.2.1")), 1), b.station(b.net.Host(addr("192.0.2.2")), 1)
	// 472 bytes and 28 of headers are 4000 bits: 4 ms each.
	x.host.SetUplink(1_000_000, 8*time.Millisecond)
	for range 5 {
		x.Send(1, addrPort("192.0.2.2:1"), make([]byte, 472))
	}
	b.run(time.Second)
	if len(y.heard) != 3 {
		t.Fatalf("%d arrived, want 3", len(y.heard))
	}
	for i, g := range y.heard {
		if want := time.Duration(4*(i+1)+1) * time.Millisecond; g.at != want {
			t.Errorf("datagram %d at %v, want %v", i, g.at, want)
		}
	}
	b.expect(UplinkFull, 2)
}

func TestTheMemoryOfJitterFollowsTheLivePaths(t *testing.T) {
	b := newBench(t, Config{Link: Link{Latency: time.Millisecond, Jitter: time.Millisecond}})
	from := b.loop.Machine(b.net.Host(addr("192.0.2.1")))
	a := addr("10.0.0.0")
	for range 5000 {
		a = a.Next()
		b.net.Host(a)
		from.Send(1, netip.AddrPortFrom(a, 1), nil)
		b.run(time.Millisecond)
	}
	if held := len(b.net.paths.latest); held > 2048 {
		t.Errorf("%d paths remembered, 2 live", held)
	}
}
