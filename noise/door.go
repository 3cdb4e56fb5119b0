package noise

import (
	"io"
	"net/netip"
	"time"
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

// door is the state of one responder. All of it is bounded: see the bounds of
// its parts.
type door struct {
	envelope *envelope
	seen     *firstSeen
	stamps   stamps
	jar      cookieJar
	meter    meter
	sources  sources
	opened   time.Time // start of this door: older buckets need a cookie
	fresh    bool      // the key has never answered before this start
	pending  map[assemblyKey]*pendingAssembly
}

// assemblyKey names a first message of several pieces by its proven source.
type assemblyKey struct {
	from  netip.AddrPort
	reply uint64
}

type pendingAssembly struct {
	assembly
	until time.Time
}

// newDoor makes the door of a responder. fresh says that its key was never used
// before, so that no first message from earlier can exist.
func newDoor(now time.Time, e *envelope, fresh bool, rand io.Reader) (*door, error) {
	seen, err := newFirstSeen(rand)
	if err != nil {
		return nil, err
	}
	d := &door{
		envelope: e, seen: seen, opened: now, fresh: fresh,
		stamps:  stamps{newest: make(map[PublicKey]stamp)},
		jar:     cookieJar{rand: rand},
		pending: make(map[assemblyKey]*pendingAssembly),
	}
	return d, d.jar.rotate(now)
}

// first is a first message that may proceed to the handshake.
type first struct {
	initiation
	message []byte
}

// admit judges an opened initiation. The memory of first messages is asked here
// and filled by remember, after the message has authenticated: whoever cannot
// make one cannot fill it.
func (d *door) admit(now time.Time, from netip.AddrPort, in *initiation, st *Stats) (first, verdict) {
	f := first{initiation: *in}
	if in.piece.number == 0 {
		if len(in.piece.body) < keyLen {
			return f, refuse
		}
		if !d.seen.fresh(now, in.bucket, in.piece.body[:keyLen]) {
			st.Replayed++
			return f, refuse
		}
	}
	if d.jar.rotate(now) != nil {
		return f, refuse
	}
	if d.needsCookie(now, in) {
		if !d.jar.proves(from, in) {
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

// needsCookie says when the source must be proven: under load; when the message
// comes in pieces, since keeping them is state; and when it could stem from
// before the start of this door with a key that was in use then, since the
// memory of first messages is gone and only a cookie shows that it is fresh
// (docs/decisions/0004-replay-after-restart.md).
func (d *door) needsCookie(now time.Time, in *initiation) bool {
	if mutated(noCookies) {
		return false
	}
	// The bucket after the start counts too: it was taken before it from
	// initiators whose clock is ahead.
	old := !d.fresh && in.bucket <= bucketOf(d.opened)+1
	return old || in.piece.count > 1 || !d.meter.take(now)
}

// assemble keeps a piece of a proven source. At maxAssemblies a new message is
// refused until an older one is complete or has timed out.
func (d *door) assemble(now time.Time, from netip.AddrPort, in *initiation, message *[]byte) verdict {
	key := assemblyKey{from, in.reply}
	a := d.pending[key]
	if a == nil {
		for k, p := range d.pending {
			if now.After(p.until) {
				delete(d.pending, k)
			}
		}
		if len(d.pending) >= maxAssemblies {
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

// remember notes that a first message has been taken.
func (d *door) remember(now time.Time, f *first) bool {
	return d.seen.remember(now, f.bucket, f.message[:keyLen])
}
