// The listener: whoever owns leases takes openings with it, and finds out whether one begins a session, tries again to
// begin one, or adds a leg.

package session

import (
	"crypto/subtle"
	"fmt"
	"io"
	"time"

	"sotto/noise"
	"sotto/onion/cell"
)

// Lease is a listening point with the key that openings to it are for. Several may have one point: while a key is
// replaced, both are taken.
type Lease struct {
	Point Point
	Key   *noise.StaticKey
	// Until is when the key is taken no longer; NotBefore refuses the buckets begun before, for a key that was in use
	// before a restart, since what was taken then is not remembered. Zero times bound nothing.
	NotBefore, Until time.Time
}

// Contact is somebody who shares a secret with this end, by a number that is not 0.
type Contact struct {
	ID     uint32
	Secret Secret
}

// Listener takes openings for all leases of one owner. It holds at most sessions × MemoryBound and 2 MiB. It is not
// safe for concurrent use.
type Listener struct {
	rand     io.Reader
	leases   []metered
	contacts []contactHint
	sessions []*Session
	most     int
	seen     *seenOpenings
}

// metered is a lease, when its relay may make this end compute again, and what was remembered of it. A relay has the keys
// that openings are made with: one that makes more than it should only cuts off itself.
type metered struct {
	Lease
	next  time.Time
	taken taken
}

// allow meters what costs a multiplication.
func (m *metered) allow(now time.Time) bool {
	if m.next.Sub(now) > (openingBurst-1)*openingEvery {
		return false
	}
	if m.next.Before(now) {
		m.next = now
	}
	m.next = m.next.Add(openingEvery)
	return true
}

type contactHint struct {
	Contact
	hinter hinter
}

// NewListener makes one for at most so many sessions.
func NewListener(rand io.Reader, sessions int) (*Listener, error) {
	seen, err := newSeenOpenings(rand)
	if err != nil {
		return nil, fmt.Errorf("session: random source: %w", err)
	}
	return &Listener{rand: rand, most: sessions, seen: seen}, nil
}

// SetLeases replaces the leases, at most 64 keys.
func (l *Listener) SetLeases(leases []Lease) error {
	if len(leases) > maxLeaseKeys {
		return ErrFull
	}
	for _, e := range leases {
		if e.Key == nil || e.Point.b == nil {
			return noise.ErrKey
		}
	}
	fresh := make([]metered, 0, len(leases))
	for _, e := range leases {
		m := metered{Lease: e}
		for _, old := range l.leases {
			if old.Point.equal(e.Point) && old.Key.Equal(e.Key) {
				m.next, m.taken = old.next, old.taken
			}
		}
		fresh = append(fresh, m)
	}
	l.leases = fresh
	return nil
}

// SetContacts replaces the contacts, at most 1 024.
func (l *Listener) SetContacts(contacts []Contact) error {
	if len(contacts) > maxContacts {
		return ErrFull
	}
	hints := make([]contactHint, 0, len(contacts))
	for _, c := range contacts {
		if c.Secret.IsZero() || c.ID == 0 {
			return ErrSecret
		}
		hints = append(hints, contactHint{c, newHinter(c.Secret.bytes())})
	}
	l.contacts = hints
	return nil
}

// Admit lets joins find a session that this end has dialled. Sessions that came in are found anyway.
func (l *Listener) Admit(s *Session) error {
	l.prune()
	for _, o := range l.sessions {
		if o == s {
			return nil
		}
	}
	if len(l.sessions) >= l.most {
		return ErrFull
	}
	l.sessions = append(l.sessions, s)
	return nil
}

// prune forgets what is closed.
func (l *Listener) prune() {
	n := 0
	for _, s := range l.sessions {
		if !s.Over() {
			l.sessions[n] = s
			n++
		}
	}
	clear(l.sessions[n:])
	l.sessions = l.sessions[:n]
}

