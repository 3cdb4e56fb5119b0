package noise

// The Noise messages: published vectors, forgeries, and the traps of the library below.

import (
	"bytes"
	"crypto/aes"
	"crypto/cipher"
	"encoding/binary"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"os"
	"testing"

	flynn "github.com/flynn/noise"
)

// vector is one published test vector; testdata/README says of which suites.
type vector struct {
	Suite, Pattern, Prologue, Hash      string
	InitiatorStatic, InitiatorEphemeral string
	ResponderPublic, ResponderStatic    string
	ResponderEphemeral                  string
	Payloads, Messages                  []string
}

func unhex(t testing.TB, s string) []byte {
	t.Helper()
	b, err := hex.DecodeString(s)
	if err != nil {
		t.Fatal(err)
	}
	return b
}

func loadPublished(t *testing.T) []vector {
	t.Helper()
	raw, err := os.ReadFile("testdata/published.json")
	if err != nil {
		t.Fatal(err)
	}
	var rows []map[string]json.RawMessage
	if err := json.Unmarshal(raw, &rows); err != nil {
		t.Fatal(err)
	}
	var vs []vector
	for _, r := range rows {
		var v vector
		for name, field := range map[string]any{
			"suite": &v.Suite, "pattern": &v.Pattern, "prologue": &v.Prologue, "hash": &v.Hash,
			"initiator_static": &v.InitiatorStatic, "initiator_ephemeral": &v.InitiatorEphemeral,
			"responder_public": &v.ResponderPublic, "responder_static": &v.ResponderStatic,
			"responder_ephemeral": &v.ResponderEphemeral, "payloads": &v.Payloads, "messages": &v.Messages,
		} {
			if err := json.Unmarshal(r[name], field); err != nil {
				t.Fatalf("%s: %v", name, err)
			}
		}
		vs = append(vs, v)
	}
	return vs
}

func TestPublishedNoiseVectorsPass(t *testing.T) {
	vs := loadPublished(t)
	if len(vs) != 4 {
		t.Fatalf("%d vectors, want IK and NK of two suites", len(vs))
	}
	for _, v := range vs {
		t.Run(v.Suite+"/"+v.Pattern, func(t *testing.T) { checkVector(t, v) })
	}
}

func checkVector(t *testing.T, v vector) {
	responder, err := StaticKeyFromBytes(unhex(t, v.ResponderStatic))
	if err != nil {
		t.Fatal(err)
	}
	if public := responder.Public().Bytes(); !bytes.Equal(public[:], unhex(t, v.ResponderPublic)) {
		t.Fatal("public key differs")
	}
	ci := HandshakeConfig{Pattern: NK, Initiator: true, Remote: responder.Public(),
		Prologue: unhex(t, v.Prologue), Rand: bytes.NewReader(unhex(t, v.InitiatorEphemeral))}
	if v.Pattern == "IK" {
		ci.Pattern = IK
		if ci.Static, err = StaticKeyFromBytes(unhex(t, v.InitiatorStatic)); err != nil {
			t.Fatal(err)
		}
	}
	cr := HandshakeConfig{Pattern: ci.Pattern, Static: responder,
		Prologue: unhex(t, v.Prologue), Rand: bytes.NewReader(unhex(t, v.ResponderEphemeral))}
	i, r := mustHandshake(t, ci), mustHandshake(t, cr)
	for n, pair := range [][2]*Handshake{{i, r}, {r, i}} {
		m, err := pair[0].WriteMessage(nil, unhex(t, v.Payloads[n]))
		if err != nil || hex.EncodeToString(m) != v.Messages[n] {
			t.Fatalf("message %d differs (%v)", n+1, err)
		}
		if p, err := pair[1].ReadMessage(m); err != nil || hex.EncodeToString(p) != v.Payloads[n] {
			t.Fatalf("payload %d differs (%v)", n+1, err)
		}
	}
	si, sr := mustSecrets(t, i), mustSecrets(t, r)
	if si.Send != sr.Receive || si.Receive != sr.Send || si.Hash != sr.Hash {
		t.Fatal("the two ends disagree")
	}
	if v.Hash != "" && hex.EncodeToString(si.Hash[:]) != v.Hash {
		t.Error("handshake hash differs")
	}
	for n, k := range [][keyLen]byte{si.Send, si.Receive, si.Send, si.Receive} {
		// Transport messages alternate; each direction counts from zero.
		if n+2 < len(v.Messages) {
			if got := transport(t, k, uint64(n/2), unhex(t, v.Payloads[n+2])); got != v.Messages[n+2] {
				t.Errorf("transport message %d differs", n+1)
			}
		}
	}
}

