// Asking the authority and taking over what it answers.

package identity

import (
	"crypto/rand"
	"errors"
	"io"
	"time"

	"sotto/overlay/enroll/blind"
	"sotto/overlay/enroll/document"
	"sotto/overlay/enroll/store"
	"sotto/overlay/peer"
)

// Want says what to ask for. The zero value asks for the newest document, and for the certificate as long as
// the identity is not enrolled.
type Want struct {
	// Renew asks for a new certificate; NewKey, for one of a new key.
	Renew, NewKey bool
	// Slots asks for the slot certificates that are missing for the days ahead; the first time in a key epoch
	// it takes 65 ms.
	Slots bool
	// Admit asks for the peer's admission in AdmitEpoch. It tells the authority nothing of the peer but that
	// the person has one, from where and when.
	Admit      bool
	AdmitEpoch uint32
	// Random blinds; nil means crypto/rand. It is a seam for showing what a broken source costs.
	Random io.Reader
	// Seed, if not zero, is the own relay's descriptor, to be listed as a seed: openly.
	Seed document.Pair
}

// again is how long an unanswered request is repeated as it is. Afterwards it is made anew; what must not
// change, peer key and blinding, is kept apart from it.
const again = 24 * time.Hour

// Request makes the request for want and keeps it until its answer is taken over. A request that is waiting is
// repeated if it asks for the same. It returns ErrPending while a change of keys is waiting and want is
// another, document.ErrBlindKey if the document names no key for AdmitEpoch, and ErrNone if the peer is admitted
// in it already.
func (i *Identity) Request(now time.Time, want Want) (document.Request, error) {
	if want.NewKey {
		// It is repeated until it is answered, so nothing may be in it that ends.
		want = Want{NewKey: true}
	}
	if err := i.derive(now, want); err != nil {
		return document.Request{}, err
	}
	var q document.Request
	err := i.update(func(t *transaction) error {
		ask, err := t.ask(now, want)
		if err != nil {
			return err
		}
		if waiting, ok := t.waiting(); ok {
			changing := t.s.NextKey != nil
			fresh := now.Sub(waiting.Created) < again && !now.Before(waiting.Created)
			// A change of keys may have been granted already, so no other request may take its place.
			if changing && want.NewKey || fresh && fits(waiting.Ask, ask, want) {
				q = waiting
				return nil
			}
			if changing {
				return ErrPending
			}
		}
		if q, err = t.request(now, want, ask); err != nil {
			return err
		}
		t.s.Pending = q.Bytes()
		return nil
	})
	return q, err
}

func (t *transaction) waiting() (document.Request, bool) {
	if t.s.Pending == nil {
		return document.Request{}, false
	}
	q, err := document.ParseRequest(t.s.Pending)
	return q, err == nil
}

// fits reports whether a waiting request asks for what is wanted now.
func fits(waiting, ask document.Ask, want Want) bool {
	if len(waiting.Slots) != len(ask.Slots) {
		return false
	}
	for n := range ask.Slots {
		if waiting.Slots[n] != ask.Slots[n] {
			return false
		}
	}
	return waiting.Cert == ask.Cert && waiting.NewKey.IsZero() && !want.NewKey && waiting.Admit == ask.Admit &&
		waiting.AdmitEpoch == ask.AdmitEpoch && waiting.Blinded == ask.Blinded &&
		string(waiting.Seed.Append(nil)) == string(ask.Seed.Append(nil))
}

// ask puts together everything but a change of keys.
func (t *transaction) ask(now time.Time, want Want) (document.Ask, error) {
	ask := document.Ask{Cert: want.Renew || want.NewKey || t.s.Cert == nil, Seed: want.Seed}
	var err error
	if want.Slots {
		if ask.Slots, err = t.missingSlots(now); err != nil {
			return ask, err
		}
	}
	if want.Admit {
		ask.Admit, ask.AdmitEpoch = true, want.AdmitEpoch
		ask.Blinded, err = t.blind(want)
	}
	return ask, err
}

// request signs, with a new key first if that is wanted.
func (t *transaction) request(now time.Time, want Want, ask document.Ask) (document.Request, error) {
	key, err := document.ParseUserKey(t.s.UserKey)
	if err != nil {
		return document.Request{}, store.ErrDamaged
	}
	if t.s.Cert == nil {
		code, err := document.ParseCode(t.s.Code)
		if err != nil {
			return document.Request{}, store.ErrDamaged
		}
		return document.NewRequest(t.known.ID(), t.aor, key, &code, ask, now)
	}
	if want.NewKey {
		next, err := document.GenerateUserKey()
		if err != nil {
			return document.Request{}, err
		}
		if ask.NewKey, err = document.Succeed(t.known.ID(), key, next, now); err != nil {
			return document.Request{}, err
		}
		t.s.NextKey = next.Bytes()
	}
	return document.NewRequest(t.known.ID(), t.aor, key, nil, ask, now)
}

