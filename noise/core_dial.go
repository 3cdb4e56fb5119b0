package noise

import (
	"encoding/binary"
	"net/netip"
	"time"
)

// Dialling: up to five first messages in five seconds, each a handshake of its
// own, because a repeated first message is refused as a replay.

// Payload of message 1 and 2: what the other end needs to send datagrams.
//
//	offset  length  field
//	     0       8  the sender's index for this session, big endian
//	     8      16  the sender's header key
//	    24       8  message 1 only: with IK a stamp in milliseconds of Unix
//	                time, growing; with NK zero, since a clock reading marks
const (
	payload2Len = indexLen + headerKeyLen
	payload1Len = payload2Len + 8
)

// dial is a link that is being dialled.
type dial struct {
	envelope *envelope
	attempts []*attempt
	tries    int
	next     time.Time
	cookie   *[cookieLen]byte
	cookies  int // cookies followed at once
}

// attempt is one first message and the handshake that waits for its answer.
type attempt struct {
	link   *link
	hs     *Handshake
	reply  uint64
	index  uint64
	tags   [][tagLen]byte // of the datagrams sent, to which answers are bound
	answer assembly
}

// prologue binds a handshake to domain, version, overlay and responder; for a
// rekey also to the keys that it replaces.
func prologue(overlay, responder [32]byte, replaces []byte) []byte {
	p := append([]byte("sotto link v1"), Version)
	p = append(p, overlay[:]...)
	p = append(p, responder[:]...)
	if replaces != nil {
		p = append(append(p, "rekey"...), replaces...)
	}
	return p
}

// Dial begins a link. LinkUp or LinkDown follows.
func (c *Core) Dial(now time.Time, t Target) (LinkID, error) {
	if t.Pattern != IK && t.Pattern != NK || t.Key.IsZero() || t.Pattern == IK && c.cfg.Static == nil {
		return 0, ErrKey
	}
	t.Addr = netip.AddrPortFrom(t.Addr.Addr().Unmap(), t.Addr.Port())
	if !t.Addr.IsValid() || t.Addr.Port() == 0 {
		return 0, ErrNoLink
	}
	if c.dialing >= maxDialing || c.upLinks+c.dialing >= c.cfg.MaxLinks && !c.makeRoom() {
		return 0, ErrFull
	}
	l := &link{state: dialing, target: t, addr: t.Addr, pattern: t.Pattern, dialed: true, peer: t.Key}
	l.dial = &dial{envelope: newEnvelope(c.cfg.Overlay, t.Key, c.cfg.Rand)}
	c.addLink(l)
	c.dialing++
	c.try(now, l)
	l.dial.tries, l.dial.next = 1, now.Add(tryInterval)
	c.timers.set(l, l.dial.next)
	return l.id, nil
}

// tryAgain sends the next first message or gives up.
func (c *Core) tryAgain(now time.Time, l *link) {
	if l.dial.tries >= tryLimit {
		c.down(l, ErrNoAnswer)
		return
	}
	l.dial.tries++
	l.dial.next = now.Add(tryInterval)
	c.try(now, l)
}

// try makes one first message and sends it. A failure of the random source
// counts as a lost datagram.
func (c *Core) try(now time.Time, l *link) {
	hs, err := NewHandshake(HandshakeConfig{
		Pattern: l.pattern, Initiator: true, Static: c.cfg.Static, Remote: l.target.Key,
		Prologue: prologue(c.cfg.Overlay, l.target.Node, nil), Rand: c.cfg.Rand,
	})
	if err != nil {
		return
	}
	a := &attempt{link: l, hs: hs}
	if a.index, err = c.newIndex(); err != nil {
		return
	}
	if a.reply, err = c.newIndex(); err != nil {
		return
	}
	message, err := hs.WriteMessage(nil, c.payload1(now, l.pattern, a.index))
	if err != nil {
		return
	}
	in := initiation{pattern: l.pattern, bucket: bucketOf(now), reply: a.reply}
	for n := range countPieces(len(message), initiationPieceLen) {
		tag, err := l.dial.envelope.sealInitiation(c.slot(l.addr), &in, message, n, l.dial.cookie)
		if err != nil {
			return
		}
		a.tags = append(a.tags, tag)
	}
	l.sent = now
	c.attempts[a.reply] = a
	l.dial.attempts = append(l.dial.attempts, a)
}

