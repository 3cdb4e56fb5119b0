package loopback

// Linking, measuring, and coming back.

import (
	"context"
	"errors"
	"slices"
	"sync"
	"time"

	"sotto/onion"
	"sotto/onion/path"
	"sotto/overlay"
)

const (
	// look is how often it is looked whether all links are up.
	look = 10 * time.Millisecond
	// linkTime is how long all links may take; each first message is repeated five times in as many seconds, and a
	// failed dial once after a second.
	linkTime = 20 * time.Second

	// probesAtMost bounds what one batch sends, so that large networks measure distances and not this processor.
	probesAtMost  = 6000
	roundsAtMost  = 10
	batchesAtMost = 2
	roundPause    = 100 * time.Millisecond
	probePause    = 100 * time.Microsecond // of a round, for each of its probes: two processors carry that
	offFor        = 500 * time.Millisecond // how long a killed relay stays away
	proofRounds   = 3                      // probes to every neighbour of a relay that is back
	proofsAtMost  = 4                      // …and so often again, where datagrams are lost
	quietPatience = time.Second
)

// Linked is what linking cost.
type Linked struct {
	Links      int           // between relays
	Took       time.Duration // from the first start until every relay had a link to every other
	Handshakes uint64        // answered, between two keys (IK)
	Doubled    uint64        // links that were given up because both ends had dialled
	CPU        time.Duration // of the process in that time, everything included; 0: not known
}

// Link starts all relays at once and waits until each is linked to every other: ErrLinks if that does not happen.
func (n *Network) Link(ctx context.Context) (Linked, error) {
	ctx, end := n.join(ctx)
	defer end()
	begun, cpu := time.Now(), n.cpu()
	for _, i := range n.random.Perm(len(n.relays)) {
		if err := n.begin(n.relays[i]); err != nil {
			return Linked{}, err
		}
	}
	if err := n.until(ctx, n.allLinked); err != nil {
		return Linked{}, err
	}
	l := Linked{Links: len(n.relays) * (len(n.relays) - 1) / 2, Took: time.Since(begun), CPU: n.cpu() - cpu}
	for _, r := range n.relays {
		s := r.live.Status()
		l.Handshakes += s.Datagrams.Initiated
		l.Doubled += s.Links.Doubles
	}
	l.Doubled /= 2 // both ends count
	return l, nil
}

func (n *Network) allLinked() bool {
	return !slices.ContainsFunc(n.relays, func(r *node) bool { return r.links() != len(n.relays)-1 })
}

// until waits for what links bring about.
func (n *Network) until(ctx context.Context, done func() bool) error {
	for limit := time.Now().Add(linkTime); !done(); {
		if time.Now().After(limit) {
			return ErrLinks
		}
		if !wait(ctx, look) {
			return context.Cause(ctx)
		}
	}
	return nil
}

// Guarded is how the nodes of Alice and Bob came in.
type Guarded struct {
	Guards int           // of Alice's node, which circuits begin at
	Stems  int           // of Alice's node, which stand ready
	Took   time.Duration // from their start until both had guards, the descriptors of all relays, and stems
}

// Guard starts the nodes without a name and waits until they have guards, the directory and stems: ErrStems if they don't.
func (n *Network) Guard(ctx context.Context) (Guarded, error) {
	ctx, end := n.join(ctx)
	defer end()
	begun := time.Now()
	for _, d := range n.users() {
		if err := n.begin(d); err != nil {
			return Guarded{}, err
		}
	}
	err := n.until(ctx, func() bool {
		return !slices.ContainsFunc(n.users(), func(d *node) bool { return !n.ready(d) })
	})
	if errors.Is(err, ErrLinks) {
		err = ErrStems
	}
	c := n.alice.live.Circuits().Client
	g := Guarded{Guards: c.GuardsUp, Took: time.Since(begun)}
	for _, stems := range c.Stems {
		g.Stems += stems
	}
	return g, err
}

// ready reports whether a node without a name has what it needs to begin with.
func (n *Network) ready(d *node) bool {
	s, c := d.live.Status(), d.live.Circuits().Client
	stems := onion.DefaultReady(path.Standard)
	for p, ready := range stems {
		if c.Stems[p] < min(1, ready.Stems) { // where datagrams are lost, the others take their time
			return false
		}
	}
	return s.State == overlay.Linked && s.Peers == len(n.relays) && c.GuardsUp == guards
}

// guards is how many circuits of a node begin at: package path.
const guards = 2

// Measured is what probes over every link in both directions found.
type Measured struct {
	Links    int // that answered in both directions
	Probes   int // authenticated datagrams; each is answered by another
	Echoes   int
	P50, P95 time.Duration // of round trips, over all links, the last of each batch
	Samples  int
}

