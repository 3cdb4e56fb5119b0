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
		again, err := identity.Open(dir)
		if err != nil {
			t.Fatalf("after the refusal: %v", err)
		}
		again.Close()
	})
}

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
		}
		// It was granted, and the response gets lost. Within the life of the invite the same file is handed in again, whose slots are over.
		time.Sleep(6 * 24 * time.Hour)
		resp, err := a.AnswerFile(time.Now(), req)
		if resp == nil {
			t.Fatalf("no answer at all: %v", err)
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