// payload1 is what message 1 carries.
func (c *Core) payload1(now time.Time, p Pattern, index uint64) []byte {
	b := binary.BigEndian.AppendUint64(make([]byte, 0, payload1Len), index)
	b = append(b, c.header[:]...)
	var stamp uint64
	if p == IK {
		stamp = c.stamp(now)
	}
	return binary.BigEndian.AppendUint64(b, stamp)
}

// stamp is a clock reading that grows with every call.
func (c *Core) stamp(now time.Time) uint64 {
	c.lastStamp = max(c.lastStamp+1, uint64(now.UnixNano()/int64(stampPrecision)))
	return c.lastStamp
}

// receiveAnswer takes a datagram that names an attempt. Whatever does not open
// was made by somebody who has not seen the attempt and changes nothing.
func (c *Core) receiveAnswer(now time.Time, from netip.AddrPort, a *attempt, d []byte) {
	l := a.link
	for _, tag := range a.tags {
		kind, body, ok := l.dial.envelope.openAnswer(d, tag)
		if !ok {
			continue
		}
		switch kind {
		case answerCookie:
			c.followCookie(now, l, body)
		case answerMessage:
			if p, ok := parsePiece(body); ok {
				if message, complete := a.answer.add(p, answerPieceLen); complete {
					c.finish(now, a, message)
				}
			}
		}
		return
	}
	c.stats.Foreign++
}

// followCookie tries again at once with the cookie, once a try, so that a stream
// of cookies cannot make a stream of first messages.
func (c *Core) followCookie(now time.Time, l *link, body []byte) {
	l.dial.cookie = (*[cookieLen]byte)(append([]byte(nil), body[:cookieLen]...))
	if l.dial.cookies < l.dial.tries {
		l.dial.cookies++
		c.try(now, l)
	}
}

// finish completes the handshake of an attempt with message 2 and brings the
// link up. A message that fails ends this attempt, not the call.
func (c *Core) finish(now time.Time, a *attempt, message []byte) {
	l := a.link
	delete(c.attempts, a.reply)
	s, err := c.completeInitiator(now, a.hs, l, a.index, message)
	if err != nil {
		return
	}
	c.endCall(l)
	l.state, l.current = up, s
	c.upLinks++
	c.addSession(s)
	l.heard = now
	c.events = append(c.events, Event{Kind: LinkUp, Link: l.id, Pattern: l.pattern, Dialed: true, Peer: l.target.Key})
	c.sendPing(now, l) // the responder takes the keys into use when it hears this
	c.timers.set(l, l.nextDeadline(now))
}

// completeInitiator reads message 2 and makes the session.
func (c *Core) completeInitiator(now time.Time, hs *Handshake, l *link, index uint64, message []byte) (*session, error) {
	payload, err := hs.ReadMessage(message)
	if err != nil || len(payload) != payload2Len {
		return nil, ErrHandshake
	}
	secrets, err := hs.Secrets()
	if err != nil {
		return nil, err
	}
	s := newSession(now, l, index, secrets, payload)
	s.expand()
	return s, nil
}

// newSession takes the secrets and what the other end said in its payload.
func newSession(now time.Time, l *link, index uint64, secrets Secrets, payload []byte) *session {
	s := &session{link: l, index: index, made: now, secrets: secrets, hash: secrets.Hash}
	s.remote = binary.BigEndian.Uint64(payload)
	copy(s.header[:], payload[indexLen:])
	return s
}

// endCall forgets the attempts of a link.
func (c *Core) endCall(l *link) {
	for _, a := range l.dial.attempts {
		delete(c.attempts, a.reply)
	}
	l.dial = nil
	c.dialing--
}
