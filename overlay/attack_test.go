// Attacks on a node that once worked, each kept as a test that its remedy must pass.

package overlay

import (
	"context"
	"net/netip"
	"testing"
	"time"

	"sotto/internal/simnet"
	"sotto/noise"
	"sotto/overlay/peer"
)

// end to end: one admitted peer stops a relay that is starting among more than 32 others.
func TestOneDescriptorStopsNoRelay(t *testing.T) {
	inLab(t, simnet.Config{Seed: 1, Link: simnet.Link{Latency: ms(40)}}, func(l *lab) {
		seed := l.seed()
		victim := l.relay()
		evil := l.relay()
		var known []*peer.Descriptor
		for range 100 { // relays of yesterday that are down
			known = append(known, l.relay().descriptor(l.today()-1))
		}
		known = append(known, evil.descriptor(l.today()-1))
		victim.cfg.Known = known
		a, err := peer.NewAddress(netip.MustParseAddrPort("10.0.0.1:4433"))
		l.must(err)
		evil.cfg.Identity.Addresses, evil.cfg.Identity.Days = []peer.Address{a}, &memoryDays{}
		seed.cfg.Known = []*peer.Descriptor{evil.descriptor(l.today())} // shown to the seed in a hello, say
		seed.start()
		victim.start()
		time.Sleep(5 * time.Minute)
	})
}

// A guard that is full closes each link at once: the next seed must be tried.
func TestFullGuardIsReplaced(t *testing.T) {
	inLab(t, simnet.Config{Seed: 2, Link: simnet.Link{Latency: ms(40)}}, func(l *lab) {
		full := l.seed()
		full.cfg.MaxClients = 1
		full.start()
		l.seed().start()
		l.seed().start()
		first := l.node(l.net.Host(labAddr("203.0.113.8")), Anonymous)
		first.cfg.Guards = 1
		first.start()
		defer first.stop()
		time.Sleep(10 * time.Second)
		n := l.node(l.net.Host(labAddr("203.0.113.9")), Anonymous)
		n.cfg.Guards = 1
		n.start()
		defer n.stop()
		time.Sleep(6 * time.Hour)
		if n.links() != 1 {
			l.t.Errorf("after six hours no guard, of three seeds of which one is full; dialled %d times", n.Status().Links.Dialed)
		}
	})
}

// One address takes every place for clients, and keeps it.
func TestOneHostDoesNotTakeAllPlacesForClients(t *testing.T) {
	inLab(t, simnet.Config{Seed: 3, Link: simnet.Link{Latency: ms(40)}}, func(l *lab) {
		g := l.seed()
		g.cfg.MaxClients = 50
		g.start()
		conn, err := l.net.Host(labAddr("198.51.100.1")).Listen(999)
		l.must(err)
		pipe := noise.NewPacketPipe(conn)
		end, err := noise.NewEndpoint(pipe, pipe.Close, noise.Config{Overlay: l.overlay.Bytes()}, func(time.Time, []noise.Event) {})
		l.must(err)
		ctx, cancel := context.WithCancel(l.t.Context())
		done := make(chan error)
		go func() { done <- end.Run(ctx) }()
		for range 60 {
			_, err := end.Dial(noise.Target{
				Addr: g.cfg.Identity.Addresses[0].AddrPort(), Key: g.cfg.Identity.Link.Public(),
				Node: g.cfg.Identity.Static.NodeID().Bytes(), Pattern: noise.NK, Keepalive: time.Minute,
			})
			l.must(err)
			time.Sleep(100 * time.Millisecond)
		}
		n := l.node(l.net.Host(labAddr("203.0.113.9")), Anonymous)
		n.cfg.Guards = 1
		n.start()
		time.Sleep(time.Hour)
		if n.links() != 1 {
			l.t.Errorf("no link in an hour: one host holds %d of 50 places", g.Status().Links.Clients)
		}
		n.stop()
		cancel()
		<-done
	})
}

// A guard is revoked: another takes its place.
func TestRevokedGuardIsReplaced(t *testing.T) {
	inLab(t, simnet.Config{Seed: 4, Link: simnet.Link{Latency: ms(40)}}, func(l *lab) {
		one := l.seed().start()
		l.seed().start()
		n := l.node(l.net.Host(labAddr("203.0.113.9")), Anonymous)
		n.cfg.Guards = 1
		n.start()
		defer n.stop()
		time.Sleep(time.Minute)
		n.Adopt(labAuthority{revoked: []peer.NodeID{one.cfg.Identity.Static.NodeID()}}, peer.DocumentHash{})
		time.Sleep(6 * time.Hour)
		if n.links() != 1 {
			l.t.Error("the only guard was revoked six hours ago, and none was taken in its place")
		}
	})
}

// A guard that is proven to have equivocated is no guard any more.
func TestEquivocatingGuardIsLeft(t *testing.T) {
	inLab(t, simnet.Config{Seed: 5, Link: simnet.Link{Latency: ms(40)}}, func(l *lab) {
		bad := l.seed().start()
		l.seed().start()
		n := l.node(l.net.Host(labAddr("203.0.113.9")), Anonymous)
		n.cfg.Guards = 1
		n.start()
		defer n.stop()
		time.Sleep(time.Minute)
		cfg := l.config(bad.cfg)
		o, err := newOwn(&cfg)
		l.must(err)
		day, err := o.sign(l.today(), peer.DocumentHash{9})
		l.must(err)
		d, err := o.admitted.Verify(day.daily, l.calendar, l.today())
		l.must(err)
		n.shell.Do(func(now time.Time) { n.steward.meet(now, d); n.steward.digest(now) })
		time.Sleep(time.Hour)
		for _, i := range n.Neighbors() {
			if i.Node == bad.cfg.Identity.Static.NodeID() {
				l.t.Error("an hour after the proof the equivocator is still the guard")
			}
		}
	})
}

// The clock was three days ahead at the start, and is set right.
func TestClockSetBackDoesNotMakeARelayDeaf(t *testing.T) {
	inLab(t, simnet.Config{Seed: 6}, func(l *lab) {
		r, other := l.relay(), l.relay()
		cfg := l.config(r.cfg)
		cfg.Pipe, cfg.ClosePipe = noPipe{}, func() error { return nil }
		cfg, err := cfg.fill()
		l.must(err)
		now := time.Now().Round(0)
		s, err := newSteward(now.Add(72*time.Hour), &cfg)
		l.must(err)
		s.begin(now.Add(72 * time.Hour))
		for i := range 24 {
			s.Tick(now.Add(time.Duration(i) * time.Minute))
		}
		d := other.descriptor(l.today())
		got, err := s.library.Admit(now.Add(time.Hour), d.Static(), d.Daily())
		l.must(err)
		s.meet(now.Add(time.Hour), got)
		if s.library.gather.Len(l.today()) != 1 {
			l.t.Errorf("today's descriptors are refused: the steward is in period %d, it is %d", s.period, l.today())
		}
	})
}

// One private address among public ones opens the own network to every descriptor.
func TestOnePrivateAddressDoesNotMakeTheOverlayPrivate(t *testing.T) {
	inLab(t, simnet.Config{Seed: 7}, func(l *lab) {
		l.seed()
		r := l.relay()
		lan, err := peer.NewAddress(netip.MustParseAddrPort("[fd00::1]:4433"))
		l.must(err)
		r.cfg.Identity.Addresses = append(r.cfg.Identity.Addresses, lan)
		if l.config(r.cfg).private() {
			l.t.Error("a relay with a public address dials loopback and LAN addresses of anybody's descriptor")
		}
	})
}

// Known is not wired: strangers with fresh keys push linked peers out of the noise core.
