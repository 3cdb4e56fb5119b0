// What others ask of a node: requests, leases, sessions, from any goroutine.

package onion

import (
	"context"
	"fmt"
	"sync"
	"time"

	"sotto/onion/lease"
	"sotto/onion/path"
	"sotto/onion/session"
)

// Bounds of what waits for a caller of Session.Receive.
const (
	// maxWaitingMessages is from where on the other end waits.
	maxWaitingMessages = 32
	// maxWaitingDatagrams is from where on the oldest are dropped: two seconds of voice.
	maxWaitingDatagrams = 100
	// maxBacklog is how many sessions wait for Accept. Beyond, they are refused.
	maxBacklog = 16
)

// Ask makes a request and waits for its answer. Question.Done is not used. It fails with an error of path or request, with
// ErrStopped, or with the cause of ctx.
func (n *Node) Ask(ctx context.Context, q Question) ([]byte, error) {
	type result struct {
		answer []byte
		err    error
	}
	done := make(chan result, 1)
	q.Done = func(answer []byte, err error) { done <- result{answer, err} }
	if err := n.with(func(now time.Time, c *Client) error { c.Ask(now, q); return nil }); err != nil {
		return nil, err
	}
	select {
	case r := <-done:
		return r.answer, r.err
	case <-ctx.Done():
		return nil, context.Cause(ctx)
	case <-n.over:
		return nil, ErrStopped
	}
}

// Listen begins to want a lease: see Client.Listen.
func (n *Node) Listen(cfg ListenConfig) (id lease.Want, err error) {
	err = n.with(func(now time.Time, c *Client) (err error) { id, err = c.Listen(now, cfg); return err })
	return id, err
}

// Unlisten ends a lease, and the sessions on it.
func (n *Node) Unlisten(id lease.Want) {
	_ = n.with(func(now time.Time, c *Client) error { c.Unlisten(now, id); return nil }) // when stopped it is ended
}

// SetContacts says who shares secrets with this node: see Client.SetContacts.
func (n *Node) SetContacts(contacts []session.Contact) error {
	return n.with(func(_ time.Time, c *Client) error { return c.SetContacts(contacts) })
}

// CircuitStatus is what a node's circuits are doing; nil what it does not do.
type CircuitStatus struct {
	Relay  *RelayStatus
	Client *ClientStatus
}

// Circuits returns counts.
func (n *Node) Circuits() (s CircuitStatus) {
	n.mu.Lock()
	defer n.mu.Unlock()
	if n.relay != nil {
		r := n.relay.Status()
		s.Relay = &r
	}
	if n.client == nil {
		return s
	}
	c := n.client.Status()
	c.GuardsUp = 0 // links to others may be up
	for _, id := range n.client.Guards() {
		if _, up := n.client.guards[id]; up {
			c.GuardsUp++
		}
	}
	switch {
	case n.unkept != nil:
		c.NoPath = fmt.Errorf("%w: %w", path.ErrNoPath, n.unkept)
	case n.client.dir == nil:
		c.NoPath = n.client.unready()
	}
	s.Client = &c
	return s
}

// with runs f on the client and sends what comes of it.
func (n *Node) with(f func(now time.Time, c *Client) error) (err error) {
	n.do(func(now time.Time) {
		switch {
		case n.client == nil || n.ended:
			err = ErrStopped
		case n.unkept != nil && n.client.dir == nil:
			err = fmt.Errorf("%w: %w", path.ErrNoPath, n.unkept)
		default:
			err = f(now, n.client)
		}
	})
	return err
}

// Session is a session of a node.
type Session struct {
	n    *Node
	talk *Talk

	mu        sync.Mutex
	waiting   []session.Event
	messages  int
	datagrams int
	paused    bool
	more      chan struct{} // there is something, or the session is over
	closed    bool
	err       error
}

// Dial opens a session, or returns the one that the pair has. Call.Tell is not used. Whether somebody answers, Receive
// tells.
func (n *Node) Dial(call Call) (*Session, error) {
	s := &Session{n: n, more: make(chan struct{}, 1)}
	call.Tell = s.tell
	err := n.with(func(now time.Time, c *Client) error {
		talk, fresh, err := c.Dial(now, call)
		if err != nil {
			return err
		}
		if !fresh {
			s = talk.user.(*Session)
			return nil
		}
		s.talk, talk.user, talk.full = talk, s, s.full
		return nil
	})
	if err != nil {
		return nil, err
	}
	return s, nil
}

// incoming takes a session that somebody has opened. The node's lock is held.
func (n *Node) incoming(t *Talk) func(session.Event) {
	s := &Session{n: n, talk: t, more: make(chan struct{}, 1)}
	t.user, t.full = s, s.full
	select {
	case n.backlog <- s:
	default:
		t.refuse = true
	}
	return s.tell
}

