// Backup and restore of an authority.

package authority

import (
	"time"

	"sotto/overlay/enroll/document"
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
	a := &Authority{options: o}
	err := store.Restore(dir, store.Authority, backup, passphrase, func(tx *store.Tx) error {
		t, err := a.begin(tx, now)
		if err != nil {
			return err
		}
		if now.Add(document.Slack).Before(t.current.Contents().Issued) {
			return ErrClock
		}
		if err := prune(tx, tableInvites, func(_ []byte, r inviteRecord) bool { return r.open(t.now) }); err != nil {
			return err
		}
		t.s.UnknownUntil = t.now.Add(t.s.Params.UserLife).Unix()
		if err := t.sign(); err != nil {
			return err
		}
		return t.save()
	})
	if err != nil {
		return nil, err
	}
	return Open(dir, o)
}
