// Leases of a client: circuits to relays at which it listens.

package onion

import (
	"time"

	"sotto/onion/cell"
	"sotto/onion/circuit"
	"sotto/onion/lease"
	"sotto/onion/path"
	"sotto/overlay/peer"
)

// Lease is what others need in order to open a session: it is what a record or a contact card holds.
type Lease = lease.Lease

// ListenConfig says what lease is wanted, and who is told.
type ListenConfig struct {
	Spec    lease.Spec
	Purpose path.Purpose // path.UserLeases or path.StoringLeases
	// Relay is where to listen; zero: a relay that this node chooses, in another network than those of its other leases.
	Relay peer.NodeID
	// Stands is told of a lease that callers may be told of, Gone of one that ends. Both may be nil.
	Stands, Gone func(Lease)
}

// listening is a lease that is wanted.
type listening struct {
	ListenConfig
	id     lease.Want
	errand *errand
	relay  peer.NodeID // of the latest circuit
	asked  peer.NodeID // of the one that is being made
}

// Listen begins to want a lease. It fails with lease.ErrConfig or lease.ErrFull.
func (c *Client) Listen(now time.Time, cfg ListenConfig) (lease.Want, error) {
	id, steps, err := c.owner.Keep(now, cfg.Spec)
	if err != nil {
		return 0, err
	}
	c.wants[id] = &listening{ListenConfig: cfg, id: id}
	c.stepLeases(now, steps)
	c.step(now)
	return id, nil
}

// Unlisten ends a lease, and the sessions on it.
func (c *Client) Unlisten(now time.Time, id lease.Want) {
	steps := c.owner.Drop(id)
	if w := c.wants[id]; w != nil && w.errand != nil {
		w.errand.over = true
	}
	c.stepLeases(now, steps)
	delete(c.wants, id)
	c.step(now)
}

func (c *Client) tickLeases(now time.Time) { c.stepLeases(now, c.owner.Tick(now)) }

// stepLeases carries out what the owner wants. What it returns is valid until its next call, and carrying out makes such
// calls only later: circuits answer by events.
func (c *Client) stepLeases(now time.Time, steps []lease.Step) {
	for i := range steps {
		s := steps[i]
		switch s.Kind {
		case lease.StepCircuit:
			c.seek(now, s.Want)
		case lease.StepSend:
			_ = c.origin.Send(now, circuit.Circuit(s.Circuit), s.Message, s.Payload) // a loss; a closed circuit is told of
		case lease.StepClose:
			if t := c.trips[circuit.Circuit(s.Circuit)]; t != nil {
				c.end(t)
			}
		case lease.StepStanding:
			if w := c.wants[s.Want]; w != nil {
				c.addLeaseKey(s.Lease)
				if w.Stands != nil {
					w.Stands(s.Lease)
				}
			}
		case lease.StepGone:
			c.dropLeaseKey(s.Lease)
			if w := c.wants[s.Want]; w != nil && w.Gone != nil {
				w.Gone(s.Lease)
			}
		case lease.StepOpening:
			c.opened(now, s)
		case lease.StepCell:
			c.heard(now, s)
		case lease.StepCut:
			c.cutLeg(now, s.Leg)
		}
	}
}

// seek looks for a circuit for a lease. Failing is told in the next step, because the owner is being asked now.
func (c *Client) seek(now time.Time, id lease.Want) {
	w := c.wants[id]
	if w == nil {
		return
	}
	e := &errand{
		purpose: path.UserLeases, profile: c.cfg.Profile, avoid: c.leaseRelays, until: now.Add(errandTime), who: &listener{c, id},
	}
	if w.Purpose == path.StoringLeases {
		e.purpose = path.StoringLeases
	}
	e.far = w.Relay
	w.errand = e
	c.retry = append(c.retry, e)
}

// leaseRelays are the relays that this node listens at, or is about to.
func (c *Client) leaseRelays() []peer.NodeID {
	var list []peer.NodeID
	for _, w := range c.wants {
		for _, id := range []peer.NodeID{w.relay, w.asked} {
			if id != (peer.NodeID{}) {
				list = append(list, id)
			}
		}
	}
	return list
}

// listener is the circuit of a lease.
type listener struct {
	c  *Client
	id lease.Want
}

// train implements traveller: nothing is asked for before the far node is known to be there.
func (l *listener) train(_ time.Time, _ *trip, far *peer.Descriptor) ([]byte, []circuit.EarlyCell, error) {
	if w := l.c.wants[l.id]; w != nil {
		w.asked = far.NodeID() // for those that are sought at the same time
	}
	return nil, nil, nil
}

// failed implements traveller.
func (l *listener) failed(time.Time, *trip) {
	if w := l.c.wants[l.id]; w != nil {
		w.asked = peer.NodeID{}
	}
}

// built implements traveller.
func (l *listener) built(now time.Time, t *trip) {
	binding, _ := l.c.origin.Binding(t.number)
	if w := l.c.wants[l.id]; w != nil {
		w.relay, w.asked, w.errand = t.far.NodeID(), peer.NodeID{}, nil
	}
	far := lease.Far{Relay: t.far.NodeID().Bytes(), OnionKey: t.far.Daily().OnionKey().Bytes(), Binding: binding}
	l.c.stepLeases(now, l.c.owner.Opened(now, l.id, lease.Circuit(t.number), far))
}

// arrived implements traveller.
func (l *listener) arrived(now time.Time, t *trip, m cell.Message, payload []byte) {
	l.c.stepLeases(now, l.c.owner.Arrived(now, lease.Circuit(t.number), m, payload))
}

// lost implements traveller.
func (l *listener) lost(now time.Time, t *trip, _ error) {
	l.c.stepLeases(now, l.c.owner.Closed(now, lease.Circuit(t.number)))
}

// gaveUp implements traveller.
func (l *listener) gaveUp(now time.Time, err error) {
	l.c.noPath = err
	l.c.stepLeases(now, l.c.owner.Failed(now, l.id))
}
