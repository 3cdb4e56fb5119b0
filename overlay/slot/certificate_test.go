package slot

import (
	"bytes"
	"crypto/ed25519"
	"encoding/hex"
	"encoding/json"
	"errors"
	"flag"
	"os"
	"testing"
)

var update = flag.Bool("update", false, "write testdata/vectors.json anew")

const vectorFile = "testdata/vectors.json"

// testAuthority is a signing key and its public half.
func testAuthority(t testing.TB) (AuthorityPublic, func([]byte) ([]byte, error)) {
	t.Helper()
	private := ed25519.NewKeyFromSeed(bytes.Repeat([]byte{9}, ed25519.SeedSize))
	public, err := ParseAuthorityPublic(private[ed25519.SeedSize:])
	must(t, err)
	return public, func(m []byte) ([]byte, error) { return ed25519.Sign(private, m), nil }
}

func testWriter(t testing.TB) WriterPublic {
	t.Helper()
	k, err := ParseWriterPublic(ed25519.NewKeyFromSeed(bytes.Repeat([]byte{8}, ed25519.SeedSize))[ed25519.SeedSize:])
	must(t, err)
	return k
}

func testCertificate(t testing.TB) Certificate {
	t.Helper()
	_, sign := testAuthority(t)
	c, err := Issue(overlayA, Derive(overlayA, testY(t, 1), 21), testWriter(t), 21, sign)
	must(t, err)
	return c
}

func TestCertificateSaysWhoMayWriteWhatAndWhen(t *testing.T) {
	authority, _ := testAuthority(t)
	c, err := ParseCertificate(testCertificate(t).Append(nil))
	must(t, err)
	must(t, c.Verify(overlayA, authority))
	if c.Slot() != Derive(overlayA, testY(t, 1), 21) || c.Writer() != testWriter(t) || c.Epoch() != 21 {
		t.Error("another certificate came back")
	}
	if c != testCertificate(t) {
		t.Error("issued twice, the certificate is not the same")
	}
	stranger, err := ParseAuthorityPublic(bytes.Repeat([]byte{3}, 32))
	must(t, err)
	for name, err := range map[string]error{
		"another overlay":   c.Verify(overlayB, authority),
		"another authority": c.Verify(overlayA, stranger),
		"no authority":      c.Verify(overlayA, AuthorityPublic{}),
	} {
		if !errors.Is(err, ErrCertificate) {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func TestEveryPrefixAndEveryFlippedBitOfACertificateIsRefused(t *testing.T) {
	authority, _ := testAuthority(t)
	wire := testCertificate(t).Append(nil)
	for n := range wire {
		if _, err := ParseCertificate(wire[:n]); !errors.Is(err, ErrLength) {
			t.Errorf("cut to %d bytes: %v", n, err)
		}
	}
	if _, err := ParseCertificate(append(bytes.Clone(wire), 0)); !errors.Is(err, ErrLength) {
		t.Errorf("with a byte too many: %v", err)
	}
	for bit := range len(wire) * 8 {
		wire[bit/8] ^= 1 << (bit % 8)
		if c, err := ParseCertificate(wire); err == nil && c.Verify(overlayA, authority) == nil {
			t.Errorf("bit %d of byte %d flipped unnoticed", bit%8, bit/8)
		}
		wire[bit/8] ^= 1 << (bit % 8)
	}
}

// Thirty-two zero bytes are a point of order 4: for one message in four, anybody can make its signature.
func TestZeroKeySignsForNobody(t *testing.T) {
	neutral := make([]byte, ed25519.SignatureSize)
	neutral[0] = 1 // R is the neutral element, S zero
	for epoch := Epoch(0); ; epoch++ {
		c, err := Issue(overlayA, Slot{}, testWriter(t), epoch, func([]byte) ([]byte, error) { return neutral, nil })
		must(t, err)
		if !ed25519.Verify(make([]byte, 32), c.message(overlayA), neutral) {
			continue
		}
		if c.Verify(overlayA, AuthorityPublic{}) == nil || (WriterPublic{}).Verify(c.message(overlayA), neutral) {
			t.Error("a signature without a key is accepted")
		}
		return
	}
}

func TestIssuingFailsWhole(t *testing.T) {
	_, sign := testAuthority(t)
	broken := errors.New("the reason")
	for name, x := range map[string]struct {
		writer WriterPublic
		sign   func([]byte) ([]byte, error)
		want   error
	}{
		"no writer":       {WriterPublic{}, sign, ErrKey},
		"no signature":    {testWriter(t), func([]byte) ([]byte, error) { return nil, broken }, ErrSigning},
		"short signature": {testWriter(t), func([]byte) ([]byte, error) { return make([]byte, 63), nil }, ErrSigning},
	} {
		if c, err := Issue(overlayA, Slot{}, x.writer, 0, x.sign); !errors.Is(err, x.want) || c != (Certificate{}) {
			t.Errorf("%s: %v", name, err)
		}
	}
	for n := range 40 {
		_, errW := ParseWriterPublic(bytes.Repeat([]byte{1}, n))
		_, errA := ParseAuthorityPublic(bytes.Repeat([]byte{1}, n))
		if (errW == nil) != (n == 32) || (errA == nil) != (n == 32) {
			t.Errorf("keys of %d bytes: %v, %v", n, errW, errA)
		}
	}
	if _, err := ParseWriterPublic(make([]byte, 32)); !errors.Is(err, ErrKey) {
		t.Errorf("zero key: %v", err)
	}
}

func TestWireIsFrozen(t *testing.T) {
	authority, _ := testAuthority(t)
	y, err := DeriveY(testAoR(t, "sip:alice@example.org"), overlayA, 1)
	must(t, err)
	s, c := Derive(overlayA, y, 243), testCertificate(t)
	yb, sb, ab := y.Bytes(), s.Bytes(), authority.Bytes()
	type vector struct {
		Name  string `json:"name"`
		Bytes string `json:"bytes"`
	}
	x := hex.EncodeToString
	want, err := json.MarshalIndent([]vector{
		{"overlay id", x(overlayA[:])},
		{"y of sip:alice@example.org in key epoch 1", x(yb[:])},
		{"phase of it", x([]byte{byte(PhaseOf(y))})},
		{"slot of it in epoch 243", x(sb[:])},
		{"authority public key", x(ab[:])},
		{"certificate signed bytes", x(c.message(overlayA))},
		{"certificate", x(c.Append(nil))},
	}, "", "  ")
	must(t, err)
	want = append(want, '\n')
	if *update {
		must(t, os.WriteFile(vectorFile, want, 0o644))
	}
	frozen, err := os.ReadFile(vectorFile)
	must(t, err)
	if !bytes.Equal(bytes.ReplaceAll(frozen, []byte("\r\n"), []byte("\n")), want) {
		t.Error("bytes have changed; if that is meant, raise the labels' version and run with -update")
	}
}

// Whatever is accepted comes out as the same bytes again.
func FuzzParseCertificate(f *testing.F) {
	f.Add(testCertificate(f).Append(nil))
	f.Add(make([]byte, CertificateLen))
	f.Fuzz(func(t *testing.T, b []byte) {
		c, err := ParseCertificate(b)
		if err != nil {
			return
		}
		if !bytes.Equal(c.Append(nil), b) {
			t.Fatal("parsed and appended is something else")
		}
		again, err := Issue(overlayA, c.Slot(), c.Writer(), c.Epoch(), func([]byte) ([]byte, error) { return b[offSignature:], nil })
		if err != nil || again != c {
			t.Fatal("put together from its fields it is something else")
		}
	})
}
