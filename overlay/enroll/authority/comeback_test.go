// Whoever changed or lost a key comes back to his own.

package authority

import (
	"testing"
	"time"

	"sotto/overlay/enroll/document"
	"sotto/overlay/enroll/identity"
	"sotto/overlay/slot"
)

// The change was granted and its answer lost; the request is repeated later.
func TestKeyChangeIsNeverLost(t *testing.T) {
	for what, c := range map[string]struct {
		want  identity.Want
		later time.Duration
	}{
		"with slots, five days later": {identity.Want{NewKey: true, Slots: true}, 5 * day},
		"alone, fifteen days later":   {identity.Want{NewKey: true}, 15 * day},
	} {
		a := newAuthority(t)
		id := begin(t, a, "sip:alice@example.org", genesis, InviteOptions{})
		if err := visitNow(t, a, id, identity.Want{}, genesis); err != nil {
			t.Fatal(err)
		}
		now := genesis.Add(25 * time.Hour)
		q, err := id.Request(now, c.want)
		if err != nil {
			t.Fatal(err)
		}
		if answer, err := a.Answer(now, q.Bytes()); err != nil || answer.Refused != 0 {
			t.Fatal(err, answer.Refused)
		}
		now = now.Add(c.later)
		first := visitNow(t, a, id, identity.Want{NewKey: true, Slots: c.want.Slots}, now)
		if err := visitNow(t, a, id, identity.Want{Renew: true}, now.Add(time.Hour)); err != nil {
			t.Errorf("%s: the repeat said %q, and from then on: %v (the new private key is deleted)", what, first, err)
		}
	}
}

// Whoever stole the key used up the writers of all slots.
func TestReplacedPersonGetsSlots(t *testing.T) {
	a := newAuthority(t)
	p := newPerson(t, a, "sip:alice@example.org", genesis, InviteOptions{})
	p.enrol(genesis)
	mine := lies(t, p.known, p.aor, 0)
	s, overlay := p.known.Schedule(), p.known.ID().Bytes()
	e, _ := s.Current(genesis, slot.PhaseOf(mine))
	for e0 := e; s.Begin(e0).Before(genesis.Add(73 * time.Hour)); e0, _ = s.Next(e0, slot.PhaseOf(mine)) {
		for w := byte(1); w <= 3; w++ {
			if _, err := p.ask(genesis, document.Ask{Slots: []document.SlotAsk{{Epoch: e0, Slot: slot.Derive(overlay, mine, e0), Writer: writerOf(t, w)}}}, false); err != nil {
				break
			}
		}
	}
	id := begin(t, a, "sip:alice@example.org", genesis, InviteOptions{Replace: true})
	if err := visitNow(t, a, id, identity.Want{Slots: true}, genesis.Add(time.Hour)); err != nil {
		t.Errorf("the owner cannot come back: %v", err)
	}
}
