package netbench

// A relay as it is, under trains of cells: sockets, links, circuits, with the sum of its parts beside it.

import (
	"context"
	"crypto/rand"
	"errors"
	"slices"
	"time"

	"sotto/internal/linkbench"
	"sotto/internal/relaybench"
	"sotto/onion"
	"sotto/onion/cell"
	"sotto/onion/circuit"
	"sotto/onion/layer"
	"sotto/overlay"
	"sotto/overlay/peer"
)

// relayTrain is how many cells come in one train: as many as a link sends to one neighbour in one call at a rate of
// 10 000 cells a second and a turn of some milliseconds.
const relayTrain = 16

// measureRelay measures relay_cell_us and relay_floor_us with a circuit of two hops that goes through the relay.
func measureRelay(ctx context.Context, budget time.Duration) ([]linkbench.Figure, error) {
	w, err := newRelayWork()
	if err != nil {
		return nil, err
	}
	return relaybench.Measure(ctx, relaybench.Work{Node: w.node, Open: w.open, Fill: w.fill, Prepare: w.prepare, Layer: w.layer}, relayTrain, budget)
}

// relayWork is the origin of the circuit, and one layer of another one.
type relayWork struct {
	origin  *circuit.Origin
	circuit circuit.Circuit
	out     []circuit.Out

	keys    []*layer.Outward
	opener  layer.Opener
	bodies  []byte
	scratch layer.Scratch
}

func newRelayWork() (*relayWork, error) {
	w := &relayWork{}
	near, err := newHop()
	if err != nil {
		return nil, err
	}
	far, err := newHop()
	if err != nil {
		return nil, err
	}
	hops := []layer.Target{near.target, far.target}
	train := layer.Train{First: []byte{byte(cell.NoOperation)}}
	body := make([]byte, cell.BodyLen)
	pending, err := layer.Create(&w.scratch, rand.Reader, [cell.KeyLen]byte{}, 0, hops, train, body)
	if err != nil {
		return nil, err
	}
	for i, h := range []hop{near, far} {
		a, _, err := layer.Answer(rand.Reader, [cell.KeyLen]byte{}, h.target.Node, []layer.Private{h.key}, body)
		if err != nil {
			return nil, err
		}
		made, err := pending[i].Finish(a.Created[:cell.CreatedLen])
		if err != nil {
			return nil, err
		}
		w.keys = append(w.keys, made.Forward())
		if i == 0 {
			w.opener = a.Opener
		}
		copy(body, a.Create[:])
	}
	return w, nil
}

// hop is a relay without anything but a key.
type hop struct {
	target layer.Target
	key    layer.Private
}

func newHop() (hop, error) {
	var b [2 * cell.KeyLen]byte
	if _, err := rand.Read(b[:]); err != nil {
		return hop{}, err
	}
	key, err := layer.PrivateFromBytes(b[:cell.KeyLen])
	return hop{layer.Target{Node: [cell.KeyLen]byte(b[cell.KeyLen:]), Key: key.Public()}, key}, err
}

func (w *relayWork) node(c overlay.Config) (relaybench.Node, error) {
	return onion.NewNode(onion.NodeConfig{Overlay: c})
}

// open makes the circuit: one hop, extended by another, as every stem's last hop is.
func (w *relayWork) open(ctx context.Context, near *relaybench.Near, o peer.OverlayID, relay relaybench.Node, ids [2]peer.NodeID) error {
	var err error
	if w.origin, err = circuit.NewOrigin(circuit.OriginConfig{Overlay: o.Bytes()}); err != nil {
		return err
	}
	hops, err := targets(ctx, relay.(*onion.Node), ids[:])
	if err != nil {
		return err
	}
	for { // a relay looks at its directory every second, and refuses until it has found who is next
		err := w.build(ctx, near, hops)
		if !errors.Is(err, circuit.ErrRefused) {
			return err
		}
		if err := pause(ctx, 20*time.Millisecond); err != nil {
			return err
		}
	}
}

// build makes the circuit once.
func (w *relayWork) build(ctx context.Context, near *relaybench.Near, hops []layer.Target) error {
	var err error
	if w.circuit, err = w.origin.Build(time.Now(), neighbor, hops[:1]); err != nil {
		return err
	}
	if err := w.await(ctx, near); err != nil {
		return err
	}
	if err := w.origin.Extend(time.Now(), w.circuit, hops[1], nil, nil); err != nil {
		return err
	}
	return w.await(ctx, near)
}

// neighbor is the relay, as the origin knows it.
const neighbor = 1

// await sends what waits, and takes what comes until the circuit is built.
func (w *relayWork) await(ctx context.Context, near *relaybench.Near) error {
	for {
		w.out = w.origin.Outgoing(w.out[:0])
		for _, o := range w.out {
			if err := near.Send(o.Frame); err != nil {
				return err
			}
		}
		w.origin.Recycle(w.out)
		frame, err := near.Receive(ctx)
		if err != nil {
			return err
		}
		w.origin.Receive(time.Now(), neighbor, frame)
		for _, ev := range w.origin.Events(nil) {
			switch ev.Kind {
			case circuit.Built:
				return nil
			case circuit.Failed:
				return ev.Err
			}
		}
	}
}

// fill makes a cell that goes through the relay and is dropped by the one behind.
func (w *relayWork) fill(frame []byte) error {
	if err := w.origin.Send(time.Now(), w.circuit, cell.Drop, nil); err != nil {
		return err
	}
	w.out = w.origin.Outgoing(w.out[:0])
	copy(frame, w.out[0].Frame)
	w.origin.Recycle(w.out)
	return nil
}

// prepare seals cells that go through the hop of opener.
func (w *relayWork) prepare(n int) error {
	w.bodies = slices.Grow(w.bodies[:0], n*cell.BodyLen)[:n*cell.BodyLen]
	for i := range n {
		body := w.body(i)
		clear(cell.PutMessage(body, cell.Drop, nil))
		if err := layer.Seal(&w.scratch, rand.Reader, body, w.keys); err != nil {
			return err
		}
	}
	return nil
}

func (w *relayWork) body(i int) []byte { return w.bodies[i*cell.BodyLen:][:cell.BodyLen] }

// layer opens one of them.
func (w *relayWork) layer(i int) error {
	_, err := w.opener.Open(&w.scratch, w.body(i))
	return err
}
