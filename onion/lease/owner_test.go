// An owner's promises: its leases come back whatever happens, their keys do not, and sessions reach it in order.

package lease

import (
	"errors"
	"slices"
	"testing"
	"time"

	"sotto/onion/cell"
)

func TestLeaseStandsAndTakesACall(t *testing.T) {
	l := newLab(t, 1)
	l.answer = true
	l.keep(shortLived())
	lease := l.latest()
	began := l.now
	c := l.call(lease.ID, lease.Knock, 9)
	l.pass(4 * testDelay)
	if len(l.openings) != 1 || !slices.Equal(l.heard[c], []byte{9}) {
		t.Fatalf("%d openings, the caller heard %v after %v", len(l.openings), l.heard[c], l.now.Sub(began))
	}
	for leg, got := range l.cells {
		if len(got) != cell.MaxEarly {
			t.Errorf("%d cells behind the opening", len(got))
		}
		l.own(l.owner.Cut(leg))
	}
	l.pass(time.Second)
	if l.callerCuts[c] != 1 || l.registry.Splices() != 0 {
		t.Errorf("%d cuts, %d splices", l.callerCuts[c], l.registry.Splices())
	}
}

func TestTheSessionStandsBehindTheOpeningWhateverTheOrder(t *testing.T) {
	l := newLab(t, 2)
	l.keep(shortLived())
	l.jitter = 200 * time.Millisecond
	for range 10 {
		l.call(l.latest().ID, l.latest().Knock, 9)
		l.pass(2 * time.Second)
	}
	if len(l.openings) != 10 {
		t.Fatalf("%d openings of 10", len(l.openings))
	}
	for leg := range l.openings {
		got := slices.Sorted(slices.Values(l.cells[leg]))
		if len(got) != cell.MaxEarly {
			t.Errorf("%d cells reached a session", len(got))
		}
	}
}

func TestOpeningsSurviveLoss(t *testing.T) {
	l := newLab(t, 3)
	l.keep(shortLived())
	l.loss = 0.03 // of a circuit with 1 % loss a link
	const n = 1000
	for range n {
		l.call(l.latest().ID, l.latest().Knock, 9)
		l.pass(2 * time.Second)
		for leg := range l.openings {
			l.own(l.owner.Cut(leg))
		}
	}
	// Nothing helps against the loss of the create itself, 3 %; the lease itself must have stood all the time.
	if got := len(l.openings); got < n*95/100 {
		t.Errorf("%d openings of %d got through", got, n)
	}
	if l.gone > 1 {
		t.Errorf("the lease was lost %d times in %v", l.gone, l.now.Sub(testStart))
	}
}

func TestSpliceWhoseOpeningIsLostIsCut(t *testing.T) {
	l := newLab(t, 4)
	l.keep(shortLived())
	l.own(l.owner.Arrived(l.now, 1, cell.Splice, fillUp(appendCut(nil, 77))))
	due := l.owner.Next()
	steps := l.owner.Tick(due)
	if len(steps) != 1 || steps[0].Message != cell.Cut || due.Sub(l.now) > heldTime {
		t.Fatalf("%d steps after %v", len(steps), due.Sub(l.now))
	}
	if id, _, _ := parseSplice(fillUp(steps[0].Payload)); id != 77 {
		t.Error("another splice was cut")
	}
}

func TestDeadRelayIsNoticedAndReplaced(t *testing.T) {
	l := newLab(t, 5)
	l.keep(shortLived())
	first := l.latest()
	l.pass(10 * time.Minute)
	l.restartRelay(DefaultLimits())
	began := l.now
	for len(l.standing) == 1 && l.now.Sub(began) < time.Hour {
		l.pass(time.Second)
	}
	took := l.now.Sub(began)
	if l.gone != 1 || len(l.standing) != 2 || took > probeMost+listenTries*answerTime+3*time.Second {
		t.Fatalf("gone %d, stood %d times, after %v", l.gone, len(l.standing), took)
	}
	second := l.latest()
	if second.Key.Public() == first.Key.Public() || second.Knock.Equal(first.Knock) || second.ID == first.ID {
		t.Error("two circuits show the same lease")
	}
	if first.Key.Bytes() != [32]byte{} {
		t.Error("the key of a lease that is gone is still there")
	}
}

