// What a relay keeps of those who send it creates: each has its share, and pays for what it asks.

package circuit

import (
	"slices"
	"time"

	"sotto/internal/mutation"
)

// Bounds of creates (protocol §2).
const (
	// clientCreates and clientBurst bound the creates of one client, per second and at once.
	clientCreates = 3
	clientBurst   = 90
	// maxClientCircuits bounds what one client holds. At the bound its creates are dropped.
	maxClientCircuits = 512
	// maxQueuedCreates is about 250 ms of work at 100 µs a create. At the bound the upstream that has most waiting loses
	// its newest, so that a flood from one link leaves room for the others.
	maxQueuedCreates = 2500
	// smallShare is how many circuits an upstream may hold whatever is left free (ours: half of what one client may hold).
	smallShare = 256
	// createPatience is how long a create may wait; its origin has given up by then.
	createPatience = 2 * time.Second
)

// upstream is a neighbour that circuits come from.
type upstream struct {
	neighbor Neighbor
	client   bool
	circuits int
	tokens   float64 // of creates, of a client
	filled   time.Time
	taken    taken

	// never used circuits, oldest first
	oldest, newest *transit
	queue          []*transit // creates that wait
}

// allow reports whether a create may be taken, and counts it.
func (u *upstream) allow(now time.Time) bool {
	if !u.client || mutation.Active(noCreateLimits) {
		return true
	}
	if u.circuits >= maxClientCircuits {
		return false
	}
	u.tokens = min(clientBurst, u.tokens+clientCreates*max(0, now.Sub(u.filled).Seconds()))
	u.filled = now
	if u.tokens < 1 {
		return false
	}
	u.tokens--
	return true
}

// full reports whether nothing is remembered of u that matters. What a client has had taken does not: it is less than half a
// percent of a bucket, and clients come and go.
func (u *upstream) full(now time.Time) bool {
	if u.circuits > 0 || len(u.queue) > 0 {
		return false
	}
	if u.client {
		return u.tokens+clientCreates*now.Sub(u.filled).Seconds() >= clientBurst
	}
	return u.taken.over(now)
}

// pushUnused puts a circuit behind those that were never used.
func (u *upstream) pushUnused(c *transit) {
	c.older = u.newest
	if u.newest != nil {
		u.newest.younger = c
	} else {
		u.oldest = c
	}
	u.newest = c
	c.unused = true
}

// dropUnused takes a circuit out of those that were never used.
func (u *upstream) dropUnused(c *transit) {
	if !c.unused {
		return
	}
	if c.older != nil {
		c.older.younger = c.younger
	} else {
		u.oldest = c.younger
	}
	if c.younger != nil {
		c.younger.older = c.older
	} else {
		u.newest = c.older
	}
	c.older, c.younger, c.unused = nil, nil, false
}

// createQueue is what waits to be answered: one queue an upstream, served in turn.
type createQueue struct {
	ring  []*upstream // those with something waiting
	at    int
	count int
}

// push adds a create, and returns the one that has to go for it, if any: it may be c itself.
func (q *createQueue) push(u *upstream, c *transit) (victim *transit) {
	if q.count >= maxQueuedCreates && !mutation.Active(noCreateLimits) {
		longest := u
		for _, v := range q.ring {
			if len(v.queue) > len(longest.queue) {
				longest = v
			}
		}
		if longest == u {
			return c
		}
		victim = longest.queue[len(longest.queue)-1]
		q.remove(longest, victim)
	}
	if len(u.queue) == 0 {
		q.ring = append(q.ring, u)
	}
	u.queue = append(u.queue, c)
	q.count++
	return victim
}

// pop returns the next create, or nil.
func (q *createQueue) pop() *transit {
	if len(q.ring) == 0 {
		return nil
	}
	q.at %= len(q.ring)
	u := q.ring[q.at]
	c := u.queue[0]
	q.at++
	q.remove(u, c)
	return c
}

// remove takes a create out wherever it waits.
func (q *createQueue) remove(u *upstream, c *transit) {
	i := slices.Index(u.queue, c)
	if i < 0 {
		return
	}
	u.queue = slices.Delete(u.queue, i, i+1)
	q.count--
	if len(u.queue) > 0 {
		return
	}
	u.queue = nil
	if i = slices.Index(q.ring, u); i < q.at {
		q.at--
	}
	q.ring = slices.Delete(q.ring, i, i+1)
}
