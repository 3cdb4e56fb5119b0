// Circuits of a client, from the stem to the far node.

package onion

import (
	"errors"
	"fmt"
	"time"

	"sotto/onion/cell"
	"sotto/onion/circuit"
	"sotto/onion/layer"
	"sotto/onion/path"
	"sotto/overlay/peer"
)

// traveller is what a circuit is for. Its methods are called in the order in which they stand here.
type traveller interface {
	// train is what the extension to the far node carries. It is asked for anew at each try, because nothing is sent twice.
	train(now time.Time, t *trip, far *peer.Descriptor) (first []byte, cells []circuit.EarlyCell, err error)
	// failed says that the extension which carried the train has led to nothing. Another try may follow.
	failed(now time.Time, t *trip)
	// built says that the far node has answered.
	built(now time.Time, t *trip)
	// arrived is a message of the far node.
	arrived(now time.Time, t *trip, m cell.Message, payload []byte)
	// lost says that the circuit is gone, although it was built.
	lost(now time.Time, t *trip, err error)
	// gaveUp says that there was none to be had; nothing follows.
	gaveUp(now time.Time, err error)
}

// errand is a circuit that is wanted: to whom, and for what.
type errand struct {
	purpose path.Purpose
	profile path.Profile
	far     peer.NodeID          // zero: a relay that this node chooses
	avoid   func() []peer.NodeID // whom not to choose; with far it is not asked
	tries   int                  // so far
	until   time.Time            // no further try afterwards
	who     traveller
	over    bool // nobody waits any more
}

// maxTries is how many circuits an errand may take. A create and its answer pass six links: at 1 % loss each, one in
// sixteen is lost, and three in a row one time in 4 000.
const maxTries = 4

// A hop is given up after patienceTrips of what an extension takes on average, leastPatience at least: one in sixteen is lost
// at 1 % loss a link, and the next try is worth more than patience.
const (
	patienceTrips = 3
	leastPatience = 500 * time.Millisecond
	// Patience doubles so often while nobody answers: a network that has become slower would never be measured again.
	maxLate = 4
)

// errandTime is how long an errand may go on trying.
const errandTime = 20 * time.Second

// trip is one circuit.
type trip struct {
	number circuit.Circuit
	stem   path.Stem
	id     path.StemID // of the pool's stems, while they are the pool's
	stage  tripStage
	errand *errand // nil: a stem that waits for one
	far    *peer.Descriptor
	path   path.Path // when it is complete, or on the way to it
	begun  time.Time // of the stage
}

type tripStage uint8

const (
	building  tripStage = iota + 1 // the stem's create is under way
	standing                       // the stem waits
	extending                      // the far node was asked for
	complete
)

// errNoTarget is a relay that is in no directory, or whose key is none.
var errNoTarget = errors.New("onion: a relay without an onion key")

// targets are the relays of a path as creates want them.
func (c *Client) targets(ids []peer.NodeID) ([]layer.Target, error) {
	list := make([]layer.Target, len(ids))
	for i, id := range ids {
		d, ok := c.dir.ByID(id)
		if !ok {
			return nil, errNoTarget
		}
		t, err := target(d)
		if err != nil {
			return nil, err
		}
		list[i] = t
	}
	return list, nil
}

func target(d *peer.Descriptor) (layer.Target, error) {
	key := d.Daily().OnionKey().Bytes()
	public, err := layer.ParsePublic(key[:])
	if err != nil {
		return layer.Target{}, errNoTarget
	}
	return layer.Target{Node: d.NodeID().Bytes(), Key: public}, nil
}

// lay begins the circuit of a stem.
func (c *Client) lay(now time.Time, stem path.Stem) (*trip, error) {
	neighbor, up := c.guards[stem.Guard()]
	if !up {
		return nil, circuit.ErrLinkLost
	}
	targets, err := c.targets(stem.Hops())
	if err != nil {
		return nil, err
	}
	c.origin.SetPatience(c.patience(c.late))
	number, err := c.origin.Build(now, neighbor, targets)
	if err != nil {
		return nil, err
	}
	t := &trip{number: number, stem: stem, stage: building, begun: now}
	c.trips[number] = t
	return t, nil
}

// refill builds what the pool wants, and ends what it lets go.
func (c *Client) refill(now time.Time) {
	if c.dir == nil {
		return
	}
	for _, id := range c.pool.Expired(now) {
		c.dropStem(id)
	}
	for _, o := range c.pool.Want(now) {
		stem, err := c.selector.Stem(now, o.Purpose, o.Profile)
		if err != nil {
			c.noPath = err
			c.pool.Failed(now, o.ID)
			continue
		}
		c.noPath = nil
		t, err := c.lay(now, stem)
		if err != nil {
			c.pool.Failed(now, o.ID)
			continue
		}
		t.id = o.ID
		c.stems[o.ID] = t
	}
}

func (c *Client) dropStem(id path.StemID) {
	if t := c.stems[id]; t != nil {
		delete(c.stems, id)
		delete(c.trips, t.number)
		c.origin.Close(t.number)
	}
}

// travel sets out on an errand: over a stem that stands ready, or over a new one.
func (c *Client) travel(now time.Time, e *errand) {
	if e.over {
		return
	}
	if c.dir == nil {
		e.who.gaveUp(now, c.unready())
		return
	}
	e.tries++
	fits := func(s path.Stem) bool {
		return c.usable(s) && (e.far == peer.NodeID{} || c.selector.Fits(s, e.far))
	}
	if id, _, ok := c.pool.Take(now, e.purpose, fits); ok {
		t := c.stems[id]
		delete(c.stems, id)
		t.id, t.errand = 0, e
		c.depart(now, t)
		return
	}
	var far []peer.NodeID
	if e.far != (peer.NodeID{}) {
		far = append(far, e.far)
	}
	stem, err := c.selector.Stem(now, e.purpose, e.profile, far...)
	if err != nil {
		e.who.gaveUp(now, err)
		return
	}
	t, err := c.lay(now, stem)
	if err != nil {
		c.again(now, e, err)
		return
	}
	t.errand = e
}

