package noise

import (
	"io"
	"net/netip"
	"time"

	"sotto/internal/mutation"
)

// The door is what stands between a responder and first messages from anybody.
// In this order, each step cheaper than the next: the envelope (is it for us at
// all), the bucket and the memory of first messages (is it a replay), the cookie
// when it is needed (is the source real), the pieces, and only then the caller
// runs the handshake.

// verdict is what the door says of a datagram.
type verdict uint8

const (
	refuse    verdict = iota // silence
	challenge                // answer with a cookie, keep nothing
	more                     // a piece was kept, others are missing
	proceed                  // run the handshake
)

// clockStep is by how much wall and running time may differ between two first
// messages before the wall clock counts as set: more than clocks are slewed, less
// than a bucket.
const clockStep = 2 * time.Second

// door is the state of one responder. All of it is bounded: see the bounds of
// its parts.
type door struct {
	seen    *firstSeen
	jar     cookieJar
	meter   meter
	sources sources
	pending map[assemblyKey]*pendingAssembly

	// Buckets up to suspect may have been in use before this door could remember:
	// before the start, or before the clock was set. 0 for none.
	suspect uint32
	last    time.Time // the last first message
	newest  uint32    // the highest bucket that was ever the present one
}

// assemblyKey names a first message of several pieces by its proven source.
type assemblyKey struct {
	from   netip.AddrPort
	bucket uint32
	id     uint64
}

type pendingAssembly struct {
	assembly
	until time.Time
}

// newDoor makes the door of a responder. fresh says that its key was never used
// before, so that no first message from earlier can exist.
func newDoor(now time.Time, fresh bool, rand io.Reader) (*door, error) {
	seen, err := newFirstSeen(rand)
	if err != nil {
		return nil, err
	}
	d := &door{
		seen: seen, last: now, newest: bucketOf(now),
		jar:     cookieJar{rand: rand},
		pending: make(map[assemblyKey]*pendingAssembly),
	}
	if !fresh {
		d.suspect = d.newest + 1
	}
	_, err = d.jar.rotate(now)
	return d, err
}

// first is a first message that may proceed to the handshake.
type first struct {
	initiation
	message []byte
	cookie  cookie // that proves its source; noCookie for none
	current cookie // of its source, for a challenge
}

// admit judges an opened initiation. The memory of first messages is asked here
// and filled by remember, after the message has authenticated.
func (d *door) admit(now time.Time, from netip.AddrPort, in *initiation, st *Stats) (first, verdict) {
	f := first{initiation: *in}
	d.watchClock(now)
	turned, err := d.jar.rotate(now)
	if err != nil {
		return f, refuse
	}
	if turned {
		d.seen.turn()
	}
	if in.piece.number == 0 {
		if len(in.piece.body) < keyLen {
			return f, refuse
		}
		if !d.seen.fresh(now, in.bucket, in.piece.body[:keyLen]) {
			st.Replayed++
			return f, refuse
		}
	}
	f.cookie, f.current = d.jar.proven(from, in)
	if f.cookie == noCookie && d.mustProve(in) {
		st.Challenged++
		return f, challenge
	}
	if !d.meter.take(now) && !mutation.Active(noCookies) {
		if f.cookie == noCookie {
			st.Challenged++
			return f, challenge
		}
		if !d.sources.take(now, from.Addr()) {
			st.Limited++
			return f, refuse
		}
	}
	if in.piece.count == 1 {
		f.message = in.piece.body
		return f, proceed
	}
	return f, d.assemble(now, from, in, &f.message)
}

// mustProve says when a source must be proven whatever the load: when the message
// comes in pieces, since keeping them is state; and when it could stem from before
// this door's memory, since only a cookie, which is in its prologue, shows that it
// is fresh then (docs/decisions/0004-replay-after-restart.md).
func (d *door) mustProve(in *initiation) bool {
	return (in.bucket <= d.suspect || in.piece.count > 1) && !mutation.Active(noCookies)
}

// watchClock notices when the wall clock was set. Buckets that were accepted until
// then may come again without being remembered, so they all become suspect.
func (d *door) watchClock(now time.Time) {
	ran := now.Sub(d.last) // by the running clock, where now has one
	set := now.Round(0).Sub(d.last.Round(0)) - ran
	if set > clockStep || set < -clockStep || ran < -clockStep || bucketOf(now) < d.newest {
		d.suspect = max(d.suspect, d.newest+1, bucketOf(now)+1)
	}
	d.last, d.newest = now, max(d.newest, bucketOf(now))
}

// assemble keeps a piece of a proven source. At maxAssemblies, or at
// assembliesPerAddress of one source, a new message is refused until an older one
// is complete or has timed out.
func (d *door) assemble(now time.Time, from netip.AddrPort, in *initiation, message *[]byte) verdict {
	key := assemblyKey{from, in.bucket, in.id}
	a := d.pending[key]
	if a == nil {
		if !d.room(now, from.Addr()) {
			return refuse
		}
		a = &pendingAssembly{until: now.Add(assemblyLife)}
		d.pending[key] = a
	}
	whole, complete := a.add(in.piece, initiationPieceLen)
	if !complete {
		return more
	}
	delete(d.pending, key)
	if len(whole) < keyLen || !d.seen.fresh(now, in.bucket, whole[:keyLen]) {
		return refuse
	}
	*message = whole
	return proceed
}

// room drops what has timed out and reports whether one more message of a source
// may be assembled.
func (d *door) room(now time.Time, from netip.Addr) bool {
	own := 0
	for k, p := range d.pending {
		switch {
		case now.After(p.until):
			delete(d.pending, k)
		case k.from.Addr() == from:
			own++
		}
	}
	return len(d.pending) < maxAssemblies && own < assembliesPerAddress
}

// remember notes that a first message has been taken.
func (d *door) remember(now time.Time, f *first) bool {
	return d.seen.remember(now, f.bucket, f.cookie != noCookie, f.message[:keyLen])
}
