package relaybench

import (
	"context"
	"crypto/aes"
	"crypto/cipher"
	"sync/atomic"
	"testing"
	"time"

	"sotto/noise"
	"sotto/overlay"
	"sotto/overlay/link"
	"sotto/overlay/peer"
)

// passing is a relay that gives on to its neighbour what comes from clients, with an AEAD over what a layer covers in
// place of a layer.
type passing struct {
	*overlay.Node
	far   atomic.Uint64
	layer func([]byte)
}

func newPassing(c overlay.Config, layer func([]byte)) (*passing, error) {
	p := &passing{layer: layer}
	c.Links = func(ev link.Event) {
		if ev.Kind == link.Up && !ev.Client {
			p.far.Store(uint64(ev.Neighbor))
		}
	}
	c.Cells = func(_ link.Neighbor, client bool, frame []byte) {
		if client {
			layer(frame)
			p.Queue(link.Neighbor(p.far.Load()), frame)
		}
	}
	var err error
	p.Node, err = overlay.New(c)
	return p, err
}

// standIn is work without circuits.
func standIn(tb testing.TB) Work {
	block, err := aes.NewCipher(make([]byte, 32))
	if err != nil {
		tb.Fatal(err)
	}
	aead, err := cipher.NewGCM(block)
	if err != nil {
		tb.Fatal(err)
	}
	var nonce [12]byte
	layer := func(frame []byte) { aead.Seal(frame[30:30], nonce[:], frame[30:463], nil) }
	var spare [noise.FrameLen]byte
	return Work{
		Node:    func(c overlay.Config) (Node, error) { return newPassing(c, layer) },
		Open:    func(context.Context, *Near, peer.OverlayID, Node, [2]peer.NodeID) error { return nil },
		Fill:    func(frame []byte) error { frame[0] = byte(link.KindCell); return nil },
		Prepare: func(int) error { return nil },
		Layer:   func(int) error { layer(spare[:]); return nil },
	}
}

func TestRelayIsMeasuredBesideItsParts(t *testing.T) {
	figures, err := Measure(t.Context(), standIn(t), 16, 300*time.Millisecond)
	if err != nil {
		t.Fatal(err)
	}
	for _, f := range figures {
		t.Log(f)
		if f.P50 <= 0 || f.N == 0 {
			t.Errorf("%s: nothing was measured", f.Name)
		}
		for _, d := range f.Details {
			if d.Key == "allocs" && d.Value != 0 {
				t.Errorf("%v allocations a cell", d.Value)
			}
		}
	}
}

func TestEveryCellReachesTheRelayBehind(t *testing.T) {
	r, err := newRun(t.Context(), standIn(t), 16)
	if err != nil {
		t.Fatal(err)
	}
	defer r.close()
	for range 3 {
		if _, err := r.relay(); err != nil {
			t.Fatal(err)
		}
		got := 0
		for _, b := range r.back {
			got += b.Len()
		}
		if got < r.window {
			t.Errorf("%d datagrams of %d came", got, r.window)
		}
	}
}

func TestTrainsOfAWorkerCostNoMemory(t *testing.T) {
	r, err := newRun(t.Context(), standIn(t), 16)
	if err != nil {
		t.Fatal(err)
	}
	defer r.close()
	relay := r.nodes[0].(*passing)
	frames := make([]link.Outgoing, 32)
	for i := range frames {
		frames[i] = link.Outgoing{Neighbor: link.Neighbor(relay.far.Load()), Frame: make([]byte, noise.FrameLen)}
		frames[i].Frame[0] = byte(link.KindCell)
	}
	if n := testing.AllocsPerRun(100, func() { relay.SendAll(frames) }); n != 0 {
		t.Errorf("%v allocations a train", n)
	}
}

// BenchmarkRelay prints the figures for trains of several lengths, without a comparison between them.
func BenchmarkRelay(b *testing.B) {
	for _, train := range []int{1, 4, 16, 64} {
		figures, err := Measure(b.Context(), standIn(b), train, 2*time.Second)
		if err != nil {
			b.Fatal(err)
		}
		for _, f := range figures {
			b.Log(f)
		}
	}
}

func TestMeasuringEndsWithItsContext(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := Measure(ctx, standIn(t), 16, time.Hour); err == nil {
		t.Error("it went on")
	}
}
