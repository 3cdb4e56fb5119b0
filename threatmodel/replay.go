package threatmodel

import (
	"context"
	"fmt"
	"net/netip"
	"slices"
	"time"

	"sotto/internal/simnet"
	"sotto/noise"
	"sotto/threatmodel/lab"
)

// P08 for links: everything that two relays and two clients ever sent is sent again, to every one of them, from where
// it came and from elsewhere, in order and shuffled, in the same life and after restarts. Whatever changes is an effect.

const replaySeed = 8

// recorded is a datagram to be sent again.
type recorded struct {
	from    netip.AddrPort
	payload []byte
}

// replayRun is a lab with its recording.
type replayRun struct {
	lab      *lab.Lab
	talk     *talk
	nodes    []*lab.Node // relay a, relay b, client c, client d; a dials b, c dials b, d dials a
	attacker *simnet.Host
	foreign  netip.AddrPort // the attacker's own address
	running  bool           // the recorder
	tape     []recorded
	stray    int // datagrams that anybody sent to the attacker
}

// measureReplays is the measurement of P08.
func measureReplays(ctx context.Context, s Scale) (Measurement, error) {
	m := Measurement{Seed: replaySeed}
	for _, part := range []MeasureFunc{measureReplay, measureCellReplay, measureOpeningReplay} {
		one, err := part(ctx, s)
		if err != nil {
			return m, err
		}
		m.Figures, m.Remarks = append(m.Figures, one.Figures...), append(m.Remarks, one.Remarks...)
	}
	return m, nil
}

// measureReplay is its part about links.
func measureReplay(ctx context.Context, s Scale) (Measurement, error) {
	return replayEverything(ctx, s, false)
}

// controlClaimsFresh restarts relays that say that their key was never used.
func controlClaimsFresh(ctx context.Context, s Scale) (Measurement, error) {
	return replayEverything(ctx, s, true)
}

func replayEverything(ctx context.Context, s Scale, claimFresh bool) (Measurement, error) {
	m := Measurement{Seed: replaySeed}
	r, err := newReplayRun()
	if err != nil {
		return m, err
	}
	if err := r.record(s.pick(5, 25)); err != nil {
		return m, err
	}
	r.replay(&m, "links up")
	if err := r.stillWork(&m); err != nil {
		return m, err
	}
	if err := r.reseal(&m, "in envelopes of the attacker's own"); err != nil {
		return m, err
	}
	if err := r.replayDuringDial(&m); err != nil {
		return m, err
	}
	r.closeAll()
	r.replay(&m, "links closed")
	for _, n := range r.nodes[:2] {
		if err := n.Restart(claimFresh); err != nil {
			return m, err
		}
		r.lab.Run(time.Second)
		r.replay(&m, "restart of "+n.Name())
	}
	if err := r.reseal(&m, "restarts, in envelopes of the attacker's own"); err != nil {
		return m, err
	}
	r.lab.Run(15 * time.Minute)
	r.replay(&m, "15 minutes later")
	m.remark("recorded: %d datagrams of 3 links, with their challenges, rekeys and closes; each sent again to 4 nodes, from 2 addresses, in 2 orders", len(r.tape))
	m.remark("a first message that was challenged is challenged again, and after a restart every one is: a stateless cookie of the same size")
	return m, ctx.Err()
}

// newReplayRun brings three links up between nodes whose keys were used before, so that they challenge.
func newReplayRun() (*replayRun, error) {
	l := lab.New(lab.Config{Seed: replaySeed, Link: simnet.Link{Latency: 20 * time.Millisecond}})
	r := &replayRun{lab: l, talk: newTalk(l), running: true}
	for i, name := range []string{"relay a", "relay b", "client c", "client d"} {
		n, err := l.Node(lab.NodeConfig{
			Name: name, Addrs: []netip.Addr{address(2 * i)}, UsedKey: true, Anonymous: i >= 2,
			// As far as clocks may differ: their first messages are of the next and the last time bucket.
			Ahead: []time.Duration{0, 0, noise.BucketLen, -noise.BucketLen}[i],
		})
		if err != nil {
			return nil, err
		}
		r.nodes = append(r.nodes, n)
	}
	r.foreign = netip.AddrPortFrom(address(1000), 53)
	r.attacker = l.Net.Host(r.foreign.Addr())
	l.Watch(func(d lab.Datagram) {
		if r.running {
			r.tape = append(r.tape, recorded{d.From, slices.Clone(d.Payload)})
		}
		if d.To == r.foreign {
			r.stray++
		}
	})
	for _, d := range []struct {
		from, to int
		pattern  noise.Pattern
	}{{0, 1, noise.IK}, {2, 1, noise.NK}, {3, 0, noise.NK}} {
		if err := r.talk.link(r.nodes[d.from], r.nodes[d.to], d.pattern, 0); err != nil {
			return nil, err
		}
	}
	return r, nil
}

