// What leases promise to those who listen.

package onion

import (
	"errors"
	"testing"
	"time"

	"sotto/onion/lease"
	"sotto/onion/session"
)

func TestNodeThatTakesNoCallsRefusesAndForgetsThem(t *testing.T) {
	n := newNetwork(t, 11, 20)
	var leases []Lease
	b := n.user(nil)
	_, err := b.client.Listen(n.now, ListenConfig{
		Spec:   lease.Spec{Kind: lease.ShortLived, Lifetime: 2 * time.Hour, Overlap: 10 * time.Minute},
		Stands: func(l Lease) { leases = append(leases, l) },
	})
	n.must(err)
	n.flush(b)
	a := n.user(nil)
	n.run(10 * time.Second)
	var alice heard
	_, _, err = a.client.Dial(n.now, Call{Callees: n.callees(leases), First: []byte("hello"), Tell: alice.tell(n)})
	n.must(err)
	n.flush(a)
	n.run(time.Minute)
	if !alice.closed || !errors.Is(alice.err, session.ErrRefused) {
		t.Errorf("closed: %v, %v", alice.closed, alice.err)
	}
	if got := b.client.countSessions() + a.client.countSessions(); got != 0 {
		t.Errorf("%d sessions are left", got)
	}
}

func TestEveryLeaseOfANodeIsHeard(t *testing.T) {
	n := newNetwork(t, 12, 40)
	var leases []Lease
	var bob heard
	b := n.callee(&bob, &leases)
	for range 11 {
		_, err := b.client.Listen(n.now, ListenConfig{
			Spec:   lease.Spec{Kind: lease.ShortLived, Lifetime: 2 * time.Hour, Overlap: 10 * time.Minute},
			Stands: func(l Lease) { leases = append(leases, l) },
		})
		n.must(err)
	}
	n.flush(b)
	n.run(5 * time.Minute)
	if len(leases) < 9 {
		t.Fatalf("%d leases stand", len(leases))
	}
	a := n.user(nil)
	n.run(10 * time.Second)
	for i, c := range n.callees(leases) {
		before := len(bob.messages)
		var alice heard
		talk, _, err := a.client.Dial(n.now, Call{Pair: session.PairOf([32]byte{byte(i)}), Callees: []Callee{c}, First: []byte("x"), Tell: alice.tell(n)})
		n.must(err)
		n.flush(a)
		n.run(5 * time.Second)
		if len(bob.messages) != before+1 {
			t.Errorf("lease %d was not heard: %v", i, alice.err)
		}
		talk.Close(n.now)
		n.flush(a)
		n.run(20 * time.Second)
	}
}
