// Time: what has run out, what goes out now, and when to look again.

package session

import "time"

// step does all that is due at a moment. It is called after everything that has happened.
func (s *Session) step(now time.Time) {
	if s.state == closed {
		return
	}
	if s.state == closing {
		s.stepClosing(now)
	} else if err := s.overdue(now); err != nil {
		if s.state == standing {
			s.sayClose(now, codeDone)
		}
		s.end(err)
	} else {
		s.stepOpen(now)
	}
	if s.state != closed {
		s.deadline = s.due(now)
	}
}

// stepOpen is a step of a session that is not closing.
func (s *Session) stepOpen(now time.Time) {
	if s.receive != nil {
		s.receive.expire(now)
	}
	s.hand(now)
	if s.state == closed {
		return
	}
	s.stepLegs(now)
	s.stepAnswers(now)
	s.sendPieces(now)
	s.sendRest(now)
}

// overdue is the reason for which the session ends now, if there is one.
func (s *Session) overdue(now time.Time) error {
	switch {
	case s.state == opening && now.Sub(s.began) >= handshakeWait:
		return ErrNoAnswer
	case !s.accepted && now.Sub(s.began) >= acceptWait:
		return ErrNoAnswer
	case !s.legless.IsZero() && now.Sub(s.legless) >= legWait:
		return ErrNoLeg
	}
	return nil
}

// hand hands messages on that are whole, while somebody takes them.
func (s *Session) hand(now time.Time) {
	for !s.paused && len(s.events) < maxEvents && s.bytes < maxWaiting {
		message, ok, fault := s.in.pop()
		if fault {
			s.fault(now)
		}
		if !ok {
			return
		}
		s.bytes += len(message)
		s.tell(Event{Kind: Message, Bytes: message})
		if s.acks.pending > 0 {
			s.acks.at = now // the sender waits for this more than for anything
		}
	}
}

// stepLegs gives cells up for lost, asks on legs that are silent, and chooses the leg to send on.
func (s *Session) stepLegs(now time.Time) {
	for i := 0; i < len(s.legs); i++ {
		l := s.legs[i]
		if s.send != nil {
			s.stepTimeout(now, l)
		}
		silent := now.Sub(l.heard)
		if l.dead() || silent >= legSilent && s.state == standing {
			s.dropLeg(now, l)
			s.tell(Event{Kind: LegLost, Leg: l.id})
			i--
			continue
		}
		if l.dialed && s.state == standing && silent >= keepaliveAfter && l.inFlight == 0 {
			l.ping = true
		}
	}
	s.needLeg(now)
	s.choose(now)
	if l := s.active; l != nil && s.state == standing && !s.genAcked && l.inFlight == 0 &&
		now.Sub(s.genSince) >= rekeyAfter && s.counter-s.genStart >= rekeyAsks {
		l.ping = true // or datagrams alone would keep one key for ever
	}
}

// stepTimeout takes what is under way on a leg for lost when the oldest of it should have been acknowledged long since.
// Something small asks again at once beside what goes again anyway: its answer says that the leg works even when the
// other end can take no message.
func (s *Session) stepTimeout(now time.Time, l *leg) {
	oldest, any := s.ledger.oldest(l)
	wait := l.timeout()
	if !any || now.Sub(oldest) < wait || s.state == opening && s.caller {
		return
	}
	s.lose(now, func(c *sentCell) bool { return c.leg == l && now.Sub(c.at) >= wait })
	l.timeouts++
	if l.timeouts >= legFailed {
		// Cells given up here may well have arrived: they say nothing about how much the path loses.
		l.window, l.slowStart = max(windowLeast, l.window/2), true
		l.sampled, l.sampleLost, l.came, l.lost = 0, 0, 0, 0
	}
	l.ping = true
}

// lose gives up cells and makes due again what was in them.
func (s *Session) lose(now time.Time, which func(*sentCell) bool) {
	if gone := s.ledger.lose(which); gone.has(frameAccept) {
		s.accept = true
	}
	s.ledger.trim(now)
}

// stepClosing says close until the other end says it too, or for a few times.
func (s *Session) stepClosing(now time.Time) {
	if now.Before(s.closeAt) {
		return
	}
	if s.closes >= maxCloses || len(s.legs) == 0 {
		s.end(nil)
		return
	}
	s.stepAnswers(now) // without message 2 the other end could not read why
	s.sayClose(now, s.code)
	s.closes++
	s.closeAt = now.Add(s.legs[0].timeout())
}

// due is the next deadline. What is due already and could not be done is tried again a little later.
func (s *Session) due(now time.Time) time.Time {
	if s.state == closing {
		return s.closeAt
	}
	t := now.Add(legSilent)
	sooner := func(o time.Time) {
		if o.Before(t) {
			t = o
		}
	}
	if s.state == opening {
		sooner(s.began.Add(handshakeWait))
		s.dueOpening(sooner)
	}
	if !s.accepted {
		sooner(s.began.Add(acceptWait))
	}
	if !s.legless.IsZero() {
		sooner(s.legless.Add(legWait))
	}
	if !s.needAt.IsZero() {
		sooner(s.needAt)
	}
	if s.receive != nil && s.receive.previous != nil {
		sooner(s.receive.until)
	}
	if s.acks.pending > 0 && s.able() {
		sooner(s.acks.at)
	}
	for _, l := range s.legs {
		s.dueLeg(l, sooner)
	}
	if l := s.active; l != nil && s.able() && l.inFlight < l.allowed() && len(s.ledger.cells) < maxLedger && s.waiting() {
		sooner(l.pace)
	}
	if earliest := now.Add(time.Millisecond); t.Before(earliest) {
		t = earliest
	}
	return t
}

// dueLeg is when a leg wants to be looked at.
func (s *Session) dueLeg(l *leg, sooner func(time.Time)) {
	if oldest, any := s.ledger.oldest(l); any && (s.state != opening || !s.caller) {
		sooner(oldest.Add(l.timeout()))
	}
	if s.state == standing {
		sooner(l.heard.Add(legSilent))
		if l.dialed && l.inFlight == 0 {
			sooner(l.heard.Add(keepaliveAfter))
		}
	}
}
