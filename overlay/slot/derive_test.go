package slot

import (
	"errors"
	"testing"
)

var (
	overlayA = [OverlayIDLen]byte{1}
	overlayB = [OverlayIDLen]byte{2}
)

func must(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

func testAoR(t testing.TB, text string) AoR {
	t.Helper()
	a, err := CanonicalAoR([]byte(text))
	must(t, err)
	return a
}

// testY is a y without the 65 ms.
func testY(t testing.TB, first byte) Y {
	t.Helper()
	y, err := ParseY(append([]byte{first}, make([]byte, YLen-1)...))
	must(t, err)
	return y
}

func TestYDependsOnAddressOverlayAndKeyEpoch(t *testing.T) {
	derive := func(text string, overlay [OverlayIDLen]byte, keyEpoch uint32) [YLen]byte {
		y, err := DeriveY(testAoR(t, text), overlay, keyEpoch)
		must(t, err)
		return y.Bytes()
	}
	seen := map[[YLen]byte]bool{
		derive("sip:alice@example.org", overlayA, 0): true,
		derive("sip:alicf@example.org", overlayA, 0): true,
		derive("sip:alice@example.org", overlayB, 0): true,
		derive("sip:alice@example.org", overlayA, 1): true,
	}
	if len(seen) != 4 {
		t.Errorf("%d different y of 4", len(seen))
	}
	if !seen[derive("sip:alice@example.org", overlayA, 0)] {
		t.Error("the same address gives another y")
	}
	if _, err := DeriveY(AoR{}, overlayA, 0); !errors.Is(err, ErrAoR) {
		t.Errorf("y of nobody: %v", err)
	}
}

func TestAddressesAreBoundedAndCopied(t *testing.T) {
	for n, ok := range map[int]bool{0: false, 1: true, MaxAoRLen: true, MaxAoRLen + 1: false} {
		if _, err := CanonicalAoR(make([]byte, n)); (err == nil) != ok || (err != nil && !errors.Is(err, ErrAoR)) {
			t.Errorf("address of %d bytes: %v", n, err)
		}
	}
	text := []byte("sip:alice@example.org")
	a, err := CanonicalAoR(text)
	must(t, err)
	text[4] = 'b'
	if string(**a.text) != "sip:alice@example.org" {
		t.Error("the address changes with the caller's buffer")
	}
}

func TestSlotDependsOnOverlayYAndEpoch(t *testing.T) {
	y, other := testY(t, 1), testY(t, 2)
	slots := map[Slot]bool{
		Derive(overlayA, y, 7): true, Derive(overlayB, y, 7): true, Derive(overlayA, other, 7): true, Derive(overlayA, y, 8): true,
	}
	if len(slots) != 4 {
		t.Errorf("%d different slots of 4", len(slots))
	}
	s := Derive(overlayA, y, 7)
	b := s.Bytes()
	if again, err := Parse(b[:]); err != nil || again != s {
		t.Errorf("another slot came back: %v", err)
	}
	if _, err := Parse(b[:Len-1]); !errors.Is(err, ErrLength) {
		t.Errorf("a slot of 31 bytes: %v", err)
	}
}

func TestWipedYIsGoneFromItsCopies(t *testing.T) {
	y := testY(t, 1)
	same, copied := testY(t, 1), y
	if !y.Equal(same) || y.Equal(testY(t, 2)) || y.IsZero() {
		t.Error("comparing is wrong")
	}
	y.Wipe()
	if !copied.IsZero() || copied.Bytes() != [YLen]byte{} || copied.Equal(same) {
		t.Error("bytes are left after Wipe")
	}
	Y{}.Wipe()
	for _, n := range []int{0, YLen - 1, YLen + 1} {
		if _, err := ParseY(make([]byte, n)); !errors.Is(err, ErrLength) {
			t.Errorf("y of %d bytes: %v", n, err)
		}
	}
}

// BenchmarkDeriveY is what one guess at an address costs (P15).
func BenchmarkDeriveY(b *testing.B) {
	a := testAoR(b, "sip:alice@example.org")
	b.ReportAllocs()
	for b.Loop() {
		_, _ = DeriveY(a, overlayA, 0)
	}
}
