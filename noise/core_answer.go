package noise

import (
	"net/netip"
	"time"

	"sotto/internal/mutation"
)

// Answering: what the door lets through costs a handshake and a half-open link,
// which the initiator must confirm.

// receiveInitiation judges a first message and answers it.
func (c *Core) receiveInitiation(now time.Time, from netip.AddrPort, in *initiation) {
	f, v := c.door.admit(now, from, in, &c.stats)
	switch v {
	case challenge:
		c.sealedAnswer(from, in.tag, answerCookie, f.current[:], 0)
	case proceed:
		c.answer(now, from, &f)
	}
}

// sealedAnswer sends one answer. An error is the random source's, and the
// initiator tries again.
func (c *Core) sealedAnswer(to netip.AddrPort, tag [tagLen]byte, kind byte, message []byte, number int) {
	d, ok := c.slot(to)
	if c.envelope.sealAnswer(d, tag, kind, message, number) != nil {
		c.unslot(ok)
	}
}

// answer runs the handshake. Whatever fails is silence.
func (c *Core) answer(now time.Time, from netip.AddrPort, f *first) {
	hs, payload, err := c.readFirst(f)
	if err != nil || !c.door.remember(now, f) {
		c.stats.Bad++
		return
	}
	l := &link{
		state: halfOpen, addr: from, pattern: f.pattern, peer: hs.Peer(),
		target: Target{Addr: from, Pattern: f.pattern},
	}
	s, message, err := c.completeResponder(now, hs, l, payload)
	if err != nil {
		c.stats.Bad++
		return
	}
	if len(c.half) >= maxHalfOpen && !mutation.Active(noHalfBound) {
		// The oldest goes: it had the longest time to be confirmed.
		c.forget(c.half[0])
	}
	c.addLink(l)
	l.next = s
	c.addSession(s)
	c.half = append(c.half, l)
	c.timers.set(l, l.nextDeadline(now))
	c.stats.Initiated++
	for n := range countPieces(len(message), answerPieceLen) {
		c.sealedAnswer(from, f.tag, answerMessage, message, n)
	}
}

// readFirst reads message 1, the first thing that costs multiplications.
func (c *Core) readFirst(f *first) (*Handshake, []byte, error) {
	hs, err := NewHandshake(HandshakeConfig{
		Pattern: f.pattern, Static: c.cfg.Static, Rand: c.cfg.Rand,
		Prologue: linkPrologue(c.cfg.Overlay, c.cfg.Node, f.bucket, f.id, f.cookie),
	})
	if err != nil {
		return nil, nil, err
	}
	c.stats.DH += dhRead(f.pattern)
	payload, err := hs.ReadMessage(f.message)
	if err != nil || len(payload) != payloadLen {
		return nil, nil, ErrHandshake
	}
	return hs, payload, nil
}

// dhRead and dhWrite count the multiplications of a responder.
func dhRead(p Pattern) uint64 {
	if p == IK {
		return 2 // es, ss
	}
	return 1 // es
}

func dhWrite(p Pattern) uint64 { return dhRead(p) + 1 } // e, ee, with IK se

// completeResponder writes message 2 and makes the session.
func (c *Core) completeResponder(now time.Time, hs *Handshake, l *link, payload []byte) (*session, []byte, error) {
	index, err := c.newIndex()
	if err != nil {
		return nil, nil, err
	}
	c.stats.DH += dhWrite(l.pattern)
	message, err := hs.WriteMessage(nil, c.payload(l, index))
	if err != nil {
		return nil, nil, err
	}
	secrets, err := hs.Secrets()
	if err != nil {
		return nil, nil, err
	}
	return newSession(now, l, index, secrets, payload), message, nil
}
