// The shell: circuits on an overlay node, with its goroutines and locks.

package onion

import (
	"context"
	"errors"
	"sync"
	"time"

	"sotto/onion/cell"
	"sotto/onion/circuit"
	"sotto/onion/layer"
	"sotto/overlay"
	"sotto/overlay/link"
	"sotto/overlay/peer"
)

// NodeConfig are the inputs of a Node.
type NodeConfig struct {
	// Overlay makes the node below. Its functions for cells, links and directories are the shell's to set; Changed is not.
	Overlay overlay.Config
	// Relay and Client are filled with what Overlay says: their identities, and each other's IDs. Client is nil for a node
	// that does nothing for a user of its own; Relay is of use in role relay only.
	Relay  RelayConfig
	Client *ClientConfig
	// Observe is shown each cell that a relay was given, as it lies there when the relay has opened its layer of it: what it
	// can read. It is for whoever measures that, and keeps nothing of the cell; may be nil.
	Observe func(frame []byte)
}

// ErrStopped means that the node does not run: not yet, or no longer.
var ErrStopped = errors.New("onion: the node does not run")

// Node is an overlay node with its circuits. Its methods may be called from any goroutine.
type Node struct {
	*overlay.Node
	kick    chan struct{} // the deadline may have come nearer
	creates chan struct{} // creates wait

	batch  []carried // cells of one batch of datagrams; belongs to the overlay's goroutine
	lent   []circuit.Out
	partly bool // some of the batch were looked at, and what came of them waits for the rest

	over    chan struct{} // closed when Run ends
	backlog chan *Session // that somebody has opened

	observe func(frame []byte)
	fresh   bool // no link, and so no create, was ever answered before this start

	mu      sync.Mutex // what follows
	relay   *Relay     // nil: forwards nothing
	client  *Client    // nil: for itself it does nothing
	dir     *peer.Directory
	edition uint32
	guards  []peer.NodeID                 // as told to the overlay
	held    map[peer.NodeID]link.Neighbor // guards of a relay
	keys    []circuit.Key                 // that creates are taken for
	stale   []layer.Private               // that were, until the last renewal
	again   time.Time                     // when guards of a relay are tried again
	looked  time.Time                     // at the directory
	unkept  error                         // why the directory could not be used; nil: it is
	armed   time.Time
	ended   bool
}

// carried is a cell that came in.
type carried struct {
	from   circuit.Neighbor
	client bool
	frame  []byte
}

// NewNode checks the configuration and starts nothing. It fails as overlay.New, NewRelay and NewClient do.
func NewNode(c NodeConfig) (*Node, error) {
	n := &Node{kick: make(chan struct{}, 1), creates: make(chan struct{}, 1), over: make(chan struct{}), backlog: make(chan *Session, maxBacklog), observe: c.Observe}
	if len(c.Relay.Services) > 0 {
		return nil, circuit.ErrConfig // nobody here would answer them
	}
	o := c.Overlay
	n.fresh = o.Identity != nil && o.Identity.FreshLink
	o.Cells, o.CellsDone, o.Links, o.OnionKeys = n.cell, n.cellsDone, n.linkEvent, n.onionKeys
	o.Changed = func(s overlay.State) {
		poke(n.kick) // the directory may be whole now
		if c.Overlay.Changed != nil {
			c.Overlay.Changed(s)
		}
	}
	var err error
	if n.Node, err = overlay.New(o); err != nil {
		return nil, err
	}
	now := time.Now()
	if o.Role == overlay.Relay {
		r := c.Relay
		r.Overlay, r.Node, r.Peers = o.Overlay, o.Identity.Static.NodeID(), n
		if c.Client != nil {
			r.Taken = func(to circuit.Neighbor, id cell.ID) bool { return n.client.Taken(to, id) }
		}
		if n.relay, err = NewRelay(now, r); err != nil {
			return nil, err
		}
	}
	if c.Client != nil {
		k := *c.Client
		k.Overlay, k.Incoming = o.Overlay, n.incoming
		if n.relay != nil {
			k.Own, k.Taken = o.Identity.Static.NodeID(), n.relay.Taken
		}
		if n.client, err = NewClient(now, k); err != nil {
			return nil, err
		}
	}
	return n, nil
}

// Run is the life of the node: overlay.Node.Run, and all circuits over it. When it has returned, everything it started
// has ended, and whoever waited has an answer or ErrStopped.
func (n *Node) Run(outer context.Context) error {
	ctx, cancel := context.WithCancel(outer)
	defer cancel()
	var wg sync.WaitGroup
	wg.Go(func() { n.wait(ctx) })
	if n.relay != nil {
		wg.Go(func() { n.answerCreates(ctx) })
	}
	err := n.Node.Run(ctx)
	cancel()
	wg.Wait()
	n.stop()
	return err
}

// stop ends what the node does for its user, so that nobody waits any more. The links are gone, which tells the relays.
func (n *Node) stop() {
	n.mu.Lock()
	defer n.mu.Unlock()
	if n.ended {
		return
	}
	n.ended = true
	if n.client != nil {
		n.client.Stop(time.Now(), ErrStopped)
	}
	close(n.over)
}

