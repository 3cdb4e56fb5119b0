// Cut, flipped, foreign and hostile bytes.

package document

import (
	"bytes"
	"encoding/base64"
	"errors"
	"strings"
	"testing"
	"time"
)

func TestEveryStrictPrefixIsTruncated(t *testing.T) {
	for name, parse := range parsers {
		whole := theFixture().vectors()[name]
		if back, err := parse(whole); err != nil || !bytes.Equal(back, whole) {
			t.Fatalf("%s: %v", name, err)
		}
		for n := range whole {
			if _, err := parse(whole[:n]); !errors.Is(err, ErrTruncated) {
				t.Fatalf("%s cut to %d bytes: %v, want truncated", name, n, err)
			}
		}
		if _, err := parse(append(bytes.Clone(whole), 0)); err == nil {
			t.Errorf("%s with a byte behind it is accepted", name)
		}
	}
}

func TestEveryFlipIsRefused(t *testing.T) {
	for name, parse := range parsers {
		whole := theFixture().vectors()[name]
		for n := range whole {
			bad := bytes.Clone(whole)
			bad[n] ^= 1 << (n % 8)
			if _, err := parse(bad); err == nil {
				t.Fatalf("%s with a bit of byte %d flipped is accepted", name, n)
			}
		}
	}
}

func TestEveryFlipOfAnAnswerIsRefused(t *testing.T) {
	f := theFixture()
	for name, whole := range map[string][]byte{"answer": f.answer.Bytes(), "refusal": f.refusal.Bytes()} {
		for n := range whole {
			if _, err := ParseAnswer(whole[:n]); !errors.Is(err, ErrTruncated) {
				t.Fatalf("%s cut to %d bytes: %v", name, n, err)
			}
			bad := bytes.Clone(whole)
			bad[n] ^= 1 << (n % 8)
			a, err := ParseAnswer(bad)
			if err != nil {
				continue
			}
			_, err = VerifyAnswer(a, f.request, f.overlay, day0)
			var refused Refusal
			if err == nil || errors.As(err, &refused) {
				t.Fatalf("%s with a bit of byte %d flipped is believed: %v", name, n, err)
			}
		}
	}
}

func TestEveryFlipOfACertificateIsRefused(t *testing.T) {
	f := theFixture()
	if err := f.overlay.VerifyUser(f.cert, day0); err != nil {
		t.Fatal(err)
	}
	for n := range f.cert.DER() {
		bad := bytes.Clone(f.cert.DER())
		bad[n] ^= 1 << (n % 8)
		if u, err := ParseUser(bad); err == nil && f.overlay.VerifyUser(u, day0) == nil {
			t.Fatalf("a certificate with a bit of byte %d flipped is accepted", n)
		}
	}
}

func TestDocumentTravelsAsAFile(t *testing.T) {
	f := theFixture()
	o, err := ReadOverlay(f.overlay.File())
	if err != nil || !bytes.Equal(o.Bytes(), f.overlay.Bytes()) {
		t.Errorf("it does not come back: %v", err)
	}
	if _, err := ReadOverlay(f.invite.File()); !errors.Is(err, ErrKind) {
		t.Errorf("an invite for a document: %v", err)
	}
}

func TestCodeProofCannotBeMovedToAnotherKey(t *testing.T) {
	f := theFixture()
	if !f.request.CodeProven(f.code.Hash()) {
		t.Fatal("the right code does not prove")
	}
	// Somebody intercepts the request file and signs its proof with a key of his own.
	b := bytes.Clone(f.request.Bytes())
	other := f.next.Public()
	at := bytes.Index(b, f.request.Key.b[:])
	copy(b[at:], other.b[:])
	sig := f.next.sign(labelled(requestLabel, b[:signAt]))
	copy(b[signAt:], sig[:])
	q, err := ParseRequest(b)
	if err != nil {
		t.Fatal(err)
	}
	if q.CodeProven(f.code.Hash()) {
		t.Error("an intercepted proof works for another key")
	}
	if bytes.Contains(f.request.Bytes(), f.code.b[:]) {
		t.Error("the code itself is in the request")
	}
}

func TestDocumentsReplaceEachOtherForwardsOnly(t *testing.T) {
	f := theFixture()
	variant := func(change func(*Contents)) Overlay {
		c := f.overlay.Contents()
		change(&c)
		return must(SignOverlay(c, f.signing))
	}
	newer := variant(func(c *Contents) { c.Version++ })
	twin := variant(func(c *Contents) { c.Size++ })
	old := variant(func(c *Contents) {
		c.Version += 2
		k := c.Keys[0]
		c.Keys = []Keys{{CertifyKeys(f.root, f.overlay.ID(), 0, f.signing, f.slots, k.CA, day0, day0.Add(time.Hour)), k.CA}}
	})
	for name, c := range map[string]struct {
		known, fresh Overlay
		want         error
	}{
		"newer":              {f.overlay, newer, nil},
		"the same":           {f.overlay, f.overlay, nil},
		"older":              {newer, f.overlay, ErrRollback},
		"equivocation":       {f.overlay, twin, ErrEquivocation},
		"older keys":         {f.overlay, old, ErrRollback},
		"of another overlay": {f.overlay, otherOverlay(), ErrForeign},
	} {
		if _, err := Accept(c.known, c.fresh); !errors.Is(err, c.want) {
			t.Errorf("%s: %v, want %v", name, err, c.want)
		}
	}
}

// otherOverlay is the same document signed by another root: another overlay.
func otherOverlay() Overlay {
	f := theFixture()
	root := must(NewRootKey(fixed(99)))
	c := f.overlay.Contents()
	c.Founding.Root = root.Public()
	c.Seeds, c.FoundingPeers = nil, nil
	k := c.Keys[0]
	c.Keys = []Keys{{CertifyKeys(root, c.Founding.ID(), 1, f.signing, f.slots, k.CA, day0, day0.Add(time.Hour)), k.CA}}
	return must(SignOverlay(c, f.signing))
}

