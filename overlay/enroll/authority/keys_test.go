// Changing keys, time passing, losing the disk.

package authority

import (
	"errors"
	"path/filepath"
	"testing"
	"time"

	"sotto/overlay/enroll/document"
	"sotto/overlay/enroll/store"
	"sotto/overlay/peer"
)

func TestRootCanBeKeptElsewhere(t *testing.T) {
	a := newAuthority(t)
	sealed, err := a.SealRoot([]byte("correct horse battery"))
	if err != nil {
		t.Fatal(err)
	}
	root, err := OpenRoot(sealed, []byte("correct horse battery"))
	if err != nil {
		t.Fatal(err)
	}
	if err := a.RemoveRoot(); err != nil || a.HasRoot() {
		t.Fatalf("the root is still here: %v", err)
	}
	if _, err := a.Root(); !errors.Is(err, ErrNoRoot) {
		t.Errorf("reading the absent root: %v", err)
	}
	newPerson(t, a, "sip:alice@example.org", genesis, InviteOptions{}).enrol(genesis)
	other := newAuthority(t)
	if err := other.RotateKeys(genesis, root, true); !errors.Is(err, ErrOtherRoot) {
		t.Errorf("another overlay's root: %v", err)
	}
	if err := a.RotateKeys(genesis, root, true); err != nil {
		t.Errorf("the root from elsewhere: %v", err)
	}
	if err := a.RestoreRoot(root); err != nil || !a.HasRoot() {
		t.Errorf("bringing the root back: %v", err)
	}
}

func TestRotatedKeysKeepOrDropWhatTheOldOnesSigned(t *testing.T) {
	for _, keep := range []bool{true, false} {
		a := newAuthority(t)
		p := newPerson(t, a, "sip:alice@example.org", genesis, InviteOptions{})
		cert := p.enrol(genesis)
		before := p.known
		root, err := a.Root()
		if err != nil {
			t.Fatal(err)
		}
		if err := a.RotateKeys(genesis.Add(time.Hour), root, keep); err != nil {
			t.Fatal(err)
		}
		// Somebody who knows the old document only follows the root to the new keys.
		if _, err := p.ask(genesis.Add(2*time.Hour), document.Ask{}, false); err != nil {
			t.Fatal(err)
		}
		if p.known.ID() != before.ID() || p.known.Contents().Keys[0].Cert.Generation() == 0 {
			t.Error("the new document does not continue the old one")
		}
		if err := p.known.VerifyUser(cert, genesis.Add(2*time.Hour)); (err == nil) != keep {
			t.Errorf("keep %v: the old certificate: %v", keep, err)
		}
		// A refusal after the change is believed too.
		stranger := *p
		stranger.known = before
		stranger.aor = aorOf(t, "sip:bob@example.org")
		_, err = stranger.ask(genesis.Add(2*time.Hour), document.Ask{}, false)
		wantRefusal(t, "a refusal by the new keys", err, document.RefusedUnknown)
	}
}

func TestYearsPassByThemselves(t *testing.T) {
	a := newAuthority(t)
	last, err := a.Document()
	if err != nil {
		t.Fatal(err)
	}
	for now := genesis; now.Before(genesis.Add(500 * day)); now = now.Add(12 * day) {
		if _, err := a.Maintain(now); err != nil {
			t.Fatalf("after %v: %v", now.Sub(genesis), err)
		}
		o, err := a.Document()
		if err != nil {
			t.Fatal(err)
		}
		if _, err := document.Accept(last, o); err != nil {
			t.Fatalf("after %v the document does not follow the last one: %v", now.Sub(genesis), err)
		}
		if err := o.Check(now); err != nil {
			t.Fatalf("after %v: %v", now.Sub(genesis), err)
		}
		period, err := o.Calendar().PeriodAt(now)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := o.BlindKey(o.Calendar().KeyEpochOf(period)); err != nil {
			t.Fatalf("after %v: %v", now.Sub(genesis), err)
		}
		if w, err := a.Warnings(now); err != nil || len(w) > 0 {
			t.Errorf("after %v: %q, %v", now.Sub(genesis), w, err)
		}
		last = o
	}
}

func TestClockThatWentBackIsRefused(t *testing.T) {
	a := newAuthority(t)
	if _, err := a.Maintain(genesis.Add(-time.Hour)); !errors.Is(err, ErrClock) {
		t.Errorf("an hour back: %v", err)
	}
	if _, err := a.Invite(genesis.Add(-time.Hour), aorOf(t, "sip:alice@example.org"), InviteOptions{}); !errors.Is(err, ErrClock) {
		t.Errorf("an invite an hour back: %v", err)
	}
}

