// A node without a name behind every kind of NAT keeps its guard link (RFC 4787).

package overlay

import (
	"fmt"
	"net/netip"
	"testing"
	"time"

	"sotto/internal/simnet"
)

// behind is a guard, and an anonymous node behind a NAT that is linked to it.
type behind struct {
	*lab
	nat         *simnet.NAT
	guard, node *labNode
}

func (l *lab) behind(kind simnet.NATConfig, change ...func(*Config)) *behind {
	l.t.Helper()
	b := &behind{lab: l, guard: l.seed().start()}
	b.nat = l.net.NAT(kind, netip.MustParseAddr("198.51.100.7"))
	b.node = l.node(b.nat.Host(netip.MustParseAddr("10.0.0.2")), Anonymous)
	for _, f := range change {
		f(&b.node.cfg)
	}
	b.node.start()
	l.within(5*time.Second, "the node is linked and has its snapshot", func() bool { return b.node.Status().State == Linked })
	return b
}

// bothWays says something in each direction and reports what arrived.
func (b *behind) bothWays(text string) (up, down bool) {
	b.t.Helper()
	guard := b.node.to(b.guard)
	client := b.guard.client()
	b.guard.say(client, "down "+text)
	b.node.say(guard, "up "+text)
	from, up := b.guard.hears("up " + text)
	if up && from != client {
		b.t.Errorf("%s: came over another link", text)
	}
	_, down = b.node.hears("down " + text)
	return up, down
}

func TestNodeBehindEveryNATKindKeepsItsGuardLinkForHours(t *testing.T) {
	for i, kind := range simnet.NATKinds() {
		for _, timeout := range []time.Duration{30 * time.Second, 2 * time.Minute} {
			kind.Timeout = timeout
			inLab(t, simnet.Config{Seed: uint64(i), Link: simnet.Link{Latency: ms(30), Loss: 0.01}}, func(l *lab) {
				l.keepsItsLink(kind)
			})
		}
	}
}

func (l *lab) keepsItsLink(kind simnet.NATConfig) {
	b := l.behind(kind)
	client := b.guard.client()
	fail := func(when string) { l.t.Errorf("%v, mappings of %v: %s", kind, kind.Timeout, when) }
	check := func(when string) {
		l.t.Helper()
		if b.guard.client() != client {
			fail(when + ": the link is another one")
		}
		ok := false
		for try := 0; try < 3 && !ok; try++ { // one datagram in a hundred is lost
			up, down := b.bothWays(fmt.Sprint(when, try))
			ok = up && down
		}
		if !ok {
			fail(when + ": frames don't pass both ways")
		}
	}
	time.Sleep(time.Hour)
	check("after an hour")
	b.nat.Rebind()
	time.Sleep(keepalive + 5*time.Second)
	check("after rebinding")
	time.Sleep(time.Hour)
	b.nat.Renumber(netip.MustParseAddr("198.51.100.7"), netip.MustParseAddr("198.51.100.8"))
	time.Sleep(keepalive + 5*time.Second)
	check("after renumbering")
	time.Sleep(time.Hour)
	check("after three hours")
	if s := b.node.Status(); s.Links.Dialed != 1 {
		fail(fmt.Sprintf("dialled %d times, want once", s.Links.Dialed))
	}
}

func TestWithoutKeepaliveTheGuardLosesTheNode(t *testing.T) {
	for i, kind := range simnet.NATKinds() {
		kind.Timeout = 30 * time.Second
		inLab(t, simnet.Config{Seed: uint64(i), Link: simnet.Link{Latency: ms(30)}}, func(l *lab) {
			b := l.behind(kind, func(c *Config) { c.silent = true })
			for try := range 30 { // new keys, every two minutes, open the NAT for a moment
				time.Sleep(45 * time.Second)
				b.guard.say(b.guard.client(), fmt.Sprint(try))
				if _, ok := b.node.hears(fmt.Sprint(try)); !ok {
					return
				}
			}
			l.t.Errorf("%v: the guard reached a node that sent nothing", kind)
		})
	}
}

func TestGuardThatTalksThroughARebindingKeepsTheLink(t *testing.T) {
	for i, kind := range simnet.NATKinds() {
		inLab(t, simnet.Config{Seed: uint64(i), Link: simnet.Link{Latency: ms(30)}}, func(l *lab) {
			b := l.behind(kind)
			client := b.guard.client()
			time.Sleep(10*time.Minute + time.Second)
			b.nat.Rebind()
			for range 40 {
				if err := b.guard.Send(client, cell("are you there?")); err != nil {
					l.t.Fatalf("%v: the guard gave the link up: %v", kind, err)
				}
				time.Sleep(time.Second)
			}
			if up, down := b.bothWays("at last"); !up || !down || b.guard.client() != client {
				l.t.Errorf("%v: frames pass up %v, down %v", kind, up, down)
			}
		})
	}
}
