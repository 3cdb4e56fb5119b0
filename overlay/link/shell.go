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
	Handle(now time.Time, ev noise.Event)
	Dialed(now time.Time, n Neighbor, id noise.LinkID, err error)
	Tick(now time.Time)
	Deadline() time.Time
	Actions(dst []Action) []Action
	Events(dst []Event) []Event
}

// Shell runs a core over a pipe.
type Shell struct {
	end     *noise.Endpoint
	deliver func(Event)
	kick    chan struct{} // the deadline may have come nearer, or events wait

	order sync.Mutex // events are delivered in the order in which they happened
	mu    sync.Mutex // the core and what follows
	core  Core
	armed time.Time
	acts  []Action
	late  []Event // of Do, for the next step to deliver
}

// NewShell joins a core and a pipe. deliver gets every event, one at a time, and may call Do; a frame in it is valid
// until deliver returns. closePipe ends the pipe, so that a blocked Receive returns. Nothing is started.
func NewShell(pipe noise.Pipe, closePipe func() error, cfg noise.Config, core Core, deliver func(Event)) (*Shell, error) {
	s := &Shell{deliver: deliver, core: core, kick: make(chan struct{}, 1)}
	var err error
	s.end, err = noise.NewEndpoint(pipe, closePipe, cfg, s.handle())
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
	var events []Event
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
		events = s.step(events, false, s.core.Tick)
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

// handle returns the function that takes the endpoint's events, one at a time.
func (s *Shell) handle() func(noise.Event) {
	var events []Event
	return func(ev noise.Event) {
		events = s.step(events, true, func(now time.Time) { s.core.Handle(now, ev) })
	}
}

// step feeds the core, carries out its actions and delivers its events. inside says that the endpoint is calling, and
// sends what is queued when it has seen the whole batch.
func (s *Shell) step(events []Event, inside bool, feed func(now time.Time)) []Event {
	s.order.Lock()
	defer s.order.Unlock()
	s.mu.Lock()
	now := time.Now()
	feed(now)
	s.act(now, inside)
	events = append(events[:0], s.late...)
	clear(s.late)
	s.late = s.late[:0]
	events = s.core.Events(events)
	nearer := s.nearer()
	s.mu.Unlock()
	for _, ev := range events {
		s.deliver(ev)
	}
	clear(events)
	if nearer {
		s.wake()
	}
	return events
}

// Do runs f on the core and carries out what comes of it. Events are delivered by another goroutine.
func (s *Shell) Do(f func(now time.Time)) {
	s.mu.Lock()
	now := time.Now()
	f(now)
	s.act(now, false)
	s.late = s.core.Events(s.late) // a call does not make more than a few
	needed := len(s.late) > 0 || s.nearer()
	s.mu.Unlock()
	if needed {
		s.wake()
	}
}

// act carries out actions until there are none. The core's lock is held, so that a link cannot come up before the core
// knows its name.
func (s *Shell) act(now time.Time, inside bool) {
	for {
		s.acts = s.core.Actions(s.acts[:0])
		if len(s.acts) == 0 {
			return
		}
		for i := 0; i < len(s.acts); {
			i += s.one(now, s.acts[i:], inside)
		}
		clear(s.acts)
	}
}

// one carries out the first of some actions, or a run of frames for one link, and returns how many it took. Errors of
// sending are losses, as UDP has them.
func (s *Shell) one(now time.Time, acts []Action, inside bool) int {
	switch a := acts[0]; a.Kind {
	case ActDial:
		id, err := s.end.Dial(a.Target)
		s.core.Dialed(now, a.Neighbor, id, err)
	case ActClose:
		s.end.CloseLink(a.Link)
	case ActSend:
		if inside {
			_ = s.end.Queue(a.Link, a.Frame)
			return 1
		}
		n := 1
		for n < len(acts) && acts[n].Kind == ActSend && acts[n].Link == a.Link {
			n++
		}
		frames := make([][]byte, n)
		for i := range frames {
			frames[i] = acts[i].Frame
		}
		_ = s.end.Send(a.Link, frames...)
		return n
	}
	return 1
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