// record talks for two and a half minutes, past a rekey, and stops when all is quiet.
func (r *replayRun) record(perSecond int) error {
	for range 150 * perSecond {
		r.talk.zeros()
		r.lab.Run(time.Second / time.Duration(perSecond))
	}
	r.lab.Run(time.Second)
	r.running = false
	if r.talk.links() != 6 {
		return errNoLink
	}
	return nil
}

// counts adds up what all nodes have done.
func (r *replayRun) counts() map[string]int {
	c := make(map[string]int)
	for _, n := range r.nodes {
		st := n.Core().Stats()
		c["links made or lost"] += n.Knows.Up + n.Knows.Down
		c["half-open links"] += st.HalfOpen
		c["frames delivered"] += int(st.Frames)
		c["handshakes answered"] += int(st.Initiated)
		c["multiplications spent"] += int(st.DH)
		c["answers other than cookies"] += int(st.Sent) - int(st.Challenged)
		c["cookies"] += int(st.Challenged)
	}
	return c
}

// replay sends the whole tape to every node and adds up what it did. It takes a second of virtual time, in which the
// links, if there are any, have nothing to say.
func (r *replayRun) replay(m *Measurement, phase string) {
	before := r.counts()
	sent := r.sendTape()
	r.lab.Run(100 * time.Millisecond)
	after := r.counts()
	for _, what := range []string{"links made or lost", "half-open links", "frames delivered", "handshakes answered", "multiplications spent", "answers other than cookies"} {
		m.add(phase, never(what, max(0, after[what]-before[what]), sent))
	}
	m.add(phase, Figure{Name: "cookies", Value: float64(after["cookies"] - before["cookies"]), N: sent})
}

// sendTape sends everything to everybody, no faster than their sockets take it.
func (r *replayRun) sendTape() (sent int) {
	const burst = 2000
	inOrder := make([]int, len(r.tape))
	for i := range inOrder {
		inOrder[i] = i
	}
	shuffled := r.lab.Source("shuffle").Perm(len(r.tape))
	for _, order := range [][]int{inOrder, shuffled} {
		for _, to := range r.nodes {
			for _, i := range order {
				for _, from := range []netip.AddrPort{r.tape[i].from, r.foreign} {
					// Both addresses are valid, so the network takes it.
					_ = r.attacker.Forge(from, to.Addr(), r.tape[i].payload)
					if sent++; sent%burst == 0 {
						r.lab.Run(time.Millisecond)
					}
				}
			}
		}
	}
	return sent
}

// stillWork sends a frame from every end after a replay: a link that was moved to the attacker would send it there.
func (r *replayRun) stillWork(m *Measurement) error {
	before, stray := r.counts()["frames delivered"], r.stray
	r.talk.zeros()
	r.lab.Run(time.Second)
	ends := r.talk.links()
	m.add("links up", never("frames misled or lost afterwards", ends-(r.counts()["frames delivered"]-before), ends))
	m.add("links up", never("datagrams to the attacker afterwards", r.stray-stray, ends))
	if ends != 6 {
		return fmt.Errorf("%w: %d of 6 ends are left", errNoLink, ends)
	}
	return nil
}

// replayDuringDial replays to a client whose first message was lost on the way, so that an old answer would be welcome.
func (r *replayRun) replayDuringDial(m *Measurement) error {
	c, b := r.nodes[2], r.nodes[1]
	b.Machine().Host().Unplug()
	if _, err := c.Dial(b.Target(noise.NK)); err != nil {
		return err
	}
	r.lab.Run(100 * time.Millisecond)
	r.replay(m, "while a client dials")
	b.Machine().Host().Plug()
	r.lab.Run(5 * time.Second)
	return nil
}

// closeAll ends every link from the end that dialled it.
func (r *replayRun) closeAll() {
	r.running = true
	for _, e := range slices.Clone(r.talk.all) {
		if e.node != r.nodes[1] {
			e.node.Close(e.id)
		}
	}
	r.lab.Run(time.Second)
	r.running = false
}
