// A relay's promises to owners and callers.

package lease

import (
	"bytes"
	"fmt"
	"runtime"
	"testing"
	"time"

	"sotto/onion/cell"
)

// describe writes actions down as an observer of both circuits could.
func describe(all []Action) string {
	var b bytes.Buffer
	for _, a := range all {
		if a.Kind == ActClose {
			fmt.Fprintf(&b, "close %d; ", a.Circuit)
			continue
		}
		fmt.Fprintf(&b, "%d to %d; ", a.Message, a.Circuit)
	}
	return b.String()
}

// stand is a registry with a lease of key 5 on circuit 1.
func stand(t testing.TB, limits Limits) (*Registry, *onion, ID) {
	o := newOnion(t)
	r, err := NewRegistry(RegistryConfig{Place: place(), Limits: limits, Secrets: o, Rand: seeded(3)})
	must(t, err)
	payload, _ := testListen(t, o, 1, ShortLived, 5)
	id := grant(t, r.Arrived(testStart, 1, 1, cell.Listen, payload))
	return r, o, id
}

// grant is the lease given by the last of some actions.
func grant(t testing.TB, all []Action) ID {
	t.Helper()
	if len(all) == 0 {
		t.Fatal("no answer to a Listen")
	}
	last := all[len(all)-1]
	id, isGiven, ok := parseListening(fillUp(last.Payload))
	if last.Message != cell.Listening || !ok || !isGiven {
		t.Fatalf("no lease given: %s", describe(all))
	}
	return id
}

// refusal is what refuses a Listen on circuit 2, in the eyes of its owner.
const refusal = "9 to 2; close 2; "

func TestListenGivesALeaseAndAgainTheSameOne(t *testing.T) {
	r, o, id := stand(t, DefaultLimits())
	payload, _ := testListen(t, o, 1, ShortLived, 5)
	if again := grant(t, r.Arrived(testStart, 1, 1, cell.Listen, payload)); again != id {
		t.Error("another lease for the same Listen")
	}
	if o.asked != 1 || r.Leases() != 1 {
		t.Errorf("%d agreements, %d leases", o.asked, r.Leases())
	}
	r.check(t)
}

func TestListenIsBoundToCircuitRelayAndEveryField(t *testing.T) {
	r, o, _ := stand(t, DefaultLimits())
	other, _ := testListen(t, o, 1, ShortLived, 5)
	if got := describe(r.Arrived(testStart, 2, 1, cell.Listen, other)); got != refusal {
		t.Errorf("replayed on another circuit: %s", got)
	}
	for i := range listenLen {
		for bit := range 8 {
			payload, _ := testListen(t, o, 2, ShortLived, 5)
			payload[i] ^= 1 << bit
			if got := describe(r.Arrived(testStart, 2, 1, cell.Listen, payload)); got != refusal {
				t.Fatalf("byte %d bit %d: %s", i, bit, got)
			}
		}
	}
	elsewhere, err := NewRegistry(RegistryConfig{NewPlace(fill32(1), fill32(8)), DefaultLimits(), o, seeded(3)})
	must(t, err)
	payload, _ := testListen(t, o, 2, ShortLived, 5)
	if got := describe(elsewhere.Arrived(testStart, 2, 1, cell.Listen, payload)); got != refusal {
		t.Errorf("at another relay: %s", got)
	}
	if r.Leases() != 1 {
		t.Errorf("%d leases", r.Leases())
	}
}

func TestRefusedListenCostsItsCircuit(t *testing.T) {
	limits := DefaultLimits()
	limits.Leases = 1
	r, o, _ := stand(t, limits)
	payload, _ := testListen(t, o, 2, ShortLived, 6)
	if got := describe(r.Arrived(testStart, 2, 1, cell.Listen, payload)); got != refusal {
		t.Errorf("no room: %s", got)
	}
	if got := describe(r.Arrived(testStart, 2, 1, cell.Listen, make([]byte, cell.PayloadLen))); got != refusal {
		t.Errorf("nonsense: %s", got)
	}
	payload, _ = testListen(t, o, 1, ShortLived, 6)
	if got := describe(r.Arrived(testStart, 1, 1, cell.Listen, payload)); got != "9 to 1; close 1; " || r.Leases() != 0 {
		t.Errorf("a second lease on a circuit: %s", got)
	}
	r.check(t)
}