// blind makes the peer key of a key epoch once, and blinds its admission message with a factor that is kept:
// asked again after a crash, the authority sees the same message and counts it once.
func (t *transaction) blind(want Want) (blind.Message, error) {
	key, err := t.known.BlindKey(want.AdmitEpoch)
	if err != nil {
		return blind.Message{}, err
	}
	var r peerRecord
	err = get(t.tx, tablePeers, number(want.AdmitEpoch), &r)
	switch {
	case err == nil && r.Static != nil:
		return blind.Message{}, ErrNone
	case err == nil:
		return t.blindAgain(key, want.AdmitEpoch, r)
	case !errors.Is(err, ErrNone):
		return blind.Message{}, err
	}
	random := want.Random
	if random == nil {
		random = rand.Reader
	}
	// The peer's key never comes from the seam: a broken source of blinding must be all that is broken.
	signing, err := peer.GenerateSigningKey(rand.Reader)
	if err != nil {
		return blind.Message{}, err
	}
	message := peer.AdmissionMessage(t.known.ID(), want.AdmitEpoch, signing.Public())
	blinded, factor, err := key.Blind(random, message)
	if err != nil {
		return blind.Message{}, err
	}
	seed := signing.Seed()
	r = peerRecord{Key: seed[:], Factor: factor.Append(nil)}
	return blinded, store.Put(t.tx, tablePeers, number(want.AdmitEpoch), r)
}

func (t *transaction) blindAgain(key blind.PublicKey, keyEpoch uint32, r peerRecord) (blind.Message, error) {
	_, message, factor, err := t.peerSecrets(keyEpoch, r)
	if err != nil {
		return blind.Message{}, err
	}
	return key.BlindAgain(factor, message)
}

// peerSecrets reads what a peer record that is not admitted yet holds.
func (t *transaction) peerSecrets(keyEpoch uint32, r peerRecord) (peer.SigningPublic, []byte, blind.Factor, error) {
	signing, err1 := peer.SigningKeyFromSeed(r.Key)
	factor, err2 := blind.ParseFactor(r.Factor)
	if err1 != nil || err2 != nil {
		return peer.SigningPublic{}, nil, blind.Factor{}, store.ErrDamaged
	}
	public := signing.Public()
	return public, peer.AdmissionMessage(t.known.ID(), keyEpoch, public), factor, nil
}

// Accept takes over an answer to the waiting request: all of it or, with an error, nothing but a newer
// document. A refusal is returned as it is; if it is final, the request waits no longer.
func (i *Identity) Accept(now time.Time, answer document.Answer) error {
	var refused document.Refusal
	err := i.update(func(t *transaction) error {
		q, ok := t.waiting()
		if !ok {
			return ErrUnasked
		}
		fresh, err := document.VerifyAnswer(answer, q, t.known, now)
		if errors.As(err, &refused) {
			// What was refused had no effect, but for what is granted later when it is sent again.
			if refused.Final() || refused == document.RefusedEarly {
				t.s.Pending, t.s.NextKey = nil, nil
			}
			return nil
		}
		if err != nil {
			return err
		}
		t.known, t.s.Document = fresh, fresh.Bytes()
		if err := t.take(now, q, answer); err != nil {
			return err
		}
		t.s.Pending = nil
		return nil
	})
	if err == nil && refused != 0 {
		return refused
	}
	return err
}

func (t *transaction) take(now time.Time, q document.Request, answer document.Answer) error {
	if q.Ask.Cert {
		if err := t.takeCert(now, q, answer); err != nil {
			return err
		}
	}
	if len(answer.Slots) != len(q.Ask.Slots) || answer.Admitted != q.Ask.Admit || answer.AdmitEpoch != q.Ask.AdmitEpoch {
		return document.ErrMalformed
	}
	for n, c := range answer.Slots {
		ask := q.Ask.Slots[n]
		if c.Slot() != ask.Slot || c.Writer() != ask.Writer || c.Epoch() != ask.Epoch || t.known.VerifySlot(c) != nil {
			return document.ErrSignature
		}
		if err := t.tx.Bucket([]byte(tableSlots)).Put(number(uint32(c.Epoch())), c.Append(nil)); err != nil {
			return err
		}
	}
	if q.Ask.Admit {
		return t.takeAdmission(answer)
	}
	return nil
}

func (t *transaction) takeCert(now time.Time, q document.Request, answer document.Answer) error {
	cert, err := document.ParseUser(answer.Cert)
	if err != nil {
		return err
	}
	key := q.Key
	if !q.Ask.NewKey.IsZero() {
		key = q.Ask.NewKey.New()
	}
	if cert.AoR() != t.aor || cert.Key() != key {
		return document.ErrSignature
	}
	if err := t.known.VerifyUser(cert, now); err != nil {
		return err
	}
	if !q.Ask.NewKey.IsZero() {
		t.s.UserKey, t.s.NextKey = t.s.NextKey, nil
		t.s.Successions = append(t.s.Successions, q.Ask.NewKey.Append(nil))
		t.s.Successions = t.s.Successions[max(0, len(t.s.Successions)-maxSuccessions):]
	}
	t.s.Cert, t.s.Code = cert.DER(), nil
	return nil
}

// takeAdmission unblinds with the key of the document that everybody echoes the hash of, and no other.
func (t *transaction) takeAdmission(answer document.Answer) error {
	var r peerRecord
	if err := get(t.tx, tablePeers, number(answer.AdmitEpoch), &r); err != nil {
		return err
	}
	if r.Static != nil {
		return nil
	}
	key, err := t.known.BlindKey(answer.AdmitEpoch)
	if err != nil {
		return err
	}
	public, message, factor, err := t.peerSecrets(answer.AdmitEpoch, r)
	if err != nil {
		return err
	}
	sig, err := key.Unblind(factor, message, answer.Admission)
	if err != nil {
		return document.ErrSignature
	}
	static, err := peer.NewStatic(t.known.ID(), answer.AdmitEpoch, public, sig[:])
	if err != nil {
		return document.ErrSignature
	}
	r.Static, r.Factor = static.Append(nil), nil
	if err := t.forget(tablePeers, int64(answer.AdmitEpoch)-2); err != nil {
		return err
	}
	return store.Put(t.tx, tablePeers, number(answer.AdmitEpoch), r)
}
