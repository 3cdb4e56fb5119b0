package noise

import (
	"bytes"
	"encoding/binary"
	"io"
	"net/netip"
	"slices"
	"time"

	"sotto/internal/mutation"
)

// Dialling: up to five first messages in five seconds, each a handshake of its
// own, because a repeated first message is refused as a replay.

// payloadLen is what message 1 and 2 carry: what the other end needs to send
// datagrams.
//
//	offset  length  field
//	     0       8  the sender's index for this session, big endian
//	     8      16  the sender's header key
const payloadLen = indexLen + headerKeyLen

// answerLen is message 2 of both patterns: ephemeral, payload, tag.
const answerLen = keyLen + payloadLen + tagLen

// dial is a link that is being dialled.
type dial struct {
	envelope *envelope
	attempts []*attempt
	tries    int
	next     time.Time
	cookie   cookie
	followed []cookie // in this try
}

// attempt is one first message and the handshake that waits for its answer.
type attempt struct {
	link   *link
	hs     *Handshake
	index  uint64
	tags   [][tagLen]byte // of the datagrams sent, to which answers are bound
	answer assembly

	// To make the handshake anew after a forged answer: see spoiled.
	config    HandshakeConfig
	ephemeral [keyLen]byte
	remade    int
}

// prologue binds a handshake to its kind, version, overlay and responder, and to
// what else must be the same at both ends. For a first message these are the
// bucket and the cookie of its envelope (16 zero bytes without one), so that it
// is good in no other envelope; for a rekey the hash of the keys it replaces.
func prologue(kind string, overlay, responder [32]byte, rest ...[]byte) []byte {
	p := append([]byte(kind), Version)
	p = append(p, overlay[:]...)
	p = append(p, responder[:]...)
	return append(p, slices.Concat(rest...)...)
}

// linkPrologue is the prologue of a first message.
func linkPrologue(overlay, responder [32]byte, bucket uint32, id uint64, c cookie) []byte {
	fixed := binary.BigEndian.AppendUint32(nil, bucket)
	fixed = binary.BigEndian.AppendUint64(fixed, id)
	if mutation.Active(noBinding) {
		fixed, c = nil, noCookie
	}
	return prologue("sotto link v1", overlay, responder, fixed, c[:])
}

// rekeyPrologue is the prologue of a rekey.
func rekeyPrologue(overlay, responder [32]byte, replaces [keyLen]byte) []byte {
	return prologue("sotto rekey v1", overlay, responder, replaces[:])
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
	if t.Pattern == NK && len(c.headers) >= dialHeaders {
		return 0, ErrFull
	}
	if c.dialing >= maxDialing || c.upLinks+c.dialing >= c.cfg.MaxLinks && !c.makeRoom(now, false) {
		return 0, ErrFull
	}
	l := &link{state: dialing, target: t, addr: t.Addr, pattern: t.Pattern, dialed: true, peer: t.Key}
	if err := c.ownHeader(l); err != nil {
		return 0, err
	}
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
		c.down(now, l, ErrNoAnswer)
		return
	}
	l.dial.tries++
	// A cookie may be forged or stale, and with a wrong one nobody answers: each try begins without.
	l.dial.cookie, l.dial.followed = noCookie, nil
	l.dial.next = now.Add(tryInterval)
	c.try(now, l)
}

// try makes one first message and sends it. A failure of the random source counts
// as a lost datagram.
func (c *Core) try(now time.Time, l *link) {
	a, message, in, err := c.newAttempt(now, l)
	if err != nil {
		return
	}
	for n := range countPieces(len(message), initiationPieceLen) {
		d, ok := c.slot(l.addr)
		tag, err := l.dial.envelope.sealInitiation(d, &in, message, n, l.dial.cookie)
		if err != nil {
			c.unslot(ok)
			return
		}
		a.tags = append(a.tags, tag)
	}
	l.sent = now
	l.dial.attempts = append(l.dial.attempts, a)
	c.dials[l.addr] = appendNew(c.dials[l.addr], l)
}

// newAttempt makes a handshake and its first message.
func (c *Core) newAttempt(now time.Time, l *link) (*attempt, []byte, initiation, error) {
	in := initiation{pattern: l.pattern, bucket: bucketOf(now)}
	a := &attempt{link: l}
	var err error
	if a.index, err = c.newIndex(); err != nil {
		return nil, nil, in, err
	}
	if in.id, err = c.newIndex(); err != nil {
		return nil, nil, in, err
	}
	if _, err := io.ReadFull(c.cfg.Rand, a.ephemeral[:]); err != nil {
		return nil, nil, in, err
	}
	a.config = HandshakeConfig{
		Pattern: l.pattern, Initiator: true, Static: c.cfg.Static, Remote: l.target.Key,
		Prologue: linkPrologue(c.cfg.Overlay, l.target.Node, in.bucket, in.id, l.dial.cookie),
	}
	message, err := a.begin(c)
	return a, message, in, err
}

