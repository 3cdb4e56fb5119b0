// Blind admission: few, in their time, the same again, and of no use for recognising anybody.

package authority

import (
	"bytes"
	"crypto/rand"
	"io"
	"math/big"
	mrand "math/rand/v2"
	"testing"
	"time"

	"sotto/overlay/enroll/blind"
	"sotto/overlay/enroll/document"
	"sotto/overlay/peer"
)

func TestAdmissionsAreFewAndARepeatedOneIsFree(t *testing.T) {
	a := newAuthority(t)
	p := newPerson(t, a, "sip:alice@example.org", genesis, InviteOptions{})
	p.enrol(genesis)
	key, err := p.known.BlindKey(0)
	if err != nil {
		t.Fatal(err)
	}
	var blinded []blind.Message
	for n := range 4 {
		m, _, err := key.Blind(rand.Reader, []byte{byte(n)})
		if err != nil {
			t.Fatal(err)
		}
		blinded = append(blinded, m)
	}
	ask := func(n int) (document.Answer, error) {
		return p.ask(genesis.Add(time.Duration(n)*time.Minute), document.Ask{Admit: true, Blinded: blinded[n]}, false)
	}
	first, err := ask(0)
	if err != nil {
		t.Fatal(err)
	}
	for range 5 {
		again, err := ask(0)
		if err != nil || again.Admission != first.Admission {
			t.Fatalf("the repeated message gets another answer: %v", err)
		}
	}
	for n := 1; n < 3; n++ {
		if _, err := ask(n); err != nil {
			t.Fatalf("admission %d of 3: %v", n+1, err)
		}
	}
	_, err = ask(3)
	wantRefusal(t, "the fourth", err, document.RefusedQuota)
	if _, err := ask(2); err != nil {
		t.Errorf("a repeated one after the quota is used up: %v", err)
	}
}

func TestAdmissionsAreGivenInTheirTimeOnly(t *testing.T) {
	a := newAuthority(t)
	p := newPerson(t, a, "sip:alice@example.org", genesis, InviteOptions{})
	p.enrol(genesis)
	at := func(days int, keyEpoch uint32) error {
		now := genesis.Add(time.Duration(days) * day)
		if err := a.Resume(now); err != nil {
			t.Fatal(err)
		}
		if _, err := a.Maintain(now); err != nil {
			t.Fatal(err)
		}
		_, err := p.ask(now, document.Ask{Admit: true, AdmitEpoch: keyEpoch, Blinded: blind.Message{31: byte(days), 255: 1}}, false)
		return err
	}
	wantRefusal(t, "before the key is published", at(10, 1), document.RefusedEarly)
	if err := at(47, 1); err != nil {
		t.Errorf("two weeks ahead: %v", err)
	}
	wantRefusal(t, "two key epochs ahead", at(48, 2), document.RefusedEarly)
	if err := at(59, 0); err != nil {
		t.Errorf("on the last day: %v", err)
	}
	wantRefusal(t, "the day after", at(60, 0), document.RefusedLate)
	if _, err := p.known.BlindKey(1); err != nil {
		t.Errorf("the document has no key for the new key epoch: %v", err)
	}
	if err := at(60, 1); err != nil {
		t.Errorf("in the new key epoch: %v", err)
	}
}

