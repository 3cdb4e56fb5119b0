// Backup and restore of an identity.

package identity

import (
	"time"

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
	if err := store.Restore(dir, store.Identity, backup, passphrase); err != nil {
		return nil, err
	}
	i, err := Resume(dir)
	if err != nil {
		return nil, err
	}
	err = i.update(func(t *transaction) error {
		if p, err := t.known.Calendar().PeriodAt(now); err == nil {
			t.s.SilentUntil = max(t.s.SilentUntil, p+2)
		}
		return nil
	})
	if err != nil {
		i.Close()
		return nil, err
	}
	return i, nil
}
