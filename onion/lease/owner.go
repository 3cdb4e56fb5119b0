// The listening node: which leases it wants, and what it does to have them.

package lease

import (
	"encoding/binary"
	"fmt"
	"io"
	"log/slog"
	"time"

	"sotto/onion/cell"
)

// Timing of an owner; all of it ours.
const (
	// answerTime is how long a Listening may take, listenTries how often it is asked for: at 1 % loss a link, 6 % a
	// round trip, one probe in 80 000 gives up a circuit wrongly.
	answerTime  = 4 * time.Second
	listenTries = 4
	// A standing lease is asked for again after a random time between probeLeast and probeMost. That keeps the circuit
	// from being taken for idle (30 minutes), and notices a relay that has begun again and knows nothing any more.
	probeLeast = time.Minute
	probeMost  = 3 * time.Minute
	// A failure is followed by a pause of firstPause, doubled each time up to lastPause, less a random part of up to a
	// half, so that owners who lost the same relay do not come back together. settled is how long a lease must have
	// stood for its loss to be a first failure.
	firstPause = time.Second
	lastPause  = 5 * time.Minute
	settled    = time.Minute
	// legIdle is when an owner takes a splice for over without having been told: after its relay.
	legIdle = 10 * time.Minute
)

// Bounds of an owner.
const (
	// MaxWants is how many leases a node may want at a time: two for each of five devices or AoRs, two for storing, and
	// four to spare. One more is ErrFull.
	MaxWants = 16
	// maxOlder is how many circuits of earlier keys stay open for the sessions on them, per lease wanted. The oldest
	// goes with its sessions, which have other legs or open again.
	maxOlder = 2
)

// Want names a lease that a node wants to have, whichever circuit and key it has at the time.
type Want uint64

// Spec says what lease is wanted.
type Spec struct {
	Kind Kind
	// Key and Knock are those of a storing lease. A short-lived one gets new ones for every circuit: two relays see
	// nothing in common.
	Key   Key
	Knock KnockKey
	// PerMinute and Burst limit openings; 0 means the defaults.
	PerMinute, Burst uint16
	// Lifetime is how long a short-lived lease is used from when it stands, and Overlap how long before its end the next
	// one is sought. A storing lease has neither: it is kept until Drop.
	Lifetime, Overlap time.Duration
}

func (s Spec) valid() bool {
	if s.Kind == Storing {
		return s.Key.private != nil && s.Lifetime == 0 && s.Overlap == 0
	}
	return s.Kind == ShortLived && s.Key.private == nil && s.Overlap > 0 && s.Lifetime >= 2*s.Overlap
}

// OwnerConfig makes an Owner: randomness, and the ID of the overlay.
type OwnerConfig struct {
	Rand    io.Reader
	Overlay [cell.KeyLen]byte
}

// Owner keeps leases for an anonymous node. It is not safe for concurrent use.
//
// Its memory is bounded: MaxWants leases, at each up to 3 circuits, on each at most maxLegs splices and maxHeld cells that
// came before their opening.
type Owner struct {
	rand      io.Reader
	overlay   [cell.KeyLen]byte
	wants     map[Want]*want
	listeners map[Circuit]*listener
	last      Want
	out       steps
	heard     [1]Step // what Arrived returns for a cell on a leg, so that nothing is allocated for it
	said      [1]Step // the same for Send, and its payload
	payload   [cell.PayloadLen]byte
}

// want is a lease that is wanted.
type want struct {
	id       Want
	spec     Spec
	current  *listener   // standing and used
	next     *listener   // on a new circuit, not standing yet
	older    []*listener // of earlier keys: not at their end, or with sessions that are not over; oldest first
	asked    bool        // the shell makes a circuit
	retry    time.Time   // when the shell is asked for one; zero if there is no need
	failures int
}

// NewOwner is one that wants nothing yet.
func NewOwner(c OwnerConfig) (*Owner, error) {
	if c.Rand == nil {
		return nil, ErrConfig
	}
	return &Owner{rand: c.Rand, overlay: c.Overlay, wants: map[Want]*want{}, listeners: map[Circuit]*listener{}}, nil
}

// Keep begins to want a lease, or is ErrConfig or ErrFull.
func (o *Owner) Keep(now time.Time, s Spec) (Want, []Step, error) {
	o.out.begin()
	if !s.valid() {
		return 0, nil, ErrConfig
	}
	if len(o.wants) >= MaxWants {
		return 0, nil, ErrFull
	}
	if s.PerMinute == 0 {
		s.PerMinute = DefaultOpeningsPerMinute
	}
	if s.Burst == 0 {
		s.Burst = DefaultOpeningsBurst
	}
	o.last++
	w := &want{id: o.last, spec: s}
	o.wants[w.id] = w
	o.ask(w)
	return w.id, o.out.list, nil
}