func TestResignedDocumentIsRefused(t *testing.T) {
	f := theFixture()
	thief := must(NewSigningKey(fixed(77)))
	if _, err := SignOverlay(f.overlay.Contents(), thief); !errors.Is(err, ErrSignature) {
		t.Errorf("a document signed by a key that the root did not certify: %v", err)
	}
	if _, err := SignInvite(f.invite, thief); !errors.Is(err, ErrSignature) {
		t.Errorf("an invite signed by another key: %v", err)
	}
}

func TestDatesAreCheckedBothWays(t *testing.T) {
	f := theFixture()
	for name, check := range map[string]func(time.Time) error{
		"document": f.overlay.Check, "invite": f.invite.Check,
		"certificate": func(now time.Time) error { return f.overlay.VerifyUser(f.cert, now) },
	} {
		if err := check(day0); err != nil {
			t.Errorf("%s in date: %v", name, err)
		}
		if err := check(day0.Add(31 * 24 * time.Hour)); !errors.Is(err, ErrExpired) {
			t.Errorf("%s a month later: %v", name, err)
		}
		if err := check(day0.Add(-2 * time.Hour)); !errors.Is(err, ErrFuture) {
			t.Errorf("%s with a clock two hours slow: %v", name, err)
		}
	}
}

func TestArmorTellsCutFromAltered(t *testing.T) {
	f := theFixture()
	text := f.invite.File()
	if _, err := ReadInvite(text); err != nil {
		t.Fatal(err)
	}
	if _, err := ReadInvite(bytes.ReplaceAll(text, []byte("\n"), []byte("\r\n"))); err != nil {
		t.Errorf("line ends of mail: %v", err)
	}
	for n := range len(text) - 1 { // without the last line end the text is whole
		if _, err := ReadInvite(text[:n]); !errors.Is(err, ErrTruncated) {
			t.Fatalf("cut to %d of %d characters: %v, want truncated", n, len(text), err)
		}
	}
	for n := range text[:len(text)-1] {
		bad := bytes.Clone(text)
		bad[n] ^= 1 << (n % 7)
		if _, err := ReadInvite(bad); err == nil {
			t.Fatalf("character %d altered is accepted", n)
		}
	}
	at := len(text) / 2
	for text[at] == '\n' {
		at++
	}
	bad := bytes.Clone(text)
	bad[at] = map[bool]byte{true: 'B', false: 'A'}[bad[at] == 'A']
	if _, err := ReadInvite(bad); !errors.Is(err, ErrAltered) {
		t.Errorf("altered in the middle: %v", err)
	}
	if _, err := ReadInvite(f.request.File()); !errors.Is(err, ErrKind) {
		t.Errorf("a request for an invite: %v", err)
	}
	rewrapped := strings.Replace(string(text), "\n", "", 3)
	if _, err := ReadInvite([]byte(rewrapped)); err == nil {
		t.Error("another wrapping is accepted: one object has many texts")
	}
	// Base64 with stray bits at its end is another text of the same bytes.
	object := []byte{1, 2, 3, 4}
	stray := strings.Replace(string(Armor(FileInvite, object)), base64.StdEncoding.EncodeToString(object), "AQIDBB==", 1)
	if _, err := Dearmor(FileInvite, []byte(stray)); err == nil {
		t.Error("stray bits are accepted")
	}
}

func TestRequestsHaveOneSize(t *testing.T) {
	f := theFixture()
	bare := must(NewRequest(f.overlay.ID(), f.aor, f.user, nil, Ask{}, day0))
	for name, q := range map[string]Request{"everything": f.request, "a change of keys": f.renewal, "nothing": bare} {
		if len(q.Bytes()) != RequestLen {
			t.Errorf("a request for %s has %d bytes", name, len(q.Bytes()))
		}
	}
	if len(f.answer.Pad(0)) != len(must(ParseAnswer(must(Unpad(f.answer.Pad(0))))).Pad(0)) {
		t.Error("padding does not come off and on")
	}
	if n := len(f.refusal.Pad(0)); n != AnswerUnit || len(f.answer.Pad(0)) != AnswerUnit {
		t.Errorf("a refusal is padded to %d bytes, a yes to %d", n, len(f.answer.Pad(0)))
	}
	padded := f.answer.Pad(0)
	padded[len(padded)-1] = 1
	if _, err := Unpad(padded); !errors.Is(err, ErrMalformed) {
		t.Errorf("padding with a message in it: %v", err)
	}
}

func TestNamesHaveOneForm(t *testing.T) {
	a := must(ParseAoR("sip:Alice@Example.ORG"))
	if a != must(ParseAoR("sip:alice@example.org")) {
		t.Error("names that differ in case are two")
	}
	for _, bad := range []string{"", "alice@example.org", "sips:alice@example.org", "sip:@example.org", "sip:alice@", "sip:alice",
		"sip:alice@example.org:5060", "sip:alice@example.org;x=y", "sip:a b@example.org", "sip:alice@-x.org", "sip:alice@x..org",
		"sip:álice@example.org", "sip:al%69ce@example.org", "sip:alice@bob@example.org", "sip:alice@[::1]",
		"sip:" + strings.Repeat("a", 65) + "@example.org", "sip:alice@" + strings.Repeat("a", 64) + ".org",
		"sip:alice@example.org\x00", "sip:alice@exam\u212Aple.org"} {
		if _, err := ParseAoR(bad); !errors.Is(err, ErrName) {
			t.Errorf("%q: %v", bad, err)
		}
	}
}
