package threatmodel

import (
	"context"
	"fmt"
	"net/netip"
	"time"

	"sotto/internal/simnet"
	"sotto/noise"
	"sotto/threatmodel/lab"
)

// P06 for links: what a local observer sees of links that are made, used, left idle, rekeyed. Frames are all zero, so
// that whatever looks random does so by the sealing alone.

const wireSeed = 6

// measureWire is the measurement of P06.
func measureWire(ctx context.Context, s Scale) (Measurement, error) {
	m := Measurement{Seed: wireSeed}
	for _, part := range []func(context.Context, Scale, *Measurement) error{lookAtData, lookAtIdle, lookAtHandshakes} {
		if err := part(ctx, s, &m); err != nil {
			return m, err
		}
	}
	m.remark("every frame is zero; times between datagrams are not covered here (P13)")
	return m, nil
}

// address makes up addresses of documentation prefixes for nodes, IPv4 and IPv6 in turn.
func address(i int) netip.Addr {
	if i%2 == 0 {
		return netip.AddrFrom4([4]byte{198, 18, byte(i >> 8), byte(i)}) // RFC 2544
	}
	return netip.AddrFrom16([16]byte{0x20, 0x01, 0x0d, 0xb8, byte(i >> 16), byte(i >> 8), byte(i)}) // RFC 3849, a /56 each
}

// address2 is a pair of them.
func address2(i int) []netip.Addr { return []netip.Addr{address(2 * i), address(2*i + 1)} }

// crowd makes relays and anonymous nodes with addresses of both families.
func crowd(l *lab.Lab, relays, anonymous int) (r, a []*lab.Node, err error) {
	for i := range relays + anonymous {
		n, err := l.Node(lab.NodeConfig{
			Name: fmt.Sprintf("node %d", i), Anonymous: i >= relays,
			Addrs: address2(i),
		})
		if err != nil {
			return nil, nil, err
		}
		if i < relays {
			r = append(r, n)
		} else {
			a = append(a, n)
		}
	}
	return r, a, nil
}

// minutes of data links: five generations of keys.
const wireTime = 10 * time.Minute

// lookAtData runs four busy links, of which one loses and reorders, over several rekeys.
func lookAtData(ctx context.Context, s Scale, m *Measurement) error {
	l := lab.New(lab.Config{Seed: wireSeed, Link: simnet.Link{
		Latency: 20 * time.Millisecond, Jitter: 5 * time.Millisecond, Loss: 0.002, Reorder: 0.01, ReorderBy: 10 * time.Millisecond,
	}})
	relays, clients, err := crowd(l, 3, 2)
	if err != nil {
		return err
	}
	talk := newTalk(l)
	for _, d := range []struct {
		from, to *lab.Node
		pattern  noise.Pattern
	}{{relays[0], relays[1], noise.IK}, {relays[1], relays[2], noise.IK}, {clients[0], relays[0], noise.NK}, {clients[1], relays[2], noise.NK}} {
		if err := talk.link(d.from, d.to, d.pattern, 0); err != nil {
			return err
		}
	}
	w := newWireLook(s.pick(4096, 1<<15), s.pick(1000, 20_000))
	look(l, w)
	perSecond := s.pick(26, 260) // each direction of each link
	for end := l.Now().Add(wireTime); l.Now().Before(end) && ctx.Err() == nil; {
		talk.zeros()
		l.Run(time.Second / time.Duration(perSecond))
	}
	if talk.links() != 8 {
		return fmt.Errorf("threatmodel: %d of 8 ends of links survived", talk.links())
	}
	m.add("data", w.figures()...)
	return ctx.Err()
}

// lookAtIdle runs links that nobody uses: pings, pongs and rekeys only.
func lookAtIdle(ctx context.Context, s Scale, m *Measurement) error {
	l := lab.New(lab.Config{Seed: wireSeed + 1, Link: simnet.Link{Latency: 30 * time.Millisecond}})
	relays, clients, err := crowd(l, 1, s.pick(12, 100))
	if err != nil {
		return err
	}
	talk := newTalk(l)
	for _, c := range clients {
		if err := talk.link(c, relays[0], noise.NK, time.Second); err != nil {
			return err
		}
	}
	w := newWireLook(1024, s.pick(500, 20_000))
	look(l, w)
	l.Run(wireTime)
	m.add("idle links", w.figures()...)
	return ctx.Err()
}

// look shows every datagram from now on to w; a flow is a direction, a group both.
func look(l *lab.Lab, w *wireLook) {
	type ends struct{ a, b netip.AddrPort }
	l.Watch(func(d lab.Datagram) {
		group := ends{d.From, d.To}
		if d.To.Compare(d.From) < 0 {
			group = ends{d.To, d.From}
		}
		w.see(ends{d.From, d.To}, group, d.Payload)
	})
}