// Accept waits for a session that somebody has opened. It is to be accepted or refused.
func (n *Node) Accept(ctx context.Context) (*Session, error) {
	select {
	case s := <-n.backlog:
		return s, nil
	case <-ctx.Done():
		return nil, context.Cause(ctx)
	case <-n.over:
		return nil, ErrStopped
	}
}

// tell takes an event of the session. The node's lock is held.
func (s *Session) tell(ev session.Event) {
	s.mu.Lock()
	defer s.mu.Unlock()
	ev.Bytes = append([]byte(nil), ev.Bytes...)
	switch ev.Kind {
	case session.Message:
		s.messages++
	case session.Datagram:
		if s.datagrams++; s.datagrams > maxWaitingDatagrams {
			s.dropDatagram()
		}
	case session.Closed:
		s.closed, s.err = true, ev.Err
	}
	s.waiting = append(s.waiting, ev)
	poke(s.more)
}

// dropDatagram makes room: what is late in voice is worth nothing.
func (s *Session) dropDatagram() {
	for i, ev := range s.waiting {
		if ev.Kind == session.Datagram {
			s.waiting = append(s.waiting[:i], s.waiting[i+1:]...)
			s.datagrams--
			return
		}
	}
}

// full reports whether messages are to wait at their sender.
func (s *Session) full() bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.paused = s.paused || s.messages >= maxWaitingMessages // until take resumes
	return s.paused
}

// Receive waits for the next event: Established, Accepted, Message, Datagram, Room. It fails with what ended the session
// (session.ErrClosed when one of its ends did), with ErrStopped, or with the cause of ctx.
func (s *Session) Receive(ctx context.Context) (session.Event, error) {
	for {
		ev, ok, resume, err := s.take()
		if resume {
			_ = s.do(func(now time.Time, in *session.Session) error { in.Pause(now, false); return nil }) // over: nothing waits
		}
		if ok || err != nil {
			return ev, err
		}
		select {
		case <-s.more:
		case <-ctx.Done():
			return session.Event{}, context.Cause(ctx)
		case <-s.n.over:
			return session.Event{}, ErrStopped
		}
	}
}

// take takes the first event that waits; resume says that there is room for messages again.
func (s *Session) take() (ev session.Event, ok, resume bool, err error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if len(s.waiting) == 0 {
		return ev, false, false, nil
	}
	ev = s.waiting[0]
	poke(s.more) // more may wait, and others for it
	if ev.Kind == session.Closed {
		if s.err != nil {
			return ev, false, false, s.err
		}
		return ev, false, false, session.ErrClosed
	}
	s.waiting = s.waiting[1:]
	switch ev.Kind {
	case session.Message:
		s.messages--
	case session.Datagram:
		s.datagrams--
	}
	if s.paused && s.messages < maxWaitingMessages/2 {
		s.paused, resume = false, true
	}
	return ev, true, resume, nil
}

// do runs f on the session within the node.
func (s *Session) do(f func(now time.Time, in *session.Session) error) (err error) {
	stopped := s.n.with(func(now time.Time, _ *Client) error {
		if s.talk.over {
			err = session.ErrClosed
			return nil
		}
		s.talk.Session(now, func(in *session.Session) {
			if in == nil {
				err = session.ErrNotYet
				return
			}
			err = f(now, in)
		})
		return nil
	})
	if err == nil {
		err = stopped
	}
	return err
}

// SendMessage sends a message, in order: see session.Session.SendMessage.
func (s *Session) SendMessage(b []byte) error {
	return s.do(func(now time.Time, in *session.Session) error { return in.SendMessage(now, b) })
}

// SendDatagram sends a datagram, or loses it: see session.Session.SendDatagram.
func (s *Session) SendDatagram(flow uint16, b []byte) error {
	return s.do(func(now time.Time, in *session.Session) error { return in.SendDatagram(now, flow, b) })
}

// Accept tells the caller that the session is accepted.
func (s *Session) Accept() error {
	return s.do(func(now time.Time, in *session.Session) error { in.Accept(now); return nil })
}

// Refuse ends a session that somebody has opened.
func (s *Session) Refuse() error {
	return s.do(func(now time.Time, in *session.Session) error { in.Refuse(now); return nil })
}

// Close ends the session for all of its users. A pair's session is left with Leave.
func (s *Session) Close() {
	_ = s.n.with(func(now time.Time, _ *Client) error { s.talk.Close(now); return nil }) // when stopped it is ended
}

// Leave counts a user less of a pair's session: it closes a minute after the last.
func (s *Session) Leave() {
	_ = s.n.with(func(now time.Time, _ *Client) error { s.talk.Leave(now); return nil })
}
