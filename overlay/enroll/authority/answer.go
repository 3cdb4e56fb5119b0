// Answering a request: who asks, whether he may, what he gets; all of it or a refusal.

package authority

import (
	"bytes"
	"errors"
	"time"

	"sotto/overlay/enroll/blind"
	"sotto/overlay/enroll/document"
	"sotto/overlay/enroll/store"
	"sotto/overlay/slot"
)

// requestLife is how old a request may be: the time that one takes as a file through the post. Codes that
// were used are kept as long, so that a lost answer can be asked for again.
const requestLife = 14 * 24 * time.Hour

// Answer decides a request, given by its bytes, and returns the signed answer: the same one for the same
// request, but for the document in it, however often it is asked. Requests of the same person may come in at
// the same time. The error is for the operator: something is broken here, and the answer says RefusedFault, or is
// not there at all (IsZero).
func (a *Authority) Answer(now time.Time, request []byte) (document.Answer, error) {
	q, err := document.ParseRequest(request)
	answer := document.Answer{Request: document.DigestRequest(request), At: now}
	if err == nil {
		err = a.decide(now, q, &answer)
	}
	return a.conclude(now, answer, err)
}

// AnswerFile answers a request that came as an armoured file with the file to give back. With a refusal there is
// a file too, and the refusal is returned for the operator's screen. A file that is no request is an error only.
func (a *Authority) AnswerFile(now time.Time, text []byte) ([]byte, error) {
	request, err := document.ReadRequest(text)
	if err != nil {
		return nil, err
	}
	answer, err := a.Answer(now, request)
	if err != nil {
		return nil, err
	}
	if answer.Refused != 0 {
		return answer.File(), answer.Refused
	}
	return answer.File(), nil
}

// conclude signs an answer or, with an error, the refusal that stands for it.
func (a *Authority) conclude(now time.Time, answer document.Answer, failure error) (document.Answer, error) {
	if failure != nil {
		answer = document.Answer{Request: answer.Request, At: answer.At, Refused: refusalOf(failure)}
	}
	err := a.view(now, func(t *transaction) error {
		k, err := t.keys()
		if err != nil {
			return err
		}
		answer.Overlay = t.founding.ID()
		if failure == nil {
			answer.Document = t.current.Bytes()
		}
		answer, err = document.SignAnswer(answer, k.cert, k.signing)
		return err
	})
	if err != nil {
		return document.Answer{}, err
	}
	if answer.Refused == document.RefusedFault {
		return answer, failure
	}
	return answer, nil
}

// refusalOf says which byte a failure is on the wire.
func refusalOf(err error) document.Refusal {
	var r document.Refusal
	switch {
	case errors.As(err, &r):
		return r
	case errors.Is(err, document.ErrSignature):
		return document.RefusedSignature
	case errors.Is(err, document.ErrMalformed), errors.Is(err, document.ErrTruncated), errors.Is(err, document.ErrKind),
		errors.Is(err, document.ErrVersion), errors.Is(err, document.ErrName):
		return document.RefusedMalformed
	case errors.Is(err, ErrFull):
		return document.RefusedBusy
	}
	return document.RefusedFault
}

// work is what is computed outside of the writing transaction, as it takes long: 65 ms for each place, 3 ms
// for a blind signature. None of it leaves before the transaction has agreed.
type work struct {
	places map[uint32]slot.Y // by key epoch
	fresh  []uint32          // those to be stored
	blind  blind.BlindSignature
}

func (a *Authority) decide(now time.Time, q document.Request, answer *document.Answer) error {
	var w work
	var key blind.PrivateKey
	err := a.view(now, func(t *transaction) error {
		k, err := t.who(q)
		// A change of keys that was granted must reach its owner, however late.
		if dated := t.checkDates(q); dated != nil && !k.repeat {
			return dated
		}
		if err != nil {
			return err
		}
		if w.places, err = t.knownPlaces(q); err != nil {
			return err
		}
		if q.Ask.Admit {
			key, err = t.blindKey(q.Ask.AdmitEpoch)
		}
		return err
	})
	if err != nil {
		return err
	}
	if err := w.derive(q); err != nil {
		return err
	}
	if len(w.fresh) > 0 {
		// In a transaction of its own: whoever is refused afterwards must not have it computed again and again.
		if err := a.update(now, func(t *transaction) error { return t.keepPlaces(q, w) }); err != nil {
			return err
		}
	}
	if q.Ask.Admit {
		if w.blind, err = key.Sign(q.Ask.Blinded); err != nil {
			return document.RefusedMalformed
		}
	}
	return a.update(now, func(t *transaction) error { return t.grant(q, w, answer) })
}