func transport(t *testing.T, key [keyLen]byte, n uint64, plain []byte) string {
	t.Helper()
	block, err := aes.NewCipher(key[:])
	if err != nil {
		t.Fatal(err)
	}
	aead, err := cipher.NewGCM(block)
	if err != nil {
		t.Fatal(err)
	}
	var nonce [12]byte
	binary.BigEndian.PutUint64(nonce[4:], n)
	return hex.EncodeToString(aead.Seal(nil, nonce[:], plain, nil))
}

func mustHandshake(t testing.TB, c HandshakeConfig) *Handshake {
	t.Helper()
	h, err := NewHandshake(c)
	if err != nil {
		t.Fatal(err)
	}
	return h
}

func mustSecrets(t testing.TB, h *Handshake) Secrets {
	t.Helper()
	s, err := h.Secrets()
	if err != nil {
		t.Fatal(err)
	}
	return s
}

// pair makes both ends of a handshake with fixed randomness.
func pair(t testing.TB, p Pattern) (i, r *Handshake) {
	static := labStatic(t, 2)
	i = mustHandshake(t, HandshakeConfig{Pattern: p, Initiator: true, Static: labStatic(t, 1), Remote: static.Public(), Prologue: []byte("p"), Rand: labRand(3)})
	r = mustHandshake(t, HandshakeConfig{Pattern: p, Static: static, Prologue: []byte("p"), Rand: labRand(4)})
	return i, r
}

func TestEveryPrefixAndBitFlipOfHandshakeMessagesIsRefusedAndFinal(t *testing.T) {
	for _, p := range []Pattern{IK, NK} {
		i, r := pair(t, p)
		m1, _ := i.WriteMessage(nil, []byte("one"))
		refusedAndDead(t, m1, func() *Handshake { _, r := pair(t, p); return r })
		if _, err := r.ReadMessage(m1); err != nil {
			t.Fatal(err)
		}
		m2, _ := r.WriteMessage(nil, []byte("two"))
		refusedAndDead(t, m2, func() *Handshake {
			i, _ := pair(t, p)
			if _, err := i.WriteMessage(nil, []byte("one")); err != nil {
				t.Fatal(err)
			}
			return i
		})
		if _, err := i.ReadMessage(m2); err != nil {
			t.Errorf("the genuine message 2 is refused: %v", err)
		}
	}
}

// refusedAndDead feeds every strict prefix and every bit flip of good to a fresh
// handshake, and afterwards the good message, which must find it dead.
func refusedAndDead(t *testing.T, good []byte, fresh func() *Handshake) {
	t.Helper()
	try := func(name string, bad []byte) {
		h := fresh()
		if _, err := h.ReadMessage(bad); err != ErrHandshake {
			t.Fatalf("%s: %v", name, err)
		}
		if _, err := h.ReadMessage(good); err != ErrHandshake {
			t.Fatalf("%s: the handshake lived on", name)
		}
	}
	for n := range good {
		try(fmt.Sprintf("prefix of %d bytes", n), good[:n])
	}
	for bit := range 8 * len(good) {
		bad := bytes.Clone(good)
		bad[bit/8] ^= 1 << (bit % 8)
		try(fmt.Sprintf("flipped bit %d", bit), bad)
	}
}

// The traps of the library below, each as it was found by running it.

func TestTrapLibraryStateIsDestroyedByAZeroEphemeral(t *testing.T) {
	for _, p := range []Pattern{IK, NK} {
		_, r := pair(t, p)
		if _, err := r.ReadMessage(make([]byte, 200)); err != ErrHandshake {
			t.Errorf("pattern %d: zero ephemeral: %v", p, err)
		}
		if _, err := r.WriteMessage(nil, nil); err != ErrHandshake {
			t.Errorf("pattern %d: wrote after a failure", p)
		}
	}
}

func TestTrapEveryLowOrderPointIsRefused(t *testing.T) {
	for _, s := range []string{
		"0000000000000000000000000000000000000000000000000000000000000000",
		"0100000000000000000000000000000000000000000000000000000000000000",
		"e0eb7a7c3b41b8ae1656e3faf19fc46ada098deb9c32b1fd866205165f49b800",
		"5f9c95bca3508c24b1d0b1559c83ef5b04445cc4581c8e86d8224eddd09f1157",
		"ecffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f",
		"edffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f",
		"eeffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f",
	} {
		if _, err := ParsePublicKey(unhex(t, s)); err != ErrKey {
			t.Errorf("%s…: %v", s[:8], err)
		}
		private := labStatic(t, 1).Bytes()
		if _, err := (dh25519{}).DH(private[:], unhex(t, s)); err != errLowOrder {
			t.Errorf("%s…: DH gave %v", s[:8], err)
		}
	}
}

