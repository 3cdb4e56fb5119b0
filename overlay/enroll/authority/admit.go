// Blind admission: a signature over what is not seen, few per person and key epoch.

package authority

import (
	"crypto/sha256"
	"errors"

	"sotto/overlay/enroll/blind"
	"sotto/overlay/enroll/document"
	"sotto/overlay/enroll/store"
)

// admission is one blind signature given. tableAdmitted keeps a list of them under key epoch and name: what
// the authority keeps of its own accord is exactly this, and Transcript shows it.
type admission struct {
	Asked []byte // SHA-256 of the blinded message
	Given []byte
}

func (t *transaction) admissions(aor document.AoR, keyEpoch uint32) ([]admission, error) {
	var list []admission
	err := get(t.tx, tableAdmitted, epochKey(keyEpoch, aor.Canonical()), &list)
	if errors.Is(err, ErrUnknown) {
		return nil, nil
	}
	return list, err
}

// blindKey returns the private key of a key epoch that the document names: never one that people cannot
// compare yet, and never one of the past, whose admissions would come too late to be anonymous.
func (t *transaction) blindKey(keyEpoch uint32) (blind.PrivateKey, error) {
	if keyEpoch < t.keyEpoch() {
		return blind.PrivateKey{}, document.RefusedLate
	}
	public, err := t.current.BlindKey(keyEpoch)
	if err != nil {
		return blind.PrivateKey{}, document.RefusedEarly
	}
	var r blindRecord
	if err := get(t.tx, tableBlind, epochKey(keyEpoch, ""), &r); err != nil {
		return blind.PrivateKey{}, err
	}
	key, err := blind.ParsePrivateKey(r.Private)
	if err != nil || !key.Public().Equal(public) {
		return blind.PrivateKey{}, store.ErrDamaged
	}
	return key, nil
}

// admit counts the admission and hands out the signature. The same blinded message costs nothing again: its
// answer was lost, and the signature is the one already given.
func (t *transaction) admit(q document.Request, w work, answer *document.Answer) error {
	list, err := t.admissions(q.AoR, q.Ask.AdmitEpoch)
	if err != nil {
		return err
	}
	asked := sha256.Sum256(q.Ask.Blinded[:])
	answer.Admitted, answer.AdmitEpoch = true, q.Ask.AdmitEpoch
	for _, a := range list {
		if string(a.Asked) == string(asked[:]) {
			if len(a.Given) != blind.Size {
				return store.ErrDamaged
			}
			answer.Admission = blind.BlindSignature(a.Given)
			return nil
		}
	}
	if len(list) >= int(t.s.Params.Quota) {
		return document.RefusedQuota
	}
	answer.Admission = w.blind
	list = append(list, admission{Asked: asked[:], Given: w.blind[:]})
	return store.Put(t.tx, tableAdmitted, epochKey(q.Ask.AdmitEpoch, q.AoR.Canonical()), list)
}