// Open takes an opening that came for a lease; its cells will come on the leg id. It returns the session that the
// opening begins (fresh: to be accepted or refused) or has added a leg to. Any error means that nothing has happened
// and that the sender is told nothing.
func (l *Listener) Open(now time.Time, at Point, id Leg, opening []byte) (s *Session, fresh bool, err error) {
	if len(opening) != cell.OpeningLen {
		return nil, false, ErrOpening
	}
	l.prune()
	for i := range l.leases {
		e := &l.leases[i]
		if !e.Point.equal(at) || !e.Until.IsZero() && !now.Before(e.Until) {
			continue
		}
		if o, ok := l.read(now, e, opening); ok {
			return l.take(now, at, id, o)
		}
	}
	return nil, false, ErrOpening
}

// read is an opening that is authentic, fresh, and not seen before.
type read struct {
	hs      *noise.Handshake
	payload payload
	contact uint32
	joins   *Session
}

// read tries one lease key. The secret is found by the hint alone: a wrong one costs two AES blocks, not a
// multiplication.
func (l *Listener) read(now time.Time, e *metered, opening []byte) (o read, ok bool) {
	var m [cell.OpeningLen - hintLen]byte
	hint := opening[:hintLen]
	copy(m[:], opening[hintLen:])
	ephemeral := m[:keyLen]
	maskEphemeral(e.Key.Public(), hint, ephemeral)
	if l.seen.known(ephemeral) || !e.allow(now) {
		return o, false
	}
	c := noise.HandshakeConfig{Pattern: noise.NK, Static: e.Key, Prologue: e.Point.prologue(), Rand: l.rand}
	for i := range l.contacts {
		if k := &l.contacts[i]; k.hinter.matches(hint, ephemeral) {
			c.Pattern, c.PSK, o.contact = noise.NKpsk0, k.Secret.bytes(), k.ID
		}
	}
	for _, s := range l.sessions {
		if s.state == standing && s.hinter.matches(hint, ephemeral) {
			c.Pattern, c.PSK, o.joins = noise.NKpsk0, s.join.bytes(), s
		}
	}
	hs, err := noise.NewHandshake(c)
	if err != nil {
		return o, false
	}
	plain, err := hs.ReadMessage(m[:])
	if err != nil {
		return o, false
	}
	o.hs = hs
	if o.payload, ok = parsePayload(plain); !ok || (o.payload.kind == kindJoin) != (o.joins != nil) {
		return o, false
	}
	return o, l.seen.take(now, e.NotBefore, &e.taken, o.payload.bucket, ephemeral)
}

// matches compares in constant time.
func (h hinter) matches(hint, ephemeral []byte) bool {
	m := h.hint(ephemeral)
	return subtle.ConstantTimeCompare(m[:], hint) == 1
}

// room reports whether a stranger may come in over a lease. Those whom nobody has accepted yet get half of the places,
// and of these over one lease no more than are left free: its relay can make as many as it likes.
func (l *Listener) room(at Point) bool {
	waiting, here := 0, 0
	for _, s := range l.sessions {
		if !s.caller && !s.accepted && s.contact == 0 {
			waiting++
			if s.at.equal(at) {
				here++
			}
		}
	}
	return here < (l.most+1)/2-waiting
}

// take does what an opening is for. A further try to open a session that stands already is late and does nothing.
func (l *Listener) take(now time.Time, at Point, id Leg, o read) (s *Session, fresh bool, err error) {
	if o.joins != nil {
		if _, err := o.joins.addLeg(now, id, 0, false); err != nil {
			return nil, false, err
		}
		o.joins.step(now)
		return o.joins, false, nil
	}
	for _, s := range l.sessions {
		if !s.caller && s.contact == o.contact && subtle.ConstantTimeCompare(s.call[:], o.payload.call[:]) == 1 {
			if s.state != opening {
				return nil, false, ErrOpening
			}
			return s, false, s.answerOn(now, id, o.hs, &o.payload)
		}
	}
	if len(l.sessions) >= l.most || o.contact == 0 && !l.room(at) {
		return nil, false, ErrFull
	}
	if !l.seen.first(o.payload.bucket, &o.payload.call) {
		return nil, false, ErrOpening // of a session that is over already
	}
	s = newAnswering(now, l.rand, &o.payload, at, o.contact)
	if err := s.answerOn(now, id, o.hs, &o.payload); err != nil {
		return nil, false, err
	}
	l.sessions = append(l.sessions, s)
	return s, true, nil
}