func TestClosedCircuitIsReplacedSoonAndItsSessionsEnd(t *testing.T) {
	l := newLab(t, 6)
	l.keep(shortLived())
	l.call(l.latest().ID, l.latest().Knock, 9)
	l.pass(time.Second)
	l.destroyed(1)
	l.pass(2 * time.Second)
	if len(l.standing) != 2 || l.gone != 1 || len(l.cuts) != 1 {
		t.Errorf("stood %d times, gone %d, %d sessions ended", len(l.standing), l.gone, len(l.cuts))
	}
}

func TestCircuitsThatFailAreTriedLessAndLessOften(t *testing.T) {
	l := newLab(t, 7)
	l.refuseCircuits = true
	_, steps, err := l.owner.Keep(l.now, shortLived())
	must(t, err)
	l.own(steps)
	l.pass(time.Hour)
	// 1, 2, 4 … 256 s are nine pauses of 8 minutes in all, and then one every 5 minutes, less up to a half each.
	if l.circuits < 18 || l.circuits > 36 {
		t.Errorf("%d circuits in an hour", l.circuits)
	}
	l.refuseCircuits = false
	l.pass(6 * time.Minute)
	if len(l.standing) != 1 {
		t.Error("no lease after the network is back")
	}
}

func TestStandingLeaseIsProbedAtRandomTimesWellBeforeItsCircuitIsIdle(t *testing.T) {
	l := newLab(t, 8)
	l.keep(shortLived())
	l.listens = nil
	l.pass(4 * time.Hour)
	var least, most time.Duration = time.Hour, 0
	for i := 1; i < len(l.listens); i++ {
		d := l.listens[i].Sub(l.listens[i-1])
		least, most = min(least, d), max(most, d)
	}
	if most > 10*time.Minute || most-least < time.Minute || len(l.standing) != 1 {
		t.Errorf("from %v to %v, stood %d times", least, most, len(l.standing))
	}
}

func TestLeaseKeysRotateWithOverlap(t *testing.T) {
	l := newLab(t, 9)
	l.keep(Spec{Kind: ShortLived, Lifetime: 4 * time.Hour, Overlap: time.Hour})
	first := l.latest()
	if !first.Until.After(l.now.Add(3 * time.Hour)) {
		t.Fatal("a lease does not say when it ends")
	}
	l.pass(3*time.Hour + time.Minute)
	if len(l.standing) != 2 || l.gone != 0 {
		t.Fatalf("stood %d times, gone %d", len(l.standing), l.gone)
	}
	l.call(first.ID, first.Knock, 1)
	l.call(l.latest().ID, l.latest().Knock, 2)
	l.pass(time.Second)
	if len(l.openings) != 2 {
		t.Errorf("%d openings while both keys are good", len(l.openings))
	}
	for leg := range l.openings {
		l.own(l.owner.Cut(leg))
	}
	l.pass(time.Hour)
	if l.gone != 1 || first.Key.Bytes() != [32]byte{} || len(l.owners) != 1 {
		t.Errorf("gone %d, %d circuits", l.gone, len(l.owners))
	}
	c := l.call(first.ID, first.Knock, 3)
	l.pass(time.Second)
	if l.callerCuts[c] != 1 {
		t.Error("an opening to an old key is not refused")
	}
}

