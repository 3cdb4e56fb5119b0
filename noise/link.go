package noise

import (
	"container/heap"
	"encoding/binary"
	"net/netip"
	"time"
)

// One link as a small value: who it goes to, which keys are in use, and when it
// wants to be looked at again.
//
//	dialled:   dialing ──answer──▶ up ──▶ gone
//	answered:  halfOpen ──first datagram──▶ up ──▶ gone
//
// While a link is up it has a current session, for a while after a rekey the
// previous one, and at the answering end, until the initiator has used it, the
// next one.

type linkState uint8

const (
	dialing linkState = iota
	halfOpen
	up
)

// link belongs to one Core.
type link struct {
	id      LinkID
	state   linkState
	target  Target         // what was dialled; at the answering end only Addr and Pattern
	addr    netip.AddrPort // where the newest authentic datagram came from: a link roams
	pattern Pattern
	dialed  bool
	peer    PublicKey

	current, previous, next *session
	previousUntil           time.Time

	dial   *dial    // while dialing
	rekey  *rekey   // while the initiator makes new keys
	rekeys *rekeyed // the last rekey answered, to answer a repetition alike

	header *linkHeader // the own header key given to the other end, if not the core's main one

	confirmed bool            // the other end has used the first keys too
	heard     time.Time       // last authentic datagram
	sent      time.Time       // last datagram sent
	waiting   bool            // something was sent since heard
	since     time.Time       // …first at this time
	pinged    time.Time       // the last ping
	pings     [pingsKept]ping // the last ones, for pongs that come late

	// A link that has moved may be somebody's who forged the source of one
	// datagram: until a pong comes from there, credit datagrams go there.
	limited bool
	credit  int

	prefix netip.Prefix // of an answered link, under which it is counted
	place  int          // …in its crowd

	deadline time.Time
	position int // in the timers
}

// ping is one that was sent and not answered yet; the zero value is none.
type ping struct {
	token uint64
	sent  time.Time
}

// session is one generation of keys of a link.
type session struct {
	link    *link
	index   uint64 // ours, under which datagrams come in
	hash    [keyLen]byte
	made    time.Time
	secrets Secrets // until the keys are expanded
	remote  uint64
	header  headerKey
	seal    *Sealer
	open    *Opener
	used    bool // the other end has sealed something with it
}

// expand makes the ciphers of a session. It waits for the first use, because a
// flood can leave maxHalfOpen sessions that are never used.
func (s *session) expand() {
	if s.open == nil {
		s.open = newOpener(s.secrets.Receive[:])
	}
	if s.seal == nil {
		s.seal = newSealer(s.secrets.Send[:], s.remote, s.header)
	}
}

// settle gives up the bytes that the ciphers were made from.
func (s *session) settle() { s.secrets = Secrets{} }

// newSession takes the secrets and what the other end said in its payload.
func newSession(now time.Time, l *link, index uint64, secrets Secrets, payload []byte) *session {
	s := &session{link: l, index: index, made: now, secrets: secrets, hash: secrets.Hash}
	s.remote = binary.BigEndian.Uint64(payload)
	copy(s.header[:], payload[indexLen:])
	return s
}

// expect notes that something was sent which the peer will answer.
func (l *link) expect(now time.Time) {
	if !l.waiting {
		l.waiting, l.since = true, now
	}
}

// asks reports whether the link wants a pong, once every tryInterval: the other
// end has not used the current keys yet, something sent has not been answered for
// a while, or the link has moved. Three pings in twenty seconds were too few: at
// 20 % loss links died of it within half an hour.
func (l *link) asks(now time.Time) bool {
	return l.dialed && !l.current.used || l.limited || l.waiting && now.Sub(l.since) >= pingAfter
}

// patience is how long the link outlives silence.
func (l *link) patience() time.Duration {
	if l.pattern == NK && !l.dialed {
		return namelessSilent
	}
	return silentAfter
}

// nextDeadline is when the link needs attention if nothing comes in between.
// Sending and receiving only ever move it later, so the hot path leaves the
// timers alone; what can move it nearer is looked for every pingAfter.
func (l *link) nextDeadline(now time.Time) time.Time {
	switch l.state {
	case dialing:
		return l.dial.next
	case halfOpen:
		return now.Add(halfOpenLife)
	}
	t := now.Add(pingAfter)
	sooner := func(o time.Time) {
		if o.Before(t) {
			t = o
		}
	}
	sooner(l.current.made.Add(RejectAfter))
	if l.dialed {
		if l.rekey != nil {
			sooner(l.rekey.next)
		} else {
			sooner(l.current.made.Add(RekeyAfter))
		}
	} else {
		sooner(l.heard.Add(responderIdle))
	}
	if l.asks(now) {
		sooner(l.pinged.Add(tryInterval))
	}
	if l.target.Keepalive > 0 {
		sooner(l.sent.Add(l.target.Keepalive))
	}
	if l.previous != nil {
		sooner(l.previousUntil)
	}
	if !t.After(now) {
		// What was due has been tried and failed; not at once again.
		t = now.Add(rekeyRetry)
	}
	return t
}

// timers orders links by deadline.
type timers []*link

func (t timers) Len() int           { return len(t) }
func (t timers) Less(i, j int) bool { return t[i].deadline.Before(t[j].deadline) }
func (t timers) Swap(i, j int) {
	t[i], t[j] = t[j], t[i]
	t[i].position, t[j].position = i, j
}

// Push is for container/heap.
func (t *timers) Push(x any) {
	l := x.(*link)
	l.position = len(*t)
	*t = append(*t, l)
}

// Pop is for container/heap.
func (t *timers) Pop() any {
	old := *t
	l := old[len(old)-1]
	old[len(old)-1] = nil
	*t = old[:len(old)-1]
	l.position = -1
	return l
}

// set puts a link at its deadline.
func (t *timers) set(l *link, deadline time.Time) {
	l.deadline = deadline
	if l.position < 0 {
		heap.Push(t, l)
		return
	}
	heap.Fix(t, l.position)
}

// drop takes a link out.
func (t *timers) drop(l *link) {
	if l.position >= 0 {
		heap.Remove(t, l.position)
	}
}
