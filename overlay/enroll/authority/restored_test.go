// What a state that came back from its backup, or saw a wrong clock, does not do.

package authority

import (
	"errors"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"sotto/overlay/enroll/document"
	"sotto/overlay/enroll/identity"
)

func TestRotationEndsWhatARestoredAuthorityCannotRevoke(t *testing.T) {
	a := newAuthority(t)
	p := newPerson(t, a, "sip:alice@example.org", genesis, InviteOptions{})
	p.enrol(genesis)
	root, err := a.Root()
	if err != nil {
		t.Fatal(err)
	}
	backup, err := a.Backup(pass)
	if err != nil {
		t.Fatal(err)
	}
	answer, err := p.ask(genesis.Add(25*day), document.Ask{Cert: true}, false)
	if err != nil {
		t.Fatal(err)
	}
	unknown, err := document.ParseUser(answer.Cert)
	if err != nil {
		t.Fatal(err)
	}
	now := genesis.Add(26 * day)
	b, err := Restore(filepath.Join(t.TempDir(), "r"), backup, pass, testOptions(), now)
	if err != nil {
		t.Fatal(err)
	}
	defer b.Close()
	warned := func(now time.Time) bool {
		list, err := b.Warnings(now)
		if err != nil {
			t.Fatal(err)
		}
		return slices.ContainsFunc(list, func(w string) bool { return strings.Contains(w, "after the backup") })
	}
	if !warned(now) || warned(unknown.NotAfter().Add(2*day)) {
		t.Error("no warning, or one for longer than such certificates can last")
	}
	if err := b.RotateKeys(now, root, true); err != nil {
		t.Fatal(err)
	}
	if !warned(now) {
		t.Error("a rotation that keeps the old certificates ends the warning")
	}
	if err := b.RotateKeys(now, root, false); err != nil {
		t.Fatal(err)
	}
	o, err := b.Document()
	if err != nil {
		t.Fatal(err)
	}
	if err := o.VerifyUser(unknown, now); err == nil || warned(now) {
		t.Errorf("a certificate that the authority does not know: %v; warned: %v", err, warned(now))
	}
}

func TestRestoredPeerIsSilentWhateverTheClock(t *testing.T) {
	a := newAuthority(t)
	id := begin(t, a, "sip:relay@example.org", genesis, InviteOptions{})
	if err := visitNow(t, a, id, identity.Want{Admit: true}, genesis); err != nil {
		t.Fatal(err)
	}
	b, err := id.Backup(pass)
	if err != nil {
		t.Fatal(err)
	}
	dir := filepath.Join(t.TempDir(), "restored")
	r, err := identity.Restore(dir, b, pass, genesis)
	if err != nil {
		t.Fatal(err)
	}
	defer r.Close()
	if err := keep(t, r, 0, 1); !errors.Is(err, identity.ErrRestored) {
		t.Errorf("a descriptor of the running period may be signed after a restore: %v", err)
	}
	// A machine whose clock is not set.
	dir2 := filepath.Join(t.TempDir(), "restored2")
	r2, err := identity.Restore(dir2, b, pass, time.Unix(0, 0))
	if err == nil {
		defer r2.Close()
		if err := keep(t, r2, 0, 1); !errors.Is(err, identity.ErrRestored) {
			t.Errorf("restored with a clock of 1970: %v", err)
		}
	}
}

func TestClockJumpDoesNotForgetDailies(t *testing.T) {
	a := newAuthority(t)
	id := begin(t, a, "sip:relay@example.org", genesis, InviteOptions{})
	if err := visitNow(t, a, id, identity.Want{Admit: true}, genesis); err != nil {
		t.Fatal(err)
	}
	if err := keep(t, id, 5, 1); err != nil {
		t.Fatal(err)
	}
	// Four days ahead for a minute.
	if err := keep(t, id, 9, 2); err != nil {
		t.Fatal(err)
	}
	if err := keep(t, id, 5, 3); err == nil {
		t.Error("a second, different descriptor of period 5 was kept: the peer convicts itself")
	}
}
