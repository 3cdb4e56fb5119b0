// The answering end: message 2 until it is confirmed.

package session

import (
	"io"
	"time"

	"sotto/noise"
)

// newAnswering makes the answering end of a session from its first opening.
func newAnswering(now time.Time, rand io.Reader, p *payload, at Point, contact uint32) *Session {
	return &Session{rand: rand, began: now, genSince: now, call: p.call, at: at, contact: contact}
}

// answerOn takes an opening, whose handshake has read message 1, as an attempt on a leg, and answers. The newest
// attempt is the one to send under until the other end shows which one it took.
func (s *Session) answerOn(now time.Time, id Leg, hs *noise.Handshake, p *payload) error {
	if len(s.attempts) >= maxAttempts {
		return ErrFull
	}
	l, err := s.addLeg(now, id, 0, false)
	if err != nil {
		return err
	}
	a := &attempt{leg: l, at: now}
	if _, err := hs.WriteMessage(a.message[:0], nil); err != nil {
		s.dropLeg(now, l)
		return ErrOpening
	}
	send, receive, join, err := dataKeys(hs, false)
	if err != nil {
		s.dropLeg(now, l)
		return ErrOpening
	}
	early, answer := earlyKeys(&p.seed)
	a.early, a.answer = newOpener(early), newSealer(answer)
	a.send, a.receive, a.join = newSealer(send), newOpener(receive), join
	for _, k := range [][]byte{send, receive, early, answer} {
		clear(k)
	}
	s.attempts = append(s.attempts, a)
	s.use(now, a)
	s.answers, s.answerAt = 0, now
	s.step(now)
	return nil
}

// use makes the keys of an attempt those to send under. What went out under others may never be opened.
func (s *Session) use(now time.Time, a *attempt) {
	if s.send != nil && s.send != a.send {
		s.lose(now, func(*sentCell) bool { return true })
	}
	s.send = a.send
	s.active = a.leg
}

// confirm takes the keys of an attempt that the other end has shown to have, and forgets the others.
func (s *Session) confirm(now time.Time, a *attempt) {
	s.use(now, a)
	s.receive, s.join = a.receive, a.join
	s.establish(now, a)
}

// stepAnswers repeats message 2 until it is confirmed, and at the dialling end asks for another leg when it stays away.
// The first time it goes twice: everything waits for it.
func (s *Session) stepAnswers(now time.Time) {
	if s.receive != nil {
		return
	}
	if s.caller {
		for _, a := range s.attempts {
			if !a.asked && !now.Before(a.patience()) {
				a.asked = true
				s.tell(Event{Kind: NeedLeg})
			}
		}
		return
	}
	if now.Before(s.answerAt) || s.answers >= maxAnswers {
		return
	}
	copies := 1
	if s.answers == 0 {
		copies = 2
	}
	s.answers++
	s.answerAt = now.Add(firstRTT << (s.answers / 2))
	for _, a := range s.attempts {
		for range copies {
			s.sendAnswer(now, a)
		}
	}
}

// sendAnswer sends message 2 of an attempt under the key that its opening brought.
func (s *Session) sendAnswer(now time.Time, a *attempt) {
	if s.leg(a.leg.id) != a.leg {
		return
	}
	dst := s.slot(a.leg)
	if dst == nil {
		return
	}
	d := &s.draft
	d.n, d.set, d.message = 0, 0, nil
	d.add(frameAnswer, append(append(d.bytes(), byte(frameAnswer)), a.message[:]...))
	s.seal(now, a.leg, a.answer, dst)
}
