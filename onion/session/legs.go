// Several legs: which one is sent on, and what happens when one is added, fails or is gone.

package session

import "time"

// leg finds one by its number.
func (s *Session) leg(id Leg) *leg {
	for _, l := range s.legs {
		if l.id == id {
			return l
		}
	}
	return nil
}

// addLeg adds a leg with an expected round trip.
func (s *Session) addLeg(now time.Time, id Leg, rtt time.Duration, dialed bool) (*leg, error) {
	switch {
	case s.leg(id) != nil:
		return nil, ErrLeg
	case len(s.legs) >= maxLegs && dialed:
		return nil, ErrFull
	case len(s.legs) >= maxLegs:
		s.dropStalest(now)
	}
	l := newLeg(now, id, rtt, dialed)
	s.legs = append(s.legs, l)
	s.needAt = time.Time{}
	if !dialed {
		s.works() // the other end has proven that it lives
	}
	s.choose(now)
	return l, nil
}

// dropStalest makes room for a leg that the other end has proven: it knows better which of the old ones are dead. One
// that has carried something there and back goes last, because a relay that holds joins back, and lets them through at
// once, has the newest legs, on which nobody answers.
func (s *Session) dropStalest(now time.Time) {
	stalest := s.legs[0]
	for _, l := range s.legs {
		if l.measured == stalest.measured && l.heard.Before(stalest.heard) || !l.measured && stalest.measured {
			stalest = l
		}
	}
	s.dropLeg(now, stalest)
	s.tell(Event{Kind: LegLost, Leg: stalest.id})
}

// DropLeg takes a leg away whose circuit is gone. What was under way on it goes again on another; without one, NeedLeg
// follows.
func (s *Session) DropLeg(now time.Time, id Leg) {
	l := s.leg(id)
	if l == nil {
		return
	}
	s.dropLeg(now, l)
	s.step(now)
}

func (s *Session) dropLeg(now time.Time, l *leg) {
	for i, o := range s.legs {
		if o == l {
			s.legs = append(s.legs[:i], s.legs[i+1:]...)
			break
		}
	}
	s.lose(now, func(c *sentCell) bool { return c.leg == l })
	if s.acks.leg == l {
		s.acks = ackTimer{}
	}
	s.choose(now)
	if len(s.legs) > 0 || s.state >= closing {
		return
	}
	if s.legless.IsZero() {
		s.legless = now
	}
	s.needAt = now
	if s.needs > 0 {
		s.needAt = s.needed.Add(needPause << min(s.needs-1, 6))
	}
	s.needLeg(now)
}

// needLeg asks for a leg when it is time to: at once for the first, and later and later for those after it on which
// nothing was heard. Each costs a path, and whoever cuts all of them may want to look at many.
func (s *Session) needLeg(now time.Time) {
	if s.needAt.IsZero() || now.Before(s.needAt) {
		return
	}
	s.needs++
	s.needed, s.needAt = now, time.Time{}
	s.tell(Event{Kind: NeedLeg})
}

// works notes that the other end can be heard: only that makes a session more than a row of tries.
func (s *Session) works() { s.legless, s.needs = time.Time{}, 0 }

// better reports whether to send on l rather than on o: what does not fail, then what has been measured, then what is
// a quarter faster, so that the choice does not swing.
func better(now time.Time, l, o *leg) bool {
	if lf, of := l.failing(now), o.failing(now); lf != of {
		return of
	} else if lf {
		return l.timeouts < o.timeouts
	}
	if l.measured != o.measured {
		return l.measured
	}
	return l.srtt < o.srtt*3/4
}

// choose chooses the leg to send on.
func (s *Session) choose(now time.Time) {
	var best *leg
	for _, l := range s.legs {
		if l == s.active {
			best = l
		}
	}
	for _, l := range s.legs {
		if best == nil || better(now, l, best) {
			best = l
		}
	}
	s.active = best
}

// second is the best leg but one.
func (s *Session) second(now time.Time) *leg {
	var best *leg
	for _, l := range s.legs {
		if l != s.active && (best == nil || better(now, l, best)) {
			best = l
		}
	}
	return best
}

// Legs is how many there are, and the smoothed round trip of the one that is sent on; 0 while none was measured.
func (s *Session) Legs() (n int, roundTrip time.Duration) {
	if s.active != nil && s.active.measured {
		roundTrip = s.active.srtt
	}
	return len(s.legs), roundTrip
}