func TestTrapOwnDHSpeaksTheSameWire(t *testing.T) {
	private, public := labStatic(t, 1).Bytes(), labStatic(t, 2).Public().Bytes()
	ours, err := (dh25519{}).DH(private[:], public[:])
	if err != nil {
		t.Fatal(err)
	}
	theirs, err := flynn.DH25519.DH(private[:], public[:])
	if err != nil || !bytes.Equal(ours, theirs) {
		t.Errorf("shared secrets differ (%v)", err)
	}
	a, _ := (dh25519{}).GenerateKeypair(labRand(7))
	b, _ := flynn.DH25519.GenerateKeypair(labRand(7))
	if !bytes.Equal(a.Public, b.Public) {
		t.Error("public keys differ")
	}
}

func TestTrapMessagesOutOfTurnAreFinal(t *testing.T) {
	i, r := pair(t, NK)
	if _, err := r.WriteMessage(nil, nil); err != ErrHandshake {
		t.Error("the responder spoke first")
	}
	if _, err := i.ReadMessage(make([]byte, 48)); err != ErrHandshake {
		t.Error("the initiator listened first")
	}
	if _, err := i.Secrets(); err != ErrHandshake {
		t.Error("secrets before the end")
	}
	if _, err := NewHandshake(HandshakeConfig{Pattern: IK, Initiator: true, Remote: labStatic(t, 2).Public()}); err != ErrKey {
		t.Error("IK without a static key")
	}
	if _, err := NewHandshake(HandshakeConfig{Pattern: 7, Static: labStatic(t, 2)}); err != ErrHandshake {
		t.Error("an unknown pattern")
	}
}

// A PSK that is missing on read is mixed in as empty, without an error: so no pattern of the library here has one, and
// NKpsk0 is made of NK with a secret that NewHandshake has checked.
func TestTrapNoPatternInUseHasAPSK(t *testing.T) {
	for _, p := range []flynn.HandshakePattern{flynn.HandshakeIK, flynn.HandshakeNK} {
		for _, message := range p.Messages {
			for _, token := range message {
				if token == flynn.MessagePatternPSK {
					t.Errorf("%s mixes a PSK", p.Name)
				}
			}
		}
	}
}

// The library counts nonces by itself and in order; datagrams need them explicit. Its counting and ours must agree, or
// a second implementation that uses its CipherStates could not talk to this one.
func TestTrapExplicitNoncesAgreeWithTheLibrarysOwn(t *testing.T) {
	key := [keyLen]byte{1, 2, 3}
	cs := flynn.UnsafeNewCipherState(suite, key, 0)
	for n := range uint64(300) {
		theirs, err := cs.Encrypt(nil, nil, []byte("frame"))
		if err != nil {
			t.Fatal(err)
		}
		if hex.EncodeToString(theirs) != transport(t, key, n, []byte("frame")) {
			t.Fatalf("nonce %d differs", n)
		}
	}
}

func TestHandshakeBindsThePrologue(t *testing.T) {
	static := labStatic(t, 2)
	i := mustHandshake(t, HandshakeConfig{Pattern: NK, Initiator: true, Remote: static.Public(), Prologue: linkPrologue([32]byte{1}, [32]byte{2}, 3, 4, noCookie), Rand: labRand(3)})
	m, _ := i.WriteMessage(nil, nil)
	for _, other := range [][]byte{
		linkPrologue([32]byte{9}, [32]byte{2}, 3, 4, noCookie), linkPrologue([32]byte{1}, [32]byte{9}, 3, 4, noCookie),
		linkPrologue([32]byte{1}, [32]byte{2}, 9, 4, noCookie), linkPrologue([32]byte{1}, [32]byte{2}, 3, 9, noCookie),
		linkPrologue([32]byte{1}, [32]byte{2}, 3, 4, cookie{1}), rekeyPrologue([32]byte{1}, [32]byte{2}, [32]byte{}),
	} {
		r := mustHandshake(t, HandshakeConfig{Pattern: NK, Static: static, Prologue: other, Rand: labRand(4)})
		if _, err := r.ReadMessage(m); err != ErrHandshake {
			t.Error("another prologue was accepted")
		}
	}
}

