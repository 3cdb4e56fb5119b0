// A clock that is ahead once breaks nothing, and a pause needs the operator's word.

package authority

import (
	"errors"
	"testing"
	"time"

	"sotto/overlay/enroll/document"
)

func TestClockOnceAheadSignsNothing(t *testing.T) {
	a := newAuthority(t)
	ahead := genesis.Add(100 * day)
	if _, err := a.Maintain(ahead); !errors.Is(err, ErrPause) {
		t.Errorf("maintaining: %v", err)
	}
	if _, err := a.Invite(ahead, aorOf(t, "sip:bob@example.org"), InviteOptions{}); !errors.Is(err, ErrPause) {
		t.Errorf("inviting: %v", err)
	}
	if _, err := a.Invite(genesis.Add(time.Hour), aorOf(t, "sip:alice@example.org"), InviteOptions{}); err != nil {
		t.Errorf("clock right again: %v", err)
	}
	o, err := a.Document()
	if err != nil {
		t.Fatal(err)
	}
	if err := o.Check(genesis.Add(time.Hour)); err != nil {
		t.Errorf("document: %v", err)
	}
}

func TestPauseEndsByTheOperatorsWord(t *testing.T) {
	a := newAuthority(t)
	before, err := a.Document()
	if err != nil {
		t.Fatal(err)
	}
	back := genesis.Add(100 * day)
	if err := a.Resume(back); err != nil {
		t.Fatal(err)
	}
	if _, err := a.Maintain(back.Add(time.Hour)); err != nil {
		t.Errorf("maintaining: %v", err)
	}
	o, err := a.Document()
	if err != nil || o.Check(back) != nil {
		t.Errorf("document: %v, %v", err, o.Check(back))
	}
	if _, err := document.Accept(before, o); err != nil {
		t.Errorf("the new document does not follow the old one: %v", err)
	}
}
