// What an authority promises, with people who make their requests in process.

package authority

import (
	"crypto/rand"
	"errors"
	"path/filepath"
	"sync"
	"testing"
	"time"

	"sotto/overlay/enroll/blind"
	"sotto/overlay/enroll/document"
	"sotto/overlay/peer"
)

// blindKeys are made once: each takes a tenth of a second and they do not matter to any test.
var blindKeys = sync.OnceValue(func() []blind.PrivateKey {
	var list []blind.PrivateKey
	for range 3 {
		k, err := blind.GenerateKey()
		if err != nil {
			panic(err)
		}
		list = append(list, k)
	}
	return list
})

func testOptions() Options {
	n := 0
	return Options{GenerateBlind: func() (blind.PrivateKey, error) {
		n++
		return blindKeys()[n%len(blindKeys())], nil
	}}
}

var genesis = time.Date(2026, 11, 23, 0, 0, 0, 0, time.UTC)

func newAuthority(t *testing.T) *Authority {
	t.Helper()
	dir := filepath.Join(t.TempDir(), "authority")
	o := testOptions()
	if err := Create(dir, Config{Name: "example"}, o, genesis); err != nil {
		t.Fatal(err)
	}
	a, err := Open(dir, o)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { a.Close() })
	return a
}

func aorOf(t *testing.T, text string) document.AoR {
	t.Helper()
	aor, err := document.ParseAoR(text)
	if err != nil {
		t.Fatal(err)
	}
	return aor
}

// person is somebody with a key and perhaps an invite.
type person struct {
	t      *testing.T
	a      *Authority
	aor    document.AoR
	key    document.UserKey
	code   *document.Code
	known  document.Overlay
	signed peer.SigningKey
}

func newPerson(t *testing.T, a *Authority, name string, now time.Time, o InviteOptions) *person {
	t.Helper()
	aor := aorOf(t, name)
	invite, err := a.Invite(now, aor, o)
	if err != nil {
		t.Fatal(err)
	}
	key, err := document.GenerateUserKey()
	if err != nil {
		t.Fatal(err)
	}
	return &person{t: t, a: a, aor: aor, key: key, code: &invite.Code, known: invite.Overlay}
}

// ask sends a request and verifies the answer as a client does.
func (p *person) ask(now time.Time, ask document.Ask, invited bool) (document.Answer, error) {
	p.t.Helper()
	code := p.code
	if !invited {
		code = nil
	}
	q, err := document.NewRequest(p.known.ID(), p.aor, p.key, code, ask, now)
	if err != nil {
		p.t.Fatal(err)
	}
	return p.send(now, q)
}

func (p *person) send(now time.Time, q document.Request) (document.Answer, error) {
	p.t.Helper()
	answer, err := p.a.Answer(now, q.Bytes())
	if err != nil {
		p.t.Fatal(err)
	}
	fresh, err := document.VerifyAnswer(answer, q, p.known, now)
	if err == nil {
		p.known = fresh
	}
	return answer, err
}

// enrol gets the first certificate.
func (p *person) enrol(now time.Time) document.UserCert {
	p.t.Helper()
	answer, err := p.ask(now, document.Ask{Cert: true}, true)
	if err != nil {
		p.t.Fatal(err)
	}
	cert, err := document.ParseUser(answer.Cert)
	if err != nil {
		p.t.Fatal(err)
	}
	if err := p.known.VerifyUser(cert, now); err != nil {
		p.t.Fatal(err)
	}
	return cert
}

// admit gets an admission and returns the static part that it makes.
func (p *person) admit(now time.Time, keyEpoch uint32) (peer.Static, error) {
	p.t.Helper()
	var err error
	if p.signed, err = peer.GenerateSigningKey(rand.Reader); err != nil {
		p.t.Fatal(err)
	}
	key, err := p.known.BlindKey(keyEpoch)
	if err != nil {
		return peer.Static{}, err
	}
	message := peer.AdmissionMessage(p.known.ID(), keyEpoch, p.signed.Public())
	m, f, err := key.Blind(rand.Reader, message)
	if err != nil {
		p.t.Fatal(err)
	}
	answer, err := p.ask(now, document.Ask{Admit: true, AdmitEpoch: keyEpoch, Blinded: m}, false)
	if err != nil {
		return peer.Static{}, err
	}
	sig, err := key.Unblind(f, message, answer.Admission)
	if err != nil {
		p.t.Fatal(err)
	}
	s, err := peer.NewStatic(p.known.ID(), keyEpoch, p.signed.Public(), sig[:])
	if err != nil {
		p.t.Fatal(err)
	}
	return s, nil
}

func TestAPersonEnrolsAndAPeerIsAdmitted(t *testing.T) {
	a := newAuthority(t)
	p := newPerson(t, a, "sip:alice@example.org", genesis, InviteOptions{})
	if got := p.enrol(genesis).AoR(); got != p.aor {
		t.Error("the certificate is for another name")
	}
	s, err := p.admit(genesis, 0)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := peer.Admit(s, p.known.ID(), p.known); err != nil {
		t.Errorf("the admission does not verify by the document: %v", err)
	}
}

func TestSecondOwnerOfANameIsRefused(t *testing.T) {
	a := newAuthority(t)
	newPerson(t, a, "sip:alice@example.org", genesis, InviteOptions{})
	if _, err := a.Invite(genesis, aorOf(t, "sip:ALICE@Example.org"), InviteOptions{}); !errors.Is(err, ErrTaken) {
		t.Errorf("invited twice: %v", err)
	}
}
