package netbench

// Sessions between two nodes without a name, through a lease: five relays, six links.

import (
	"context"
	"crypto/rand"
	"encoding/binary"
	"errors"
	"sync"
	"time"

	"sotto/internal/linkbench"
	"sotto/onion"
	"sotto/onion/lease"
	"sotto/onion/path"
	"sotto/onion/session"
)

const (
	// callStems is how many the caller keeps ready.
	callStems = 16
	// leases is how many the callee has, so that none has to let through more than its limit.
	leases = 4
	// messageLen is that of a message that a call begins with, at most as it is seen in the field.
	messageLen = 3000
	// echoLen is that of a short message, which is echoed.
	echoLen = 200
	// voiceLen and voiceEvery are those of speech.
	voiceLen   = 172
	voiceEvery = 20 * time.Millisecond
	// answerTime is after how long something counts as lost.
	answerTime = 20 * time.Second
)

// errNoLease means that the callee could not be made reachable.
var errNoLease = errors.New("netbench: no lease came to stand in time; try with less loss")

// pair is a caller and a callee.
type pair struct {
	n       *network
	alice   *onion.Node
	bob     *onion.Node
	callees []onion.Callee

	mu    sync.Mutex
	hears func(ev session.Event, at time.Time) // at bob
}

// newPair starts both, and waits until bob can be called.
func (n *network) newPair() (*pair, error) {
	var calls, listens [path.Purposes]path.Ready
	calls[path.Calls].Stems = callStems
	listens[path.UserLeases].Stems = leases
	p := &pair{n: n, hears: func(session.Event, time.Time) {}}
	err := together(
		func() (err error) { p.bob, err = n.user(listens); return err },
		func() (err error) { p.alice, err = n.user(calls); return err },
	)
	if err != nil {
		return nil, err
	}
	for range leases {
		_, err := p.bob.Listen(onion.ListenConfig{
			Spec: lease.Spec{
				Kind: lease.ShortLived, Lifetime: 2 * time.Hour, Overlap: 10 * time.Minute, PerMinute: 600, Burst: 100,
			},
			Purpose: path.UserLeases, Stands: p.stands,
		})
		if err != nil {
			return nil, err
		}
	}
	if err := n.until(func() bool { return len(p.known()) == leases && p.stems() == callStems }); err != nil {
		return nil, errors.Join(errNoLease, err)
	}
	n.run(p.answer)
	return p, nil
}

func (p *pair) stems() int { return p.alice.Circuits().Client.Stems[path.Calls] }

// stands learns of a lease, as from a record.
func (p *pair) stands(l onion.Lease) {
	c, err := onion.CalleeOf(l)
	if err != nil {
		return
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	p.callees = append(p.callees, c)
}

func (p *pair) known() []onion.Callee {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.callees
}

// answer is bob's end: he accepts whatever comes and echoes short messages.
func (p *pair) answer(ctx context.Context) error {
	var talks sync.WaitGroup
	defer talks.Wait()
	for {
		s, err := p.bob.Accept(ctx)
		if err != nil {
			return nil // the network ends
		}
		talks.Go(func() { p.talk(ctx, s) })
	}
}

func (p *pair) talk(ctx context.Context, s *onion.Session) {
	if s.Accept() != nil {
		return // it is over
	}
	first := true
	for {
		ev, err := s.Receive(ctx)
		if err != nil {
			return // over
		}
		at := time.Now()
		if ev.Kind == session.Message && (first || len(ev.Bytes) == echoLen) {
			first = false
			_ = s.SendMessage(ev.Bytes[:echoLen]) // one that is over needs none
			continue
		}
		p.mu.Lock()
		hears := p.hears
		p.mu.Unlock()
		hears(ev, at)
	}
}

// hear has bob's ear for a while.
func (p *pair) hear(f func(ev session.Event, at time.Time)) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.hears = f
}

// call opens a session with a message of 3 000 bytes, and returns it with the time until bob's first answer came.
func (p *pair) call(ctx context.Context, number int) (*onion.Session, time.Duration, error) {
	callees := p.known()
	first := make([]byte, messageLen)
	var id [32]byte
	if _, err := rand.Read(id[:]); err != nil {
		return nil, 0, err
	}
	began := time.Now()
	s, err := p.alice.Dial(onion.Call{Pair: session.PairOf(id), Callees: callees[number%len(callees):][:1], First: first})
	if err != nil {
		return nil, 0, err
	}
	err = next(ctx, s)
	return s, time.Since(began), err
}

// callAll opens the sessions that carry messages, all at once.
func (p *pair) callAll(ctx context.Context) ([]*onion.Session, error) {
	open := make([]*onion.Session, talks)
	calls := make([]func() error, talks)
	for i := range open {
		calls[i] = func() (err error) { open[i], _, err = p.call(ctx, i); return err }
	}
	return open, together(calls...)
}

// next waits for a message.
func next(ctx context.Context, s *onion.Session) error {
	ctx, cancel := context.WithTimeout(ctx, answerTime)
	defer cancel()
	for {
		if ev, err := s.Receive(ctx); err != nil || ev.Kind == session.Message {
			return err
		}
	}
}

