// What is damage, and what is a mistake of ours.

package store

import (
	"errors"
	"os"
	"path/filepath"
	"testing"
)

func TestPanicOfOurOwnIsNotTakenForDamage(t *testing.T) {
	dir := newDir(t)
	create(t, dir)
	s := open(t, dir)
	for name, f := range map[string]func(*Tx) error{
		"a panic with a text": func(*Tx) error { panic("ours") },
		"an index out of range": func(tx *Tx) error {
			none := tx.Bucket([]byte(table)).Get([]byte("nothing"))
			return errors.New(string(none[:1]))
		},
	} {
		func() {
			defer func() {
				if recover() == nil {
					t.Errorf("%s is swallowed", name)
				}
			}()
			t.Errorf("%s: %v", name, s.View(f))
		}()
	}
}

func TestPanicOfTheDatabaseIsDamage(t *testing.T) {
	dir := newDir(t)
	create(t, dir)
	s := open(t, dir)
	err := s.View(func(tx *Tx) error {
		tx.Bucket([]byte("no such table")).Get([]byte("k"))
		return nil
	})
	if !errors.Is(err, ErrDamaged) {
		t.Errorf("a table that is not there: %v", err)
	}
	if err := s.Update(func(tx *Tx) error { return tx.Bucket([]byte(table)).Put([]byte("k"), []byte("w")) }); err != nil {
		t.Errorf("afterwards nothing can be written: %v", err)
	}
}

func TestFileBeingWrittenIsInUseAndNotDamaged(t *testing.T) {
	dir := newDir(t)
	create(t, dir)
	open(t, dir)
	// The other process has said in the first pages that the file is longer, and not made it so yet.
	f, err := os.OpenFile(filepath.Join(dir, fileName), os.O_RDWR, 0)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	if _, err := f.WriteAt([]byte{0xff, 0xff}, offEnd); err != nil {
		t.Fatal(err)
	}
	if _, err := Open(dir, Identity); !errors.Is(err, ErrInUse) {
		t.Errorf("a file that another process is writing: %v", err)
	}
}

func TestNothingIsBuiltWhereSomebodyElsePoints(t *testing.T) {
	dir, elsewhere := newDir(t), t.TempDir()
	if err := os.Symlink(elsewhere, dir+".partial"); err != nil {
		t.Skip("no links on this system")
	}
	create(t, dir)
	if entries, err := os.ReadDir(elsewhere); err != nil || len(entries) != 0 {
		t.Errorf("%d files lie where the link pointed: %v", len(entries), err)
	}
}