// Drop ends a lease with all its circuits and sessions.
func (o *Owner) Drop(id Want) []Step {
	o.out.begin()
	w := o.wants[id]
	if w == nil {
		return nil
	}
	for _, l := range w.listeners() {
		o.end(l, true)
	}
	delete(o.wants, id)
	return o.out.list
}

// Failed takes that no circuit could be made for a lease.
func (o *Owner) Failed(now time.Time, id Want) []Step {
	o.out.begin()
	if w := o.wants[id]; w != nil && w.asked {
		w.asked = false
		o.pause(now, w)
	}
	return o.out.list
}

// Opened takes the circuit that StepCircuit asked for, standing and created for nothing else. If the lease is not wanted
// any more the circuit is closed.
func (o *Owner) Opened(now time.Time, id Want, c Circuit, far Far) []Step {
	o.out.begin()
	w := o.wants[id]
	if w == nil || !w.asked || o.listeners[c] != nil {
		o.out.close(c)
		return o.out.list
	}
	w.asked = false
	l, err := o.listener(w, c, far)
	if err != nil {
		o.out.close(c)
		o.pause(now, w)
		return o.out.list
	}
	w.next, o.listeners[c] = l, l
	o.listen(now, l)
	return o.out.list
}

// Closed takes the end of a circuit.
func (o *Owner) Closed(now time.Time, c Circuit) []Step {
	o.out.begin()
	if l := o.listeners[c]; l != nil {
		o.lose(now, l, false)
	}
	return o.out.list
}

// Arrived takes a message from the last hop of a circuit: Listening, Opening, Splice, Cut; others are ignored. payload has
// cell.PayloadLen bytes and may come back in a step. A StepCell alone is valid until the next one.
func (o *Owner) Arrived(now time.Time, c Circuit, m cell.Message, payload []byte) []Step {
	o.out.begin()
	l := o.listeners[c]
	if l == nil || len(payload) != cell.PayloadLen {
		return nil
	}
	switch m {
	case cell.Splice:
		return o.session(now, l, payload)
	case cell.Listening:
		o.listening(now, l, payload)
	case cell.Opening:
		o.opened(now, l, payload)
	case cell.Cut:
		o.cut(l, payload)
	}
	o.tidy(l)
	return o.out.list
}

// Next is when Tick is due; zero means never.
func (o *Owner) Next() time.Time {
	var next time.Time
	sooner := func(t time.Time) {
		if !t.IsZero() && (next.IsZero() || t.Before(next)) {
			next = t
		}
	}
	for _, w := range o.wants {
		sooner(w.retry)
	}
	for _, l := range o.listeners {
		sooner(l.due)
		sooner(l.renew)
		sooner(l.until)
		sooner(l.sweep)
	}
	return next
}

// Tick does what is due.
func (o *Owner) Tick(now time.Time) []Step {
	o.out.begin()
	for _, w := range o.wants {
		for _, l := range w.listeners() {
			o.tick(now, l)
		}
		if isDue(w.retry, now) {
			o.ask(w)
		}
	}
	return o.out.list
}

func isDue(t, now time.Time) bool { return !t.IsZero() && !now.Before(t) }

// listeners are all circuits of a lease, the oldest first: what is due on one may end an older one, never a newer.
func (w *want) listeners() []*listener {
	all := append([]*listener(nil), w.older...)
	for _, l := range []*listener{w.current, w.next} {
		if l != nil {
			all = append(all, l)
		}
	}
	return all
}

// ask wants a circuit from the shell, once.
func (o *Owner) ask(w *want) {
	w.retry = time.Time{}
	if !w.asked && w.next == nil {
		w.asked = true
		o.out.add(Step{Kind: StepCircuit, Want: w.id})
	}
}

// pause asks for a circuit later.
func (o *Owner) pause(now time.Time, w *want) {
	pause := min(lastPause, firstPause<<min(w.failures, 10))
	w.failures++
	w.retry = now.Add(pause - o.random(pause/2))
}

// random is a duration below most. Without randomness it is 0: a keepalive that is early is better than none.
func (o *Owner) random(most time.Duration) time.Duration {
	var b [8]byte
	if _, err := io.ReadFull(o.rand, b[:]); err != nil {
		return 0
	}
	return time.Duration(binary.BigEndian.Uint64(b[:]) % uint64(most))
}

// Format prints a fixed text for every verb.
func (*Owner) Format(s fmt.State, _ rune) { _, _ = io.WriteString(s, "[owned leases]") }

// LogValue logs a fixed text.
func (*Owner) LogValue() slog.Value { return slog.StringValue("[owned leases]") }
