package relaybench

import (
	"context"
	"crypto/aes"
	"crypto/cipher"
	"sync"
	"testing"
	"time"

	"sotto/noise"
	"sotto/overlay/link"
)

// standIn is work with an AEAD over what a layer covers, in place of a layer.
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
	return Work{
		Fill:  func(frame []byte) { frame[0] = byte(link.KindCell) },
		Pass:  func(frame []byte) bool { layer(frame); return true },
		Layer: layer,
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

func TestChainIsMeasuredWithoutSockets(t *testing.T) {
	f, err := MeasureChain(t.Context(), standIn(t), 16, 50*time.Millisecond)
	if err != nil {
		t.Fatal(err)
	}
	if t.Log(f); f.P50 <= 0 || f.N == 0 {
		t.Error("nothing was measured")
	}
}

func TestTrainsOfAWorkerCostNoMemory(t *testing.T) {
	var running sync.WaitGroup
	defer running.Wait()
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	c, err := newChain(ctx, standIn(t), &running)
	if err != nil {
		t.Fatal(err)
	}
	frames := make([]link.Outgoing, 32)
	for i := range frames {
		frames[i] = link.Outgoing{Neighbor: c.relay.far, Frame: make([]byte, noise.FrameLen)}
		frames[i].Frame[0] = byte(link.KindCell)
	}
	if n := testing.AllocsPerRun(100, func() { c.relay.SendAll(frames) }); n != 0 {
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
		chain, err := MeasureChain(b.Context(), standIn(b), train, time.Second)
		if err != nil {
			b.Fatal(err)
		}
		for _, f := range append(figures, chain) {
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
