package noise

import (
	"encoding/binary"
	"io"
	"time"
)

// Rekeying: every two minutes the initiator of a link runs a fresh handshake
// inside of it, so that keys taken later open at most two minutes. Inside,
// because there the responder knows which link is meant, no cookie and no memory
// of first messages is needed, and an observer sees nothing begin.

// maxRekeys is how many handshakes an initiator may ask for within one
// generation of keys: a peer must not make the other compute for nothing.
const maxRekeys = 8

// rekey is the initiator's side. The same message is repeated until answered.
type rekey struct {
	hs      *Handshake
	token   uint64
	index   uint64
	message []byte
	next    time.Time
	answer  assembly
}

// rekeyed is the responder's side.
type rekeyed struct {
	token   uint64
	in      assembly
	done    bool
	message []byte // message 2, for repetitions
	count   int    // handshakes asked for within the current generation
	of      uint64 // index of that generation
}

// stepRekey begins a rekey, or repeats its message.
func (c *Core) stepRekey(now time.Time, l *link) {
	if l.rekey == nil {
		l.rekey = c.newRekey(now, l)
	}
	if r := l.rekey; r != nil && !now.Before(r.next) {
		r.next = now.Add(rekeyRetry)
		c.sendPieces(now, l, opRekey, r.token, r.message)
	}
}

// newRekey makes the first message of a rekey, or nil without randomness.
func (c *Core) newRekey(now time.Time, l *link) *rekey {
	var token [tokenLen]byte
	if _, err := io.ReadFull(c.cfg.Rand, token[:]); err != nil {
		return nil
	}
	hs, err := NewHandshake(HandshakeConfig{
		Pattern: l.pattern, Initiator: true, Static: c.cfg.Static, Remote: l.target.Key,
		Prologue: rekeyPrologue(c.cfg.Overlay, l.target.Node, l.current.hash), Rand: c.cfg.Rand,
	})
	if err != nil {
		return nil
	}
	r := &rekey{hs: hs, token: binary.BigEndian.Uint64(token[:]), next: now}
	if r.index, err = c.newIndex(); err != nil {
		return nil
	}
	if r.message, err = hs.WriteMessage(nil, c.payload(l, r.index)); err != nil {
		return nil
	}
	return r
}

// sendPieces sends a handshake message in control frames.
func (c *Core) sendPieces(now time.Time, l *link, op byte, token uint64, message []byte) {
	body := make([]byte, tokenLen+pieceHeaderLen+rekeyPieceLen)
	binary.BigEndian.PutUint64(body, token)
	for n := range countPieces(len(message), rekeyPieceLen) {
		putPiece(body[tokenLen:], message, n)
		c.sendControl(now, l, op, body)
	}
}

// answerRekey takes a piece of a rekey at the responder.
func (c *Core) answerRekey(now time.Time, l *link, token uint64, body []byte) {
	p, ok := parsePiece(body)
	if l.dialed || !ok || now.Sub(l.current.made) < RekeyAfter/2 {
		// Keys so young need no others: the bound of maxRekeys a generation would
		// be none if a peer could begin generations at will.
		c.stats.Refused++
		return
	}
	r := l.rekeys
	if r == nil || r.of != l.current.index {
		r = &rekeyed{of: l.current.index}
		l.rekeys = r
	}
	if r.token != token || r.count == 0 {
		if r.count >= maxRekeys {
			return
		}
		*r = rekeyed{token: token, of: r.of, count: r.count + 1}
	}
	if r.done {
		c.sendPieces(now, l, opRekeyed, token, r.message)
		return
	}
	message, complete := r.in.add(p, rekeyPieceLen)
	if !complete {
		return
	}
	r.done = true
	c.makeNext(now, l, message)
	c.sendPieces(now, l, opRekeyed, token, r.message)
}

// makeNext runs the responder's half of a rekey and keeps the keys as the next
// ones. A failure leaves an empty answer, which no initiator takes.
func (c *Core) makeNext(now time.Time, l *link, message []byte) {
	hs, err := NewHandshake(HandshakeConfig{
		Pattern: l.pattern, Static: c.cfg.Static, Rand: c.cfg.Rand,
		Prologue: rekeyPrologue(c.cfg.Overlay, c.cfg.Node, l.current.hash),
	})
	if err != nil {
		return
	}
	c.stats.DH += dhRead(l.pattern)
	payload, err := hs.ReadMessage(message)
	if err != nil || len(payload) != payloadLen || hs.Peer() != l.peer {
		c.stats.Bad++
		return
	}
	s, answer, err := c.completeResponder(now, hs, l, payload)
	if err != nil {
		return
	}
	c.dropSession(l.next)
	l.next = s
	c.addSession(s)
	l.rekeys.message = answer
}

// finishRekey takes a piece of the answer at the initiator and moves on to the
// new keys.
func (c *Core) finishRekey(now time.Time, l *link, token uint64, body []byte) {
	p, ok := parsePiece(body)
	r := l.rekey
	if r == nil || r.token != token || !ok {
		return
	}
	message, complete := r.answer.add(p, rekeyPieceLen)
	if !complete {
		return
	}
	l.rekey = nil
	s, err := c.completeInitiator(now, r.hs, l, r.index, message)
	if err != nil {
		return
	}
	c.addSession(s)
	l.next = s
	c.useNext(now, l)
	c.sendPing(now, l) // shows the responder that the new keys are in use; repeated until it uses them too
}
