// Guards that the layer above has chosen.

package overlay

import (
	"net/netip"
	"slices"
	"sync"
	"testing"
	"time"

	"sotto/internal/simnet"
	"sotto/overlay/peer"
)

// guarded is a node without a name among six relays, of which two are seeds, and whom it sends to.
func (l *lab) guarded() (n *labNode, sends func() []*labNode) {
	l.t.Helper()
	l.seed().start()
	l.seed().start()
	for range 4 {
		l.relay().start()
	}
	l.allLinked(time.Minute)
	own := labAddr("203.0.113.9")
	var mu sync.Mutex
	to := make(map[netip.Addr]bool)
	host := l.net.Host(own)
	l.net.Tap(func(c simnet.Capture) {
		mu.Lock()
		defer mu.Unlock()
		if c.Src.Addr() == own {
			to[c.Dst.Addr()] = true
		}
	})
	return l.node(host, Anonymous), func() []*labNode {
		mu.Lock()
		defer mu.Unlock()
		var list []*labNode
		for _, r := range l.relays {
			if to[r.host.Addrs()[0]] {
				list = append(list, r)
			}
		}
		clear(to)
		return list
	}
}

func TestANodeWithoutANameGoesOverToItsGuards(t *testing.T) {
	inLab(t, simnet.Config{Seed: 61, Link: simnet.Link{Latency: ms(40)}}, func(l *lab) {
		n, sends := l.guarded()
		n.start()
		defer n.stop()
		l.within(time.Minute, "the directory is there", func() bool { s := n.Status(); return s.State == Linked && s.Peers == 6 })
		if got := sends(); !slices.Equal(got, l.relays[:2]) {
			l.t.Fatalf("it sent to %d relays, not to the seeds", len(got))
		}
		guards := []*labNode{l.relays[3], l.relays[5]}
		n.SetGuards([]peer.NodeID{guards[0].id(), guards[1].id()})
		l.within(time.Minute, "both guards are linked", func() bool {
			s := sends()
			return slices.Contains(s, guards[0]) && slices.Contains(s, guards[1])
		})
		time.Sleep(5 * time.Minute)
		sends()
		for _, g := range guards {
			g.kill()
		}
		time.Sleep(time.Hour)
		if got := sends(); !slices.Equal(got, guards) {
			l.t.Errorf("with its guards gone it sent to %d relays", len(got))
		}
		guards[1].start()
		l.within(15*time.Minute, "it is back at its guard", func() bool { return n.links() == 1 })
		time.Sleep(2 * time.Hour) // and fetches
		if got := sends(); !slices.Equal(got, guards) {
			l.t.Errorf("then to %d", len(got))
		}
		n.SetGuards(nil)
		l.within(time.Minute, "it is at the seeds again", func() bool {
			s := sends()
			return slices.Contains(s, l.relays[0]) && slices.Contains(s, l.relays[1])
		})
	})
}

func TestGuardsChosenBeforeTheStartAreTheOnlyPeersEverSpokenTo(t *testing.T) {
	inLab(t, simnet.Config{Seed: 62, Link: simnet.Link{Latency: ms(40)}}, func(l *lab) {
		n, sends := l.guarded()
		guard := l.relays[4]
		n.cfg.Known = []*peer.Descriptor{guard.descriptor(l.today())}
		n.before = func(node *Node) { node.SetGuards([]peer.NodeID{guard.id(), l.relays[3].id()}) }
		n.start()
		defer n.stop()
		l.within(time.Minute, "the directory came through the one that is known, and the other is linked", func() bool { return n.links() == 2 })
		time.Sleep(time.Hour)
		if got := sends(); !slices.Equal(got, l.relays[3:5]) {
			l.t.Errorf("it sent to %d relays", len(got))
		}
	})
}

func TestARevokedGuardIsLeftAndNobodyTakesItsPlace(t *testing.T) {
	inLab(t, simnet.Config{Seed: 63, Link: simnet.Link{Latency: ms(40)}}, func(l *lab) {
		n, sends := l.guarded()
		n.start()
		defer n.stop()
		l.within(time.Minute, "the directory is there", func() bool { return n.Status().Peers == 6 })
		n.SetGuards([]peer.NodeID{l.relays[2].id(), l.relays[3].id()})
		time.Sleep(5 * time.Minute)
		n.Adopt(labAuthority{revoked: []peer.NodeID{l.relays[2].id()}}, peer.DocumentHash{})
		time.Sleep(time.Second)
		sends()
		time.Sleep(time.Hour)
		if got := sends(); !slices.Equal(got, l.relays[3:4]) || n.links() != 1 {
			l.t.Errorf("it sends to %d relays", len(got))
		}
	})
}
