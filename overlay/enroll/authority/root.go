// The root key as a file beside the state, which can be taken away, and the change of online keys.

package authority

import (
	"errors"
	"io/fs"
	"math"
	"os"
	"path/filepath"
	"time"

	"sotto/overlay/enroll/document"
	"sotto/overlay/enroll/store"
)

// rootFile lies beside the database and not in it, because bbolt never overwrites what was deleted.
const rootFile = "root.key"

// HasRoot reports whether the root key lies in the state.
func (a *Authority) HasRoot() bool {
	_, err := os.Stat(filepath.Join(a.store.Dir(), rootFile))
	return err == nil
}

// Root reads the root key; ErrNoRoot if it was taken away, store.ErrMode if others can read it.
func (a *Authority) Root() (document.RootKey, error) {
	path := filepath.Join(a.store.Dir(), rootFile)
	if err := store.CheckMode(path); errors.Is(err, store.ErrMissing) {
		return document.RootKey{}, ErrNoRoot
	} else if err != nil {
		return document.RootKey{}, err
	}
	b, err := os.ReadFile(path)
	if err != nil {
		return document.RootKey{}, store.ErrDisk
	}
	k, err := document.ParseRootKey(b)
	if err != nil {
		return document.RootKey{}, store.ErrDamaged
	}
	return k, a.isRoot(k)
}

func (a *Authority) isRoot(k document.RootKey) error {
	return a.view(time.Time{}, func(t *transaction) error {
		if k.IsZero() || k.Public() != t.founding.Root {
			return ErrOtherRoot
		}
		return nil
	})
}

// SealRoot returns the root key as a file sealed under a passphrase, to be kept apart.
func (a *Authority) SealRoot(passphrase []byte) ([]byte, error) {
	k, err := a.Root()
	if err != nil {
		return nil, err
	}
	seed := k.Seed()
	return store.SealFile(store.Authority, rootFile, seed[:], passphrase)
}

// OpenRoot reads what SealRoot wrote.
func OpenRoot(sealed, passphrase []byte) (document.RootKey, error) {
	seed, err := store.OpenFile(store.Authority, rootFile, sealed, passphrase)
	if err != nil {
		return document.RootKey{}, err
	}
	k, err := document.ParseRootKey(seed)
	if err != nil {
		return document.RootKey{}, store.ErrNoBackup
	}
	return k, nil
}

// RemoveRoot deletes the root key from the state; whoever calls it has kept a copy (SealRoot). The bytes are
// overwritten first, which a file system that copies on write may undo: the safest root never lay on that disk.
func (a *Authority) RemoveRoot() error {
	path := filepath.Join(a.store.Dir(), rootFile)
	f, err := os.OpenFile(path, os.O_WRONLY, 0)
	if errors.Is(err, fs.ErrNotExist) {
		return ErrNoRoot
	}
	if err == nil {
		_, err = f.Write(make([]byte, document.SeedLen))
		err = errors.Join(err, f.Sync(), f.Close())
	}
	if err == nil {
		err = os.Remove(path)
	}
	if err != nil {
		return store.ErrDisk
	}
	return nil
}

// RestoreRoot puts the root key back; ErrOtherRoot if it is another overlay's.
func (a *Authority) RestoreRoot(k document.RootKey) error {
	if err := a.isRoot(k); err != nil {
		return err
	}
	seed := k.Seed()
	return store.WriteFile(filepath.Join(a.store.Dir(), rootFile), seed[:])
}

// RotateKeys makes new online keys, certified by the root. With keepOld the old ones stay valid for what they
// signed: certificates until they end, slot certificates. Without, after a theft, everything they signed is worth
// nothing at once, and people renew with their keys.
func (a *Authority) RotateKeys(now time.Time, root document.RootKey, keepOld bool) error {
	if err := a.isRoot(root); err != nil {
		return err
	}
	return a.update(now, func(t *transaction) error { return t.rotate(root, keepOld) })
}

func (t *transaction) rotate(root document.RootKey, keepOld bool) error {
	old := t.s.Generation
	// Generations follow the clock, as versions do: after a restore, old+1 may be one that a thief has.
	next := max(old+1, uint32(min(t.now.Unix(), math.MaxUint32)))
	if err := addKeys(t.tx, t.founding.ID(), root, next, t.now); err != nil {
		return err
	}
	t.s.Generation = next
	if !keepOld {
		t.s.UnknownUntil = 0
	}
	err := prune(t.tx, tableKeys, func(k []byte, _ onlineKeys) bool {
		g := keyGeneration(k)
		return g < old || g == old && !keepOld
	})
	if err != nil {
		return err
	}
	return t.sign()
}
