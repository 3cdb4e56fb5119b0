// What an authority with a wrong clock signs is not taken over.

package enroll_test

import (
	"errors"
	"testing"
	"testing/synctest"
	"time"

	"sotto/overlay/enroll"
	"sotto/overlay/enroll/authority"
	"sotto/overlay/enroll/document"
)

func TestDocumentOfTheFutureIsNotLearnt(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		a := newAuthority(t, authority.Config{})
		id := join(t, a, "sip:alice@example.org", enroll.Anonymous, authority.InviteOptions{})
		if _, err := a.Maintain(time.Now().Add(20 * 24 * time.Hour)); err != nil {
			t.Fatal(err)
		}
		o, err := a.Document()
		if err != nil {
			t.Fatal(err)
		}
		if _, err := id.Learn(time.Now(), o); !errors.Is(err, document.ErrFuture) {
			t.Errorf("a document dated 20 days ahead: %v", err)
		}
	})
}
