// What an identity holds.

package identity

import (
	"errors"
	"time"

	"sotto/noise"
	"sotto/overlay/enroll/document"
	"sotto/overlay/enroll/store"
	"sotto/overlay/peer"
)

// AoR returns the person's name.
func (i *Identity) AoR() (document.AoR, error) {
	var aor document.AoR
	err := i.view(func(t *transaction) error { aor = t.aor; return nil })
	return aor, err
}

// Document returns the newest overlay document known.
func (i *Identity) Document() (document.Overlay, error) {
	var o document.Overlay
	err := i.view(func(t *transaction) error { o = t.known; return nil })
	return o, err
}

// Learn takes over a newer document that came from anywhere, and returns the one to go by. Its errors are those
// of document.Accept, and document.ErrFuture: after a document of the future none of today would be taken over.
func (i *Identity) Learn(now time.Time, fresh document.Overlay) (document.Overlay, error) {
	var current document.Overlay
	if err := fresh.Check(now); errors.Is(err, document.ErrFuture) {
		return current, err
	}
	err := i.update(func(t *transaction) error {
		var err error
		if current, err = document.Accept(t.known, fresh); err == nil {
			t.s.Document = current.Bytes()
		}
		return err
	})
	return current, err
}

// User returns the person's key and certificate.
func (i *Identity) User() (document.UserKey, document.UserCert, error) {
	var key document.UserKey
	var cert document.UserCert
	err := i.view(func(t *transaction) error {
		var err error
		if t.s.Cert == nil {
			return ErrNotJoined
		}
		if key, err = document.ParseUserKey(t.s.UserKey); err != nil {
			return store.ErrDamaged
		}
		if cert, err = document.ParseUser(t.s.Cert); err != nil {
			return store.ErrDamaged
		}
		return nil
	})
	return key, cert, err
}

// LinkKey returns the static key with which the peer answers links.
func (i *Identity) LinkKey() (*noise.StaticKey, error) {
	var key *noise.StaticKey
	err := i.view(func(t *transaction) error {
		var err error
		if key, err = noise.StaticKeyFromBytes(t.s.LinkKey); err != nil {
			return store.ErrDamaged
		}
		return nil
	})
	return key, err
}

// Peer returns the peer's key and admitted static part of a key epoch; ErrNone if it is not admitted in it.
func (i *Identity) Peer(keyEpoch uint32) (peer.SigningKey, peer.Static, error) {
	var key peer.SigningKey
	var static peer.Static
	err := i.view(func(t *transaction) error {
		var r peerRecord
		if err := get(t.tx, tablePeers, number(keyEpoch), &r); err != nil {
			return err
		}
		if r.Static == nil {
			return ErrNone
		}
		var err1, err2 error
		key, err1 = peer.SigningKeyFromSeed(r.Key)
		static, err2 = peer.ParseStatic(r.Static)
		if err1 != nil || err2 != nil {
			return store.ErrDamaged
		}
		return nil
	})
	return key, static, err
}

// MaySeed reports whether the invite allowed the person's relay to be listed as a seed.
func (i *Identity) MaySeed() (bool, error) {
	var may bool
	err := i.view(func(t *transaction) error { may = t.s.Seed; return nil })
	return may, err
}

// Successions returns the owner's changes of keys, oldest first.
func (i *Identity) Successions() ([]document.Succession, error) {
	var list []document.Succession
	err := i.view(func(t *transaction) error {
		for _, b := range t.s.Successions {
			s, err := document.ParseSuccession(b)
			if err != nil {
				return store.ErrDamaged
			}
			list = append(list, s)
		}
		return nil
	})
	return list, err
}