// cell takes a cell from the overlay; those of one batch are looked at together.
func (n *Node) cell(from link.Neighbor, client bool, frame []byte) {
	n.batch = append(n.batch, carried{circuit.Neighbor(from), client, frame})
}

// cellsDone feeds what came in one batch of datagrams, and queues what comes of it, so that a train goes on as one.
func (n *Node) cellsDone() {
	now := time.Now()
	n.mu.Lock()
	if !n.partly { // otherwise the overlay has not sent them yet
		n.recycle(n.lent)
		n.lent = n.lent[:0]
	}
	n.partly = false
	for i := range n.batch {
		n.feed(now, &n.batch[i])
	}
	queued := len(n.lent)
	n.lent = n.outgoing(n.lent)
	for _, o := range n.lent[queued:] {
		n.Queue(link.Neighbor(o.To), o.Frame)
	}
	waiting, nearer := n.relay != nil && n.relay.transit.Waiting() > 0, n.nearer()
	n.mu.Unlock()
	clear(n.batch)
	n.batch = n.batch[:0]
	if waiting {
		poke(n.creates)
	}
	if nearer {
		poke(n.kick)
	}
}

// feed gives a cell to whose circuit it is.
func (n *Node) feed(now time.Time, c *carried) {
	if n.client != nil && n.client.Receive(now, c.from, c.frame) {
		return
	}
	if n.relay == nil {
		return
	}
	n.relay.Receive(now, c.from, c.client, c.frame)
	if n.observe != nil {
		n.observe(c.frame)
	}
}

func (n *Node) outgoing(dst []circuit.Out) []circuit.Out {
	if n.relay != nil {
		dst = n.relay.Outgoing(dst)
	}
	if n.client != nil {
		dst = n.client.Outgoing(dst)
	}
	return dst
}

// recycle gives frames back to whoever has use for them: both machines take any.
func (n *Node) recycle(sent []circuit.Out) {
	switch {
	case n.relay != nil:
		n.relay.Recycle(sent)
	case n.client != nil:
		n.client.Recycle(sent)
	}
}

// do runs f on the cores and sends what comes of it. It is for every goroutine but that of cellsDone.
func (n *Node) do(f func(now time.Time)) {
	n.mu.Lock()
	defer n.mu.Unlock()
	f(time.Now())
	n.hold()
	out := n.outgoing(nil)
	frames := make([]link.Outgoing, len(out))
	for i, o := range out {
		frames[i] = link.Outgoing{Neighbor: link.Neighbor(o.To), Frame: o.Frame}
	}
	if len(frames) > 0 {
		n.SendAll(frames) // the lock is held, so that nothing overtakes
	}
	n.recycle(out)
	if n.nearer() {
		poke(n.kick)
	}
}

// wait does what is due.
func (n *Node) wait(ctx context.Context) {
	timer := time.NewTimer(time.Hour)
	defer timer.Stop()
	for {
		timer.Reset(n.arm())
		select {
		case <-ctx.Done():
			return
		case <-timer.C:
		case <-n.kick:
		}
		n.do(func(now time.Time) {
			if n.relay != nil {
				n.relay.Tick(now)
			}
			if n.client != nil {
				n.client.Tick(now)
			}
			n.look(now)
		})
	}
}

// deadline is when the cores want to be called next, or the directory is to be looked at.
func (n *Node) deadline() time.Time {
	var relay, client time.Time
	if n.relay != nil {
		relay = n.relay.Deadline()
	}
	if n.client != nil && n.client.dir != nil { // before, looking is enough, and what is due then stays due
		client = n.client.Deadline()
	}
	return earliest(relay, client, n.looked.Add(lookEvery))
}

// arm notes the next deadline and returns how long it is away.
func (n *Node) arm() time.Duration {
	n.mu.Lock()
	defer n.mu.Unlock()
	n.armed = n.deadline()
	if n.armed.IsZero() {
		return time.Hour
	}
	return time.Until(n.armed)
}

// nearer reports whether the timer waits for too long.
func (n *Node) nearer() bool {
	d := n.deadline()
	return !d.IsZero() && (n.armed.IsZero() || d.Before(n.armed))
}

// createTrain is how many creates are answered before what came of them is sent.
const createTrain = 8

// answerCreates does the work of creates, beside the goroutine that forwards: a flood of them delays no cell.
func (n *Node) answerCreates(ctx context.Context) {
	for {
		select {
		case <-ctx.Done():
			return
		case <-n.creates:
		}
		for n.someCreates() && ctx.Err() == nil {
		}
	}
}

// someCreates answers a few creates and reports whether there are more.
func (n *Node) someCreates() bool {
	jobs := make([]*circuit.CreateJob, 0, createTrain)
	n.mu.Lock()
	for now := time.Now(); len(jobs) < createTrain; {
		job, ok := n.relay.NextCreate(now)
		if !ok {
			break
		}
		jobs = append(jobs, job)
	}
	n.mu.Unlock()
	for _, j := range jobs {
		j.Run()
	}
	if len(jobs) == 0 {
		return false
	}
	n.do(func(now time.Time) {
		for _, j := range jobs {
			n.relay.FinishCreate(now, j)
		}
	})
	return len(jobs) == createTrain
}

// poke leaves word in a channel with room for one, unless there is word already.
func poke(c chan struct{}) {
	select {
	case c <- struct{}{}:
	default:
	}
}
