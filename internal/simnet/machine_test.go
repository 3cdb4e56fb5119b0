// A machine does one thing after the other, and its queue is bounded.

package simnet

import (
	"errors"
	"fmt"
	"net/netip"
	"slices"
	"testing"
	"time"
)

// worker is a host whose handler takes 10 ms, then answers.
func worker(b *bench) *Machine {
	m := b.loop.Machine(b.net.Host(addr("192.0.2.1")))
	m.Handle(1, func(now time.Time, from, _ netip.AddrPort, payload []byte) {
		m.Spend(4 * time.Millisecond)
		m.Spend(6 * time.Millisecond)
		if m.Now().Sub(now) != 10*time.Millisecond {
			b.t.Error("Now leaves out what was spent")
		}
		m.Send(1, from, payload)
	})
	return m
}

func TestAProcessorDoesOneThingAfterTheOther(t *testing.T) {
	b := newBench(t, Config{Link: Link{Latency: time.Millisecond}})
	m := worker(b)
	asker := b.station(b.net.Host(addr("192.0.2.2")), 1)
	for i := range 3 {
		asker.Send(1, addrPort("192.0.2.1:1"), []byte{'a' + byte(i)})
	}
	b.run(2 * time.Millisecond)
	if m.Waiting() != 2 {
		t.Errorf("%d wait, want 2", m.Waiting())
	}
	b.run(time.Second)
	for i, g := range asker.heard {
		if want := time.Duration(10*(i+1)+2) * time.Millisecond; g.at != want || g.payload != string('a'+rune(i)) {
			t.Errorf("answer %q at %v, want number %d at %v", g.payload, g.at, i, want)
		}
	}
	if m.Spent() != 30*time.Millisecond || len(asker.heard) != 3 {
		t.Errorf("%v spent, %d answers", m.Spent(), len(asker.heard))
	}
}

func TestABusyMachineQueuesToItsBoundAndDropsTheNewest(t *testing.T) {
	b := newBench(t, Config{SocketQueue: 3})
	worker(b)
	asker := b.station(b.net.Host(addr("192.0.2.2")), 1)
	for i := range 6 {
		asker.Send(1, addrPort("192.0.2.1:1"), []byte{'a' + byte(i)})
	}
	b.run(time.Second)
	var answers string
	for _, g := range asker.heard {
		answers += g.payload
	}
	if answers != "abcd" {
		t.Errorf("answers %q, want the one at work and three that waited", answers)
	}
	b.expect(SocketFull, 2)
}

func TestTimersOfABusyMachineWaitTheirTurn(t *testing.T) {
	b := newBench(t, Config{})
	m := b.loop.Machine(b.net.Host(addr("192.0.2.1")))
	var fired []string
	timer := func(name string, cost time.Duration) *Timer {
		return m.Timer(func(now time.Time) {
			fired = append(fired, fmt.Sprint(name, now.Sub(dawn())))
			m.Spend(cost)
		})
	}
	at := func(d time.Duration) time.Time { return dawn().Add(d) }
	long, next, stopped, moved := timer("long", time.Second), timer("next", 0), timer("stopped", 0), timer("moved", 0)
	long.Reset(at(0))
	next.Reset(at(100 * time.Millisecond))
	stopped.Reset(at(200 * time.Millisecond))
	moved.Reset(at(300 * time.Millisecond))
	b.run(500 * time.Millisecond)
	stopped.Stop()
	moved.Reset(at(2 * time.Second))
	b.run(5 * time.Second)
	if want := []string{"long0s", "next1s", "moved2s"}; !slices.Equal(fired, want) {
		t.Errorf("fired %q, want %q", fired, want)
	}
}

func TestATimerSetAgainWhileItWaitsFiresOnce(t *testing.T) {
	b := newBench(t, Config{})
	m := b.loop.Machine(b.net.Host(addr("192.0.2.1")))
	m.Timer(func(time.Time) { m.Spend(time.Second) }).Reset(dawn())
	fired := 0
	again := m.Timer(func(time.Time) { fired++ })
	for range 5 {
		again.Reset(dawn())
		b.run(time.Millisecond)
	}
	if m.ready.len() != 1 {
		t.Errorf("%d entries for one timer", m.ready.len())
	}
	b.run(time.Minute)
	if fired != 1 {
		t.Errorf("fired %d times", fired)
	}
}

func TestADelayedDatagramPassesTheNATWhenItLeaves(t *testing.T) {
	b := newBench(t, Config{})
	nat := b.net.NAT(NATConfig{}, addr("198.51.100.1"))
	m := b.loop.Machine(nat.Host(addr("10.0.0.2")))
	far := b.station(b.net.Host(addr("192.0.2.1")), 1)
	m.Timer(func(time.Time) {
		m.Send(1, addrPort("192.0.2.1:1"), []byte("before"))
		m.Spend(time.Second)
		m.Send(1, addrPort("192.0.2.1:1"), []byte("after"))
	}).Reset(dawn())
	b.loop.At(dawn().Add(time.Second/2), nat.Rebind)
	b.run(time.Minute)
	if len(far.heard) != 2 || far.heard[0].from == far.heard[1].from || far.heard[1].at != time.Second {
		t.Errorf("heard %v; want the second from another port after 1 s", far.heard)
	}
}

func TestAClosedPortHearsNothing(t *testing.T) {
	b := newBench(t, Config{})
	x := b.station(b.net.Host(addr("192.0.2.1")), 1)
	y := b.station(b.net.Host(addr("192.0.2.2")), 1)
	x.send(1, addrPort("192.0.2.2:1"))
	y.mustTake()
	y.Handle(1, nil)
	x.send(1, addrPort("192.0.2.2:1"))
	b.expect(NoSocket, 1)
	if _, heard := y.take(); heard {
		t.Error("a closed port heard")
	}
	if err := x.Send(1, netip.AddrPort{}, nil); !errors.Is(err, ErrAddress) {
		t.Errorf("send to nobody: %v", err)
	}
	if b.loop.Machine(x.host) != x.Machine {
		t.Error("one host, two machines")
	}
}

func TestTimeIsSpentOnlyAtWork(t *testing.T) {
	b := newBench(t, Config{})
	m := b.loop.Machine(b.net.Host(addr("192.0.2.1")))
	defer func() {
		if recover() == nil {
			t.Error("Spend outside of a handler was taken")
		}
	}()
	m.Spend(time.Second)
}