// measureOpen measures session_open_ms, one session after the other.
func (p *pair) measureOpen(ctx context.Context, budget time.Duration) (linkbench.Figure, error) {
	var took []float64
	failed := 0
	for end := time.Now().Add(budget); len(took) < fewest || time.Now().Before(end); {
		if err := p.n.until(func() bool { return p.stems() > callStems/3 }); err != nil {
			return linkbench.Figure{}, err
		}
		s, d, err := p.call(ctx, len(took)+failed)
		switch {
		case err == nil:
			took = append(took, milliseconds(d))
		case ctx.Err() != nil || failed >= fewest:
			return linkbench.Figure{}, err
		default:
			failed++
		}
		if s != nil {
			s.Close()
		}
	}
	f := linkbench.NewFigure("session_open_ms", "ms", took)
	f.Add("relays", 5).Add("failed", failed).Add("first_message_bytes", messageLen)
	return f, nil
}

// measureRoundTrip measures session_rtt_ms over one standing session: a short message and its echo.
func measureRoundTrip(ctx context.Context, s *onion.Session, budget time.Duration) (linkbench.Figure, error) {
	var took []float64
	for end := time.Now().Add(budget); len(took) < fewest || len(took) < samplesMost && time.Now().Before(end); {
		began := time.Now()
		if err := s.SendMessage(make([]byte, echoLen)); err != nil {
			return linkbench.Figure{}, err
		}
		if err := next(ctx, s); err != nil {
			return linkbench.Figure{}, err
		}
		took = append(took, milliseconds(time.Since(began)))
		if err := pause(ctx, voiceEvery); err != nil { // a relay lets through so many cells a second
			return linkbench.Figure{}, err
		}
	}
	return linkbench.NewFigure("session_rtt_ms", "ms", took), nil
}

// log is when numbered things were sent and came.
type log struct {
	mu   sync.Mutex
	sent []time.Time
	came map[uint32]time.Time
}

// add notes that the next one is sent, and writes its number into b.
func (l *log) add(b []byte) {
	l.mu.Lock()
	defer l.mu.Unlock()
	binary.BigEndian.PutUint32(b, uint32(len(l.sent)))
	l.sent = append(l.sent, time.Now())
}

// arrived notes that one has come.
func (l *log) arrived(b []byte, at time.Time) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.came == nil {
		l.came = make(map[uint32]time.Time)
	}
	if number := binary.BigEndian.Uint32(b); l.came[number].IsZero() {
		l.came[number] = at
	}
}

// took is how many milliseconds each was under way that came, and how many were sent.
func (l *log) took() (list []float64, sent int) {
	l.mu.Lock()
	defer l.mu.Unlock()
	for number, at := range l.came {
		list = append(list, milliseconds(at.Sub(l.sent[number])))
	}
	return list, len(l.sent)
}

// measureDatagrams measures datagram_one_way_ms: speech from alice to bob over one session.
func (p *pair) measureDatagrams(ctx context.Context, s *onion.Session, budget time.Duration) (linkbench.Figure, error) {
	l := &log{}
	p.hear(func(ev session.Event, at time.Time) {
		if ev.Kind == session.Datagram {
			l.arrived(ev.Bytes, at)
		}
	})
	tick := time.NewTicker(voiceEvery)
	defer tick.Stop()
	for end := time.Now().Add(budget); len(l.sent) < fewest || time.Now().Before(end); {
		select {
		case <-ctx.Done():
			return linkbench.Figure{}, context.Cause(ctx)
		case <-tick.C:
		}
		packet := make([]byte, voiceLen)
		l.add(packet)
		if err := s.SendDatagram(1, packet); err != nil {
			return linkbench.Figure{}, err
		}
	}
	if err := pause(ctx, 6*p.n.shape.Delay+100*time.Millisecond); err != nil {
		return linkbench.Figure{}, err
	}
	took, sent := l.took()
	f := linkbench.NewFigure("datagram_one_way_ms", "ms", took)
	f.Add("p99", linkbench.Quantile(took, 0.99)).Add("relays", 5).Add("sent", sent)
	f.Add("lost", 1-float64(len(took))/float64(sent))
	return f, nil
}

// measureMessages measures message_ms: 3 000 bytes over standing sessions, from SendMessage until they are whole at the
// other end, with the share of those that took three round trips of the path at most.
func (p *pair) measureMessages(ctx context.Context, sessions []*onion.Session, roundTrip float64, budget time.Duration) (linkbench.Figure, error) {
	l := &log{}
	p.hear(func(ev session.Event, at time.Time) {
		if ev.Kind == session.Message {
			l.arrived(ev.Bytes, at)
		}
	})
	every := max(time.Duration(roundTrip*1e6)/time.Duration(len(sessions)), 5*time.Millisecond)
	tick := time.NewTicker(every) // one message a round trip in each session: what the least window carries
	defer tick.Stop()
	refused := 0
	for end, i := time.Now().Add(budget), 0; i < fewest || time.Now().Before(end); i++ {
		select {
		case <-ctx.Done():
			return linkbench.Figure{}, context.Cause(ctx)
		case <-tick.C:
		}
		message := make([]byte, messageLen)
		l.add(message)
		if sessions[i%len(sessions)].SendMessage(message) != nil {
			refused++ // it counts as late
		}
	}
	if err := pause(ctx, time.Duration(4*roundTrip*1e6)+time.Second); err != nil {
		return linkbench.Figure{}, err
	}
	took, sent := l.took()
	within := 0
	for _, d := range took {
		if d <= messageTrips*roundTrip {
			within++
		}
	}
	f := linkbench.NewFigure("message_ms", "ms", took)
	f.Add("p99", linkbench.Quantile(took, 0.99)).Add("bytes", messageLen).Add("sent", sent).Add("refused", refused)
	if p.n.shape.Delay > 0 { // else what others do on this machine is most of it
		f.Add("within_3_rtt", float64(within)/float64(sent)).Add("goal_within", goalWithin)
	}
	return f, nil
}
