// Probes: how long the way to a neighbour is, and whether anything gets lost.

package link

import (
	"slices"
	"time"

	"sotto/noise"
)

// probe is one that was sent and has no echo yet.
type probe struct {
	number uint64
	sent   time.Time
}

// Probe measures the round trip to a neighbour: an Echo event follows, or nothing. It fails with ErrNeighbor, ErrDown
// or, over the cap, ErrQueue.
func (p *Pool) Probe(now time.Time, n Neighbor) error {
	c := p.contacts[n]
	if c == nil {
		return ErrNeighbor
	}
	l := c.active
	if l == nil {
		return ErrDown
	}
	l.probes = slices.DeleteFunc(l.probes, func(x probe) bool { return now.Sub(x.sent) >= probeLife })
	if len(l.probes) >= maxProbes {
		l.probes = slices.Delete(l.probes, 0, 1)
	}
	l.lastProbe++
	if !p.emit(now, l, rankFill, appendProbe(make([]byte, 0, noise.FrameLen), KindProbe, l.lastProbe)) {
		return ErrQueue
	}
	l.probes = append(l.probes, probe{l.lastProbe, now})
	p.counters.ProbesSent++
	return nil
}

// answerProbe echoes a probe, within a rate.
func (p *Pool) answerProbe(now time.Time, l *conn, f []byte) {
	number, ok := parseProbe(f)
	if !ok {
		p.counters.FramesRefused++
		return
	}
	if !l.echoes.take(now, echoRate(), 1, 0) {
		p.counters.ProbesLimited++
		return
	}
	if p.emit(now, l, rankFill, appendProbe(make([]byte, 0, noise.FrameLen), KindEcho, number)) {
		p.counters.EchoesSent++
	}
}

// matchEcho finds the probe of an echo. An echo that fits none is late or a neighbour's invention, and ignored.
func (p *Pool) matchEcho(now time.Time, l *conn, f []byte) {
	number, ok := parseProbe(f)
	if !ok {
		p.counters.FramesRefused++
		return
	}
	i := slices.IndexFunc(l.probes, func(x probe) bool { return x.number == number })
	if i < 0 {
		return
	}
	l.rtt = now.Sub(l.probes[i].sent)
	l.probes = slices.Delete(l.probes, i, i+1)
	p.counters.Echoes++
	p.events = append(p.events, Event{Kind: Echo, Neighbor: l.contact.number, RTT: l.rtt})
}
