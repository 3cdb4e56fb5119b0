// What an observer sees is what happened, on every wire, and the record is bounded.

package simnet

import (
	"fmt"
	"slices"
	"testing"
	"time"
)

func TestTheTapSeesEachWireWithTheAddressesBorneThere(t *testing.T) {
	b := newBench(t, Config{Link: Link{Latency: 20 * time.Millisecond}})
	r := &Recorder{KeepPayload: true}
	b.net.Tap(r.Record)
	left := b.station(b.net.NAT(NATConfig{PreservePort: true}, addr("198.51.100.1")).Host(addr("10.0.0.1")), 1)
	right := b.station(b.net.NAT(NATConfig{PreservePort: true}, addr("198.51.100.2")).Host(addr("10.0.0.2")), 2)
	right.Send(2, addrPort("198.51.100.1:1"), nil)
	left.Send(1, addrPort("198.51.100.2:2"), []byte("abc"))
	b.run(time.Second)
	right.mustTake()
	left.Send(1, addrPort("198.51.100.2:2"), []byte("what was kept stays as it was"))
	b.run(time.Second)

	var seen []string
	for _, c := range r.Captures() {
		if c.ID == 2 {
			seen = append(seen, fmt.Sprint(c.Time.Sub(dawn()), " ", c.Point.Kind, " ", c.Point.Index, " ", c.Src, " ", c.Dst, " ", c.Size, " ", string(c.Payload), " ", c.Verdict))
		}
	}
	want := []string{
		"0s host out 0 10.0.0.1:1 198.51.100.2:2 3 abc passed",
		"0s nat out 0 198.51.100.1:1 198.51.100.2:2 3 abc passed",
		"20ms nat in 1 198.51.100.1:1 198.51.100.2:2 3 abc passed",
		"20ms host in 1 198.51.100.1:1 10.0.0.2:2 3 abc delivered",
	}
	if !slices.Equal(seen, want) {
		t.Errorf("saw\n%q, want\n%q", seen, want)
	}
}

// Every datagram ends once: whatever is sent is delivered or counted under exactly one reason.
func TestEveryDatagramHasOneEnd(t *testing.T) {
	ends := make(map[uint64]int)
	copies := 0
	for _, c := range scenario(9) {
		if c.Verdict != Passed {
			ends[c.ID]++
		}
		if ends[c.ID] > 2 {
			t.Fatalf("datagram %d ended %d times", c.ID, ends[c.ID])
		}
		if ends[c.ID] == 2 {
			copies++
		}
	}
	if copies == 0 || copies > len(ends)/10 {
		t.Errorf("%d of %d ended twice; only duplicates, 5 in 100, may", copies, len(ends))
	}
}

func TestARecorderIsBoundedAndSaysWhatItMissed(t *testing.T) {
	b := newBench(t, Config{})
	r := &Recorder{Limit: 2, Only: func(c Capture) bool { return c.Point.Kind == HostIn }}
	b.net.Tap(r.Record)
	x, y := b.station(b.net.Host(addr("192.0.2.1")), 1), b.station(b.net.Host(addr("192.0.2.2")), 1)
	for range 5 {
		x.send(1, addrPort("192.0.2.2:1"))
	}
	kept := r.Captures()
	if len(kept) != 2 || kept[1].ID != 2 || kept[0].Payload != nil || kept[0].Size != 1 || r.Missed() != 3 {
		t.Errorf("kept %d, missed %d", len(kept), r.Missed())
	}
	if len(y.heard) != 5 || b.net.Sent() != 5 {
		t.Error("a full recorder must not touch the traffic")
	}
}

func TestVerdictsAndPointsHaveNames(t *testing.T) {
	names := make(map[string]bool)
	for v := range verdicts {
		names[v.String()] = true
	}
	if len(names) != int(verdicts) || names[""] || names["unknown"] || verdicts.String() != "unknown" {
		t.Errorf("names %v", names)
	}
}