// begin makes the handshake with the attempt's ephemeral, at the same message
// each time.
func (a *attempt) begin(c *Core) (message []byte, err error) {
	a.config.Rand = bytes.NewReader(a.ephemeral[:])
	if a.hs, err = NewHandshake(a.config); err != nil {
		return nil, err
	}
	return a.hs.WriteMessage(nil, c.payload(a.link, a.index))
}

// payload is what message 1 or 2 carries.
func (c *Core) payload(l *link, index uint64) []byte {
	b := binary.BigEndian.AppendUint64(make([]byte, 0, payloadLen), index)
	if l.header != nil {
		return append(b, l.header.key[:]...)
	}
	return append(b, c.header[:]...)
}

// answersDial tries whether a datagram is an answer to something that is being
// dialled: first what was dialled at its source, then, since a responder may
// answer from another of its addresses, a few others.
func (c *Core) answersDial(now time.Time, from netip.AddrPort, d []byte) bool {
	for _, l := range c.dials[from] {
		if c.receiveAnswer(now, l, d) {
			return true
		}
	}
	if len(c.dials) > 4 {
		return false
	}
	for at, links := range c.dials {
		for _, l := range links {
			if at != from && c.receiveAnswer(now, l, d) {
				return true
			}
		}
	}
	return false
}

// receiveAnswer takes a datagram if it answers an attempt of l. Whatever does not
// open was made by somebody who has not seen the attempt and changes nothing.
func (c *Core) receiveAnswer(now time.Time, l *link, d []byte) bool {
	for _, a := range l.dial.attempts {
		for _, tag := range a.tags {
			kind, body, ok := l.dial.envelope.openAnswer(d, tag)
			if !ok {
				continue
			}
			switch kind {
			case answerCookie:
				c.followCookie(now, l, body)
			case answerMessage:
				c.takeAnswer(now, a, body)
			}
			return true
		}
	}
	return false
}

// followCookie tries again at once with the cookie. A few different ones are
// followed in each try, since any may be forged; no more, so that a stream of
// cookies cannot make a stream of first messages.
func (c *Core) followCookie(now time.Time, l *link, body []byte) {
	k := cookie(body[:cookieLen])
	if len(l.dial.followed) >= remakes || slices.Contains(l.dial.followed, k) {
		return
	}
	l.dial.followed = append(l.dial.followed, k)
	l.dial.cookie = k
	c.try(now, l)
}

// takeAnswer takes a piece of message 2 and, once it is whole, brings the link up.
func (c *Core) takeAnswer(now time.Time, a *attempt, body []byte) {
	p, ok := parsePiece(body)
	if !ok || p.total != answerLen {
		return // a piece of another length would keep the true one out
	}
	message, complete := a.answer.add(p, answerPieceLen)
	if !complete {
		return
	}
	l := a.link
	s, err := c.completeInitiator(now, a.hs, l, a.index, message)
	if err != nil {
		c.spoiled(a)
		return
	}
	c.endDial(l)
	l.state, l.current = up, s
	c.upLinks++
	c.addSession(s)
	l.heard = now
	c.events = append(c.events, Event{Kind: LinkUp, Link: l.id, Pattern: l.pattern, Dialed: true, Peer: l.target.Key})
	c.sendPing(now, l) // the responder takes the keys into use when it hears this
	c.timers.set(l, l.nextDeadline(now))
}

// spoiled makes the handshake of an attempt anew: whoever saw the first message
// and holds the directory can seal a false answer, and it must not cost the
// attempt. After some of them it does: each has cost multiplications.
func (c *Core) spoiled(a *attempt) {
	a.answer = assembly{}
	a.remade++
	if a.remade <= remakes {
		if _, err := a.begin(c); err == nil {
			return
		}
	}
	a.tags = nil
}

// completeInitiator reads message 2 and makes the session.
func (c *Core) completeInitiator(now time.Time, hs *Handshake, l *link, index uint64, message []byte) (*session, error) {
	payload, err := hs.ReadMessage(message)
	if err != nil || len(payload) != payloadLen {
		return nil, ErrHandshake
	}
	secrets, err := hs.Secrets()
	if err != nil {
		return nil, err
	}
	s := newSession(now, l, index, secrets, payload)
	s.expand()
	s.settle()
	return s, nil
}

// endDial forgets the attempts of a link.
func (c *Core) endDial(l *link) {
	for _, a := range l.dial.attempts {
		clear(a.ephemeral[:])
	}
	rest := slices.DeleteFunc(c.dials[l.target.Addr], func(o *link) bool { return o == l })
	if len(rest) == 0 {
		delete(c.dials, l.target.Addr)
	} else {
		c.dials[l.target.Addr] = rest
	}
	l.dial = nil
	c.dialing--
}

// appendNew appends a link to a list unless it is there.
func appendNew(list []*link, l *link) []*link {
	if slices.Contains(list, l) {
		return list
	}
	return append(list, l)
}
