// User certificates: first, renewed, and of a changed key.

package authority

import (
	"errors"
	"slices"
	"time"

	"sotto/overlay/enroll/document"
	"sotto/overlay/enroll/store"
)

// maxIssued bounds the certificates of one person that may be in date: they are what a revocation lists. A new
// one is issued from two thirds of the old one's life on, or with a new key once a period.
const maxIssued = 8

// certify gives the asker his certificate. Asked again too early it gives the one he has, so that whoever lost
// an answer gets it again, and nobody fills the list of what has to be revoked one day.
func (t *transaction) certify(q document.Request, k *asker, answer *document.Answer) error {
	changes := !q.Ask.NewKey.IsZero()
	if !k.isNew {
		have, err := document.ParseUser(k.user.Cert)
		if err != nil {
			return store.ErrDamaged
		}
		// A certificate of a CA that was thrown out is worth nothing, however new it is, and so are those before it.
		fault := t.current.VerifyUser(have, t.now)
		if errors.Is(fault, document.ErrSignature) {
			k.user.Issued = nil
		}
		if fault == nil && (k.repeat || !changes && t.now.Before(have.RenewFrom())) {
			answer.Cert = k.user.Cert
			return nil
		}
	}
	key := q.Key
	if changes {
		if !k.repeat && t.now.Before(time.Unix(k.user.Changed, 0).Add(t.founding.Period)) {
			return document.RefusedEarly
		}
		key = q.Ask.NewKey.New()
	}
	if k.isNew && k.user.Key != nil {
		// The person lost his key and was invited anew: what it may still sign is worth nothing from now on.
		if err := t.revokeCerts(&k.user); err != nil {
			return err
		}
		// Whoever has the old key may have used up the writers; the owner needs his own.
		name := q.AoR.Canonical()
		if err := prune(t.tx, tableWriters, func(key []byte, _ writersRecord) bool { return string(key[4:]) == name }); err != nil {
			return err
		}
		k.user.Revoked, k.user.LastKey, k.user.LastRequest = false, nil, nil
	}
	if err := t.issue(q.AoR, key, &k.user); err != nil {
		return err
	}
	if changes {
		old, digest := q.Key.Bytes(), q.Digest()
		k.user.LastKey, k.user.LastRequest, k.user.Changed = old[:], digest[:], t.now.Unix()
	}
	if err := store.Put(t.tx, tableUsers, []byte(q.AoR.Canonical()), k.user); err != nil {
		return err
	}
	if k.invite != nil {
		used := q.Key.Bytes()
		k.invite.UsedBy = used[:]
		id, _ := q.CodeID()
		if err := store.Put(t.tx, tableInvites, id[:], *k.invite); err != nil {
			return err
		}
	}
	answer.Cert = k.user.Cert
	if k.isNew && count(t.tx, tableRevoked) != len(t.current.Contents().RevokedCerts) {
		return t.sign()
	}
	return nil
}

// issue makes a certificate and notes it.
func (t *transaction) issue(aor document.AoR, key document.UserPublic, u *userRecord) error {
	k, err := t.keys()
	if err != nil {
		return err
	}
	u.Issued = slices.DeleteFunc(u.Issued, func(i issued) bool { return i.Until < t.now.Unix() })
	if len(u.Issued) >= maxIssued {
		return document.RefusedEarly
	}
	cert, err := document.IssueUser(k.ca, k.caKey, aor, key, document.NewSerial(), t.now, t.s.Params.UserLife)
	if err != nil {
		return errors.New("authority: the certificate cannot be made")
	}
	serial, public := cert.Serial().Bytes(), key.Bytes()
	u.Issued = append(u.Issued, issued{Serial: serial[:], Until: cert.NotAfter().Unix()})
	u.Cert, u.Key = cert.DER(), public[:]
	return nil
}
