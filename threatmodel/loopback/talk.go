package loopback

// The conversation: Bob listens at a relay, Alice asks a relay something and then calls Bob, both write and both send
// datagrams at the rate of voice, and neither learns where the other is.

import (
	"bytes"
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"sync"
	"time"

	"sotto/onion"
	"sotto/onion/lease"
	"sotto/onion/path"
	"sotto/onion/request"
	"sotto/onion/session"
)

const (
	lines = 5 // that each says
	// datagramsEach, one every datagramPause, are two seconds of voice.
	datagramsEach  = 100
	datagramPause  = 20 * time.Millisecond
	datagramLen    = 160
	datagramSecret = 16
	linePause      = 300 * time.Millisecond
	// settle is how long what is under way may take after the last datagram left, beside the distance.
	settle = 500 * time.Millisecond
	// pathLinks is how many there are from Alice to Bob: guard, second, the relay of the lease, second, guard.
	pathLinks = 6
	talkTime  = 25 * time.Second
	talkTries = 3
)

// Talked is what the conversation was like.
type Talked struct {
	Request   time.Duration // from a question to its answer, over a stem that stood ready
	Listening time.Duration // from when Bob wanted a lease until it stood
	Opening   time.Duration // from Alice's call until she knew that Bob took it
	Lines     Exchanged
	Datagrams Exchanged
	P50, P95  time.Duration // of datagrams, one way, from one program to the other
	Relays    int           // that carried it
}

// Exchanged is what both ends gave and got together.
type Exchanged struct {
	Sent     int `json:"sent"`
	Received int `json:"received"`
	Matched  int `json:"matched"` // of Received, what was sent
}

// talk is what there is to be said, and who carried it.
type talk struct {
	lines   [2][]string // of Alice, of Bob
	secrets [2][datagramSecret]byte
	lease   onion.Lease
	carried map[*node]bool
	listens *node // where Bob's lease was…
	leases  int   // …among so many
	splices int   // …with so many calls
	heard   [2]heard
}

// Talk has Alice and Bob talk. It fails with ErrTalk and the reason.
func (n *Network) Talk(ctx context.Context) (Talked, error) {
	ctx, end := n.join(ctx)
	defer end()
	ctx, cancel := context.WithTimeout(ctx, talkTime)
	defer cancel()
	t, err := n.converse(ctx)
	if err != nil && n.ctx.Err() == nil {
		err = fmt.Errorf("%w: %w", ErrTalk, err)
	}
	return t, err
}

func (n *Network) converse(ctx context.Context) (t Talked, err error) {
	n.write()
	if t.Request, err = n.ask(ctx); err != nil {
		return t, err
	}
	begun := time.Now()
	want, callee, err := n.listen(ctx)
	if err != nil {
		return t, err
	}
	defer n.bob.live.Unlisten(want)
	t.Listening = time.Since(begun)
	n.plantTalk()
	before := n.passed()
	begun = time.Now()
	var ends [2]*onion.Session
	if ends[0], ends[1], err = n.call(ctx, callee); err != nil {
		return t, err
	}
	t.Opening = time.Since(begun)
	if err := expect(ctx, ends[1], session.Established); err != nil { // before, Bob does not know whether he is heard
		return t, err
	}
	if err := n.speak(ctx, ends); err != nil {
		return t, err
	}
	n.whoCarried(before)
	ends[0].Close()
	n.compare(&t)
	return t, nil
}

// write makes up what is said; the ends know what the other will say, so that they can compare.
func (n *Network) write() {
	for i, who := range []string{Alice, Bob} {
		_, _ = rand.Read(n.talk.secrets[i][:]) // never fails
		for l := range lines {
			n.talk.lines[i] = append(n.talk.lines[i], fmt.Sprintf("%s says line %d: %s", who, l+1, rand.Text()))
		}
	}
}

// ask has Alice ask some relay something, for the time that it takes.
func (n *Network) ask(ctx context.Context) (took time.Duration, err error) {
	for range talkTries {
		q := onion.Question{Purpose: path.Lookups, Service: request.Echo, Content: []byte(rand.Text())}
		q.Peer = n.victim().id() // somebody whom circuits may end at
		begun := time.Now()
		var answer []byte
		if answer, err = n.alice.live.Ask(ctx, q); err == nil && bytes.Equal(answer, q.Content) {
			return time.Since(begun), nil
		}
	}
	return 0, err
}

// listen has Bob listen, and returns what Alice is told of it: until names can be looked up, by hand.
func (n *Network) listen(ctx context.Context) (lease.Want, onion.Callee, error) {
	stands := make(chan onion.Lease, 1)
	want, err := n.bob.live.Listen(onion.ListenConfig{
		Spec:    lease.Spec{Kind: lease.ShortLived, Lifetime: time.Hour, Overlap: 10 * time.Minute},
		Purpose: path.UserLeases,
		Stands: func(l onion.Lease) {
			select {
			case stands <- l:
			default: // the first one is in use
			}
		},
	})
	if err != nil {
		return 0, onion.Callee{}, err
	}
	select {
	case n.talk.lease = <-stands:
		callee, err := onion.CalleeOf(n.talk.lease)
		return want, callee, err
	case <-ctx.Done():
		return want, onion.Callee{}, context.Cause(ctx)
	}
}

// call has Alice call and Bob take the call.
func (n *Network) call(ctx context.Context, callee onion.Callee) (alice, bob *onion.Session, err error) {
	for range talkTries {
		call := onion.Call{Callees: []onion.Callee{callee}}
		var pair [32]byte
		_, _ = rand.Read(pair[:]) // never fails
		call.Pair = session.PairOf(pair)
		if alice, err = n.alice.live.Dial(call); err != nil {
			return nil, nil, err
		}
		within, cancel := context.WithCancel(ctx)
		came := make(chan *onion.Session, 1)
		go func() {
			defer close(came)
			if s, err := n.bob.live.Accept(within); err == nil && s.Accept() == nil {
				came <- s
			}
		}()
		err = expect(ctx, alice, session.Accepted)
		cancel()
		if bob = <-came; err == nil && bob != nil {
			return alice, bob, nil
		}
	}
	return nil, nil, err
}

// expect receives events up to one of a kind.
func expect(ctx context.Context, s *onion.Session, kind session.Kind) error {
	for {
		ev, err := s.Receive(ctx)
		if err != nil || ev.Kind == kind {
			return err
		}
	}
}

// speak has both say all that they have to say, and hear.
func (n *Network) speak(ctx context.Context, ends [2]*onion.Session) error {
	begun := time.Now()
	hearing, silence := context.WithCancel(ctx)
	defer silence()
	var hear, say sync.WaitGroup
	var faults [2]error
	for i, s := range ends {
		n.talk.heard[i].datagrams = make(map[uint32]time.Duration)
		hear.Go(func() { n.talk.heard[i].listen(hearing, begun, s, n.talk.secrets[1-i]) })
		say.Go(func() { faults[i] = n.say(ctx, begun, i, s) })
	}
	say.Wait()
	wait(ctx, settle+2*pathLinks*n.cfg.Delay)
	for !(n.talk.heard[0].all() && n.talk.heard[1].all()) && wait(ctx, look) { // lines that were lost come again
	}
	n.findLease()
	silence()
	hear.Wait()
	return errors.Join(faults[0], faults[1], context.Cause(ctx))
}
