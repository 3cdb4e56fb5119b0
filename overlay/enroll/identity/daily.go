// The daily part of the peer's descriptor, which must never exist twice.

package identity

import (
	"encoding/binary"

	"sotto/overlay/enroll/store"
	"sotto/overlay/peer"
)

// KeepDaily stores the daily part of a period before anybody is shown it. The same one again is fine, another
// one is ErrSecondDaily. Parts of more than two periods ago are forgotten. After a restore it returns ErrRestored
// for the period of the restore and the next one.
func (i *Identity) KeepDaily(d peer.Daily) error {
	return i.update(func(t *transaction) error {
		if d.Period() < t.s.SilentUntil {
			return ErrRestored
		}
		b := t.tx.Bucket([]byte(tableDaily))
		if b == nil {
			return store.ErrDamaged
		}
		if have := b.Get(number(d.Period())); have != nil {
			if string(have) == string(d.Append(nil)) {
				return nil
			}
			return ErrSecondDaily
		}
		// A clock that was ahead for a while made later parts, and those of today were forgotten.
		if newest, _ := b.Cursor().Last(); newest != nil && int64(d.Period()) < int64(binary.BigEndian.Uint32(newest))-2 {
			return ErrSecondDaily
		}
		if err := t.forget(tableDaily, int64(d.Period())-2); err != nil {
			return err
		}
		return b.Put(number(d.Period()), d.Append(nil))
	})
}

// Daily returns the daily part that was kept for a period; ErrNone if there is none.
func (i *Identity) Daily(period uint32) (peer.Daily, error) {
	var d peer.Daily
	err := i.view(func(t *transaction) error {
		b := t.tx.Bucket([]byte(tableDaily)).Get(number(period))
		if b == nil {
			return ErrNone
		}
		var err error
		if d, err = peer.ParseDaily(b); err != nil {
			return store.ErrDamaged
		}
		return nil
	})
	return d, err
}