func TestSessionsOutliveTheKeyThatOpenedThem(t *testing.T) {
	l := newLab(t, 10)
	l.answer = true
	l.keep(Spec{Kind: ShortLived, Lifetime: time.Hour, Overlap: 10 * time.Minute})
	c := l.call(l.latest().ID, l.latest().Knock, 9)
	for range 65 {
		l.pass(time.Minute)
		for leg := range l.openings {
			steps, err := l.owner.Send(l.now, leg, testSession(8))
			must(t, err)
			l.own(steps)
		}
	}
	l.pass(time.Second)
	if n := len(l.heard[c]); n != 66 || l.gone != 1 {
		t.Fatalf("the caller heard %d cells of 66, gone %d", n, l.gone)
	}
	late := l.call(l.standing[0].ID, l.standing[0].Knock, 9)
	l.pass(time.Second)
	if l.callerCuts[late] != 1 || len(l.openings) != 1 {
		t.Error("an opening to the old key is not refused")
	}
	for leg := range l.openings {
		l.own(l.owner.Cut(leg))
	}
	if len(l.owners) != 1 {
		t.Error("the circuit stays after its last session")
	}
}

func TestLeaseEndsAtItsTimeEvenIfThereIsNoNewOne(t *testing.T) {
	l := newLab(t, 11)
	l.keep(Spec{Kind: ShortLived, Lifetime: time.Hour, Overlap: 10 * time.Minute})
	l.refuseCircuits = true
	l.pass(time.Hour + time.Minute)
	if l.gone != 1 || len(l.owners) != 0 {
		t.Errorf("gone %d, %d circuits", l.gone, len(l.owners))
	}
	l.refuseCircuits = false
	l.pass(10 * time.Minute)
	if len(l.standing) != 2 {
		t.Error("no lease after the network is back")
	}
}

func TestStoringLeaseComesBackUnderItsID(t *testing.T) {
	l := newLab(t, 12)
	k, err := GenerateKey(seeded(5))
	must(t, err)
	l.keep(Spec{Kind: Storing, Key: k, Knock: testKnock(4)})
	l.pass(48 * time.Hour)
	l.destroyed(1)
	l.pass(5 * time.Second)
	if len(l.standing) != 2 || l.standing[0].ID != l.standing[1].ID || l.standing[0].ID != StoringID(place(), k.Public()) {
		t.Fatalf("stood %d times", len(l.standing))
	}
	if k.Bytes() == [32]byte{} || !l.latest().Until.IsZero() {
		t.Error("a storing lease's key is its holder's to wipe, and has no end here")
	}
}

func TestRelayThatFloodsAnOwnerReachesBounds(t *testing.T) {
	l := newLab(t, 13)
	l.keep(shortLived())
	openings, cuts := 0, 0
	for i := range SpliceID(5000) {
		for _, s := range l.owner.Arrived(l.now, 1, cell.Opening, fillUp(appendOpened(nil, i, testOpening(1)))) {
			switch {
			case s.Kind == StepOpening:
				openings++
			case s.Message == cell.Cut:
				cuts++
			}
		}
		l.owner.Arrived(l.now, 1, cell.Splice, fillUp(appendCut(nil, 1<<31+i)))
		l.owner.check(t)
	}
	if openings != 2*DefaultOpeningsBurst || openings+cuts != 5000 {
		t.Errorf("%d openings reached the session layer, %d were cut", openings, cuts)
	}
}

func TestOwnerHasNoMoreSessionsOnACircuitThanItsBound(t *testing.T) {
	l := newLab(t, 18)
	l.keep(shortLived())
	opened := 0
	for i := range SpliceID(200) {
		for _, s := range l.owner.Arrived(l.now, 1, cell.Opening, fillUp(appendOpened(nil, i, testOpening(1)))) {
			if s.Kind == StepOpening {
				opened++
			}
		}
		l.owner.check(t)
		l.now = l.now.Add(time.Second)
	}
	if opened != maxLegs {
		t.Errorf("%d sessions", opened)
	}
}

