// Everything that a pool sends passes here: under the cap on bandwidth, in three ranks.

package link

import (
	"time"

	"sotto/noise"
)

// rank says what goes first when there is too little bandwidth.
type rank uint8

const (
	rankFill    rank = iota // padding, probes, echoes
	rankCell                // what the links are for
	rankMessage             // few, and everything else hangs on them
)

// throttle is the cap: a bucket of bytes, filled at the configured rate. Handshakes, rekeys and pings are noise's own
// and stand outside; they are a few datagrams in two minutes. Nothing waits: over the cap the newest is dropped.
type throttle struct {
	rate   rate // zero rate: no cap
	bucket bucket
}

// minBurst lets one page or train of cells pass whatever the rate is.
const minBurst = 32 * noise.DatagramLen

func newThrottle(now time.Time, bytesPerSecond uint64) throttle {
	if bytesPerSecond == 0 {
		return throttle{}
	}
	r := rate{float64(bytesPerSecond), max(minBurst, float64(bytesPerSecond)/4)}
	return throttle{r, r.full(now)}
}

// pass reports whether a datagram may leave. The lower ranks stop while there is some left for the higher ones.
func (t *throttle) pass(now time.Time, k rank) bool {
	if t.rate.perSecond == 0 {
		return true
	}
	var reserve float64
	switch k {
	case rankFill:
		reserve = t.rate.burst / 2
	case rankCell:
		reserve = t.rate.burst / 8
	}
	return t.bucket.take(now, t.rate, noise.DatagramLen, reserve)
}

// emit sends a frame on a link, or drops and counts it.
func (p *Pool) emit(now time.Time, l *conn, k rank, frame []byte) bool {
	if !p.throttle.pass(now, k) {
		if k == rankFill {
			p.counters.CapDroppedFill++
		} else {
			p.counters.CapDropped++
		}
		return false
	}
	p.actions = append(p.actions, Action{Kind: ActSend, Link: l.id, Frame: frame})
	return true
}

// emitMessage sends all pieces of a message.
func (p *Pool) emitMessage(now time.Time, l *conn, t messageType, number, edition uint32, message []byte) {
	for i := range t.pieces() {
		p.emit(now, l, rankMessage, appendPiece(make([]byte, 0, noise.FrameLen), t, number, edition, i, message))
	}
}