func TestOneNeighbourCannotTakeAllLeases(t *testing.T) {
	limits := DefaultLimits()
	limits.LeasesPerNeighbor = 2
	r, o, _ := stand(t, limits)
	for c := Circuit(2); c < 10; c++ {
		payload, _ := testListen(t, o, c, ShortLived, byte(c))
		r.Arrived(testStart, c, 1, cell.Listen, payload)
	}
	if r.Leases() != 2 {
		t.Errorf("%d leases over one link", r.Leases())
	}
	payload, _ := testListen(t, o, 20, ShortLived, 20)
	grant(t, r.Arrived(testStart, 20, 2, cell.Listen, payload))
	r.check(t)
}

func TestStoringLeaseIsFoundAgainAfterARestart(t *testing.T) {
	r, o, _ := stand(t, DefaultLimits())
	payload, l := testListen(t, o, 2, Storing, 6)
	id := grant(t, r.Arrived(testStart, 2, 1, cell.Listen, payload))
	if id != StoringID(place(), l.public) {
		t.Error("the ID does not follow from key and relay")
	}
	r.Early(testStart, 3, 2, testFirst(t, id, l.knock, 1))
	payload, _ = testListen(t, o, 4, Storing, 6)
	all := r.Arrived(testStart, 4, 1, cell.Listen, payload)
	if got := describe(all); got != "12 to 3; close 2; 9 to 4; " || grant(t, all) != id {
		t.Errorf("registered again: %s", got)
	}
	if got := describe(r.Early(testStart, 5, 2, testFirst(t, id, l.knock, 2))); got != "10 to 4; 10 to 4; " {
		t.Errorf("opening after that: %s", got)
	}
	r.check(t)
}

func TestWrongProofDoesNotTakeAStoringLease(t *testing.T) {
	r, o, _ := stand(t, DefaultLimits())
	payload, l := testListen(t, o, 2, Storing, 6)
	id := grant(t, r.Arrived(testStart, 2, 1, cell.Listen, payload))
	payload, _ = testListen(t, o, 3, Storing, 6)
	payload[fieldsLen] ^= 1
	if got := describe(r.Arrived(testStart, 3, 1, cell.Listen, payload)); got != "9 to 3; close 3; " {
		t.Errorf("wrong proof: %s", got)
	}
	if got := describe(r.Early(testStart, 5, 2, testFirst(t, id, l.knock, 2))); got != "10 to 2; 10 to 2; " {
		t.Errorf("the owner is no longer the owner: %s", got)
	}
}

func TestEveryRefusedOpeningGetsTheSameCut(t *testing.T) {
	limits := DefaultLimits()
	limits.SplicesPerLease = 2
	r, _, id := stand(t, limits)
	cut := func(what string, all []Action) {
		t.Helper()
		if describe(all) != "12 to 9; " || !bytes.Equal(all[0].Payload, make([]byte, cell.SpliceIDLen)) {
			t.Errorf("%s: %s", what, describe(all))
		}
	}
	cut("unknown lease", r.Early(testStart, 9, 2, testFirst(t, ID{}, testKnock(5), 1)))
	cut("wrong knock key", r.Early(testStart, 9, 2, testFirst(t, id, testKnock(6), 1)))
	for i := 1; i < cell.EarlyFirstLen; i++ {
		first := testFirst(t, id, testKnock(5), 1)
		first[i] ^= 4
		cut(fmt.Sprintf("byte %d altered", i), r.Early(testStart, 9, 2, first))
	}
	for c := Circuit(2); c < 4; c++ {
		if got := describe(r.Early(testStart, c, 2, testFirst(t, id, testKnock(5), 1))); got != "10 to 1; 10 to 1; " {
			t.Fatalf("a right one: %s", got)
		}
	}
	cut("too many on the lease", r.Early(testStart, 9, 2, testFirst(t, id, testKnock(5), 1)))
	r.Closed(1)
	cut("owner gone", r.Early(testStart, 9, 2, testFirst(t, id, testKnock(5), 1)))
	r.check(t)
}