// The vector is one of the Noise project's for Noise_NKpsk0_25519_AESGCM_SHA256.
func TestPublishedNKpsk0VectorPasses(t *testing.T) {
	static, err := StaticKeyFromBytes(unhex(t, "0102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1f20"))
	if err != nil {
		t.Fatal(err)
	}
	psk := unhex(t, "2176657279736563726574766572797365637265747665727973656372657421")
	i := mustHandshake(t, HandshakeConfig{Pattern: NKpsk0, Initiator: true, Remote: static.Public(), PSK: psk,
		Rand: bytes.NewReader(unhex(t, "202122232425262728292a2b2c2d2e2f303132333435363738393a3b3c3d3e3f"))})
	r := mustHandshake(t, HandshakeConfig{Pattern: NKpsk0, Static: static, PSK: psk,
		Rand: bytes.NewReader(unhex(t, "4142434445464748494a4b4c4d4e4f505152535455565758595a5b5c5d5e5f60"))})
	for n, m := range []struct {
		from, to      *Handshake
		payload, wire string
	}{
		{i, r, "test_msg_0", "358072d6365880d1aeea329adf9121383851ed21a28e3b75e965d0d2cd16625485932c8c7615c8263798b4f9d548cb656be5a4eb30cd9a0485c9"},
		{r, i, "test_msg_1", "64b101b1d0be5a8704bd078f9895001fc03e8e9f9522f188dd128d9846d48466cce9cb21a513f9de326cba676712ee32441eb2146407fba7b57e"},
	} {
		wire, err := m.from.WriteMessage(nil, []byte(m.payload))
		if err != nil || hex.EncodeToString(wire) != m.wire {
			t.Fatalf("message %d differs (%v)", n+1, err)
		}
		if p, err := m.to.ReadMessage(wire); err != nil || string(p) != m.payload {
			t.Fatalf("payload %d differs (%v)", n+1, err)
		}
	}
	if si, sr := mustSecrets(t, i), mustSecrets(t, r); si.Send != sr.Receive || si.Receive != sr.Send || si.Hash != sr.Hash {
		t.Error("the two ends disagree")
	}
}

func TestAPSKThatIsMissingWrongOrUnaskedForIsAnError(t *testing.T) {
	static := labStatic(t, 2)
	for _, c := range []struct {
		p   Pattern
		psk int
	}{{NKpsk0, 0}, {NKpsk0, 31}, {NKpsk0, 33}, {NK, 32}, {NK, 1}, {IK, 32}} {
		for _, initiator := range []bool{true, false} {
			_, err := NewHandshake(HandshakeConfig{Pattern: c.p, Initiator: initiator, Static: static, Remote: static.Public(), PSK: make([]byte, c.psk)})
			if err != ErrKey {
				t.Errorf("pattern %d with a secret of %d bytes: %v", c.p, c.psk, err)
			}
		}
	}
	first := func(psk byte) []byte {
		h := mustHandshake(t, HandshakeConfig{Pattern: NKpsk0, Initiator: true, Remote: static.Public(), PSK: bytes.Repeat([]byte{psk}, keyLen), Rand: labRand(3)})
		m, err := h.WriteMessage(nil, nil)
		if err != nil {
			t.Fatal(err)
		}
		return m
	}
	for psk, want := range map[byte]error{1: nil, 2: ErrHandshake} {
		r := mustHandshake(t, HandshakeConfig{Pattern: NKpsk0, Static: static, PSK: bytes.Repeat([]byte{1}, keyLen), Rand: labRand(4)})
		if _, err := r.ReadMessage(first(psk)); err != want {
			t.Errorf("secret %d: %v", psk, err)
		}
	}
}

func TestLinksRefuseAPatternWithASecret(t *testing.T) {
	l := newLab(t)
	if _, err := l.a.Dial(l.now, l.target(NKpsk0)); err != ErrKey {
		t.Errorf("dialled: %v", err)
	}
	e := l.b.envelope
	for p, want := range map[Pattern]bool{NK: true, NKpsk0: false} {
		d := make([]byte, DatagramLen)
		if _, err := e.sealInitiation(d, &initiation{pattern: p}, make([]byte, 80), 0, noCookie); err != nil {
			t.Fatal(err)
		}
		if _, ok := e.openInitiation(d); ok != want {
			t.Errorf("pattern %d taken: %v", p, ok)
		}
	}
}