func TestAbsentRootIsWarnedOfAndTheEndIsToldPlainly(t *testing.T) {
	a := newAuthority(t)
	if err := a.RemoveRoot(); err != nil {
		t.Fatal(err)
	}
	now := genesis.Add(350 * day)
	if err := a.Resume(now); err != nil {
		t.Fatal(err)
	}
	if _, err := a.Maintain(now); err != nil {
		t.Fatal(err)
	}
	if w, err := a.Warnings(now); err != nil || len(w) != 1 {
		t.Errorf("%q, %v", w, err)
	}
	if err := a.Resume(genesis.Add(410 * day)); !errors.Is(err, ErrKeysEnded) {
		t.Errorf("after the end: %v", err)
	}
}

func TestRestoredAuthorityGoesOnWithoutEquivocating(t *testing.T) {
	a := newAuthority(t)
	p := newPerson(t, a, "sip:alice@example.org", genesis, InviteOptions{})
	p.enrol(genesis)
	open := newPerson(t, a, "sip:bob@example.org", genesis, InviteOptions{})
	backup, err := a.Backup([]byte("correct horse battery"))
	if err != nil {
		t.Fatal(err)
	}
	// What happens after the backup is lost with the disk.
	later := genesis.Add(time.Hour)
	for n := range 5 {
		if err := a.SetSize(later.Add(time.Duration(n)*time.Second), uint32(n)); err != nil {
			t.Fatal(err)
		}
	}
	lost, err := a.Document()
	if err != nil {
		t.Fatal(err)
	}
	dir := filepath.Join(t.TempDir(), "restored")
	b, err := Restore(dir, backup, []byte("correct horse battery"), testOptions(), later.Add(time.Minute))
	if err != nil {
		t.Fatal(err)
	}
	defer b.Close()
	now, err := b.Document()
	if err != nil {
		t.Fatal(err)
	}
	if _, err := document.Accept(lost, now); err != nil {
		t.Errorf("who saw the lost documents does not take the new one: %v", err)
	}
	p.a, p.known = b, lost
	if _, err := p.ask(later.Add(time.Minute), document.Ask{Cert: true}, false); err != nil {
		t.Errorf("somebody enrolled before: %v", err)
	}
	open.a = b
	_, err = open.ask(later.Add(time.Minute), document.Ask{Cert: true}, true)
	wantRefusal(t, "a code that may have been used since", err, document.RefusedCode)
	if !b.HasRoot() {
		t.Error("the root is not in the backup")
	}
}

func TestRevokedPeerIsOutUntilItsKeyEpochEnds(t *testing.T) {
	a := newAuthority(t)
	p := newPerson(t, a, "sip:alice@example.org", genesis, InviteOptions{})
	p.enrol(genesis)
	s, err := p.admit(genesis, 0)
	if err != nil {
		t.Fatal(err)
	}
	if err := a.RevokeNode(genesis, s.NodeID(), 0); err != nil {
		t.Fatal(err)
	}
	o, err := a.Document()
	if err != nil || !o.NodeRevoked(s.NodeID()) {
		t.Fatalf("not revoked: %v", err)
	}
	for days, want := range map[int]bool{59: true, 61: true, 63: false} {
		b := newAuthority(t)
		if err := b.RevokeNode(genesis, s.NodeID(), 0); err != nil {
			t.Fatal(err)
		}
		if err := b.Resume(genesis.Add(time.Duration(days) * day)); err != nil {
			t.Fatal(err)
		}
		if _, err := b.Maintain(genesis.Add(time.Duration(days) * day)); err != nil {
			t.Fatal(err)
		}
		if o, err = b.Document(); err != nil || o.NodeRevoked(s.NodeID()) != want {
			t.Errorf("after %d days: %v", days, err)
		}
	}
	if err := a.Resume(genesis.Add(90 * day)); err != nil {
		t.Fatal(err)
	}
	if err := a.RevokeNode(genesis.Add(90*day), peer.NodeID{}, 0); !errors.Is(err, ErrLate) {
		t.Errorf("long over: %v", err)
	}
}

func TestBoundsAreKept(t *testing.T) {
	a := newAuthority(t)
	err := a.update(genesis, func(t *transaction) error {
		for n := range MaxOpenInvites {
			if err := store.Put(t.tx, tableInvites, epochKey(uint32(n), ""), inviteRecord{Name: "x", Expires: genesis.Add(day).Unix()}); err != nil {
				return err
			}
		}
		for n := range document.MaxRevokedNodes {
			id := [32]byte{byte(n >> 8), byte(n)}
			if err := store.Put(t.tx, tableNodes, id[:], nodeRecord{}); err != nil {
				return err
			}
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := a.Invite(genesis, aorOf(t, "sip:alice@example.org"), InviteOptions{}); !errors.Is(err, ErrFull) {
		t.Errorf("one invite more: %v", err)
	}
	if err := a.RevokeNode(genesis, peer.NodeID{}, 0); !errors.Is(err, ErrFull) {
		t.Errorf("one revocation more: %v", err)
	}
}
