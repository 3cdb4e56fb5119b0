package noise

import (
	"encoding/binary"
	"io"
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
	if l.current.seal.exhausted() {
		return
	}
	d := c.slot(l.addr)
	f := Frame(d)
	clear(f)
	f[0] = op
	copy(f[1:], body)
	d[dataHeaderLen] = frameControl
	l.sent = now
	if op == opPing || op == opRekey {
		// Only what is answered at once may wait for an answer: were a pong to
		// count, two idle ends would ping each other for ever.
		l.expect(now)
	}
	l.current.seal.seal(d)
}

// sendPing asks for a pong and remembers when.
func (c *Core) sendPing(now time.Time, l *link) {
	var token [tokenLen]byte
	if _, err := io.ReadFull(c.cfg.Rand, token[:]); err != nil {
		return
	}
	l.ping, l.pinged = binary.BigEndian.Uint64(token[:]), now
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
func (c *Core) control(now time.Time, l *link, f []byte) {
	token, rest := f[1:][:tokenLen], f[1+tokenLen:]
	switch f[0] {
	case opPing:
		c.sendControl(now, l, opPong, token)
	case opPong:
		if t := binary.BigEndian.Uint64(token); t == l.ping && t != 0 {
			l.ping = 0
			c.events = append(c.events, Event{Kind: Pong, Link: l.id, Pattern: l.pattern, RTT: now.Sub(l.pinged)})
		}
	case opClose:
		c.down(l, ErrPeerClosed)
	case opRekey:
		c.answerRekey(now, l, binary.BigEndian.Uint64(token), rest)
	case opRekeyed:
		c.finishRekey(now, l, binary.BigEndian.Uint64(token), rest)
	default:
		c.stats.Refused++
	}
}