func TestOnlyRightKnocksUseUpTheOwnersRate(t *testing.T) {
	r, _, id := stand(t, DefaultLimits())
	for range 10000 {
		r.Early(testStart, 9, 2, testFirst(t, id, testKnock(6), 1))
	}
	through := 0
	for c := Circuit(100); c < 200; c++ {
		if describe(r.Early(testStart, c, 2, testFirst(t, id, testKnock(5), 1))) == "10 to 1; 10 to 1; " {
			through++
		}
	}
	if through != DefaultOpeningsBurst {
		t.Errorf("%d openings let through at once", through)
	}
	for c := Circuit(200); c < 300; c++ {
		r.Early(testStart.Add(5*time.Second), c, 2, testFirst(t, id, testKnock(5), 1))
	}
	if got := r.Splices() - through; got != 5 {
		t.Errorf("%d openings in the next 5 s", got)
	}
}

func TestOwnerCannotAskForMoreThanTheRelaysLimit(t *testing.T) {
	limits := DefaultLimits()
	limits.OpeningsBurst, limits.OpeningsPerMinute = 3, 60
	r, _, id := stand(t, limits)
	for c := Circuit(100); c < 200; c++ {
		r.Early(testStart, c, 2, testFirst(t, id, testKnock(5), 1))
	}
	if r.Splices() != 3 {
		t.Errorf("%d openings", r.Splices())
	}
}

func TestSpliceCarriesCellsBothWaysUntilCut(t *testing.T) {
	for _, end := range []string{"caller cuts", "owner cuts", "caller closes", "owner closes"} {
		r, _, id := stand(t, DefaultLimits())
		all := r.Early(testStart, 2, 2, testFirst(t, id, testKnock(5), 1))
		splice, opening, ok := parseOpened(fillUp(all[0].Payload))
		if !ok || !bytes.Equal(opening, testOpening(1)) {
			t.Fatal("the opening did not get through")
		}
		all = r.Arrived(testStart, 2, 2, cell.Splice, AppendSplice(nil, testSession(3)))
		if got, session, _ := parseSplice(all[0].Payload); describe(all) != "11 to 1; " || got != splice || !bytes.Equal(session, testSession(3)) {
			t.Fatalf("towards the owner: %s", describe(all))
		}
		all = r.Arrived(testStart, 1, 1, cell.Splice, append(appendCut(nil, splice), testSession(4)...))
		if session, _ := ParseSplice(all[0].Payload); describe(all) != "11 to 2; " || !bytes.Equal(session, testSession(4)) {
			t.Fatalf("towards the caller: %s", describe(all))
		}
		if bytes.Equal(all[0].Payload[:4], appendCut(nil, splice)) {
			t.Error("the caller is shown the owner's splice ID")
		}
		want := "12 to 1; "
		switch end {
		case "caller cuts":
			all = r.Arrived(testStart, 2, 2, cell.Cut, fillUp(nil))
		case "caller closes":
			all = r.Closed(2)
		case "owner cuts":
			all, want = r.Arrived(testStart, 1, 1, cell.Cut, fillUp(appendCut(nil, splice))), "12 to 2; "
		case "owner closes":
			all, want = r.Closed(1), "12 to 2; "
		}
		if got := describe(all); got != want || r.Splices() != 0 {
			t.Errorf("%s: %s, %d splices", end, got, r.Splices())
		}
		r.check(t)
		if got := describe(r.Arrived(testStart, 2, 2, cell.Splice, fillUp(nil))); got != "" {
			t.Errorf("%s, and the caller goes on: %s", end, got)
		}
	}
}

