package noise

import (
	"encoding/binary"
	"io"
	"net/netip"
	"time"
)

// Control frames: what the two ends of an established link say to each other for
// the link's own sake. A control frame is an op and its body, the rest is zero;
// all of it is encrypted.
//
//	op 1  ping    8 bytes: token, echoed
//	op 2  pong    8 bytes: the token
//	op 3  close   nothing
//	op 4  rekey   8 bytes: token; a piece of Noise message 1
//	op 5  rekeyed 8 bytes: the token; a piece of Noise message 2
const (
	opPing    = 1
	opPong    = 2
	opClose   = 3
	opRekey   = 4
	opRekeyed = 5

	tokenLen      = 8
	rekeyPieceLen = FrameLen - 1 - tokenLen - pieceHeaderLen
)

// sendControl sends one control frame on an established link, unless its key is
// at its end: then the link dies of age.
func (c *Core) sendControl(now time.Time, l *link, op byte, body []byte) {
	if op == opPing || op == opRekey {
		// Only what is answered at once may wait for an answer: were a pong to
		// count, two idle ends would ping each other for ever.
		l.expect(now)
	}
	if l.current.seal.exhausted() || !c.mayGo(l) {
		return
	}
	d, _ := c.slot(l.addr)
	f := Frame(d)
	clear(f)
	f[0] = op
	copy(f[1:], body)
	d[dataHeaderLen] = frameControl
	l.sent = now
	l.current.seal.seal(d)
}

// sendPing asks for a pong and remembers when.
func (c *Core) sendPing(now time.Time, l *link) {
	var token [tokenLen]byte
	if _, err := io.ReadFull(c.cfg.Rand, token[:]); err != nil {
		return
	}
	copy(l.pings[1:], l.pings[:])
	l.pings[0], l.pinged = ping{binary.BigEndian.Uint64(token[:]), now}, now
	c.sendControl(now, l, opPing, token[:])
}

// Ping measures the round trip of an established link: a Pong event follows, or
// nothing.
func (c *Core) Ping(now time.Time, id LinkID) error {
	l := c.links[id]
	if l == nil || l.state != up {
		return ErrNoLink
	}
	c.sendPing(now, l)
	return nil
}

// control obeys one control frame. The frame has authenticated, so what is wrong
// in it is the peer's own fault and costs only its own link.
func (c *Core) control(now time.Time, from netip.AddrPort, l *link, f []byte) {
	token, rest := f[1:][:tokenLen], f[1+tokenLen:]
	if f[0] <= opClose && !isZero(rest) {
		c.stats.Refused++
		return
	}
	switch f[0] {
	case opPing:
		c.sendControl(now, l, opPong, token)
	case opPong:
		c.pong(now, from, l, binary.BigEndian.Uint64(token))
	case opClose:
		c.down(now, l, ErrPeerClosed)
	case opRekey:
		c.answerRekey(now, l, binary.BigEndian.Uint64(token), rest)
	case opRekeyed:
		c.finishRekey(now, l, binary.BigEndian.Uint64(token), rest)
	default:
		c.stats.Refused++
	}
}

// pong takes the answer to one of the last pings. It also proves that the peer is
// where the link has moved to.
func (c *Core) pong(now time.Time, from netip.AddrPort, l *link, token uint64) {
	for i, p := range l.pings {
		if p.token != token || token == 0 {
			continue
		}
		l.pings[i] = ping{}
		if from == l.addr {
			l.limited = false
		}
		c.events = append(c.events, Event{Kind: Pong, Link: l.id, Pattern: l.pattern, Dialed: l.dialed, RTT: now.Sub(p.sent)})
		return
	}
}

// isZero reports whether every byte is zero.
func isZero(b []byte) bool {
	var or byte
	for _, x := range b {
		or |= x
	}
	return or == 0
}
