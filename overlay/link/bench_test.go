// What a pool adds to the cost of a cell.

package link

import (
	"testing"
	"time"

	"sotto/noise"
)

// benchPool is a pool with one client link, by which a cell comes and goes.
func benchPool(tb testing.TB) (*Pool, Neighbor) {
	p, err := NewPool(start(), Config{Relay: true, Self: newTestPeer(tb, 1).id(), Gate: &testGate{t: tb}, MaxClients: 1})
	must(tb, err)
	p.Handle(start(), noise.Event{Kind: noise.LinkUp, Link: 1, Pattern: noise.NK})
	return p, p.Events(nil)[0].Neighbor
}

func BenchmarkCellThroughThePool(b *testing.B) {
	p, n := benchPool(b)
	frame, now := cell("x"), start()
	var events []Event
	var acts []Action
	b.ReportAllocs()
	for b.Loop() {
		now = now.Add(time.Microsecond)
		p.Handle(now, noise.Event{Kind: noise.FrameReceived, Link: 1, Frame: frame})
		events = p.Events(events[:0])
		_ = p.Send(now, n, events[0].Frame)
		acts = p.Actions(acts[:0])
	}
}

func TestCellsCostNoMemory(t *testing.T) {
	p, n := benchPool(t)
	frame := cell("x")
	var events []Event
	var acts []Action
	if got := testing.AllocsPerRun(100, func() {
		p.Handle(start(), noise.Event{Kind: noise.FrameReceived, Link: 1, Frame: frame})
		events = p.Events(events[:0])
		must(t, p.Send(start(), n, events[0].Frame))
		acts = p.Actions(acts[:0])
	}); got != 0 {
		t.Errorf("%v allocations a cell", got)
	}
}
