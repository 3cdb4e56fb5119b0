// The node: the shell that runs a steward over a pipe.

package overlay

import (
	"context"
	"errors"
	"log/slog"
	"sync"
	"time"

	"sotto/noise"
	"sotto/overlay/link"
	"sotto/overlay/peer"
)

// Node is one node of an overlay. Its methods may be called from any goroutine, also from within the
// functions of Config; Queue is for these alone.
type Node struct {
	cfg     Config
	own     *own // nil without a name
	steward *steward
	shell   *link.Shell
	started time.Time
	last    State      // as told to Changed; belongs to deliver
	keys    []OnionKey // as told to OnionKeys; belongs to name

	mu       sync.Mutex
	ran      bool
	end      context.CancelCauseFunc // of Run; nil before
	document peer.DocumentHash
	measure  *measurement // nil while nobody measures
}

// spareLinks is how many links noise may have beyond those of the pool, so that it is the pool that says who stays: links
// that greet, and second ones that linger.
const spareLinks = 1024

// New checks the configuration and starts nothing. It fails with ErrConfig, ErrClock, ErrAdmission or
// ErrRevoked.
func New(cfg Config) (*Node, error) {
	cfg, err := cfg.fill()
	if err != nil {
		return nil, err
	}
	n := &Node{cfg: cfg, document: cfg.Document, last: Seeds}
	links := noise.Config{Overlay: cfg.Overlay.Bytes(), Rand: cfg.Rand, MaxLinks: cfg.MaxLinks + cfg.MaxClients + spareLinks, MaxNameless: cfg.MaxClients}
	if i := cfg.Identity; i != nil {
		links.Node, links.Static, links.FreshKey = i.Static.NodeID().Bytes(), i.Link, i.FreshLink
		if n.own, err = newOwn(&n.cfg); err != nil {
			return nil, err
		}
	}
	if n.steward, err = newSteward(time.Now(), &n.cfg); err != nil {
		return nil, err
	}
	links.Known = n.steward.library.keys.has
	n.shell, err = link.NewShell(cfg.Pipe, cfg.ClosePipe, links, n.steward, n.deliver)
	return n, err
}

// Run is the life of the node. It returns nil when outer ends it, after all links are closed and everything it started
// has ended; otherwise what broke: the pipe, the store of days, ErrAdmission at the end of the key epoch, ErrRevoked,
// ErrClock, ErrDay. It closes the pipe and can be called once.
func (n *Node) Run(outer context.Context) error {
	ctx, cancel := context.WithCancelCause(outer)
	defer cancel(nil)
	if !n.begin(cancel) {
		return ErrConfig
	}
	if n.own != nil {
		if err := n.name(); err != nil {
			return errors.Join(err, n.cfg.ClosePipe())
		}
	}
	var wg sync.WaitGroup
	if n.own != nil {
		wg.Go(func() {
			if err := n.rename(ctx); err != nil {
				cancel(err)
			}
		})
	}
	n.shell.Do(n.steward.begin)
	err := n.shell.Run(ctx)
	cancel(nil)
	wg.Wait()
	wipe(n.keys)
	if cause := context.Cause(ctx); err == nil && outer.Err() == nil && !errors.Is(cause, context.Canceled) {
		return cause
	}
	return err
}

// begin reports whether Run is called for the first time.
func (n *Node) begin(end context.CancelCauseFunc) bool {
	n.mu.Lock()
	defer n.mu.Unlock()
	if n.ran {
		return false
	}
	n.ran, n.started, n.end = true, time.Now(), end
	return true
}

// name makes the descriptor of this period, or takes it from the store, and shows it.
func (n *Node) name() error {
	period, err := n.cfg.Calendar.PeriodAt(time.Now())
	if err != nil {
		return ErrClock
	}
	n.mu.Lock()
	document := n.document
	n.mu.Unlock()
	var seen *peer.Descriptor
	n.shell.Do(func(time.Time) {
		if d, ok := n.steward.directory(period).ByID(n.steward.self); ok {
			seen = d
		}
	})
	d, err := n.own.descriptor(period, document, seen)
	if err != nil {
		return err
	}
	n.renewKeys(period) // before anybody can seal something to the new one
	n.shell.Do(func(now time.Time) { n.steward.announce(now, d) })
	return nil
}