func TestWhatComesLateForAnEndedSessionIsNothingNew(t *testing.T) {
	l := newLab(t, 19)
	l.keep(shortLived())
	opening, session := fillUp(appendOpened(nil, 5, testOpening(1))), fillUp(appendCut(nil, 5))
	l.owner.Arrived(l.now, 1, cell.Opening, opening)
	l.owner.Cut(Leg{1, 5})
	late := append(l.owner.Arrived(l.now, 1, cell.Opening, opening), l.owner.Arrived(l.now, 1, cell.Splice, session)...)
	// A Cut that overtakes its opening ends it before it begins.
	l.owner.Arrived(l.now, 1, cell.Splice, fillUp(appendCut(nil, 6)))
	l.owner.Arrived(l.now, 1, cell.Cut, fillUp(appendCut(nil, 6)))
	late = append(late, l.owner.Arrived(l.now, 1, cell.Opening, fillUp(appendOpened(nil, 6, testOpening(1))))...)
	if len(late) != 0 {
		t.Errorf("%d steps, the first of kind %d", len(late), late[0].Kind)
	}
	l.owner.check(t)
}

func TestRelayThatChangesALeaseHasLostIt(t *testing.T) {
	l := newLab(t, 20)
	l.keep(shortLived())
	l.own(l.owner.Arrived(l.now, 1, cell.Listening, fillUp(appendListening(nil, ID{}))))
	l.pass(2 * time.Second)
	if l.gone != 1 || len(l.standing) != 2 {
		t.Errorf("gone %d, stood %d times", l.gone, len(l.standing))
	}
}

func TestSessionsCannotKeepCircuitsOfManyKeysOpen(t *testing.T) {
	l := newLab(t, 21)
	l.keep(Spec{Kind: ShortLived, Lifetime: 20 * time.Minute, Overlap: 10 * time.Minute})
	for range 120 {
		for leg := range l.openings {
			if steps, err := l.owner.Send(l.now, leg, testSession(8)); err == nil {
				l.own(steps)
			}
		}
		l.call(l.latest().ID, l.latest().Knock, 9)
		l.pass(time.Minute)
		l.owner.check(t)
	}
	if len(l.owners) > 1+maxOlder || len(l.standing) < 10 {
		t.Errorf("%d circuits after %d keys", len(l.owners), len(l.standing))
	}
}

func TestOwnersOfOneRelayDoNotComeBackTogether(t *testing.T) {
	var at []time.Time
	for seed := range uint64(4) {
		l := newLab(t, 30+10*seed)
		l.refuseCircuits = true
		_, steps, err := l.owner.Keep(l.now, shortLived())
		must(t, err)
		l.own(steps)
		l.pass(time.Hour)
		at = append(at, l.owner.Next())
	}
	slices.SortFunc(at, time.Time.Compare)
	if at[0].Equal(at[1]) || at[3].Sub(at[0]) < time.Second {
		t.Errorf("they come back at %v", at)
	}
}

func TestIdleSessionsEndAtTheOwnerWithoutBeingTold(t *testing.T) {
	l := newLab(t, 22)
	l.keep(shortLived())
	l.own(l.owner.Arrived(l.now, 1, cell.Opening, fillUp(appendOpened(nil, 5, testOpening(1)))))
	l.pass(legIdle - time.Minute)
	if len(l.cuts) != 0 {
		t.Fatal("a session ended before its time")
	}
	l.pass(2 * time.Minute)
	if l.cuts[Leg{1, 5}] != 1 {
		t.Error("a session that nobody uses is kept")
	}
}

func TestRefusedLeaseIsSoughtElsewhere(t *testing.T) {
	l := newLab(t, 14)
	l.registry.limits.Leases = 0
	_, steps, err := l.owner.Keep(l.now, shortLived())
	must(t, err)
	l.own(steps)
	l.pass(time.Minute)
	if l.circuits < 5 || len(l.owners) > 1 || l.gone != 0 {
		t.Errorf("%d circuits made, %d open, gone %d", l.circuits, len(l.owners), l.gone)
	}
	l.registry.limits.Leases = 10
	l.pass(2 * time.Minute)
	if len(l.standing) != 1 {
		t.Error("no lease when there is room")
	}
}

