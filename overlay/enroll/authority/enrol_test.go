// Enrolling, renewing, changing keys, being revoked.

package authority

import (
	"bytes"
	"errors"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"sotto/overlay/enroll/document"
	"sotto/overlay/enroll/store"
)

func wantRefusal(t *testing.T, what string, err error, want document.Refusal) {
	t.Helper()
	if !errors.Is(err, want) {
		t.Errorf("%s: %v, want: %v", what, err, want)
	}
}

const day = 24 * time.Hour

func TestCodeIsGoodForOneKeyOnce(t *testing.T) {
	a := newAuthority(t)
	p := newPerson(t, a, "sip:alice@example.org", genesis, InviteOptions{})
	first, err := p.ask(genesis, document.Ask{Cert: true}, true)
	if err != nil {
		t.Fatal(err)
	}
	again, err := p.ask(genesis.Add(time.Hour), document.Ask{Cert: true}, true)
	if err != nil || !bytes.Equal(first.Cert, again.Cert) {
		t.Errorf("a lost answer does not come again: %v", err)
	}
	thief := *p
	if thief.key, err = document.GenerateUserKey(); err != nil {
		t.Fatal(err)
	}
	_, err = thief.ask(genesis, document.Ask{Cert: true}, true)
	wantRefusal(t, "the same code with another key", err, document.RefusedCodeUsed)
}

func TestBadCodesAreToldApart(t *testing.T) {
	a := newAuthority(t)
	p := newPerson(t, a, "sip:alice@example.org", genesis, InviteOptions{})
	_, err := p.ask(genesis.Add(8*day), document.Ask{Cert: true}, true)
	wantRefusal(t, "expired", err, document.RefusedCodeExpired)

	other := *p
	other.aor = aorOf(t, "sip:bob@example.org")
	_, err = other.ask(genesis, document.Ask{Cert: true}, true)
	wantRefusal(t, "for another name", err, document.RefusedCodeName)

	stranger := *p
	stranger.code = new(document.Code)
	_, err = stranger.ask(genesis, document.Ask{Cert: true}, true)
	wantRefusal(t, "unknown", err, document.RefusedCode)

	if err := a.Withdraw(genesis, p.aor); err != nil {
		t.Fatal(err)
	}
	_, err = p.ask(genesis, document.Ask{Cert: true}, true)
	wantRefusal(t, "withdrawn", err, document.RefusedCode)
	if err := a.Withdraw(genesis, p.aor); !errors.Is(err, ErrUnknown) {
		t.Errorf("withdrawn twice: %v", err)
	}
}

func TestNameIsRefusedAtIssueToo(t *testing.T) {
	a := newAuthority(t)
	first := newPerson(t, a, "sip:alice@example.org", genesis, InviteOptions{})
	// A second code for the name, as a fault or a restored state might have left it.
	second := *first
	key, err := document.GenerateUserKey()
	if err != nil {
		t.Fatal(err)
	}
	code := document.Code{}
	second.key, second.code = key, &code
	h := code.Hash()
	err = a.update(genesis, func(tx *transaction) error {
		return store.Put(tx.tx, tableInvites, h.ID[:], inviteRecord{Code: h.Append(nil), Name: first.aor.Canonical(), Expires: genesis.Add(day).Unix()})
	})
	if err != nil {
		t.Fatal(err)
	}
	first.enrol(genesis)
	_, err = second.ask(genesis, document.Ask{Cert: true}, true)
	wantRefusal(t, "second owner at issue", err, document.RefusedTaken)
}

func TestExpiredInviteFreesTheName(t *testing.T) {
	a := newAuthority(t)
	newPerson(t, a, "sip:alice@example.org", genesis, InviteOptions{Life: day})
	newPerson(t, a, "sip:alice@example.org", genesis.Add(2*day), InviteOptions{}).enrol(genesis.Add(2 * day))
	if _, err := a.Invite(genesis.Add(30*day), aorOf(t, "sip:alice@example.org"), InviteOptions{}); !errors.Is(err, ErrTaken) {
		t.Errorf("a name is free again after its owner enrolled: %v", err)
	}
}

func TestRequestsOfTheWrongTimeAreRefused(t *testing.T) {
	a := newAuthority(t)
	p := newPerson(t, a, "sip:alice@example.org", genesis, InviteOptions{Life: 30 * day})
	for created, want := range map[time.Duration]document.Refusal{time.Hour: document.RefusedClock, -15 * day: document.RefusedOld} {
		now := genesis.Add(20 * day)
		q, err := document.NewRequest(p.known.ID(), p.aor, p.key, p.code, document.Ask{Cert: true}, now.Add(created))
		if err != nil {
			t.Fatal(err)
		}
		_, err = p.send(now, q)
		wantRefusal(t, "dated "+created.String()+" off", err, want)
	}
}

