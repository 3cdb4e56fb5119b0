// A fuzz target for every parser: no panic, and what is accepted comes back byte for byte.

package document

import (
	"bytes"
	"testing"
)

func fuzz(f *testing.F, name string) {
	whole := theFixture().vectors()[name]
	f.Add(whole)
	f.Add(whole[:len(whole)-1])
	f.Add([]byte(magic))
	parse := parsers[name]
	f.Fuzz(func(t *testing.T, b []byte) {
		if back, err := parse(b); err == nil && !bytes.Equal(back, b) {
			t.Errorf("%d bytes are accepted and come back as %d others", len(b), len(back))
		}
	})
}

func FuzzOverlay(f *testing.F)    { fuzz(f, "overlay document") }
func FuzzInvite(f *testing.F)     { fuzz(f, "invite") }
func FuzzSuccession(f *testing.F) { fuzz(f, "succession") }
func FuzzRequest(f *testing.F)    { fuzz(f, "request") }

// FuzzRequestFields gets past the signature, which fuzzing does not find.
func FuzzRequestFields(f *testing.F) {
	f.Add(theFixture().request.Bytes())
	f.Add(theFixture().renewal.Bytes())
	f.Fuzz(func(t *testing.T, b []byte) {
		s, err := body(b, kindRequest, RequestLen)
		if err == nil {
			_, _ = newReader(s).request()
		}
	})
}

// FuzzContents gets past the signature, and signs what it accepts.
func FuzzContents(f *testing.F) {
	whole := theFixture().overlay.Bytes()
	f.Add(whole[headerLen : len(whole)-sigLen])
	f.Fuzz(func(t *testing.T, b []byte) {
		r := newReader(b)
		c := r.contents()
		if r.end() && !bytes.Equal(c.append(nil), b) {
			t.Errorf("%d bytes of contents are accepted in more than one form", len(b))
		}
	})
}

func FuzzAnswer(f *testing.F) {
	f.Add(theFixture().answer.Bytes())
	f.Add(theFixture().refusal.Pad(0))
	f.Fuzz(func(t *testing.T, b []byte) {
		if a, err := ParseAnswer(b); err == nil && !bytes.Equal(a.Bytes(), b) {
			t.Error("an answer comes back as other bytes")
		}
		if a, err := Unpad(b); err == nil && !bytes.HasPrefix(b, a) {
			t.Error("padding takes off more than it put on")
		}
	})
}

func FuzzArmor(f *testing.F) {
	f.Add(theFixture().invite.File())
	f.Add(Armor(FileInvite, nil))
	f.Add([]byte(armorBegin + "INVITE-----\n\n="))
	f.Fuzz(func(t *testing.T, text []byte) {
		if object, err := Dearmor(FileInvite, text); err == nil {
			trimmed := bytes.ReplaceAll(bytes.TrimSpace(text), []byte("\r\n"), []byte("\n"))
			if !bytes.Equal(bytes.TrimSpace(Armor(FileInvite, object)), trimmed) {
				t.Error("one object has two texts")
			}
		}
	})
}

func FuzzUserCert(f *testing.F) {
	f.Add(theFixture().cert.DER())
	f.Fuzz(func(t *testing.T, der []byte) {
		if u, err := ParseUser(der); err == nil && !bytes.Equal(u.DER(), der) {
			t.Error("a certificate comes back as other bytes")
		}
	})
}

func FuzzAoR(f *testing.F) {
	f.Add("sip:alice@example.org")
	f.Add("SIP:A@B")
	f.Fuzz(func(t *testing.T, text string) {
		if a, err := ParseAoR(text); err == nil {
			if again, err := ParseAoR(a.Canonical()); err != nil || again != a {
				t.Error("the canonical form is not one")
			}
		}
	})
}