// Measure probes every link between relays from both ends, several times.
func (n *Network) Measure(ctx context.Context) (Measured, error) {
	ctx, end := n.join(ctx)
	defer end()
	directions := len(n.relays) * (len(n.relays) - 1)
	batches, rounds := batchesAtMost, min(roundsAtMost, max(1, probesAtMost/directions))
	if n.cfg.Brief {
		batches, rounds = 1, 1
	}
	pause := max(roundPause, time.Duration(directions)*probePause)
	var m Measured
	var rtts []time.Duration
	for range batches {
		found := make([]overlay.Measured, len(n.relays))
		var work sync.WaitGroup
		for i, r := range n.relays {
			work.Go(func() {
				// They don't all speak in the same instant, as machines of their own would not.
				wait(ctx, pause*time.Duration(i)/time.Duration(len(n.relays)))
				found[i] = r.live.Measure(ctx, rounds, pause)
			})
		}
		work.Wait()
		if err := ctx.Err(); err != nil {
			return m, context.Cause(ctx)
		}
		for i, r := range n.relays {
			m.Probes += found[i].Sent
			m.Echoes += found[i].Echoed
			rtts = append(rtts, r.answered()...)
		}
		m.Links = max(m.Links, (len(rtts)-m.Samples)/2)
		m.Samples = len(rtts)
	}
	slices.Sort(rtts)
	m.P50, m.P95 = quantile(rtts, 50), quantile(rtts, 95)
	return m, nil
}

// answered returns the last round trip of every relay that has answered a probe since its link came up.
func (d *node) answered() []time.Duration {
	var rtts []time.Duration
	for _, i := range d.live.Neighbors() {
		if !i.Client && i.RTT > 0 {
			rtts = append(rtts, i.RTT)
		}
	}
	return rtts
}

// quantile of sorted values by the nearest rank; 0 of none.
func quantile(sorted []time.Duration, percent int) time.Duration {
	if len(sorted) == 0 {
		return 0
	}
	return sorted[(len(sorted)*percent+99)/100-1]
}

// Restarted is the return of a relay that was killed.
type Restarted struct {
	Number int           // which relay, from 1
	Links  int           // over which it reached its neighbours again
	Took   time.Duration // from its new start until then
}

// Restart kills a relay that is nobody's guard without a word to anybody, starts it again with the same keys at the same
// address, and waits until every other relay answers it: the others still hold links to what it was.
func (n *Network) Restart(ctx context.Context) (Restarted, error) {
	ctx, end := n.join(ctx)
	defer end()
	victim := n.victim()
	n.wire.setOff(victim.place, true)
	victim.kill()
	if !wait(ctx, offFor) {
		return Restarted{}, context.Cause(ctx)
	}
	if err := victim.listenAgain(ctx); err != nil {
		return Restarted{}, err
	}
	n.wire.setOff(victim.place, false)
	again := *victim.cfg.Identity
	again.FreshLink = false
	victim.cfg.Identity = &again
	begun := time.Now()
	if err := n.begin(victim); err != nil {
		return Restarted{}, err
	}
	if err := n.until(ctx, func() bool { return victim.links() == len(n.relays)-1 }); err != nil {
		return Restarted{}, err
	}
	r := Restarted{Number: victim.number, Took: time.Since(begun)}
	for range proofsAtMost {
		victim.live.Measure(ctx, proofRounds, roundPause)
		r.Links = len(victim.answered())
		if r.Links == len(n.relays)-1 {
			return r, n.until(ctx, n.allLinked)
		}
	}
	return r, errors.Join(ErrLinks, ctx.Err())
}

// victim draws a relay that nobody's circuits begin at: there are more than four.
func (n *Network) victim() *node {
	of := n.guardsOf(n.users()...)
	for {
		r := n.relays[n.random.IntN(len(n.relays))]
		if !of[r.id()] {
			return r
		}
	}
}

// Datagrams waits for a moment in which nothing is under way, and counts.
func (n *Network) Datagrams(ctx context.Context) Datagrams {
	var last Datagrams
	for limit := time.Now().Add(quietPatience + 4*n.cfg.Delay); ; {
		var lost uint64
		for _, d := range n.nodes() {
			lost += d.lost
			if d.live != nil {
				lost += d.live.shaped.Lost()
			}
		}
		d := n.wire.datagrams(lost)
		if d.Sent == last.Sent && d.Received == last.Received || time.Now().After(limit) || !wait(ctx, 2*look+2*n.cfg.Delay) {
			return d
		}
		last = d
	}
}
