// What an authority with a wrong clock signs is not taken over.

package enroll_test

import (
	"testing"
	"testing/synctest"
	"time"

	"sotto/overlay/enroll"
	"sotto/overlay/enroll/authority"
)

// A document of the future is learnt; afterwards nothing is accepted any more.
func TestDocumentOfTheFutureIsNotLearnt(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		a := newAuthority(t, authority.Config{})
		id := join(t, a, "sip:alice@example.org", enroll.Anonymous, authority.InviteOptions{})
		if _, err := a.Maintain(time.Now().Add(20 * 24 * time.Hour)); err != nil {
			t.Fatal(err)
		}
		o, _ := a.Document()
		if _, err := id.Learn(time.Now(), o); err == nil {
			t.Error("a document dated 20 days ahead was learnt")
		}
	})
}
