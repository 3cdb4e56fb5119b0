// A state is whole or not there, is locked, is private, and comes back from its backup.

package store

import (
	"bytes"
	"errors"
	"os"
	"path/filepath"
	"runtime"
	"testing"
)

const table = "things"

func newDir(t *testing.T) string { return filepath.Join(t.TempDir(), "state") }

func create(t *testing.T, dir string) {
	t.Helper()
	err := Create(dir, Identity, []string{table}, map[string][]byte{"beside": []byte("secret")}, func(tx *Tx) error {
		return tx.Bucket([]byte(table)).Put([]byte("k"), []byte("v"))
	})
	if err != nil {
		t.Fatal(err)
	}
}

func open(t *testing.T, dir string) *Store {
	t.Helper()
	s, err := Open(dir, Identity)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { s.Close() })
	return s
}

func TestSecondOpenIsRefused(t *testing.T) {
	dir := newDir(t)
	create(t, dir)
	s := open(t, dir)
	if _, err := Open(dir, Identity); !errors.Is(err, ErrInUse) {
		t.Errorf("second open: %v", err)
	}
	if err := errors.Join(s.Close(), s.Close()); err != nil {
		t.Errorf("closing twice: %v", err)
	}
	open(t, dir)
}

func TestFailedCreationLeavesNothing(t *testing.T) {
	dir := newDir(t)
	fault := errors.New("fault")
	if err := Create(dir, Identity, []string{table}, nil, func(*Tx) error { return fault }); !errors.Is(err, fault) {
		t.Fatal(err)
	}
	entries, err := os.ReadDir(filepath.Dir(dir))
	if err != nil || len(entries) != 0 {
		t.Errorf("%d things left behind: %v", len(entries), err)
	}
	// What a killed creation left beside does not hinder the next one.
	if err := os.MkdirAll(filepath.Join(dir+".partial", "x"), 0o700); err != nil {
		t.Fatal(err)
	}
	create(t, dir)
	if _, err := os.Stat(dir + ".partial"); !errors.Is(err, os.ErrNotExist) {
		t.Error("the leftover of a killed creation is still there")
	}
}

func TestNothingIsOverwritten(t *testing.T) {
	dir := newDir(t)
	create(t, dir)
	before, err := os.ReadFile(filepath.Join(dir, fileName))
	if err != nil {
		t.Fatal(err)
	}
	if err := Create(dir, Identity, nil, nil, func(*Tx) error { return nil }); !errors.Is(err, ErrExists) {
		t.Errorf("creating over a state: %v", err)
	}
	if err := Restore(dir, Identity, nil, nil, func(*Tx) error { return nil }); !errors.Is(err, ErrExists) {
		t.Errorf("restoring over a state: %v", err)
	}
	after, err := os.ReadFile(filepath.Join(dir, fileName))
	if err != nil || !bytes.Equal(before, after) {
		t.Errorf("the state has changed: %v", err)
	}
}

func TestModesAreChecked(t *testing.T) {
	if runtime.GOOS == "windows" {
		t.Skip("no modes here")
	}
	dir := newDir(t)
	create(t, dir)
	file := filepath.Join(dir, fileName)
	for path, want := range map[string]os.FileMode{dir: 0o700, file: 0o600, filepath.Join(dir, "beside"): 0o600} {
		info, err := os.Stat(path)
		if err != nil || info.Mode().Perm() != want {
			t.Errorf("%s has mode %o, want %o: %v", filepath.Base(path), info.Mode().Perm(), want, err)
		}
		if path == filepath.Join(dir, "beside") {
			continue
		}
		for _, wrong := range []os.FileMode{want | 0o040, want | 0o004, want | 0o020} {
			if err := os.Chmod(path, wrong); err != nil {
				t.Fatal(err)
			}
			if _, err := Open(dir, Identity); !errors.Is(err, ErrMode) {
				t.Errorf("%s with mode %o: %v", filepath.Base(path), wrong, err)
			}
		}
		if err := os.Chmod(path, want); err != nil {
			t.Fatal(err)
		}
	}
}

func TestWrongStatesAreToldApart(t *testing.T) {
	dir := newDir(t)
	if _, err := Open(dir, Identity); !errors.Is(err, ErrMissing) {
		t.Errorf("nothing there: %v", err)
	}
	create(t, dir)
	if _, err := Open(dir, Authority); !errors.Is(err, ErrKind) {
		t.Errorf("another kind: %v", err)
	}
	s := open(t, dir)
	err := s.Update(func(tx *Tx) error {
		return tx.Bucket([]byte("meta")).Put([]byte("version"), []byte{0, 0, 0, Version + 1})
	})
	if err := errors.Join(err, s.Close()); err != nil {
		t.Fatal(err)
	}
	if _, err := Open(dir, Identity); !errors.Is(err, ErrVersion) {
		t.Errorf("newer version: %v", err)
	}
}

func TestCutFileIsRefusedWithoutAFault(t *testing.T) {
	dir := newDir(t)
	create(t, dir)
	file := filepath.Join(dir, fileName)
	whole, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	page := os.Getpagesize()
	for _, n := range []int{0, 1, 16, 80, page - 1, page, page + 1, 2 * page, 3 * page, 4 * page} {
		if err := os.WriteFile(file, whole[:n], 0o600); err != nil {
			t.Fatal(err)
		}
		if _, err := Open(dir, Identity); !errors.Is(err, ErrDamaged) {
			t.Errorf("cut to %d of %d bytes: %v", n, len(whole), err)
		}
	}
	if err := os.WriteFile(file, make([]byte, len(whole)), 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := Open(dir, Identity); !errors.Is(err, ErrDamaged) {
		t.Errorf("zeros: %v", err)
	}
}
