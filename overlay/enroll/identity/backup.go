// Backup and restore of an identity.

package identity

import (
	"errors"
	"time"

	"sotto/overlay/enroll/document"
	"sotto/overlay/enroll/store"
)

// Backup returns the identity as one file sealed under a passphrase of at least store.MinPassphrase bytes. It
// takes about 0.2 s and 64 MiB.
func (i *Identity) Backup(passphrase []byte) ([]byte, error) {
	return i.store.Backup(store.Identity, passphrase)
}

// Restore writes a backup to dir, which must not hold anything, and opens it. The peer stays silent in the
// period of now and the next: what the lost state published in them is not known here, and a second descriptor of
// a period would exclude the peer.
func Restore(dir string, backup, passphrase []byte, now time.Time) (*Identity, error) {
	err := store.Restore(dir, store.Identity, backup, passphrase, func(tx *store.Tx) error {
		t, err := (&Identity{}).begin(tx)
		if err != nil {
			return err
		}
		// By a clock that is behind, the wrong periods would be silent ones.
		if errors.Is(t.known.Check(now), document.ErrFuture) {
			return document.ErrFuture
		}
		p, err := t.known.Calendar().PeriodAt(now)
		if err != nil {
			p = 0 // before the genesis, descriptors of period 0 may be out already
		}
		t.s.SilentUntil = max(t.s.SilentUntil, p+2)
		return store.Put(tx, tableState, []byte(tableState), t.s)
	})
	if err != nil {
		return nil, err
	}
	return Resume(dir)
}
