// The bench that the tests of this package share: hosts under a loop that note what reaches them.

package simnet

import (
	"net/netip"
	"testing"
	"time"
)

func addr(s string) netip.Addr         { return netip.MustParseAddr(s) }
func addrPort(s string) netip.AddrPort { return netip.MustParseAddrPort(s) }

func dawn() time.Time { return time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC) }

type bench struct {
	t    *testing.T
	net  *Net
	loop *Loop
}

func newBench(t *testing.T, cfg Config) *bench {
	t.Helper()
	cfg.Logf = t.Logf
	n := New(cfg)
	return &bench{t, n, NewLoop(n, dawn())}
}

// got is a datagram as its receiver saw it.
type got struct {
	at       time.Duration
	from, to netip.AddrPort
	payload  string
}

// station is a host that notes what it gets on the ports that it opened or sent from.
type station struct {
	*Machine
	bench *bench
	heard []got
}

func (b *bench) station(h *Host, ports ...uint16) *station {
	s := &station{Machine: b.loop.Machine(h), bench: b}
	for _, p := range ports {
		s.open(p)
	}
	return s
}

func (s *station) open(port uint16) {
	s.Handle(port, func(now time.Time, from, to netip.AddrPort, payload []byte) {
		s.heard = append(s.heard, got{now.Sub(dawn()), from, to, string(payload)})
	})
}

// send sends a datagram and lets it arrive.
func (s *station) send(port uint16, to netip.AddrPort) {
	s.bench.t.Helper()
	if err := s.Send(port, to, []byte("x")); err != nil {
		s.bench.t.Fatalf("Send: %v", err)
	}
	s.bench.run(0)
}

// take returns the last datagram heard and forgets all of them.
func (s *station) take() (got, bool) {
	heard := s.heard
	s.heard = nil
	if len(heard) == 0 {
		return got{}, false
	}
	return heard[len(heard)-1], true
}

// mustTake is take where silence is a failure.
func (s *station) mustTake() got {
	s.bench.t.Helper()
	g, ok := s.take()
	if !ok {
		s.bench.t.Fatal("nothing arrived")
	}
	return g
}

func (b *bench) run(d time.Duration) { b.loop.Run(b.loop.Now().Add(d)) }

// expect fails unless the verdict was given so many times since the beginning.
func (b *bench) expect(v Verdict, want uint64) {
	b.t.Helper()
	if n := b.net.Count(v); n != want {
		b.t.Errorf("%v: %d times, want %d", v, n, want)
	}
}
