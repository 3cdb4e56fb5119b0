package link

import (
	"fmt"
	"slices"
	"testing"

	"sotto/noise"
)

// crowd is a pool with some clients, whose links are numbered from 1.
func crowd(tb testing.TB, clients int) (*Pool, []Neighbor) {
	p, err := NewPool(start(), Config{Relay: true, Self: newTestPeer(tb, 1).id(), Gate: &testGate{t: tb}, MaxClients: clients})
	must(tb, err)
	var all []Neighbor
	for i := range clients {
		p.Handle(start(), noise.Event{Kind: noise.LinkUp, Link: noise.LinkID(i + 1), Pattern: noise.NK})
	}
	for _, ev := range p.Events(nil) {
		all = append(all, ev.Neighbor)
	}
	return p, all
}

func TestForwardedFramesLeaveInOneTrainForEachNeighbor(t *testing.T) {
	p, to := crowd(t, 3)
	var frames []Outgoing
	for i := range 12 {
		frames = append(frames, Outgoing{to[i%3], cell(fmt.Sprint(i))})
	}
	p.Forward(start(), frames)
	var links []noise.LinkID
	var texts []string
	for _, a := range p.Actions(nil) {
		links = append(links, a.Link)
		texts = append(texts, string(a.Frame[1:3]))
	}
	if !slices.Equal(links, []noise.LinkID{1, 1, 1, 1, 2, 2, 2, 2, 3, 3, 3, 3}) {
		t.Errorf("links in the order %v", links)
	}
	want := []string{"0\x00", "3\x00", "6\x00", "9\x00", "1\x00", "4\x00", "7\x00", "10", "2\x00", "5\x00", "8\x00", "11"}
	if !slices.Equal(texts, want) {
		t.Errorf("frames in the order %q", texts)
	}
	if c := p.Counters(); c.CellsSent != 12 {
		t.Errorf("%d cells sent", c.CellsSent)
	}
}

func TestForwardDropsAndCountsWhatIsNoFrameOrForNobody(t *testing.T) {
	p, to := crowd(t, 1)
	message := cell("x")
	message[0] = byte(KindMessage)
	p.Forward(start(), []Outgoing{{to[0], cell("x")[1:]}, {to[0], nil}, {99, cell("x")}, {to[0], message}, {to[0], cell("good")}})
	if acts := p.Actions(nil); len(acts) != 1 || string(acts[0].Frame[1:5]) != "good" {
		t.Errorf("%d frames left", len(acts))
	}
	if c := p.Counters(); c.ForwardRefused != 4 {
		t.Errorf("%d refused, want 4", c.ForwardRefused)
	}
	p.Forward(start(), nil)
	p.Forward(start(), []Outgoing{{to[0], cell("again")}})
	if acts := p.Actions(nil); len(acts) != 1 || string(acts[0].Frame[1:6]) != "again" {
		t.Error("the train before was not forgotten")
	}
}

func TestForwardKeepsToTheBandwidth(t *testing.T) {
	p, to := crowd(t, 2)
	p.throttle = newThrottle(start(), 1) // minBurst, of which an eighth is not for cells
	frames := make([]Outgoing, 100)
	for i := range frames {
		frames[i] = Outgoing{to[i%2], cell("x")}
	}
	p.Forward(start(), frames)
	const most = 28
	if n, c := len(p.Actions(nil)), p.Counters(); n != most || c.CellsSent != most || c.CapDropped != 100-most {
		t.Errorf("%d frames left, %d counted, %d dropped", n, c.CellsSent, c.CapDropped)
	}
}

func TestAFrameBehindTheEndOfItsLinkIsDropped(t *testing.T) {
	p, _ := crowd(t, 1)
	frame := noise.Event{Kind: noise.FrameReceived, Link: 1, Frame: cell("x")}
	p.Handle(start(), frame, noise.Event{Kind: noise.LinkDown, Link: 1, Err: noise.ErrPeerClosed}, frame)
	var kinds []EventKind
	for _, ev := range p.Events(nil) {
		kinds = append(kinds, ev.Kind)
	}
	if !slices.Equal(kinds, []EventKind{Cell, Down}) {
		t.Errorf("events %v", kinds)
	}
}

func TestTrainsCostNoMemory(t *testing.T) {
	p, to := crowd(t, 4)
	in := make([]noise.Event, 64)
	for i := range in {
		in[i] = noise.Event{Kind: noise.FrameReceived, Link: noise.LinkID(i/16 + 1), Frame: cell("x")}
	}
	var events []Event
	var acts []Action
	var out []Outgoing
	if got := testing.AllocsPerRun(100, func() {
		p.Handle(start(), in...)
		events = p.Events(events[:0])
		out = out[:0]
		for i := range events {
			out = append(out, Outgoing{to[i%4], events[i].Frame})
		}
		p.Forward(start(), out)
		acts = p.Actions(acts[:0])
	}); got != 0 {
		t.Errorf("%v allocations a batch", got)
	}
}
