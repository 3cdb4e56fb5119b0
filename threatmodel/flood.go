package threatmodel

import (
	"context"
	"errors"
	"fmt"
	"net/netip"
	"time"

	"sotto/internal/simnet"
	"sotto/noise"
	"sotto/threatmodel/lab"
)

// P16 for links: a relay under ten times as many bad first messages as it could answer good ones, on a processor whose
// costs were measured a moment ago, with honest nodes that want in all the while.

const floodSeed = 16

// The load. Capacity is how many honest links a second the relay could make if it did nothing else.
const (
	floodFactor = 10   // times the capacity, in datagrams a second
	honestRate  = 1000 // links a second: all that a relay holds, in eight seconds
	honestNodes = 400
	honestLimit = 0.95
)

// measureFloods is the measurement of P16.
func measureFloods(ctx context.Context, s Scale) (Measurement, error) {
	m := Measurement{Seed: floodSeed}
	for _, part := range []MeasureFunc{measureFlood, measureCreateFlood, measureOpeningFlood} {
		one, err := part(ctx, s)
		if err != nil {
			return m, err
		}
		m.Figures, m.Remarks = append(m.Figures, one.Figures...), append(m.Remarks, one.Remarks...)
	}
	return m, nil
}

// measureFlood is its part about links.
func measureFlood(ctx context.Context, s Scale) (Measurement, error) {
	m := Measurement{Seed: floodSeed}
	c := referenceCosts()
	now, err := measureCosts()
	if err != nil {
		return m, err
	}
	if err := floodMemory(ctx, s, c, &m); err != nil {
		return m, err
	}
	for _, kind := range []floodKind{floodMixed, floodWrong} {
		if err := floodSuccess(ctx, time.Duration(s.pick(2, 20))*time.Second, c, kind, &m); err != nil {
			return m, err
		}
	}
	c.describe(&m, "costs that the flood and the relay are held to")
	now.describe(&m, "the same measured in this run")
	m.remark("mixed flood: a quarter each of garbage, first messages sealed for the relay with a wrong handshake, valid ones, and replays of valid ones; all from forged sources, IPv4 and IPv6 in equal parts")
	m.remark("forged sources cannot hold cookies: whoever answers a challenge has shown an address, and is limited to 20 first messages a second and prefix while the load lasts")
	return m, nil
}

// measureFloodWrong is its part about the flood that would cost most.
func measureFloodWrong(ctx context.Context, _ Scale) (Measurement, error) {
	m := Measurement{Seed: floodSeed}
	err := floodSuccess(ctx, time.Second, referenceCosts(), floodWrong, &m)
	return m, err
}

// measureFloodMemory is its part about memory.
func measureFloodMemory(ctx context.Context, s Scale) (Measurement, error) {
	m := Measurement{Seed: floodSeed}
	err := floodMemory(ctx, s, referenceCosts(), &m)
	return m, err
}

