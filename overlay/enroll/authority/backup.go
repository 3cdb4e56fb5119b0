// Backup and restore of an authority.

package authority

import (
	"time"

	"sotto/overlay/enroll/store"
)

// Backup returns the authority, with its root key if that is here, as one file sealed under a passphrase of at
// least store.MinPassphrase bytes. It takes about 0.2 s and 64 MiB.
func (a *Authority) Backup(passphrase []byte) ([]byte, error) {
	return a.store.Backup(store.Authority, passphrase, rootFile)
}

// Restore writes a backup to dir, which must not hold anything, and opens it. What happened after the backup is
// not known any more: people enrolled since are strangers and need new invites, revocations have to be made
// again. Invites open at the time of the backup are withdrawn, since they may have been used since, and a new
// document is signed, whose version is above all that the lost state can have signed.
func Restore(dir string, backup, passphrase []byte, o Options, now time.Time) (*Authority, error) {
	if err := store.Restore(dir, store.Authority, backup, passphrase); err != nil {
		return nil, err
	}
	a, err := Open(dir, o)
	if err != nil {
		return nil, err
	}
	err = a.update(now, func(t *transaction) error {
		err := prune(t.tx, tableInvites, func(_ []byte, r inviteRecord) bool { return r.open(t.now) })
		if err != nil {
			return err
		}
		return t.sign()
	})
	if err != nil {
		a.Close()
		return nil, err
	}
	return a, nil
}
