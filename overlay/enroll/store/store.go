// Package store keeps the state of an authority or an identity: one directory (mode 0700) with one
// bbolt file (mode 0600), a kind, a schema version, and a lock that a second process cannot pass.
//
// Every change is one transaction of bbolt, which writes new pages, syncs, and then switches one
// checksummed page: a process killed at any point leaves the state before or after, never between.
// A new state is made in a directory beside its place and renamed, so that a killed creation leaves
// nothing where the state is looked for.
package store

import (
	"encoding/binary"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"runtime"
	"time"

	"go.etcd.io/bbolt"
	bolterr "go.etcd.io/bbolt/errors"
)

var (
	// ErrInUse says that another process, or another handle of this one, has the state open.
	ErrInUse = errors.New("store: the state is in use by another process")
	// ErrOwner says that the state, or a file of it, is another user's.
	ErrOwner = errors.New("store: belongs to another user")
	// ErrExists says that there is already a state, or something else, where a new one should go.
	ErrExists = errors.New("store: there is already something at that place")
	// ErrMissing says that there is no state at that place.
	ErrMissing = errors.New("store: there is no state at that place")
	// ErrMode says that file or directory can be read or written by others than its owner.
	ErrMode = errors.New("store: the state can be read by other users of this machine")
	// ErrKind says that the directory holds a state of another kind.
	ErrKind = errors.New("store: this is another kind of state")
	// ErrVersion says that the state was written by a newer program.
	ErrVersion = errors.New("store: the state was written by a newer version")
	// ErrDamaged says that the file is not a whole state.
	ErrDamaged = errors.New("store: the state is damaged")
	// ErrDisk says that the file system refused: no room, no permission.
	ErrDisk = errors.New("store: the disk refused")
)

// Kind names what a state is for. It is written into the state and checked when it is opened.
type Kind string

// The kinds of state.
const (
	Authority Kind = "sotto authority"
	Identity  Kind = "sotto identity"
)

// Version is the schema that this program writes.
const Version = 1

// fileName is the database inside the directory.
const fileName = "state.db"

// Tx is a transaction: reading and writing of named tables, atomically.
type Tx = bbolt.Tx

// Store is one open state. Its methods are safe for concurrent use.
type Store struct {
	db  *bbolt.DB
	dir string
}

// Create makes a new state at dir with the given tables and whatever fill writes, all or nothing: dir
// appears only when fill and everything else succeeded. What lies beside the database (extra: name and
// content) gets mode 0600. It returns ErrExists when dir exists and is not an empty directory.
func Create(dir string, kind Kind, tables []string, extra map[string][]byte, fill func(*Tx) error) error {
	if err := vacant(dir); err != nil {
		return err
	}
	partial, err := beside(dir)
	if err != nil {
		return err
	}
	err = build(partial, kind, tables, extra, fill)
	if err == nil {
		err = moveInto(partial, dir)
	}
	if err != nil {
		os.RemoveAll(partial)
	}
	return err
}

// beside makes the directory that a state is built in, next to its place. A creation that was killed may have left one
// behind, which was never a state. What somebody else puts there in that moment is an error, and is not followed.
func beside(dir string) (string, error) {
	partial := filepath.Clean(dir) + ".partial"
	if err := os.RemoveAll(partial); err != nil {
		return "", disk(err)
	}
	if err := os.MkdirAll(filepath.Dir(partial), 0o700); err != nil {
		return "", disk(err)
	}
	if err := os.Mkdir(partial, 0o700); err != nil {
		return "", disk(err)
	}
	return partial, nil
}

func build(dir string, kind Kind, tables []string, extra map[string][]byte, fill func(*Tx) error) error {
	if err := os.Chmod(dir, 0o700); err != nil {
		return disk(err)
	}
	for name, content := range extra {
		if err := WriteFile(filepath.Join(dir, name), content); err != nil {
			return err
		}
	}
	db, err := bbolt.Open(filepath.Join(dir, fileName), 0o600, &bbolt.Options{Timeout: lockWait})
	if err != nil {
		return opening(err)
	}
	err = db.Update(func(tx *bbolt.Tx) error {
		meta, err := tx.CreateBucket([]byte("meta"))
		if err != nil {
			return err
		}
		if err := meta.Put([]byte("kind"), []byte(kind)); err != nil {
			return err
		}
		if err := meta.Put([]byte("version"), binary.BigEndian.AppendUint32(nil, Version)); err != nil {
			return err
		}
		for _, t := range tables {
			if _, err := tx.CreateBucket([]byte(t)); err != nil {
				return err
			}
		}
		return fill(tx)
	})
	if cerr := db.Close(); err == nil && cerr != nil {
		err = disk(cerr)
	}
	return err
}