// rename names the node anew in each period, until ctx ends.
func (n *Node) rename(ctx context.Context) error {
	timer := time.NewTimer(time.Hour)
	defer timer.Stop()
	for {
		period, err := n.cfg.Calendar.PeriodAt(time.Now())
		if err != nil {
			return ErrClock
		}
		timer.Reset(time.Until(n.own.renewal(period)))
		select {
		case <-ctx.Done():
			return nil
		case <-timer.C:
		}
		if err := n.name(); err != nil {
			return err
		}
		n.cfg.Log.Info("descriptor renewed")
	}
}

// deliver takes the steward's events, those of one batch of datagrams together.
func (n *Node) deliver(_ time.Time, events []link.Event) {
	cells := false
	for i := range events {
		ev := &events[i]
		if ev.Kind != link.Cell {
			n.tell(ev)
			continue
		}
		if n.cfg.Cells != nil {
			n.cfg.Cells(ev.Neighbor, ev.Client, ev.Frame)
			cells = true
		}
	}
	if cells && n.cfg.CellsDone != nil {
		n.cfg.CellsDone()
	}
}

// tell passes on an event that is no cell.
func (n *Node) tell(ev *link.Event) {
	switch ev.Kind {
	case link.Echo:
		n.mu.Lock()
		m := n.measure
		n.mu.Unlock()
		if m != nil {
			m.echo(ev.RTT)
		}
		return
	case link.Up, link.Down, link.Failed:
		if n.cfg.Links != nil {
			n.cfg.Links(*ev)
		}
	}
	var state State
	n.shell.Do(func(time.Time) { state = n.steward.state() })
	if state == n.last {
		return
	}
	n.last = state
	n.cfg.Log.Info("state changed", slog.String("state", state.String()))
	if n.cfg.Changed != nil {
		n.cfg.Changed(state)
	}
}

// Adopt goes by a newer overlay document: whoever it revokes is left at once, and the next descriptor names it. If it
// revokes this node, Run ends with ErrRevoked.
func (n *Node) Adopt(t Trust, document peer.DocumentHash) {
	n.mu.Lock()
	n.document = document
	end := n.end
	n.mu.Unlock()
	if n.own != nil && end != nil && t.NodeRevoked(n.steward.self) {
		end(ErrRevoked)
	}
	n.shell.Do(func(now time.Time) { n.steward.adopt(now, t) })
}

// Status returns a snapshot for people.
func (n *Node) Status() Status {
	var s Status
	n.shell.Do(func(time.Time) { s = n.steward.status() })
	s.Datagrams = n.shell.Stats()
	n.mu.Lock()
	defer n.mu.Unlock()
	if n.ran {
		s.Uptime = time.Since(n.started)
	}
	return s
}

// Directory returns the peers of a period that are held. The set is made anew when there are others, but not more often
// than every 2 ms for each peer in it, since that takes some 50 ms for 30 000 peers; who is excluded is out at once.
func (n *Node) Directory(period uint32) *peer.Directory {
	var d *peer.Directory
	n.shell.Do(func(now time.Time) { d = n.steward.library.held(now, period).Directory })
	return d
}

// PathDirectory returns the peers that paths are made of in this period, as Directory does, and the number of the
// edition: it changes with the set and with the period, and to ask for it costs nothing.
func (n *Node) PathDirectory() (d *peer.Directory, edition uint32) {
	n.shell.Do(func(now time.Time) {
		e := n.steward.library.held(now, pathPeriod(n.steward.period))
		d, edition = e.Directory, e.Tag
	})
	return d, edition
}

// Neighbors returns those that take frames, in no order.
func (n *Node) Neighbors() []link.Info {
	var list []link.Info
	n.shell.Do(func(time.Time) { list = n.steward.pool.Neighbors() })
	return list
}

// Send gives frames of link.KindCell or link.KindPadding, noise.FrameLen bytes each, to a neighbour, as one train. It
// stops at the first error, which is one of link.Pool.Send.
func (n *Node) Send(to link.Neighbor, frames ...[]byte) (err error) {
	n.shell.Do(func(now time.Time) {
		for _, f := range frames {
			if err = n.steward.pool.Send(now, to, f); err != nil {
				return
			}
		}
	})
	return err
}

// SendAll gives frames to many neighbours at once: one train for each. What Send would fail with is lost, as on UDP.
func (n *Node) SendAll(frames []link.Outgoing) {
	n.shell.Do(func(now time.Time) { n.steward.pool.Forward(now, frames) })
}

// Queue is SendAll for use from within Config.Cells, Config.CellsDone and Config.Links, and nowhere else: the frame
// leaves with all others of the batch, in one train for each neighbour. It may be one that came in, and must stay as it
// is until CellsDone has returned.
func (n *Node) Queue(to link.Neighbor, frame []byte) { n.shell.Queue(to, frame) }