func TestOwnerThatSendsOnAnEndedSpliceIsTold(t *testing.T) {
	r, _, _ := stand(t, DefaultLimits())
	all := r.Arrived(testStart, 1, 1, cell.Splice, fillUp(appendCut(nil, 77)))
	if id, _, _ := parseSplice(fillUp(all[0].Payload)); describe(all) != "12 to 1; " || id != 77 {
		t.Errorf("got %s", describe(all))
	}
}

func TestOwnerCannotReachAnotherOwnersSplices(t *testing.T) {
	r, o, id := stand(t, DefaultLimits())
	payload, _ := testListen(t, o, 2, ShortLived, 6)
	grant(t, r.Arrived(testStart, 2, 1, cell.Listen, payload))
	splice, _, _ := parseSplice(fillUp(r.Early(testStart, 3, 2, testFirst(t, id, testKnock(5), 1))[0].Payload))
	for _, m := range []cell.Message{cell.Splice, cell.Cut} {
		for _, a := range r.Arrived(testStart, 2, 1, m, fillUp(appendCut(nil, splice))) {
			if a.Circuit != 2 {
				t.Errorf("message %d of one owner went to circuit %d", m, a.Circuit)
			}
		}
	}
	if r.Splices() != 1 {
		t.Error("one owner cut another's splice")
	}
}

func TestIdleAndUnansweredSplicesEnd(t *testing.T) {
	r, _, id := stand(t, DefaultLimits())
	slack := r.limits.Idle/16 + time.Second
	a, _, _ := parseSplice(fillUp(r.Early(testStart, 2, 2, testFirst(t, id, testKnock(5), 1))[0].Payload))
	r.Early(testStart, 3, 2, testFirst(t, id, testKnock(5), 1))
	now := testStart.Add(time.Second)
	r.Arrived(now, 1, 1, cell.Splice, fillUp(appendCut(nil, a)))
	tick := func(until time.Time) {
		for n := r.Next(); !n.IsZero() && !n.After(until); n = r.Next() {
			// The second caller goes on talking; that is no answer.
			r.Arrived(n, 3, 2, cell.Splice, fillUp(nil))
			r.Tick(n)
			r.check(t)
		}
	}
	tick(testStart.Add(r.limits.Unanswered + slack))
	if r.Splices() != 1 {
		t.Fatalf("%d splices after nobody answered one of two", r.Splices())
	}
	tick(testStart.Add(r.limits.Idle - time.Second))
	if r.Splices() != 1 {
		t.Fatal("an answered splice ended before its time")
	}
	tick(testStart.Add(r.limits.Idle + slack))
	if r.Splices() != 0 || !r.Next().IsZero() {
		t.Errorf("%d splices, next %v", r.Splices(), r.Next())
	}
}

func TestOneSpliceCannotTakeMoreThanItsShare(t *testing.T) {
	limits := DefaultLimits()
	limits.CellsPerSecond, limits.CellsBurst = 100, 10
	r, _, id := stand(t, limits)
	r.Early(testStart, 2, 2, testFirst(t, id, testKnock(5), 1))
	splice := r.callers[2].id
	up, down := 0, 0
	for i := range 1000 {
		now := testStart.Add(time.Duration(i) * time.Millisecond)
		up += len(r.Arrived(now, 2, 2, cell.Splice, fillUp(nil)))
		down += len(r.Arrived(now, 1, 1, cell.Splice, fillUp(appendCut(nil, splice))))
	}
	if min(up, down) < 108 || max(up, down) > 110 {
		t.Errorf("%d cells up and %d down in a second at 100 and a burst of 10", up, down)
	}
}