func TestDropEndsEverything(t *testing.T) {
	l := newLab(t, 15)
	w := l.keep(shortLived())
	lease := l.latest()
	l.call(lease.ID, lease.Knock, 9)
	l.pass(time.Second)
	l.own(l.owner.Drop(w))
	l.pass(time.Second)
	if l.gone != 1 || len(l.cuts) != 1 || l.registry.Leases() != 0 || !l.owner.Next().IsZero() || lease.Key.Bytes() != [32]byte{} {
		t.Errorf("gone %d, %d sessions ended, %d leases", l.gone, len(l.cuts), l.registry.Leases())
	}
	if len(l.owner.Drop(w)) != 0 {
		t.Error("dropping twice does something")
	}
}

func TestOwnerRefusesWhatACallerDoesWrong(t *testing.T) {
	o, err := NewOwner(OwnerConfig{Rand: seeded(1)})
	must(t, err)
	for name, s := range map[string]Spec{
		"no kind":                {Lifetime: time.Hour, Overlap: time.Minute},
		"no lifetime":            {Kind: ShortLived},
		"overlap too long":       {Kind: ShortLived, Lifetime: time.Hour, Overlap: time.Hour},
		"storing without a key":  {Kind: Storing},
		"short-lived with a key": {Kind: ShortLived, Key: newOnion(t).key, Lifetime: time.Hour, Overlap: time.Minute},
	} {
		if _, _, err := o.Keep(testStart, s); !errors.Is(err, ErrConfig) {
			t.Errorf("%s: %v", name, err)
		}
	}
	for range MaxWants {
		_, _, err := o.Keep(testStart, shortLived())
		must(t, err)
	}
	if _, _, err := o.Keep(testStart, shortLived()); !errors.Is(err, ErrFull) {
		t.Errorf("one too many: %v", err)
	}
	if _, err := o.Send(testStart, Leg{1, 1}, testSession(1)); !errors.Is(err, ErrLeg) {
		t.Errorf("no such leg: %v", err)
	}
	if _, err := NewOwner(OwnerConfig{}); !errors.Is(err, ErrConfig) {
		t.Errorf("no randomness: %v", err)
	}
	if _, err := NewRegistry(RegistryConfig{}); !errors.Is(err, ErrConfig) {
		t.Errorf("nothing: %v", err)
	}
}

func TestStepsStayAsTheyAreWhileTheyAreCarriedOut(t *testing.T) {
	l := newLab(t, 17)
	l.keep(shortLived())
	for i := range byte(3) {
		l.owner.Arrived(l.now, 1, cell.Splice, fillUp(append(appendCut(nil, 5), i+1)))
	}
	steps := l.owner.Arrived(l.now, 1, cell.Opening, fillUp(appendOpened(nil, 5, testOpening(9))))
	leg := Leg{1, 5}
	if _, err := l.owner.Send(l.now, leg, testSession(8)); err != nil {
		t.Fatal(err)
	}
	l.owner.Cut(leg)
	l.owner.Closed(l.now, 1)
	if len(steps) != 4 || steps[0].Kind != StepOpening || steps[0].Payload[0] != 9 {
		t.Fatalf("%d steps", len(steps))
	}
	for i, s := range steps[1:] {
		if s.Kind != StepCell || s.Leg != leg || s.Payload[0] != byte(i+1) {
			t.Errorf("step %d has become another", i+1)
		}
	}
}

func TestLegCellAllocatesNothingAtTheOwner(t *testing.T) {
	l := newLab(t, 16)
	l.keep(shortLived())
	l.owner.Arrived(l.now, 1, cell.Opening, fillUp(appendOpened(nil, 5, testOpening(1))))
	payload, session, leg := fillUp(appendCut(nil, 5)), testSession(1), Leg{1, 5}
	if n := testing.AllocsPerRun(100, func() {
		if len(l.owner.Arrived(l.now, 1, cell.Splice, payload)) != 1 {
			t.Fatal("a cell was dropped")
		}
		if _, err := l.owner.Send(l.now, leg, session); err != nil {
			t.Fatal(err)
		}
	}); n != 0 {
		t.Errorf("%v allocations for a cell each way", n)
	}
}
