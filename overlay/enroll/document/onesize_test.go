// The size of an answer says nothing of what was asked.

package document

import (
	"testing"

	"sotto/overlay/enroll/blind"
)

func TestAnswersOfAllKindsHaveOneSize(t *testing.T) {
	f := theFixture()
	for n := 0; n < 40; n++ {
		c := f.overlay.Contents()
		c.Seeds = nil
		c.FoundingPeers = nil
		for i := 0; i < n*25; i++ {
			var s Serial
			s.b[0], s.b[1], s.b[2] = 0x40, byte(i>>8), byte(i)
			c.RevokedCerts = append(c.RevokedCerts, s)
		}
		c.RevokedCerts = c.RevokedCerts[min(1, len(c.RevokedCerts)):]
		o := must(SignOverlay(c, f.signing))
		id := f.founding.ID()
		key := c.Keys[0].Cert
		plain := must(SignAnswer(Answer{Overlay: id, At: day0, Document: o.Bytes(), Cert: f.cert.DER()}, key, f.signing))
		admit := must(SignAnswer(Answer{Overlay: id, At: day0, Document: o.Bytes(), Cert: f.cert.DER(), Admitted: true, Admission: blind.BlindSignature{1}}, key, f.signing))
		refused := must(SignAnswer(Answer{Overlay: id, At: day0, Refused: RefusedQuota}, key, f.signing))
		if len(plain.Pad(len(o.Bytes()))) != len(admit.Pad(len(o.Bytes()))) {
			t.Errorf("document of %d bytes: a renewal is answered with %d bytes, with an admission %d", len(o.Bytes()), len(plain.Pad(len(o.Bytes()))), len(admit.Pad(len(o.Bytes()))))
		}
		if len(plain.Pad(len(o.Bytes()))) != len(refused.Pad(len(o.Bytes()))) {
			t.Errorf("document of %d bytes: yes has %d bytes, no %d", len(o.Bytes()), len(plain.Pad(len(o.Bytes()))), len(refused.Pad(len(o.Bytes()))))
			return
		}
	}
}
