// What the blind scheme promises: one signature per message, blindness, refusal of everything else.

package blind

import (
	"bytes"
	"crypto/rand"
	"crypto/rsa"
	"encoding/hex"
	"errors"
	"fmt"
	"math/big"
	"strings"
	"sync"
	"testing"
)

var testKey = sync.OnceValue(func() PrivateKey {
	k, err := GenerateKey()
	if err != nil {
		panic(err)
	}
	return k
})

func issue(t *testing.T, k PrivateKey, msg []byte) (Message, Signature) {
	t.Helper()
	m, f, err := k.Public().Blind(rand.Reader, msg)
	if err != nil {
		t.Fatal(err)
	}
	answer, err := k.Sign(m)
	if err != nil {
		t.Fatal(err)
	}
	sig, err := k.Public().Unblind(f, msg, answer)
	if err != nil {
		t.Fatal(err)
	}
	return m, sig
}

func TestOneMessageHasOneSignature(t *testing.T) {
	k, msg := testKey(), []byte("a peer's admission message")
	m1, s1 := issue(t, k, msg)
	m2, s2 := issue(t, k, msg)
	if s1 != s2 {
		t.Error("two blindings gave two signatures: a NodeID could be ground")
	}
	if m1 == m2 {
		t.Error("two blindings look alike: the signer can link them")
	}
}

func TestSaltedSignatureIsRefused(t *testing.T) {
	k, msg := testKey(), []byte("message")
	d := sum384(msg)
	salted, err := rsa.SignPSS(rand.Reader, k.key, hash384, d, &rsa.PSSOptions{Hash: hash384, SaltLength: 48})
	if err != nil {
		t.Fatal(err)
	}
	if err := k.Public().Verify(msg, Signature(salted)); !errors.Is(err, ErrSignature) {
		t.Errorf("salted signature: %v, want refusal: it would give a second NodeID", err)
	}
}

func TestEveryOtherSignatureIsRefused(t *testing.T) {
	k, msg := testKey(), []byte("message")
	_, sig := issue(t, k, msg)
	for bit := 0; bit < Size*8; bit += 7 {
		bad := sig
		bad[bit/8] ^= 1 << (bit % 8)
		if k.Public().Verify(msg, bad) == nil {
			t.Fatalf("signature with bit %d flipped is accepted", bit)
		}
	}
	// s + N is the same number modulo N: a second encoding of one signature.
	s := new(big.Int).SetBytes(sig[:])
	s.Add(s, k.key.N)
	if s.BitLen() <= Size*8 {
		var other Signature
		s.FillBytes(other[:])
		if k.Public().Verify(msg, other) == nil {
			t.Error("an unreduced signature is accepted: it would give a second NodeID")
		}
	}
	if k.Public().Verify([]byte("messagf"), sig) == nil {
		t.Error("signature fits another message")
	}
	if (PublicKey{}).Verify(msg, sig) == nil {
		t.Error("the zero key verifies")
	}
}

func TestSignerAnsweringWrongIsFoundOut(t *testing.T) {
	k, msg := testKey(), []byte("message")
	m, f, err := k.Public().Blind(rand.Reader, msg)
	if err != nil {
		t.Fatal(err)
	}
	answer, err := k.Sign(m)
	if err != nil {
		t.Fatal(err)
	}
	answer[Size-1] ^= 1
	if _, err := k.Public().Unblind(f, msg, answer); !errors.Is(err, ErrSignature) {
		t.Errorf("altered answer: %v", err)
	}
}

func TestBlindingSurvivesARestart(t *testing.T) {
	k, msg := testKey(), []byte("message")
	m, f, err := k.Public().Blind(rand.Reader, msg)
	if err != nil {
		t.Fatal(err)
	}
	stored, err := ParseFactor(f.Append(nil))
	if err != nil {
		t.Fatal(err)
	}
	answer, err := k.Sign(m)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := k.Public().Unblind(stored, msg, answer); err != nil {
		t.Errorf("stored factor does not unblind: %v", err)
	}
}

func TestABrokenSourceIsRecognisable(t *testing.T) {
	k, msg := testKey(), []byte("message")
	zeros := bytes.NewReader(make([]byte, FactorSize))
	m1, _, err := k.Public().Blind(zeros, msg)
	if err != nil {
		t.Fatal(err)
	}
	m2, _, err := k.Public().Blind(bytes.NewReader(make([]byte, FactorSize)), msg)
	if err != nil {
		t.Fatal(err)
	}
	if m1 != m2 {
		t.Error("the blinding does not depend on its reader alone: the negative control has no seam")
	}
	if _, _, err := k.Public().Blind(bytes.NewReader(nil), msg); err == nil {
		t.Error("an empty source blinds")
	}
}

func TestKeysAreStrict(t *testing.T) {
	good := testKey().Public().Append(nil)
	if k, err := ParsePublicKey(good); err != nil || !k.Equal(testKey().Public()) {
		t.Fatalf("good key: %v", err)
	}
	even := bytes.Clone(good)
	even[Size-1] &^= 1
	small := bytes.Clone(good)
	small[0] = 0
	for name, b := range map[string][]byte{"even": even, "small": small, "short": good[1:], "long": append(good, 1), "empty": nil} {
		if _, err := ParsePublicKey(b); !errors.Is(err, ErrKey) {
			t.Errorf("%s modulus: %v", name, err)
		}
	}
	if _, err := testKey().Sign(Message(good)); !errors.Is(err, ErrBlinded) {
		t.Errorf("modulus as message: %v", err)
	}
	if k, err := ParsePrivateKey(testKey().Bytes()); err != nil || !k.Public().Equal(testKey().Public()) {
		t.Errorf("private key does not come back: %v", err)
	}
}

func TestSecretsDoNotPrint(t *testing.T) {
	k := testKey()
	_, f, err := k.Public().Blind(rand.Reader, []byte("m"))
	if err != nil {
		t.Fatal(err)
	}
	for _, verb := range []string{"%v", "%+v", "%#v", "%s", "%x", "%d"} {
		out := fmt.Sprintf(verb+verb, k, f)
		if strings.Contains(out, hex.EncodeToString(f.seed[:4])) || !strings.Contains(out, "[") || len(out) > 60 {
			t.Errorf("%s prints %q", verb, out)
		}
	}
}