func TestForeignRequestIsRefused(t *testing.T) {
	a, b := newAuthority(t), newAuthority(t)
	p := newPerson(t, a, "sip:alice@example.org", genesis, InviteOptions{})
	q, err := document.NewRequest(p.known.ID(), p.aor, p.key, p.code, document.Ask{Cert: true}, genesis)
	if err != nil {
		t.Fatal(err)
	}
	answer, err := b.Answer(genesis, q.Bytes())
	if err != nil {
		t.Fatal(err)
	}
	if answer.Refused != document.RefusedForeign {
		t.Errorf("asked of another authority: %v", answer.Refused)
	}
	if _, err := document.VerifyAnswer(answer, q, p.known, genesis); !errors.Is(err, document.ErrForeign) {
		t.Errorf("another authority's answer: %v", err)
	}
}

func TestBytesThatAreNoRequestAreRefused(t *testing.T) {
	a := newAuthority(t)
	for name, b := range map[string][]byte{"nothing": nil, "zeros": make([]byte, document.RequestLen)} {
		answer, err := a.Answer(genesis, b)
		if err != nil || answer.Refused != document.RefusedMalformed || len(answer.Document) > 0 {
			t.Errorf("%s: %v, %v", name, answer.Refused, err)
		}
	}
}

func TestRenewalComesAfterTwoThirds(t *testing.T) {
	a := newAuthority(t)
	p := newPerson(t, a, "sip:alice@example.org", genesis, InviteOptions{})
	first := p.enrol(genesis)
	early, err := p.ask(genesis.Add(19*day), document.Ask{Cert: true}, false)
	if err != nil || !bytes.Equal(early.Cert, first.DER()) {
		t.Errorf("asked early, the old certificate does not come again: %v", err)
	}
	late, err := p.ask(genesis.Add(21*day), document.Ask{Cert: true}, false)
	if err != nil {
		t.Fatal(err)
	}
	cert, err := document.ParseUser(late.Cert)
	if err != nil || cert.Serial() == first.Serial() || cert.Key() != first.Key() {
		t.Errorf("no new certificate after two thirds: %v", err)
	}
	if got := cert.NotAfter(); !got.Equal(genesis.Add(51 * day)) {
		t.Errorf("the new certificate ends %v after the beginning", got.Sub(genesis))
	}
}

func TestStrangerCannotRenew(t *testing.T) {
	a := newAuthority(t)
	p := newPerson(t, a, "sip:alice@example.org", genesis, InviteOptions{})
	p.enrol(genesis)
	thief := *p
	var err error
	if thief.key, err = document.GenerateUserKey(); err != nil {
		t.Fatal(err)
	}
	_, err = thief.ask(genesis, document.Ask{Cert: true}, false)
	wantRefusal(t, "another key", err, document.RefusedUnknown)
	thief.key, thief.aor = p.key, aorOf(t, "sip:bob@example.org")
	_, err = thief.ask(genesis, document.Ask{Cert: true}, false)
	wantRefusal(t, "another name", err, document.RefusedUnknown)
}

func TestChangeOfKeysSurvivesALostAnswer(t *testing.T) {
	a := newAuthority(t)
	p := newPerson(t, a, "sip:alice@example.org", genesis, InviteOptions{})
	p.enrol(genesis)
	now := genesis.Add(2 * day)
	next, err := document.GenerateUserKey()
	if err != nil {
		t.Fatal(err)
	}
	will, err := document.Succeed(p.known.ID(), p.key, next, now)
	if err != nil {
		t.Fatal(err)
	}
	q, err := document.NewRequest(p.known.ID(), p.aor, p.key, nil, document.Ask{Cert: true, NewKey: will}, now)
	if err != nil {
		t.Fatal(err)
	}
	first, err1 := p.send(now, q)
	again, err2 := p.send(now.Add(time.Hour), q)
	if err := errors.Join(err1, err2); err != nil || !bytes.Equal(first.Cert, again.Cert) {
		t.Fatalf("the repeated request gets another answer: %v", err)
	}
	cert, err := document.ParseUser(first.Cert)
	if err != nil || cert.Key() != next.Public() {
		t.Errorf("the certificate is not for the new key: %v", err)
	}
	_, err = p.ask(now, document.Ask{Cert: true}, false)
	wantRefusal(t, "the old key afterwards", err, document.RefusedUnknown)

	p.key = next
	third, err := document.GenerateUserKey()
	if err != nil {
		t.Fatal(err)
	}
	if will, err = document.Succeed(p.known.ID(), next, third, now); err != nil {
		t.Fatal(err)
	}
	_, err = p.ask(now, document.Ask{Cert: true, NewKey: will}, false)
	wantRefusal(t, "a second change on the same day", err, document.RefusedEarly)
}

