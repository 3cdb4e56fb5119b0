// One leg: what is known of its round trip, how much may be under way on it, and whether it still works.

package session

import "time"

// Leg is a leg of a session, by a number that its caller chooses and that is unique in the session at one time.
type Leg uint32

// leg is the state of one.
type leg struct {
	id     Leg
	heard  time.Time // last authentic cell
	sent   time.Time
	dialed bool // this end has dialled it, so this end keeps it alive

	srtt, rttvar, minRTT time.Duration
	measured             bool

	order    uint32 // of the next cell that asks
	best     uint32 // one more than the highest order acknowledged
	inFlight int
	timeouts int

	ping    bool // one is due
	stalled int  // pieces lost since one has arrived

	window     int // cells
	slowStart  bool
	pace       time.Time // the next cell of a message may go
	round      uint32    // order at which the present round of counting ends
	came       int       // in this round
	lost       int
	sampled    int // cells whose losses are judged together, and how many of them were lost
	sampleLost int
	pressed    bool // the window was full in this round
}

func newLeg(now time.Time, id Leg, rtt time.Duration, dialed bool) *leg {
	rttvar := rtt / 8
	if rtt <= 0 {
		rtt, rttvar = firstRTT, firstRTT/4
	}
	return &leg{
		id: id, heard: now, dialed: dialed, srtt: rtt, rttvar: rttvar, minRTT: rtt,
		window: windowFirst, slowStart: true,
	}
}

// sample takes a measured round trip (RFC 6298 §2, with a first variance of an eighth: these paths have no queues of
// their own).
func (l *leg) sample(rtt time.Duration) {
	if rtt <= 0 {
		return
	}
	if !l.measured {
		l.measured = true
		l.srtt, l.rttvar, l.minRTT = rtt, rtt/8, rtt
		return
	}
	l.rttvar += ((l.srtt - rtt).Abs() - l.rttvar) / 4
	l.srtt += (rtt - l.srtt) / 8
	l.minRTT = min(l.minRTT, rtt)
}

// timeout is how long a cell's acknowledgement is waited for: from the second in a row on twice as long each time.
func (l *leg) timeout() time.Duration {
	d := l.srtt + max(4*l.rttvar, ptoFloor) + 2*ackDelay
	return min(d<<min(max(l.timeouts-1, 0), 6), max(ptoMost, d))
}

// dead reports whether to give the leg up: an own one that has never worked sooner than one that has.
func (l *leg) dead() bool {
	return l.timeouts >= legGone || l.dialed && !l.measured && l.timeouts >= legFailed
}

// failing reports whether another leg should be tried.
func (l *leg) failing(now time.Time) bool {
	return l.timeouts >= legFailed || l.timeouts > 0 && now.Sub(l.heard) >= quiet
}

// interval is the time between two cells of messages: a window in four fifths of a round trip.
func (l *leg) interval() time.Duration { return l.srtt * 4 / 5 / time.Duration(l.window) }

// mayPace reports whether a cell of a message may go now.
func (l *leg) mayPace(now time.Time) bool { return !l.pace.After(now.Add(time.Millisecond)) }

// paced notes that one went. What was not used is kept up to a burst.
func (l *leg) paced(now time.Time) {
	d := l.interval()
	if earliest := now.Add(-burst * d); l.pace.Before(earliest) {
		l.pace = earliest
	}
	l.pace = l.pace.Add(d)
}

// allowed is how many cells may be under way. When no piece has arrived of so many, the other end has no room for them:
// one at a time asks whether it has.
func (l *leg) allowed() int {
	if l.stalled >= 2*windowLeast {
		return 1
	}
	return l.window
}

// count takes the fate of a cell into the counting of its round, and at its end changes the window. A path that loses
// one cell in twenty at random must not be taken for a full one: only more than one in six, or a round trip that has
// grown, makes the window smaller. Losses are judged over lossSample cells: of a dozen two are lost by chance every eighth
// time, and a window that shrank by that would stay small for good.
func (l *leg) count(order uint32, arrived bool) {
	if arrived {
		l.came++
		if l.slowStart && l.pressed {
			l.window = min(l.window+1, windowCells)
		}
	} else {
		l.lost++
	}
	if order < l.round {
		return
	}
	l.round = l.order
	total := l.came + l.lost
	if total < 8 {
		return // too few to say anything
	}
	l.sampled, l.sampleLost = l.sampled+total, l.sampleLost+l.lost
	tooMany := l.sampled >= lossSample && 6*l.sampleLost > l.sampled
	if l.sampled >= lossSample {
		l.sampled, l.sampleLost = 0, 0
	}
	switch {
	case tooMany:
		l.slowStart = false
		l.window = l.window * 7 / 10
	case l.srtt > l.minRTT+max(l.minRTT/4, 30*time.Millisecond):
		l.slowStart = false
		l.window = l.window * 9 / 10
	case !l.slowStart && l.pressed:
		l.window += 1 + l.window/8
	}
	l.window = min(max(l.window, windowLeast), windowCells)
	l.came, l.lost, l.pressed = 0, 0, false
}
