// Links that circuits ask for.

package overlay

import (
	"errors"
	"testing"
	"time"

	"sotto/internal/simnet"
	"sotto/overlay/link"
	"sotto/overlay/peer"
)

// strangers makes a relay that knows so many others, of which it keeps links to seven, and none of them knows it. None is
// started.
func (l *lab) strangers(n int) (*labNode, []*labNode) {
	l.t.Helper()
	r := l.relay()
	var others []*labNode
	for range n {
		o := l.relay()
		o.cfg.Seeds = []*peer.Descriptor{}
		others = append(others, o)
		r.cfg.Known = append(r.cfg.Known, o.descriptor(l.today()))
	}
	r.cfg.MaxLinks = 8
	r.cfg.Seeds = r.cfg.Known[:1] // so that a start has somebody to dial
	return r, others
}

// notKept returns those that a relay keeps no link to.
func (n *labNode) notKept(others []*labNode) []*labNode {
	time.Sleep(ms(1)) // Run has begun
	kept := make(map[peer.NodeID]bool)
	n.shell.Do(func(time.Time) {
		for id := range n.steward.held {
			kept[id] = true
		}
	})
	var left []*labNode
	for _, o := range others {
		if !kept[o.id()] {
			left = append(left, o)
		}
	}
	return left
}

func (n *labNode) id() peer.NodeID { return n.cfg.Identity.Static.NodeID() }

func TestALinkIsMadeOnDemandAndClosedWhenNobodyNeedsIt(t *testing.T) {
	inLab(t, simnet.Config{Seed: 51, Link: simnet.Link{Latency: ms(40)}}, func(l *lab) {
		r, others := l.strangers(9)
		told := make(map[peer.NodeID][]link.EventKind)
		r.cfg.Links = func(ev link.Event) { told[ev.Node] = append(told[ev.Node], ev.Kind) }
		r.start()
		far := r.notKept(others)[0]
		far.cfg.MaxLinks, far.cfg.Known = 1, []*peer.Descriptor{l.relay().descriptor(l.today())} // wants no more links itself
		far.start()
		to, err := r.Link(far.id())
		l.must(err)
		r.say(to, "waits for the link")
		if from, ok := far.hears("waits for the link"); !ok || from == 0 {
			l.t.Fatal("the cell did not come")
		}
		again, err := r.Link(far.id())
		l.must(err)
		if again != to {
			l.t.Error("another neighbour for the same peer")
		}
		r.Unlink(to)
		time.Sleep(10 * time.Minute)
		if far.links() != 1 {
			l.t.Error("a link that somebody holds was closed")
		}
		r.Unlink(to)
		r.Unlink(to) // one too many
		time.Sleep(5 * time.Minute)
		if far.links() != 0 {
			l.t.Error("a link that nobody holds is still there")
		}
		r.stop()
		if got := told[far.id()]; len(got) != 2 || got[0] != link.Up || got[1] != link.Down {
			l.t.Errorf("told %v", got)
		}
	})
}

func TestLinksOnDemandAreBoundedInTime(t *testing.T) {
	inLab(t, simnet.Config{Seed: 52, Link: simnet.Link{Latency: ms(40)}}, func(l *lab) {
		r, others := l.strangers(45)
		r.start()
		wanted := r.notKept(others)
		ask := func() (made int) {
			for made < len(wanted) {
				if _, err := r.Link(wanted[made].id()); errors.Is(err, ErrLinkRate) {
					break
				} else if err != nil {
					l.t.Fatal(err)
				}
				made++
			}
			wanted = wanted[made:]
			return made
		}
		if n := ask(); n != demandBurst {
			l.t.Errorf("%d links at once, want %d", n, demandBurst)
		}
		time.Sleep(time.Second)
		if n := ask(); n != demandPerSecond {
			l.t.Errorf("%d links after a second, want %d", n, demandPerSecond)
		}
	})
}

func TestLinksOnDemandGoToPeersOfTheDirectoryOnly(t *testing.T) {
	inLab(t, simnet.Config{Seed: 53, Link: simnet.Link{Latency: ms(40)}}, func(l *lab) {
		r, others := l.strangers(9)
		unknown := l.relay()
		r.start()
		dead := r.notKept(others)[0]
		for what, id := range map[string]peer.NodeID{"itself": r.id(), "a peer that it has not heard of": unknown.id()} {
			if _, err := r.Link(id); !errors.Is(err, ErrPeer) {
				l.t.Errorf("%s: %v", what, err)
			}
		}
		failed := 0
		to, err := r.Link(dead.id())
		l.must(err)
		defer r.Unlink(to)
		l.within(time.Minute, "the dial failed", func() bool {
			failed++
			_, err := r.Link(dead.id())
			if err == nil {
				r.Unlink(to)
			}
			return errors.Is(err, link.ErrDown)
		})
		n := l.node(l.net.Host(labAddr("203.0.113.9")), Anonymous)
		n.cfg.Known = r.cfg.Known
		n.cfg.Seeds = r.cfg.Known[:1]
		n.start()
		defer n.stop()
		if _, err := n.Link(others[3].id()); !errors.Is(err, ErrPeer) {
			l.t.Errorf("a node without a name: %v", err)
		}
	})
}

func TestALinkOnDemandEndsWithItsPeersAdmission(t *testing.T) {
	inLab(t, simnet.Config{Seed: 54, Link: simnet.Link{Latency: ms(40)}}, func(l *lab) {
		r, others := l.strangers(9)
		r.start()
		far := r.notKept(others)[0].start()
		to, err := r.Link(far.id())
		l.must(err)
		l.within(time.Minute, "the link is up", func() bool { return far.links() == 1 })
		r.Adopt(labAuthority{revoked: []peer.NodeID{far.id()}}, peer.DocumentHash{})
		time.Sleep(10 * time.Minute)
		if far.links() != 0 {
			l.t.Error("it is linked again")
		}
		r.Unlink(to)
		if _, err := r.Link(far.id()); !errors.Is(err, ErrPeer) {
			l.t.Errorf("to want it again: %v", err)
		}
	})
}