func TestRevokedPersonGetsNothingMore(t *testing.T) {
	a := newAuthority(t)
	p := newPerson(t, a, "sip:alice@example.org", genesis, InviteOptions{})
	cert := p.enrol(genesis)
	version := p.known.Version()
	if err := a.Revoke(genesis, p.aor); err != nil {
		t.Fatal(err)
	}
	o, err := a.Document()
	if err != nil {
		t.Fatal(err)
	}
	if err := o.VerifyUser(cert, genesis); !errors.Is(err, document.ErrRevokedCert) || o.Version() <= version {
		t.Errorf("the document does not revoke: %v", err)
	}
	_, err = p.ask(genesis, document.Ask{Cert: true}, false)
	wantRefusal(t, "revoked, by key", err, document.RefusedRevoked)
	_, err = p.ask(genesis, document.Ask{Cert: true}, true)
	wantRefusal(t, "revoked, by code", err, document.RefusedRevoked)
	if err := a.Resume(genesis.Add(31 * day)); err != nil {
		t.Fatal(err)
	}
	if _, err := a.Maintain(genesis.Add(31 * day)); err != nil {
		t.Fatal(err)
	}
	if o, err = a.Document(); err != nil || len(o.Contents().RevokedCerts) != 0 {
		t.Errorf("the list keeps what ended anyway: %v", err)
	}
}

func TestLostKeyIsReplacedByInvite(t *testing.T) {
	a := newAuthority(t)
	lost := newPerson(t, a, "sip:alice@example.org", genesis, InviteOptions{})
	old := lost.enrol(genesis)
	p := newPerson(t, a, "sip:alice@example.org", genesis.Add(day), InviteOptions{Replace: true})
	p.enrol(genesis.Add(day))
	if err := p.known.VerifyUser(old, genesis.Add(day)); !errors.Is(err, document.ErrRevokedCert) {
		t.Errorf("the lost key's certificate is still good: %v", err)
	}
	_, err := lost.ask(genesis.Add(day), document.Ask{Cert: true}, false)
	wantRefusal(t, "the lost key", err, document.RefusedUnknown)
	if _, err := a.Invite(genesis.Add(day), aorOf(t, "sip:bob@example.org"), InviteOptions{Replace: true}); !errors.Is(err, ErrUnknown) {
		t.Errorf("replacing nobody: %v", err)
	}
}

func TestPeopleAreListed(t *testing.T) {
	a := newAuthority(t)
	p := newPerson(t, a, "sip:alice@example.org", genesis, InviteOptions{Seed: true})
	p.enrol(genesis)
	if _, err := p.admit(genesis, 0); err != nil {
		t.Fatal(err)
	}
	newPerson(t, a, "sip:bob@example.org", genesis, InviteOptions{})
	list, err := a.People(genesis)
	if err != nil || len(list) != 2 {
		t.Fatalf("%d people: %v", len(list), err)
	}
	alice, bob := list[0], list[1]
	if alice.AoR != p.aor || alice.Invited || !alice.Seed || alice.Admissions != 1 || !bob.Invited || bob.Until != genesis.Add(7*day) {
		t.Error("the list says something else than what happened")
	}
}

func TestOfManyAtOnceOneGetsTheName(t *testing.T) {
	a := newAuthority(t)
	p := newPerson(t, a, "sip:alice@example.org", genesis, InviteOptions{})
	var group sync.WaitGroup
	var won atomic.Int32
	for range 8 {
		key, err := document.GenerateUserKey()
		if err != nil {
			t.Fatal(err)
		}
		q, err := document.NewRequest(p.known.ID(), p.aor, key, p.code, document.Ask{Cert: true}, genesis)
		if err != nil {
			t.Fatal(err)
		}
		group.Go(func() {
			answer, err := a.Answer(genesis, q.Bytes())
			if err != nil {
				t.Error(err)
			} else if answer.Refused == 0 {
				won.Add(1)
			} else if answer.Refused != document.RefusedCodeUsed {
				t.Error(answer.Refused)
			}
		})
	}
	group.Wait()
	if won.Load() != 1 {
		t.Errorf("%d got the name", won.Load())
	}
}

func TestFaultIsToldToBothSides(t *testing.T) {
	a := newAuthority(t)
	p := newPerson(t, a, "sip:alice@example.org", genesis, InviteOptions{})
	p.enrol(genesis)
	err := a.store.Update(func(tx *store.Tx) error {
		return tx.Bucket([]byte(tableUsers)).Put([]byte(p.aor.Canonical()), []byte("{"))
	})
	if err != nil {
		t.Fatal(err)
	}
	q, err := document.NewRequest(p.known.ID(), p.aor, p.key, nil, document.Ask{Cert: true}, genesis)
	if err != nil {
		t.Fatal(err)
	}
	response, fault := a.Handle(genesis, "192.0.2.1:1", q.Bytes())
	if !errors.Is(fault, store.ErrDamaged) || len(response) != document.AnswerUnit {
		t.Errorf("the operator is told %v, the person gets %d bytes", fault, len(response))
	}
}
