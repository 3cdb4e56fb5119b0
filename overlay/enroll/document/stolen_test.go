// What a stolen signing key cannot do for ever.

package document

import (
	"math"
	"testing"
	"time"
)

func TestRootOverrulesAThiefsVersion(t *testing.T) {
	f := theFixture()
	c := f.overlay.Contents()
	c.Version = math.MaxUint64
	stolen := must(SignOverlay(c, f.signing))
	known := must(Accept(f.overlay, stolen))
	// The root speaks: generation 2, the thief's one thrown out.
	s2, k2 := must(NewSigningKey(fixed(51))), must(NewSlotKey(fixed(52)))
	d := f.overlay.Contents()
	d.Keys = []Keys{{CertifyKeys(f.root, f.founding.ID(), 2, s2, k2, d.Keys[0].CA, day0, day0.Add(400*24*time.Hour)), d.Keys[0].CA}}
	d.Version = uint64(day0.Add(24 * time.Hour).Unix())
	d.Issued = day0.Add(24 * time.Hour)
	fresh := must(SignOverlay(d, s2))
	if _, err := Accept(known, fresh); err != nil {
		t.Errorf("a higher generation from the root is refused: %v", err)
	}
}

func TestEndedKeySignsNothingUsable(t *testing.T) {
	f := theFixture()
	c := f.overlay.Contents()
	now := day0.Add(10 * 365 * 24 * time.Hour) // the root's word ended after 400 days
	c.Until = time.Unix(maxTime-1, 0)
	c.Version = uint64(now.Unix())
	o, err := SignOverlay(c, f.signing)
	if err == nil {
		err = o.Check(now)
	}
	if err == nil {
		t.Error("a key that ended nine years ago signed a document that is in date")
	}
}
