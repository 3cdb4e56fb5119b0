// The dialling end: openings, the answer to them, and joins.

package session

import (
	"fmt"
	"io"
	"log/slog"
	"time"

	"sotto/noise"
)

// Target is where to open a session or a leg, and with what.
type Target struct {
	Point Point
	Key   noise.PublicKey // the lease key, from the record
	// Secret is the contact's, or none. A join needs none.
	Secret Secret
	// RoundTrip is how long the way there and back is expected to take, if that is known from the circuit; else 0.
	RoundTrip time.Duration
}

// DialConfig are the inputs of Dial.
type DialConfig struct {
	Leg    Leg
	Target Target
	// First is the first message, if there is one already: up to 3 078 bytes ride in the train with their parity, of
	// a longer one the beginning.
	First []byte
	Rand  io.Reader
}

// Format prints a placeholder: the first message is somebody's.
func (DialConfig) Format(f fmt.State, _ rune) { io.WriteString(f, "[session to dial]") }

// LogValue logs a placeholder.
func (DialConfig) LogValue() slog.Value { return slog.StringValue("[session to dial]") }

// attempt is one opening and the keys that hang on it.
type attempt struct {
	leg   *leg
	at    time.Time
	hs    *noise.Handshake // at the dialling end
	early *opener          // of what comes before the data keys
	asked bool             // NeedLeg was told

	// At the answering end: the answer, its key, and the data keys that wait for the other end to show that it has
	// them.
	message [answerLen]byte
	answer  *sealer
	send    *sealer
	receive *opener
	join    Secret
}

func (a *attempt) wipe() {
	a.early.wipe()
	a.answer.wipe()
	a.send.wipe()
	a.receive.wipe()
	a.join.wipe()
	a.hs = nil
}

// Dial begins a session. The train goes out on the leg, opening first. Established follows, or Closed.
func Dial(now time.Time, c DialConfig) (*Session, *Train, error) {
	s := &Session{rand: c.Rand, caller: true, began: now, genSince: now}
	if _, err := io.ReadFull(c.Rand, s.call[:]); err != nil {
		return nil, nil, fmt.Errorf("session: random source: %w", err)
	}
	if len(c.First) > MaxMessage {
		return nil, nil, ErrSize
	}
	if len(c.First) > 0 {
		s.out.push(c.First)
	}
	t, err := s.AddLeg(now, c.Leg, c.Target)
	if err != nil {
		return nil, nil, err
	}
	return s, t, nil
}

// AddLeg opens another leg: before Established a further try to open the session, of maxAttempts in all, afterwards a
// join. The train goes out on the leg, opening first.
func (s *Session) AddLeg(now time.Time, id Leg, t Target) (*Train, error) {
	if t.Point.b == nil || t.Key.IsZero() {
		return nil, noise.ErrKey
	}
	switch {
	case s.state >= closing:
		return nil, ErrClosed
	case s.state == opening && (!s.caller || len(s.attempts) >= maxAttempts):
		return nil, ErrFull
	case s.state == standing && !s.maySeal(now):
		return nil, ErrFull
	}
	l, err := s.addLeg(now, id, t.RoundTrip, true)
	if err != nil {
		return nil, err
	}
	train := new(Train)
	if s.state == opening {
		err = s.attemptOn(now, l, t, train)
	} else {
		err = s.joinOn(now, l, t, train)
	}
	if err != nil {
		s.dropLeg(now, l)
		return nil, err
	}
	s.step(now)
	return train, nil
}

// attemptOn makes an opening for a new session.
func (s *Session) attemptOn(now time.Time, l *leg, t Target, train *Train) error {
	p := payload{kind: kindNew, bucket: bucketOf(now), call: s.call}
	if _, err := io.ReadFull(s.rand, p.seed[:]); err != nil {
		return fmt.Errorf("session: random source: %w", err)
	}
	defer clear(p.seed[:])
	o, hs, err := sealOpening(s.rand, t.Point, t.Key, t.Secret.bytes(), &p)
	if err != nil {
		return err
	}
	train.Opening = o
	early, answer := earlyKeys(&p.seed)
	s.attempts = append(s.attempts, &attempt{leg: l, at: now, hs: hs, early: newOpener(answer)})
	if len(s.attempts) > 1 {
		// The train before may never have arrived; what did arrive is the same pieces.
		s.lose(now, func(*sentCell) bool { return true })
	}
	key := newSealer(early)
	s.train(now, l, key, &train.Cells)
	key.wipe()
	clear(early)
	clear(answer)
	return nil
}

// joinOn makes an opening for another leg. It has a secret that the two ends alone have, and carries no other.
func (s *Session) joinOn(now time.Time, l *leg, t Target, train *Train) error {
	p := payload{kind: kindJoin, bucket: bucketOf(now)}
	o, _, err := sealOpening(s.rand, t.Point, t.Key, s.join.bytes(), &p)
	if err != nil {
		return err
	}
	train.Opening = o
	l.ping = true
	s.train(now, l, s.send, &train.Cells)
	return nil
}

// answered takes message 2 out of an authentic cell. Only who has read the opening can seal such a cell, so whatever
// is wrong in it is the other end's doing, and costs the attempt.
func (s *Session) answered(now time.Time, l *leg, a *attempt, counter uint64) {
	f, ok := parseFrames(s.plain[:], answerFrames)
	if !ok || !f.set.has(frameAnswer) {
		s.end(ErrProtocol)
		return
	}
	if _, err := a.hs.ReadMessage(f.answer); err != nil {
		s.end(ErrProtocol)
		return
	}
	send, receive, join, err := dataKeys(a.hs, true)
	if err != nil {
		s.end(ErrProtocol)
		return
	}
	s.send, s.receive, s.join = newSealer(send), newOpener(receive), join
	clear(send)
	clear(receive)
	l.sample(now.Sub(a.at))
	s.establish(now, a)
	s.take(now, l, counter)
	s.owe(now, l, true)
	held := s.held
	s.held = nil
	for i := range held {
		if from := s.leg(held[i].Leg); from != nil && s.state == standing {
			s.open(now, from, held[i].Bytes[:])
		}
	}
}

// establish forgets what led to the keys.
func (s *Session) establish(now time.Time, used *attempt) {
	for _, a := range s.attempts {
		if a == used {
			// Its data keys live on in the session.
			a.send, a.receive, a.join = nil, nil, Secret{}
		}
		a.wipe()
	}
	s.attempts = nil
	s.hinter, s.genSince = newHinter(s.join.bytes()), now
	if s.state == opening {
		s.state = standing
		s.tell(Event{Kind: Established})
	}
}

// dueOpening is when an end that waits for message 2 or for its confirmation wants to be looked at.
func (s *Session) dueOpening(sooner func(time.Time)) {
	if !s.caller {
		if s.answers < maxAnswers {
			sooner(s.answerAt)
		}
		return
	}
	for _, a := range s.attempts {
		if !a.asked {
			sooner(a.patience())
		}
	}
}

// patience is when an opening that was not answered is taken for lost.
func (a *attempt) patience() time.Time { return a.at.Add(a.leg.timeout()) }
