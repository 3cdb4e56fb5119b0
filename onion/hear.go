// What comes over the leases of this node: openings, and the cells of callers.

package onion

import (
	"slices"
	"time"

	"sotto/noise"
	"sotto/onion/lease"
	"sotto/onion/session"
)

// addLeaseKey lets the listener take openings for a lease.
func (c *Client) addLeaseKey(l lease.Lease) {
	private := l.Key.Bytes()
	key, err := noise.StaticKeyFromBytes(private[:])
	clear(private[:])
	if err != nil {
		return
	}
	use := session.Lease{Point: c.point(l), Key: key, Until: l.Until}
	if l.Until.IsZero() {
		// The key of a storing lease was in use before this start. What was taken then is not remembered, from clocks
		// that are ahead neither.
		use.NotBefore = c.began.Add(session.BucketLen)
	}
	c.keys = append(c.keys, leaseKey{l.Place, l.ID, l.Key.Public(), use})
	c.setLeaseKeys()
}

func (c *Client) point(l lease.Lease) session.Point {
	return session.NewPoint(c.cfg.Overlay.Bytes(), l.Place.Relay(), l.ID.Bytes())
}

// dropLeaseKey takes a lease back, and erases its key here.
func (c *Client) dropLeaseKey(l lease.Lease) {
	c.keys = slices.DeleteFunc(c.keys, func(k leaseKey) bool {
		is := k.place == l.Place && k.id == l.ID && k.key == l.Key.Public()
		if is {
			k.use.Key.Wipe()
		}
		return is
	})
	c.setLeaseKeys()
}

func (c *Client) setLeaseKeys() {
	all := make([]session.Lease, len(c.keys))
	for i, k := range c.keys {
		all[i] = k.use
	}
	// There is room for as many keys as the owner has leases, and circuits for each.
	_ = c.listener.SetLeases(all)
}

// opened takes an opening that came for a lease.
func (c *Client) opened(now time.Time, s lease.Step) {
	c.lastLeg++
	id := c.lastLeg
	own, fresh, err := c.listener.Open(now, c.point(s.Lease), id, s.Payload)
	if err != nil {
		return // nobody is told: the relay ends what is not answered in its time, as it would if this node were off
	}
	var t *Talk
	if fresh {
		t = &Talk{c: c, s: own, tell: func(session.Event) {}, legs: make(map[session.Leg]carrier)}
		c.talks = append(c.talks, t)
		t.refuse = c.cfg.Incoming == nil
		if c.cfg.Incoming != nil {
			t.tell = c.cfg.Incoming(t)
		}
		if t.refuse {
			own.Refuse(now)
		}
	} else if i := slices.IndexFunc(c.talks, func(t *Talk) bool { return t.s == own }); i >= 0 {
		t = c.talks[i]
	} else {
		return
	}
	t.legs[id] = carrier{splice: s.Leg, owned: true}
	c.spliced[s.Leg] = legOf{t, id}
	c.touch(t)
}

// heard takes a cell that came on a splice.
func (c *Client) heard(now time.Time, s lease.Step) {
	if at, ok := c.spliced[s.Leg]; ok {
		at.talk.s.Receive(now, at.leg, s.Payload)
		c.touch(at.talk)
	}
}

// cutLeg takes the end of a splice.
func (c *Client) cutLeg(now time.Time, l lease.Leg) {
	at, ok := c.spliced[l]
	if !ok {
		return
	}
	delete(c.spliced, l)
	delete(at.talk.legs, at.leg)
	at.talk.s.DropLeg(now, at.leg)
	c.touch(at.talk)
}