// An attacker with leases of his own and many circuits fills his share and no more.
func TestFloodStaysWithinTheBoundsAndLeavesRoomForOthers(t *testing.T) {
	limits := DefaultLimits()
	limits.LeasesPerNeighbor, limits.Splices, limits.SplicesPerNeighbor, limits.SplicesPerLease = 4, 40, 17, 8
	limits.OpeningsBurst = 1000
	r, o, id := stand(t, limits)
	var his []ID
	for c := Circuit(1000); c < 1050; c++ {
		payload, _ := testListen(t, o, c, ShortLived, 6)
		if all := r.Arrived(testStart, c, 66, cell.Listen, payload); len(all) == 1 {
			his = append(his, grant(t, all))
		}
	}
	for c := Circuit(2000); c < 4000; c++ {
		r.Early(testStart, c, 66, testFirst(t, his[int(c)%len(his)], testKnock(6), 1))
	}
	r.check(t)
	if r.Leases() != 5 || r.Splices() != 8 {
		t.Errorf("%d leases, %d splices", r.Leases(), r.Splices())
	}
	if got := describe(r.Early(testStart, 9, 2, testFirst(t, id, testKnock(5), 1))); got != "10 to 1; 10 to 1; " {
		t.Errorf("somebody else's opening: %s", got)
	}
	for c := Circuit(1000); c < 4000; c++ {
		r.Closed(c)
	}
	r.check(t)
	if r.Leases() != 1 || r.Splices() != 1 {
		t.Errorf("left: %d leases, %d splices", r.Leases(), r.Splices())
	}
}

func TestFullRelayHoldsWhatItsLimitsSay(t *testing.T) {
	o := newOnion(t)
	limits := DefaultLimits()
	limits.LeasesPerNeighbor, limits.SplicesPerNeighbor = limits.Leases, 4*limits.Splices
	r, err := NewRegistry(RegistryConfig{place(), limits, o, seeded(3)})
	must(t, err)
	heap := func() uint64 {
		var m runtime.MemStats
		runtime.GC()
		runtime.ReadMemStats(&m)
		return m.HeapAlloc
	}
	empty := heap()
	for c := Circuit(1); c <= Circuit(limits.Leases); c++ {
		payload, _ := testListen(t, o, c, ShortLived, 5)
		id := grant(t, r.Arrived(testStart, c, 1, cell.Listen, payload))
		first := testFirst(t, id, testKnock(5), 1)
		for i := range Circuit(limits.Splices / limits.Leases) {
			r.Early(testStart, 100000+2*c+i, 1, first)
		}
	}
	full := heap()
	each := float64(full-empty) / float64(limits.Leases+limits.Splices)
	if r.Leases() != limits.Leases || r.Splices() != limits.Splices || each > 512 {
		t.Errorf("%d leases and %d splices take %.0f bytes each", r.Leases(), r.Splices(), each)
	}
	t.Logf("%.0f bytes for a lease or splice", each)
	runtime.KeepAlive(r)
}

func TestSplicedCellAllocatesNothing(t *testing.T) {
	r, _, id := stand(t, DefaultLimits())
	r.Early(testStart, 2, 2, testFirst(t, id, testKnock(5), 1))
	payload, now := fillUp(nil), testStart
	if n := testing.AllocsPerRun(1000, func() {
		now = now.Add(time.Second / 100)
		if len(r.Arrived(now, 2, 2, cell.Splice, payload)) != 1 {
			t.Fatal("a cell was dropped")
		}
	}); n != 0 {
		t.Errorf("%v allocations a cell", n)
	}
}

func BenchmarkSplice(b *testing.B) {
	r, _, id := stand(b, DefaultLimits())
	r.Early(testStart, 2, 2, testFirst(b, id, testKnock(5), 1))
	payload, now := fillUp(nil), testStart
	b.ReportAllocs()
	for b.Loop() {
		now = now.Add(time.Second / 100)
		r.Arrived(now, 2, 2, cell.Splice, payload)
	}
}

func BenchmarkWrongKnock(b *testing.B) {
	r, _, id := stand(b, DefaultLimits())
	first := testFirst(b, id, testKnock(6), 1)
	b.ReportAllocs()
	for b.Loop() {
		r.Early(testStart, 2, 2, first)
	}
}