// floodSuccess lets honest nodes dial a relay under the flood and counts who gets in within five tries in five seconds.
// The flood begins before them and ends after the last of them has an answer or has given up.
func floodSuccess(ctx context.Context, length time.Duration, c costs, kind floodKind, m *Measurement) error {
	l := lab.New(lab.Config{Seed: floodSeed, Link: simnet.Link{Latency: 20 * time.Millisecond}})
	relay, err := l.Node(lab.NodeConfig{Name: "relay", Addrs: address2(0), Cost: c.of})
	if err != nil {
		return err
	}
	wanting, err := newHonest(l, relay, honestNodes)
	if err != nil {
		return err
	}
	ammo, err := newAmmunition(l.Source("flood"), l.Overlay, relay.Target(noise.NK), l.Now(), 4000)
	if err != nil {
		return err
	}
	ammo.kind = kind
	attacker := l.Net.Host(netip.MustParseAddr("203.0.113.66"), netip.MustParseAddr("2001:db8:ffff::66"))
	begin := l.Now()
	every(l, floodFactor*c.capacity(), func() bool {
		d, from := ammo.next()
		// The network takes any source; that is the attack.
		_ = attacker.Forge(from, relay.AddrLike(from), d)
		return true
	})
	l.Run(500 * time.Millisecond)
	stop := l.Now().Add(length)
	every(l, honestRate, func() bool {
		wanting.dial()
		return l.Now().Before(stop)
	})
	for (l.Now().Before(stop) || wanting.pending > 0) && ctx.Err() == nil {
		l.Run(50 * time.Millisecond)
	}
	st := relay.Core().Stats()
	m.add(kind.String(),
		atLeast("honest handshakes within 5 tries in 5 s", wanting.up, wanting.dialled, honestLimit),
		shown("honest handshakes a second", float64(wanting.dialled)/length.Seconds(), "/s"),
		shown("datagrams of the flood a second", float64(ammo.fired)/l.Now().Sub(begin).Seconds(), "/s"),
		shown("processor of the relay", 100*relay.Machine().Spent().Seconds()/l.Now().Sub(begin).Seconds(), "%"),
		shown("datagrams of the flood", float64(ammo.fired), ""),
		shown("challenged, honest ones included", float64(st.Challenged), ""),
		shown("refused as replays", float64(st.Replayed), ""),
		shown("sealed for nobody here", float64(st.Foreign), ""),
		shown("handshakes answered, honest and forged", float64(st.Initiated), ""),
		shown("handshakes that failed", float64(st.Bad), ""),
		shown("lost because the socket was full", float64(l.Net.Count(simnet.SocketFull)), ""))
	return ctx.Err()
}

// every calls act so many times a second at random moments, until it says no: arrivals that keep step with each other
// would find the socket full or empty by their step.
func every(l *lab.Lab, rate float64, act func() bool) {
	random := l.Source(fmt.Sprintf("moments at %v", l.Now()))
	mean := time.Duration(float64(time.Second) / rate)
	var timer *simnet.Timer
	timer = l.Loop.Timer(func(now time.Time) {
		if act() {
			timer.Reset(now.Add(time.Duration(random.IntN(2*int(mean) + 1))))
		}
	})
	timer.Reset(l.Now())
}

// honest are nodes that want in, and are counted. Each moves to a new address before it dials, so that few nodes are
// many people: a relay under load shares itself among addresses.
type honest struct {
	idle                 []*lab.Node
	relay                *lab.Node
	dialled, up, pending int
}

// newHonest makes half of the nodes anonymous, and half of each kind IPv4.
func newHonest(l *lab.Lab, relay *lab.Node, n int) (*honest, error) {
	h := &honest{relay: relay}
	for i := range n {
		node, err := l.Node(lab.NodeConfig{
			Name: fmt.Sprintf("honest %d", i), Addrs: []netip.Addr{address(2 + i)}, Anonymous: i/2%2 == 1,
		})
		if err != nil {
			return nil, err
		}
		node.OnEvent(func(_ time.Time, e noise.Event) {
			switch {
			case e.Kind == noise.LinkUp:
				h.up++
				h.pending--
				node.Close(e.Link)
				h.idle = append(h.idle, node)
			case errors.Is(e.Err, noise.ErrNoAnswer):
				h.pending--
				h.idle = append(h.idle, node)
			}
		})
		h.idle = append(h.idle, node)
	}
	return h, nil
}

// dial lets the next node try. One that cannot even try has not got in.
func (h *honest) dial() {
	h.dialled++
	if len(h.idle) == 0 {
		return
	}
	n := h.idle[0]
	h.idle = h.idle[1:]
	fresh := 2*honestNodes + 2*h.dialled // even ones are IPv4
	if n.Addr().Addr().Is6() {
		fresh++
	}
	n.Move(address(fresh))
	pattern := noise.IK
	if n.Static() == nil {
		pattern = noise.NK
	}
	t := h.relay.Target(pattern)
	t.Addr = h.relay.AddrLike(n.Addr())
	if _, err := n.Dial(t); err == nil {
		h.pending++
	}
}
