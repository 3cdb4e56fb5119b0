// After a theft of the online keys the thief is out and everybody else comes back by himself.

package authority

import (
	"path/filepath"
	"testing"
	"time"

	"sotto/overlay/enroll/document"
	"sotto/overlay/enroll/identity"
	"sotto/overlay/enroll/store"
)

// copyOf is what a thief of the machine has.
func copyOf(t *testing.T, a *Authority) *Authority {
	t.Helper()
	b, err := a.Backup(pass)
	if err != nil {
		t.Fatal(err)
	}
	dir := filepath.Join(t.TempDir(), "stolen")
	if err := store.Restore(dir, store.Authority, b, pass, func(*store.Tx) error { return nil }); err != nil {
		t.Fatal(err)
	}
	c, err := Open(dir, testOptions())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { c.Close() })
	return c
}

// The machine is stolen after a routine rotation; the operator restores the backup made before it and rotates the thief out.
func TestThiefIsOutAfterARestore(t *testing.T) {
	a := newAuthority(t)
	backup, err := a.Backup(pass)
	if err != nil {
		t.Fatal(err)
	}
	root, err := a.Root()
	if err != nil {
		t.Fatal(err)
	}
	if err := a.RotateKeys(genesis.Add(day), root, true); err != nil {
		t.Fatal(err)
	}
	if err := a.RemoveRoot(); err != nil {
		t.Fatal(err)
	}
	thief := copyOf(t, a)
	dir := filepath.Join(t.TempDir(), "r")
	b, err := Restore(dir, backup, pass, testOptions(), genesis.Add(2*day))
	if err != nil {
		t.Fatal(err)
	}
	defer b.Close()
	if err := b.RotateKeys(genesis.Add(2*day), root, false); err != nil {
		t.Fatal(err)
	}
	good, _ := b.Document()
	if err := thief.SetSize(genesis.Add(3*day), 1); err != nil {
		t.Fatal(err)
	}
	bad, _ := thief.Document()
	if _, err := document.Accept(good, bad); err == nil {
		t.Errorf("the thief's document (generation %d) replaces the one that threw him out (generation %d)",
			bad.Contents().Keys[0].Cert.Generation(), good.Contents().Keys[0].Cert.Generation())
	}
}

func TestPeopleRenewAfterATheft(t *testing.T) {
	a := newAuthority(t)
	p := newPerson(t, a, "sip:alice@example.org", genesis, InviteOptions{})
	p.enrol(genesis)
	root, err := a.Root()
	if err != nil {
		t.Fatal(err)
	}
	if err := a.RotateKeys(genesis.Add(day), root, false); err != nil {
		t.Fatal(err)
	}
	answer, err := p.ask(genesis.Add(25*time.Hour), document.Ask{Cert: true}, false)
	if err != nil {
		t.Fatal(err)
	}
	cert, err := document.ParseUser(answer.Cert)
	if err != nil {
		t.Fatal(err)
	}
	if err := p.known.VerifyUser(cert, genesis.Add(25*time.Hour)); err != nil {
		t.Errorf("the renewed certificate does not verify: %v", err)
	}
}

func TestNodeKnowsThatItsKeysWereThrownOut(t *testing.T) {
	a := newAuthority(t)
	id := begin(t, a, "sip:alice@example.org", genesis, InviteOptions{})
	if err := visitNow(t, a, id, identity.Want{Slots: true}, genesis); err != nil {
		t.Fatal(err)
	}
	root, err := a.Root()
	if err != nil {
		t.Fatal(err)
	}
	if err := a.RotateKeys(genesis.Add(time.Hour), root, false); err != nil {
		t.Fatal(err)
	}
	now := genesis.Add(2 * time.Hour)
	if err := visitNow(t, a, id, identity.Want{}, now); err != nil {
		t.Fatal(err)
	}
	want, err := id.Due(now)
	if err != nil {
		t.Fatal(err)
	}
	w, err := id.Warnings(now, false)
	if err != nil || !want.Renew || len(w) == 0 {
		t.Errorf("the certificate is worthless; renewal is due: %v, warnings: %v, %v", want.Renew, w, err)
	}
	if until, err := id.SlotsUntil(now); err != nil || until.After(now) {
		t.Errorf("slot certificates by a key that was thrown out are said to be good: %v", err)
	}
	if err := visitNow(t, a, id, identity.Want{Renew: true}, now); err != nil {
		t.Errorf("renewing by hand: %v", err)
	}
}