// vacant reports whether a state may be created at dir.
func vacant(dir string) error {
	entries, err := os.ReadDir(dir)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return nil
	case err != nil || len(entries) > 0:
		return ErrExists
	}
	return nil
}

// moveInto renames the finished directory to its place. Only an empty directory may stand there.
func moveInto(from, to string) error {
	if err := os.Remove(to); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return ErrExists
	}
	if err := os.Rename(from, to); err != nil {
		return disk(err)
	}
	return syncDir(filepath.Dir(to))
}

// Open opens the state at dir. It returns ErrMissing, ErrMode, ErrOwner, ErrInUse, ErrKind, ErrVersion or
// ErrDamaged.
func Open(dir string, kind Kind) (*Store, error) {
	path := filepath.Join(dir, fileName)
	if err := CheckMode(dir); err != nil {
		return nil, err
	}
	if err := CheckMode(path); err != nil {
		return nil, err
	}
	if err := checkUnused(path); err != nil {
		return nil, err
	}
	db, err := openFile(path, false)
	if err != nil {
		return nil, err
	}
	s := &Store{db: db, dir: dir}
	if err := s.check(kind); err != nil {
		db.Close()
		return nil, err
	}
	return s, nil
}

func (s *Store) check(kind Kind) error {
	return s.View(func(tx *bbolt.Tx) error {
		meta := tx.Bucket([]byte("meta"))
		if meta == nil {
			return ErrDamaged
		}
		if Kind(meta.Get([]byte("kind"))) != kind {
			return ErrKind
		}
		v := meta.Get([]byte("version"))
		if len(v) != 4 {
			return ErrDamaged
		}
		if binary.BigEndian.Uint32(v) > Version {
			return ErrVersion
		}
		return nil
	})
}

// Dir returns the directory of the state.
func (s *Store) Dir() string { return s.dir }

// Update runs f in one transaction: all of it is on disk when Update returns nil, none of it otherwise.
func (s *Store) Update(f func(*Tx) error) error { return guarded(s.db.Update, f) }

// View runs f over one consistent snapshot.
func (s *Store) View(f func(*Tx) error) error { return guarded(s.db.View, f) }

// Close gives the lock back. Closing twice is fine.
func (s *Store) Close() error { return s.db.Close() }

// CheckMode refuses what others than the owner can read or write, what belongs to somebody else, and what is not there. On systems
// without such modes it only looks whether it is there.
func CheckMode(path string) error {
	info, err := os.Stat(path)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return ErrMissing
	case err != nil:
		return disk(err)
	case runtime.GOOS != "windows" && info.Mode().Perm()&0o077 != 0:
		return ErrMode
	case !owned(info):
		return ErrOwner
	}
	return nil
}

// WriteFile writes a secret file of mode 0600 whole or not at all: beside its place, synced, renamed.
func WriteFile(path string, content []byte) error {
	f, err := os.CreateTemp(filepath.Dir(path), ".partial-*")
	if err != nil {
		return disk(err)
	}
	defer os.Remove(f.Name())
	_, err = f.Write(content)
	if err == nil {
		err = f.Sync()
	}
	if cerr := f.Close(); err == nil {
		err = cerr
	}
	if err == nil {
		err = os.Rename(f.Name(), path)
	}
	if err != nil {
		return disk(err)
	}
	return syncDir(filepath.Dir(path))
}

// syncDir makes a rename durable. Windows cannot open a directory for that and does not need it.
func syncDir(dir string) error {
	if runtime.GOOS == "windows" {
		return nil
	}
	d, err := os.Open(dir)
	if err != nil {
		return disk(err)
	}
	defer d.Close()
	if err := d.Sync(); err != nil {
		return disk(err)
	}
	return nil
}

// disk keeps the kind of a file system's error and drops the path, which may name a person.
func disk(err error) error {
	for _, kind := range []error{fs.ErrPermission, fs.ErrNotExist, fs.ErrExist} {
		if errors.Is(err, kind) {
			return fmt.Errorf("%w: %w", ErrDisk, kind)
		}
	}
	return ErrDisk
}

func opening(err error) error {
	switch {
	case errors.Is(err, bolterr.ErrTimeout):
		return ErrInUse
	case errors.Is(err, bolterr.ErrInvalid), errors.Is(err, bolterr.ErrChecksum), errors.Is(err, bolterr.ErrVersionMismatch):
		return ErrDamaged
	}
	return disk(err)
}

// lockWait is how long Open tries to get the lock: not at all, as the other process will not end soon.
const lockWait time.Duration = 1