func (t *transaction) checkDates(q document.Request) error {
	switch {
	case q.Overlay != t.founding.ID():
		return document.RefusedForeign
	case t.now.Add(document.Slack).Before(q.Created):
		return document.RefusedClock
	case q.Created.Before(t.now.Add(-requestLife)):
		return document.RefusedOld
	}
	return nil
}

// asker is who a request is from, as far as it was proven.
type asker struct {
	user   userRecord
	isNew  bool          // not enrolled before: there is no certificate yet
	invite *inviteRecord // the code to be used up
	repeat bool          // a change of keys that was answered already
}

// who authenticates: by an invite's code, or by the enrolled key.
func (t *transaction) who(q document.Request) (asker, error) {
	var u userRecord
	err := get(t.tx, tableUsers, []byte(q.AoR.Canonical()), &u)
	if err != nil && !errors.Is(err, ErrUnknown) {
		return asker{}, err
	}
	enrolled := err == nil
	if id, invited := q.CodeID(); invited {
		return t.byCode(q, id, u, enrolled)
	}
	if !enrolled {
		return asker{}, document.RefusedUnknown
	}
	key := q.Key.Bytes()
	digest := q.Digest()
	repeat := bytes.Equal(u.LastKey, key[:]) && bytes.Equal(u.LastRequest, digest[:])
	if !repeat && !bytes.Equal(u.Key, key[:]) {
		return asker{}, document.RefusedUnknown
	}
	if u.Revoked {
		return asker{}, document.RefusedRevoked
	}
	return asker{user: u, repeat: repeat}, nil
}

func (t *transaction) byCode(q document.Request, id [32]byte, u userRecord, enrolled bool) (asker, error) {
	var i inviteRecord
	if err := get(t.tx, tableInvites, id[:], &i); errors.Is(err, ErrUnknown) {
		return asker{}, document.RefusedCode
	} else if err != nil {
		return asker{}, err
	}
	h, err := document.ParseCodeHash(i.Code)
	if err != nil {
		return asker{}, store.ErrDamaged
	}
	key := q.Key.Bytes()
	switch {
	case !q.CodeProven(h):
		return asker{}, document.RefusedSignature
	case i.Name != q.AoR.Canonical():
		return asker{}, document.RefusedCodeName
	case i.UsedBy != nil && enrolled && u.Revoked:
		return asker{}, document.RefusedRevoked
	case i.UsedBy != nil && (!enrolled || !bytes.Equal(i.UsedBy, key[:]) || !bytes.Equal(u.Key, key[:])):
		return asker{}, document.RefusedCodeUsed
	case i.UsedBy != nil:
		return asker{user: u}, nil // the answer was lost on its way
	case t.now.Unix() > i.Expires:
		return asker{}, document.RefusedCodeExpired
	case enrolled && !i.Replace:
		return asker{}, document.RefusedTaken
	}
	u.Seed = i.Seed
	return asker{user: u, isNew: true, invite: &i}, nil
}

// grant does everything that was asked, in one transaction.
func (t *transaction) grant(q document.Request, w work, answer *document.Answer) error {
	// Between the two transactions something may have changed: the code used, the person revoked.
	k, err := t.who(q)
	if err != nil {
		return err
	}
	if q.Ask.Cert {
		if err := t.certify(q, &k, answer); err != nil {
			return err
		}
	}
	if len(q.Ask.Slots) > 0 {
		if err := t.certifySlots(q, w, answer); err != nil {
			return err
		}
	}
	if q.Ask.Admit {
		if err := t.admit(q, w, answer); err != nil {
			return err
		}
	}
	if !q.Ask.Seed.Static.IsZero() {
		return t.listSeed(q, k.user)
	}
	return nil
}

// listSeed lists the asker's own relay. Everybody sees seeds, so the person gave up hiding which peer is his.
func (t *transaction) listSeed(q document.Request, u userRecord) error {
	if !u.Seed {
		return document.RefusedSeed
	}
	owner, mine, had := q.AoR.Canonical(), 0, false
	err := each(t.tx, tableSeeds, func(_ []byte, r pairRecord) error {
		p, err := document.ParsePair(r.Pair)
		if err != nil {
			return store.ErrDamaged
		}
		if p.NodeID() == q.Ask.Seed.NodeID() {
			had = had || bytes.Equal(r.Pair, q.Ask.Seed.Append(nil))
		} else if r.Owner == owner && !t.over(p.Static.KeyEpoch()) {
			mine++
		}
		return nil
	})
	switch {
	case err != nil:
		return err
	case had:
		return nil
	case mine >= 2*int(t.s.Params.Quota): // this and the next key epoch's
		return document.RefusedSeed
	}
	if err := t.putSeed(q.Ask.Seed, owner); errors.Is(err, ErrFull) {
		return document.RefusedBusy
	} else if err != nil {
		return document.RefusedSeed
	}
	return t.sign()
}
