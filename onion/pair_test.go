// Whose session a call gets.

package onion

import (
	"testing"
	"time"

	"sotto/onion/session"
)

// bob and carol listen; alice calls both and names no pair.
func TestCallsThatNameNoPairShareNothing(t *testing.T) {
	n := newNetwork(t, 4, 20)
	var bobs, carols []Lease
	var toBob, toCarol, bob, carol heard
	n.callee(&bob, &bobs)
	n.callee(&carol, &carols)
	a := n.user(nil)
	n.run(10 * time.Second)
	first, _, err := a.client.Dial(n.now, Call{Callees: n.callees(bobs), First: []byte("to bob"), Tell: toBob.tell(n)})
	n.must(err)
	n.run(time.Second)
	second, fresh, err := a.client.Dial(n.now, Call{Callees: n.callees(carols), First: []byte("to carol"), Tell: toCarol.tell(n)})
	n.must(err)
	n.flush(a)
	n.run(2 * time.Second)
	if !fresh || first == second || len(bob.messages) != 1 || len(carol.messages) != 1 || carol.messages[0] != "to carol" {
		t.Errorf("a call to one went to another: %d messages to bob, %d to carol", len(bob.messages), len(carol.messages))
	}
	for _, talk := range []*Talk{first, second} {
		talk.Leave(n.now)
	}
	n.flush(a)
	n.run(session.Linger + 20*time.Second)
	if !toBob.closed || !toCarol.closed {
		t.Error("a call that nobody else can use goes on after it was left")
	}
}