// depart extends a stem to the far node of its errand.
func (c *Client) depart(now time.Time, t *trip) {
	e := t.errand
	if e.over {
		c.end(t)
		return
	}
	far := e.far
	if far == (peer.NodeID{}) {
		var err error
		if far, err = c.selector.Choose(t.stem, e.avoid()...); err != nil {
			c.end(t)
			e.who.gaveUp(now, err)
			return
		}
	}
	var err error
	if t.path, err = c.selector.Complete(now, t.stem, far); err != nil {
		c.end(t)
		e.who.gaveUp(now, err)
		return
	}
	d, ok := c.dir.ByID(far)
	if !ok {
		c.end(t)
		e.who.gaveUp(now, errNoTarget)
		return
	}
	t.far = d
	if again, err := c.extend(now, t); err != nil {
		e.who.failed(now, t)
		c.end(t)
		if again {
			c.again(now, e, err)
		} else {
			e.who.gaveUp(now, err)
		}
	}
}

// extend sends the train. What cannot be asked on this circuit cannot on another: again says whether it may.
func (c *Client) extend(now time.Time, t *trip) (again bool, err error) {
	to, err := target(t.far)
	if err != nil {
		return false, err
	}
	first, cells, err := t.errand.who.train(now, t, t.far)
	if err != nil {
		return false, err
	}
	c.origin.SetPatience(c.patience(t.errand.tries - 1))
	err = c.origin.Extend(now, t.number, to, first, cells)
	c.origin.SetPatience(c.patience(c.late))
	t.stage, t.begun = extending, now
	return true, err
}

// again tries an errand once more, if there is hope.
func (c *Client) again(now time.Time, e *errand, err error) {
	if e.over {
		return
	}
	if e.tries >= maxTries || !now.Before(e.until) {
		e.who.gaveUp(now, noWay(err))
		return
	}
	c.retry = append(c.retry, e)
}

// noWay says in a user's words why circuits did not come about.
func noWay(err error) error {
	switch {
	case errors.Is(err, path.ErrNoPath):
		return err
	case errors.Is(err, circuit.ErrFull):
		return fmt.Errorf("%w: %w; wait until some of what is under way is over", path.ErrNoPath, err)
	}
	return fmt.Errorf("%w: relays on the way did not answer (%w); try again, or check the network connection", path.ErrNoPath, err)
}

// settle closes a circuit that has done what it was for.
func (c *Client) settle(t *trip) {
	c.selector.Settled(t.path)
	c.end(t)
}

// end closes a circuit without telling whom it was for.
func (c *Client) end(t *trip) {
	delete(c.trips, t.number)
	c.origin.Close(t.number)
}

// arrive takes what happened to circuits.
func (c *Client) arrive(now time.Time, ev circuit.OwnEvent) {
	t := c.trips[ev.Circuit]
	if t == nil {
		return
	}
	switch ev.Kind {
	case circuit.Built:
		c.stands(now, t)
	case circuit.Answered:
		if t.stage == complete {
			t.errand.who.arrived(now, t, ev.Message, ev.Data)
		}
	case circuit.Failed:
		c.falls(now, t, ev)
	}
}

// stands takes that the last hop asked for has answered.
func (c *Client) stands(now time.Time, t *trip) {
	switch {
	case t.stage == extending:
		c.took(now.Sub(t.begun))
		t.stage = complete
		t.errand.who.built(now, t)
	case t.errand != nil:
		c.stood(now, t)
		c.depart(now, t)
	default:
		c.stood(now, t)
		if !c.pool.Built(now, t.id, t.stem) {
			c.dropStem(t.id)
		}
	}
}

// stood takes that a stem stands. The first one tells how long an extension may take, which has one hop more.
func (c *Client) stood(now time.Time, t *trip) {
	c.selector.Built(t.stem)
	t.stage, c.late = standing, 0
	if hops := time.Duration(len(t.stem.Hops())); c.rtt == 0 {
		c.rtt = now.Sub(t.begun) * (hops + 1) / hops
	}
}

// falls takes the end of a circuit.
func (c *Client) falls(now time.Time, t *trip, ev circuit.OwnEvent) {
	delete(c.trips, t.number)
	if t.stage == building && ev.Err == circuit.ErrNoAnswer {
		c.late = min(c.late+1, maxLate)
	}
	// A guard that does not answer says nothing of who stands behind it, and would have others chosen.
	if t.stage == building && ev.Hop > 1 {
		c.selector.Failed(now, t.stem)
	}
	switch {
	case t.id != 0 && t.stage == building:
		delete(c.stems, t.id)
		c.pool.Failed(now, t.id)
	case t.id != 0:
		delete(c.stems, t.id)
		c.pool.Gone(now, t.id)
	case t.stage == complete:
		t.errand.who.lost(now, t, ev.Err)
	default:
		if t.stage == extending {
			t.errand.who.failed(now, t)
		}
		c.again(now, t.errand, ev.Err)
	}
}

// took learns how long an extension takes, for timers above.
func (c *Client) took(d time.Duration) {
	if c.rtt == 0 {
		c.rtt = d
	}
	c.rtt += (d - c.rtt) / 8
}

// patience is how long a hop is waited for when so many in a row did not answer.
func (c *Client) patience(late int) time.Duration {
	if c.rtt == 0 {
		return c.cfg.Patience
	}
	return min(c.cfg.Patience, max(leastPatience, patienceTrips*c.rtt)<<min(late, maxLate))
}
