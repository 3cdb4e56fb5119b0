// The shell around a pool: it feeds the core what a noise.Endpoint tells it, waits for deadlines, and carries out
// actions.

package link

import (
	"context"
	"sync"
	"time"

	"sotto/noise"
)

// Core is what a Shell drives: a Pool, or a core that has one.
type Core interface {
	Handle(now time.Time, events ...noise.Event)
	Forward(now time.Time, frames []Outgoing)
	Dialed(now time.Time, n Neighbor, id noise.LinkID, err error)
	Tick(now time.Time)
	Deadline() time.Time
	Actions(dst []Action) []Action
	Events(dst []Event) []Event
}

// Shell runs a core over a pipe. What came in one batch of datagrams passes through in one go: one lock and one reading
// of the clock for all, and what is queued in answer leaves together.
type Shell struct {
	end     *noise.Endpoint
	deliver func(now time.Time, events []Event)
	kick    chan struct{} // the deadline may have come nearer, or events wait

	order  sync.Mutex // events are delivered in the order in which they happened; what follows is deliver's
	events []Event
	queued []Outgoing

	mu    sync.Mutex // the core and what follows
	core  Core
	armed time.Time
	acts  []Action
	run   [][]byte // frames of one link, on their way to the endpoint
	late  []Event  // of Do, for the next step to deliver
}

// NewShell joins a core and a pipe. deliver gets every event in order, those of one batch of datagrams together, one
// call at a time, and may call Do and Queue; frames are its own until it returns, to be changed in place if it likes.
// closePipe ends the pipe, so that a blocked Receive returns. Nothing is started.
func NewShell(pipe noise.Pipe, closePipe func() error, cfg noise.Config, core Core, deliver func(now time.Time, events []Event)) (*Shell, error) {
	s := &Shell{deliver: deliver, core: core, kick: make(chan struct{}, 1)}
	var err error
	s.end, err = noise.NewEndpoint(pipe, closePipe, cfg, s.handle)
	return s, err
}

// Run serves the links until ctx ends or the pipe breaks, and returns when everything it started has ended. It returns
// nil when ctx ended it.
func (s *Shell) Run(ctx context.Context) error {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	var wg sync.WaitGroup
	var broken error
	wg.Go(func() {
		broken = s.end.Run(ctx)
		cancel()
	})
	s.wait(ctx)
	wg.Wait()
	return broken
}

// wait does what is due.
func (s *Shell) wait(ctx context.Context) {
	timer := time.NewTimer(time.Hour)
	defer timer.Stop()
	for {
		timer.Reset(s.arm())
		select {
		case <-ctx.Done():
			return
		case <-timer.C:
		case <-s.kick:
		}
		s.step(time.Now(), s.core.Tick)
		s.end.Flush()
	}
}

// arm notes the next deadline and returns how long it is away.
func (s *Shell) arm() time.Duration {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.armed = s.core.Deadline()
	if s.armed.IsZero() {
		return time.Hour
	}
	return time.Until(s.armed)
}

// handle takes the events of the endpoint, which sends what is queued when it returns.
func (s *Shell) handle(now time.Time, events []noise.Event) {
	s.step(now, func(now time.Time) { s.core.Handle(now, events...) })
}

// step feeds the core, carries out its actions, delivers its events, and feeds it what was queued meanwhile.
func (s *Shell) step(now time.Time, feed func(now time.Time)) {
	s.order.Lock()
	defer s.order.Unlock()
	s.mu.Lock()
	feed(now)
	s.act(now)
	s.events = append(s.events[:0], s.late...)
	clear(s.late)
	s.late = s.late[:0]
	s.events = s.core.Events(s.events)
	nearer := s.nearer()
	s.mu.Unlock()
	if len(s.events) > 0 {
		s.deliver(now, s.events)
		clear(s.events)
	}
	if len(s.queued) > 0 {
		nearer = s.do(now, func(now time.Time) { s.core.Forward(now, s.queued) }) || nearer
		clear(s.queued)
		s.queued = s.queued[:0]
	}
	if nearer {
		s.wake()
	}
}

// Queue sends a frame when deliver has returned, from within which alone it may be called. The frame may be one that
// came in, and must stay as it is until then. There is no bound but that of what was delivered: what answers one frame
// with many must count for itself.
func (s *Shell) Queue(to Neighbor, frame []byte) { s.queued = append(s.queued, Outgoing{to, frame}) }

// Do runs f on the core and carries out what comes of it. Events are delivered by another goroutine.
func (s *Shell) Do(f func(now time.Time)) {
	if s.do(time.Now(), f) {
		s.wake()
	}
	s.end.Flush()
}

// do is Do without its end; it reports whether the waiting goroutine is to look again.
func (s *Shell) do(now time.Time, f func(now time.Time)) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	f(now)
	s.act(now)
	s.late = s.core.Events(s.late) // a call does not make more than a few
	return len(s.late) > 0 || s.nearer()
}

// act carries out actions until there are none. The core's lock is held, so that a link cannot come up before the core
// knows its name. Errors of sending are losses, as UDP has them.
func (s *Shell) act(now time.Time) {
	for {
		s.acts = s.core.Actions(s.acts[:0])
		if len(s.acts) == 0 {
			return
		}
		for i := 0; i < len(s.acts); {
			switch a := &s.acts[i]; a.Kind {
			case ActDial:
				id, err := s.end.Dial(*a.Target)
				s.core.Dialed(now, a.Neighbor, id, err)
			case ActClose:
				s.end.CloseLink(a.Link)
			case ActSend:
				i += s.send(now, s.acts[i:])
				continue
			}
			i++
		}
		clear(s.acts)
	}
}

// send queues the frames at the beginning of some actions that are for one link, and returns how many there are.
func (s *Shell) send(now time.Time, acts []Action) int {
	s.run = s.run[:0]
	for i := range acts {
		if acts[i].Kind != ActSend || acts[i].Link != acts[0].Link {
			break
		}
		s.run = append(s.run, acts[i].Frame)
	}
	n := len(s.run)
	_ = s.end.Queue(now, acts[0].Link, s.run...)
	clear(s.run)
	return n
}

// nearer reports whether the timer waits for too long.
func (s *Shell) nearer() bool {
	d := s.core.Deadline()
	return !d.IsZero() && (s.armed.IsZero() || d.Before(s.armed))
}

// wake makes the waiting goroutine look again.
func (s *Shell) wake() {
	select {
	case s.kick <- struct{}{}:
	default:
	}
}

// Stats returns the counts of the links below.
func (s *Shell) Stats() noise.Stats { return s.end.Stats() }
