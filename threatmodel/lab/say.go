package lab

import (
	"time"

	"sotto/onion"
	"sotto/onion/lease"
	"sotto/onion/path"
	"sotto/onion/request"
	"sotto/onion/session"
)

// What users of a world do: ask, listen, call, speak.

// Reply is what came of a request.
type Reply struct {
	Done   bool
	Answer []byte
	Err    error
	Took   time.Duration
}

// Ask asks a relay for an echo of up to service.RequestMax bytes. The reply is filled in as time goes by.
func (u *User) Ask(far *Relay, purpose path.Purpose, service request.Service, content []byte) *Reply {
	reply := new(Reply)
	begun := u.world.Now()
	u.Do(func(now time.Time, c *onion.Client) {
		c.Ask(now, onion.Question{Peer: far.ID(), Purpose: purpose, Service: service, Content: content, Done: func(answer []byte, err error) {
			*reply = Reply{true, answer, err, u.world.Now().Sub(begun)}
		}})
	})
	return reply
}

// Standing is a lease that a user wants, and the one that stands for it.
type Standing struct {
	Lease onion.Lease
	Up    bool
	Stood int // how often one came to stand
	Want  lease.Want
}

// leaseLife and leaseOverlap are those of the leases of users.
const (
	leaseLife    = 2 * time.Hour
	leaseOverlap = 10 * time.Minute
)

// Listen has the user listen at a relay that it chooses.
func (u *User) Listen() (*Standing, error) {
	return u.ListenWith(onion.ListenConfig{
		Spec: lease.Spec{Kind: lease.ShortLived, Lifetime: leaseLife, Overlap: leaseOverlap}, Purpose: path.UserLeases,
	})
}

// ListenAt has the user listen at one relay.
func (u *User) ListenAt(r *Relay) (*Standing, error) {
	return u.ListenWith(onion.ListenConfig{
		Spec: lease.Spec{Kind: lease.ShortLived, Lifetime: leaseLife, Overlap: leaseOverlap}, Purpose: path.UserLeases, Relay: r.ID(),
	})
}

// ListenWith has the user listen as c says; who is told is the lab's to set.
func (u *User) ListenWith(c onion.ListenConfig) (s *Standing, err error) {
	s = new(Standing)
	c.Stands = func(l onion.Lease) {
		s.Lease, s.Up = l, true
		s.Stood++
	}
	c.Gone = func(l onion.Lease) {
		if l.ID == s.Lease.ID {
			s.Up = false
		}
	}
	u.Do(func(now time.Time, client *onion.Client) { s.Want, err = client.Listen(now, c) })
	return s, err
}

// Call opens a session to whoever listens at a lease.
func (u *User) Call(to onion.Lease, first []byte) (t *onion.Talk, err error) {
	callee, err := onion.CalleeOf(to)
	if err != nil {
		return nil, err
	}
	var pair [32]byte
	u.world.Source("pair " + u.name + " at " + u.world.Now().String()).Read(pair[:])
	u.Do(func(now time.Time, c *onion.Client) {
		t, _, err = c.Dial(now, onion.Call{
			Pair: session.PairOf(pair), Callees: []onion.Callee{callee}, First: first, Tell: u.Heard.tell,
		})
	})
	return t, err
}

// Say sends a message in a session. It fails as session.SendMessage, and with session.ErrNotYet while there is no path.
func (u *User) Say(t *onion.Talk, message []byte) (err error) {
	return u.in(t, func(now time.Time, s *session.Session) error { return s.SendMessage(now, message) })
}

// Throw sends a datagram in a session, and fails as Say does.
func (u *User) Throw(t *onion.Talk, datagram []byte) (err error) {
	return u.in(t, func(now time.Time, s *session.Session) error { return s.SendDatagram(now, 1, datagram) })
}

// HangUp ends a session; one that has no path yet ends by itself.
func (u *User) HangUp(t *onion.Talk) {
	_ = u.in(t, func(now time.Time, s *session.Session) error {
		s.Close(now)
		return nil
	})
}

// in does something with a session, if there is one yet.
func (u *User) in(t *onion.Talk, do func(now time.Time, s *session.Session) error) error {
	err := session.ErrNotYet
	u.Do(func(now time.Time, _ *onion.Client) {
		t.Session(now, func(s *session.Session) {
			if s != nil {
				err = do(now, s)
			}
		})
	})
	return err
}
