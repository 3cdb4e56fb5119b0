// Slot certificates are for what is owned, for a few days, and the same when asked again.

package authority

import (
	"testing"
	"time"

	"sotto/overlay/enroll/document"
	"sotto/overlay/slot"
)

// lies derives where a name lies.
func lies(t *testing.T, o document.Overlay, aor document.AoR, keyEpoch uint32) slot.Y {
	t.Helper()
	canonical, err := slot.CanonicalAoR([]byte(aor.Canonical()))
	if err != nil {
		t.Fatal(err)
	}
	y, err := slot.DeriveY(canonical, o.ID().Bytes(), keyEpoch)
	if err != nil {
		t.Fatal(err)
	}
	return y
}

func writerOf(t *testing.T, n byte) slot.WriterPublic {
	t.Helper()
	k, err := slot.ParseWriterPublic([]byte{0: n, 31: 1})
	if err != nil {
		t.Fatal(err)
	}
	return k
}

func TestSlotsOfTheOwnNameAreCertified(t *testing.T) {
	a := newAuthority(t)
	p := newPerson(t, a, "sip:alice@example.org", genesis, InviteOptions{})
	p.enrol(genesis)
	mine := lies(t, p.known, p.aor, 0)
	bobs := lies(t, p.known, aorOf(t, "sip:bob@example.org"), 0)
	s, overlay := p.known.Schedule(), p.known.ID().Bytes()
	now := genesis.Add(5 * day)
	e, err := s.Current(now, slot.PhaseOf(mine))
	if err != nil {
		t.Fatal(err)
	}
	ask := func(y slot.Y, e slot.Epoch, writer byte) (document.Answer, error) {
		return p.ask(now, document.Ask{Slots: []document.SlotAsk{{Epoch: e, Slot: slot.Derive(overlay, y, e), Writer: writerOf(t, writer)}}}, false)
	}
	first, err := ask(mine, e, 1)
	if err != nil {
		t.Fatal(err)
	}
	if err := p.known.VerifySlot(first.Slots[0]); err != nil {
		t.Error(err)
	}
	now = now.Add(time.Minute)
	if again, err := ask(mine, e, 1); err != nil || again.Slots[0] != first.Slots[0] {
		t.Errorf("asked again, another certificate: %v", err)
	}
	_, err = ask(bobs, e, 1)
	wantRefusal(t, "somebody else's slot", err, document.RefusedSlot)
	_, err = ask(mine, e+1, 1)
	wantRefusal(t, "an epoch of another phase", err, document.RefusedSlot)
	_, err = ask(mine, e+4*4, 1)
	wantRefusal(t, "too far ahead", err, document.RefusedEarly)
	_, err = ask(mine, e-2*4, 1)
	wantRefusal(t, "of the past", err, document.RefusedLate)
	for n := byte(2); n <= 3; n++ {
		if _, err := ask(mine, e, n); err != nil {
			t.Errorf("writer %d of 3: %v", n, err)
		}
	}
	_, err = ask(mine, e, 4)
	wantRefusal(t, "a fourth writer", err, document.RefusedSlot)
	if _, err := ask(mine, e+3*4-4, 1); err != nil {
		t.Errorf("two days ahead: %v", err)
	}
}

func TestRefusedSlotRequestIsComputedOnce(t *testing.T) {
	a := newAuthority(t)
	p := newPerson(t, a, "sip:alice@example.org", genesis, InviteOptions{})
	p.enrol(genesis)
	bobs := lies(t, p.known, aorOf(t, "sip:bob@example.org"), 0)
	e, err := p.known.Schedule().Current(genesis, slot.PhaseOf(bobs))
	if err != nil {
		t.Fatal(err)
	}
	foreign := document.SlotAsk{Epoch: e, Slot: slot.Derive(p.known.ID().Bytes(), bobs, e), Writer: writerOf(t, 1)}
	_, err = p.ask(genesis, document.Ask{Slots: []document.SlotAsk{foreign}}, false)
	wantRefusal(t, "somebody else's slot", err, document.RefusedSlot)
	err = a.view(genesis, func(tr *transaction) error {
		if n := count(tr.tx, tablePlaces); n != 1 {
			t.Errorf("%d places are kept after a refusal: the next one takes 65 ms again", n)
		}
		return nil
	})
	if err != nil {
		t.Error(err)
	}
}
