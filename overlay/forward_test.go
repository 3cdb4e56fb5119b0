// What the layer above sees of cells that come in batches, and what becomes of those that it gives back.

package overlay

import (
	"fmt"
	"slices"
	"testing"
	"time"

	"sotto/internal/simnet"
	"sotto/overlay/link"
)

func TestWhatIsQueuedWhileCellsComeGoesOn(t *testing.T) {
	inLab(t, simnet.Config{Seed: 41, Link: simnet.Link{Latency: ms(40)}}, func(l *lab) {
		relay := l.seed()
		near, far := l.relay(), l.relay()
		var onto link.Neighbor
		done, cells, late := 0, 0, false
		relay.cfg.Cells = func(_ link.Neighbor, client bool, frame []byte) {
			cells++
			late = late || client
			frame[1] |= 0x20 // in place
			relay.Queue(onto, frame)
		}
		relay.cfg.CellsDone = func() { done++; relay.Queue(onto, cell("done")) }
		l.start(relay, near, far)
		l.allLinked(time.Minute)
		onto = relay.to(far)
		to := near.to(relay)
		for i := range 20 {
			near.say(to, fmt.Sprint("A", i))
		}
		time.Sleep(time.Second)
		relay.stop()
		var heard []string
		for len(far.cells) > 0 {
			c := <-far.cells
			heard = append(heard, c.text)
		}
		for i := range 20 {
			if !slices.Contains(heard, fmt.Sprint("a", i)) {
				l.t.Errorf("cell %d did not come through: %q", i, heard)
			}
		}
		if cells != 20 || done == 0 || done > 20 || late || len(heard) != 20+done {
			l.t.Errorf("%d cells in %d batches, %d heard; a client's: %v", cells, done, len(heard), late)
		}
	})
}

func TestManyAnswersLeaveAtOnce(t *testing.T) {
	inLab(t, simnet.Config{Seed: 42, Link: simnet.Link{Latency: ms(40)}}, func(l *lab) {
		l.crowd(4)
		l.allLinked(time.Minute)
		var frames []link.Outgoing
		for i := range 30 {
			to := l.relays[1+i%3]
			frames = append(frames, link.Outgoing{Neighbor: l.relays[0].to(to), Frame: cell(fmt.Sprint(i))})
		}
		l.relays[0].SendAll(frames)
		for i := range 30 {
			if _, ok := l.relays[1+i%3].hears(fmt.Sprint(i)); !ok {
				l.t.Errorf("answer %d did not come", i)
			}
		}
	})
}

func TestLinksAreToldInOrder(t *testing.T) {
	inLab(t, simnet.Config{Seed: 43, Link: simnet.Link{Latency: ms(40)}}, func(l *lab) {
		a, b := l.seed(), l.seed()
		var told []string
		a.cfg.Links = func(ev link.Event) {
			if ev.Client || ev.Node != b.cfg.Identity.Static.NodeID() {
				l.t.Error("an event of somebody else")
			}
			told = append(told, map[link.EventKind]string{link.Up: "up", link.Down: "down", link.Failed: "failed"}[ev.Kind])
		}
		l.start(a, b)
		l.allLinked(time.Minute)
		time.Sleep(2 * time.Minute) // else an end so early counts as a failure too
		b.stop()
		time.Sleep(30 * time.Second)
		a.stop()
		if len(told) < 3 || !slices.Equal(told[:2], []string{"up", "down"}) || told[2] != "failed" {
			l.t.Errorf("told %q", told)
		}
	})
}
