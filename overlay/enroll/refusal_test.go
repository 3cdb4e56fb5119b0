// What a refusal leaves behind: no lock, and no keys deleted that may be enrolled.

package enroll_test

import (
	"context"
	"errors"
	"path/filepath"
	"testing"
	"testing/synctest"
	"time"

	"sotto/overlay/enroll"
	"sotto/overlay/enroll/authority"
	"sotto/overlay/enroll/document"
	"sotto/overlay/enroll/identity"
	"sotto/overlay/enroll/store"
)

// A final refusal by file to somebody who is enrolled leaves the state locked.
func TestRefusalByFileUnlocks(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		a := newAuthority(t, authority.Config{})
		dir := filepath.Join(t.TempDir(), "state")
		id, err := identity.Begin(dir, invite(t, a, "sip:alice@example.org", authority.InviteOptions{}), time.Now())
		if err != nil {
			t.Fatal(err)
		}
		if err := enroll.Visit(context.Background(), id, identity.Want{}, direct{a}); err != nil {
			t.Fatal(err)
		}
		aor, _ := document.ParseAoR("sip:alice@example.org")
		if err := a.Revoke(time.Now(), aor); err != nil {
			t.Fatal(err)
		}
		q, err := id.Request(time.Now(), identity.Want{Renew: true})
		if err != nil {
			t.Fatal(err)
		}
		id.Close()
		answer, _ := a.AnswerFile(time.Now(), q.File())
		if _, err := enroll.FinishByFile(dir, answer); !errors.Is(err, document.RefusedRevoked) {
			t.Fatal(err)
		}
		if again, err := identity.Open(dir); errors.Is(err, store.ErrInUse) {
			t.Errorf("after the refusal: %v", err)
		} else {
			again.Close()
		}
	})
}

// A join whose answer was lost; the repeat comes to an authority whose clock went wrong, or whose person was asked for too much: keys are deleted though the code is used.
func TestLostFirstAnswerKeepsTheKeys(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		a := newAuthority(t, authority.Config{})
		i := invite(t, a, "sip:alice@example.org", authority.InviteOptions{})
		dir := filepath.Join(t.TempDir(), "state")
		req, err := enroll.JoinByFile(dir, i, enroll.Anonymous)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := a.AnswerFile(time.Now(), req); err != nil {
			t.Fatal(err)
		} // granted, the response gets lost
		time.Sleep(6 * 24 * time.Hour)
		// Within the life of the invite he gives the same request file in again: its slots are over.
		resp, err := a.AnswerFile(time.Now(), req)
		t.Log("second answer:", err)
		if resp == nil {
			return
		}
		if _, err := enroll.FinishByFile(dir, resp); err != nil {
			if r, err2 := identity.Resume(dir); err2 == nil {
				r.Close()
			} else if errors.Is(err2, store.ErrMissing) {
				t.Errorf("%v: the keys were deleted, and the invite is used up", err)
			}
			if _, err := enroll.JoinByFile(dir, i, enroll.Anonymous); err != nil {
				t.Errorf("beginning again: %v", err)
			}
			req, err := enroll.JoinByFile(dir, i, enroll.Anonymous)
			if err != nil {
				t.Fatal(err)
			}
			if _, err = a.AnswerFile(time.Now(), req); err != nil {
				t.Errorf("beginning again with the same invite: %v", err)
			}
		}
	})
}