// The exact statement behind P17: for every request and every admission there is one factor that makes them
// belong together, so that what the authority saw fits each peer equally well.
func TestEveryRequestFitsEveryPeer(t *testing.T) {
	transcripts, statics, key := joined(t, nil)
	n := new(big.Int).SetBytes(key.Append(nil))
	for _, s := range transcripts {
		asked, given, keyEpoch, ok := s.Blind()
		name, known := s.Name()
		if !ok || !known || name.IsZero() || keyEpoch != 0 || s.Source() == "" || s.At().IsZero() ||
			len(s.Request()) != document.RequestLen || len(s.Response())%document.AnswerUnit != 0 {
			t.Fatal("the transcript lacks something that the authority saw")
		}
		for _, static := range statics {
			b := static.Append(nil)
			sig := new(big.Int).SetBytes(b[len(b)-blind.Size:])
			message := peer.AdmissionMessage(static.Overlay(), 0, static.SigningKey())
			// r = given / sig, and asked must be r^e times the padded message, which is sig^e.
			r := new(big.Int).ModInverse(sig, n)
			r.Mul(r, new(big.Int).SetBytes(given[:])).Mod(r, n)
			e := big.NewInt(65537)
			want := new(big.Int).Exp(r, e, n)
			want.Mul(want, new(big.Int).Exp(sig, e, n)).Mod(want, n)
			if want.Cmp(new(big.Int).SetBytes(asked[:])) != 0 {
				t.Fatal("a request does not fit a peer: the authority can exclude it")
			}
			if key.Verify(message, blind.Signature(b[len(b)-blind.Size:])) != nil {
				t.Fatal("the admission does not verify")
			}
		}
	}
}

// The negative control: with a source that gives the same bytes to everybody, the authority recognises all.
func TestBrokenBlindingIsRecognised(t *testing.T) {
	for name, c := range map[string]struct {
		random io.Reader
		want   int
	}{"a broken source": {zeros{}, 8}, "the real one": {nil, 0}} {
		transcripts, statics, key := joined(t, c.random)
		hits := 0
		for n, s := range transcripts {
			asked, _, _, _ := s.Blind()
			for m, static := range statics {
				message := peer.AdmissionMessage(static.Overlay(), 0, static.SigningKey())
				guess, _, err := key.Blind(zeros{}, message)
				if err != nil {
					t.Fatal(err)
				}
				if guess == asked && n == m {
					hits++
				}
			}
		}
		if hits != c.want {
			t.Errorf("%s: %d of 8 recognised, want %d", name, hits, c.want)
		}
	}
}

type zeros struct{}

func (zeros) Read(p []byte) (int, error) { clear(p); return len(p), nil }

// joined admits 8 peers of 8 people and returns what the authority saw and what everybody sees, both in the
// order in which they happened.
func joined(t *testing.T, random io.Reader) ([]Transcript, []peer.Static, blind.PublicKey) {
	t.Helper()
	if random == nil {
		random = rand.Reader
	}
	a := newAuthority(t)
	var transcripts []Transcript
	a.options.Observe = func(s Transcript) { transcripts = append(transcripts, s) }
	var statics []peer.Static
	var key blind.PublicKey
	for n := range 8 {
		p := newPerson(t, a, "sip:user"+string(rune('a'+n))+"@example.org", genesis, InviteOptions{})
		p.enrol(genesis)
		var err error
		if key, err = p.known.BlindKey(0); err != nil {
			t.Fatal(err)
		}
		signing, err := peer.GenerateSigningKey(rand.Reader)
		if err != nil {
			t.Fatal(err)
		}
		message := peer.AdmissionMessage(p.known.ID(), 0, signing.Public())
		m, f, err := key.Blind(random, message)
		if err != nil {
			t.Fatal(err)
		}
		q, err := document.NewRequest(p.known.ID(), p.aor, p.key, nil, document.Ask{Admit: true, Blinded: m}, genesis)
		if err != nil {
			t.Fatal(err)
		}
		response, err := a.Handle(genesis.Add(time.Duration(mrand.IntN(1000))*time.Second), "192.0.2.1:1", q.Bytes())
		if err != nil {
			t.Fatal(err)
		}
		raw, err := document.Unpad(response)
		if err != nil {
			t.Fatal(err)
		}
		answer, err := document.ParseAnswer(raw)
		if err != nil {
			t.Fatal(err)
		}
		sig, err := key.Unblind(f, message, answer.Admission)
		if err != nil {
			t.Fatal(err)
		}
		static, err := peer.NewStatic(p.known.ID(), 0, signing.Public(), sig[:])
		if err != nil {
			t.Fatal(err)
		}
		statics = append(statics, static)
		if public := signing.Public().Bytes(); bytes.Contains(q.Bytes(), public[:]) {
			t.Error("the request holds the peer's key")
		}
	}
	return transcripts, statics, key
}
