// One part of a request that is refused does not keep the others back.

package enroll_test

import (
	"context"
	"errors"
	"testing"
	"testing/synctest"
	"time"

	"sotto/overlay/enroll"
	"sotto/overlay/enroll/authority"
	"sotto/overlay/enroll/document"
	"sotto/overlay/enroll/identity"
)

func TestRefusedAdmissionDoesNotKeepTheCertificateFromBeingRenewed(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		a := newAuthority(t, authority.Config{})
		id := join(t, a, "sip:alice@example.org", enroll.Anonymous, authority.InviteOptions{})
		_, before, err := id.User()
		if err != nil {
			t.Fatal(err)
		}
		time.Sleep(25 * 24 * time.Hour)
		// The owner lists a seed that he may not have, too.
		want := identity.Want{Renew: true, Admit: true, Slots: true}
		admitted := join(t, a, "sip:bob@example.org", enroll.Relay, authority.InviteOptions{})
		want.Seed = daily(t, admitted, 25, 4433)
		if err := enroll.Visit(context.Background(), id, want, direct{a}); !errors.Is(err, document.RefusedSeed) {
			t.Errorf("the part that is refused: %v", err)
		}
		_, after, err := id.User()
		if err != nil || !after.NotAfter().After(before.NotAfter()) {
			t.Errorf("the certificate was not renewed: %v", err)
		}
		if _, _, err := id.Peer(0); err != nil {
			t.Errorf("the admission: %v", err)
		}
		if until, err := id.SlotsUntil(time.Now()); err != nil || !until.After(time.Now()) {
			t.Errorf("slots until %v: %v", until, err)
		}
	})
}
