// Backups open with their passphrase and not otherwise.

package store

import (
	"bytes"
	"encoding/binary"
	"encoding/hex"
	"errors"
	"flag"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
)

var passphrase = []byte("correct horse battery")

// sealed is one backup for all tests, since each takes a tenth of a second.
var sealed = sync.OnceValue(func() []byte {
	b, err := seal(fixed(1), appendContent(nil, Identity, map[string][]byte{fileName: []byte("db")}), passphrase)
	if err != nil {
		panic(err)
	}
	return b
})

// fixed is a source of the same bytes again and again.
type fixed byte

func (f fixed) Read(p []byte) (int, error) {
	for i := range p {
		p[i] = byte(f) + byte(i)
	}
	return len(p), nil
}

var update = flag.Bool("update", false, "make a new vector in testdata")

func TestVector(t *testing.T) {
	const name = "testdata/backup.hex"
	if *update {
		if err := os.WriteFile(name, []byte(hex.EncodeToString(sealed())+"\n"), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	text, err := os.ReadFile(name)
	if err != nil {
		t.Fatal(err)
	}
	if strings.TrimSpace(string(text)) != hex.EncodeToString(sealed()) {
		t.Error("a backup is not made as it was frozen: the layout has changed")
	}
}

func TestOneFileIsSealedApart(t *testing.T) {
	b, err := SealFile(Authority, "root.key", []byte("key"), passphrase)
	if err != nil {
		t.Fatal(err)
	}
	if got, err := OpenFile(Authority, "root.key", b, passphrase); err != nil || string(got) != "key" {
		t.Errorf("%q, %v", got, err)
	}
	if _, err := OpenFile(Authority, "other", b, passphrase); !errors.Is(err, ErrKind) {
		t.Errorf("another file: %v", err)
	}
	if err := Restore(newDir(t), Authority, b, passphrase, func(*Tx) error { return nil }); !errors.Is(err, ErrKind) {
		t.Errorf("restoring a file that is no state: %v", err)
	}
}

func TestBackupBringsEverythingBack(t *testing.T) {
	dir := newDir(t)
	create(t, dir)
	s := open(t, dir)
	backup, err := s.Backup(Identity, passphrase, "beside", "not there")
	if err != nil {
		t.Fatal(err)
	}
	if bytes.Contains(backup, []byte("secret")) {
		t.Error("the backup is readable")
	}
	to := newDir(t)
	if err := Restore(to, Authority, backup, passphrase, func(*Tx) error { return nil }); !errors.Is(err, ErrKind) {
		t.Errorf("as another kind: %v", err)
	}
	if err := Restore(to, Identity, backup, passphrase, func(*Tx) error { return nil }); err != nil {
		t.Fatal(err)
	}
	back := open(t, to)
	err = back.View(func(tx *Tx) error {
		if v := tx.Bucket([]byte(table)).Get([]byte("k")); string(v) != "v" {
			t.Errorf("value %q", v)
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	if b, err := os.ReadFile(filepath.Join(to, "beside")); err != nil || string(b) != "secret" {
		t.Errorf("file beside: %v", err)
	}
	if err := CheckMode(filepath.Join(to, "beside")); err != nil {
		t.Error(err)
	}
}

func TestBadBackupsAreToldApart(t *testing.T) {
	dir := newDir(t)
	good := sealed()
	altered := bytes.Clone(good)
	altered[len(altered)-1] ^= 1
	costly := bytes.Clone(good)
	binary.BigEndian.PutUint32(costly[offMemory:], 1<<31)
	for name, c := range map[string]struct {
		backup, passphrase []byte
		want               error
	}{
		"another passphrase":     {good, []byte("correct horse batterx"), ErrPassphrase},
		"altered":                {altered, passphrase, ErrPassphrase},
		"cut":                    {good[:len(good)-1], passphrase, ErrTruncated},
		"empty":                  {nil, passphrase, ErrTruncated},
		"something else":         {[]byte("a photograph"), passphrase, ErrNoBackup},
		"with a tail":            {append(bytes.Clone(good), 0), passphrase, ErrNoBackup},
		"asking for much memory": {costly, passphrase, ErrNoBackup},
		"not of a state":         {good, passphrase, ErrDamaged},
	} {
		if err := Restore(dir, Identity, c.backup, c.passphrase, func(*Tx) error { return nil }); !errors.Is(err, c.want) {
			t.Errorf("%s: %v, want %v", name, err, c.want)
		}
		if entries, err := os.ReadDir(filepath.Dir(dir)); err != nil || len(entries) != 0 {
			t.Fatalf("%s: %d things left behind: %v", name, len(entries), err)
		}
	}
	for n := range good {
		if err := parseBackup(good[:n]); !errors.Is(err, ErrTruncated) {
			t.Fatalf("cut to %d bytes: %v", n, err)
		}
	}
	if _, err := (&Store{}).Backup(Identity, []byte("short")); !errors.Is(err, ErrWeak) {
		t.Errorf("short passphrase: %v", err)
	}
}

func FuzzBackupHeader(f *testing.F) {
	f.Add(sealed())
	f.Add(sealed()[:offSealed])
	f.Fuzz(func(t *testing.T, b []byte) {
		if parseBackup(b) == nil && binary.BigEndian.Uint32(b[offMemory:]) > memoryKiB {
			t.Error("a header takes more memory than allowed")
		}
	})
}

func FuzzBackupContent(f *testing.F) {
	f.Add(appendContent(nil, Identity, map[string][]byte{fileName: []byte("db"), "root.key": []byte("k")}))
	f.Add([]byte{255})
	f.Add([]byte{0, 255, '/'})
	f.Fuzz(func(t *testing.T, b []byte) {
		kind, files, err := parseContent(b)
		if err != nil {
			return
		}
		for name := range files {
			if filepath.Base(name) != name {
				t.Errorf("a file would be written elsewhere")
			}
		}
		if !bytes.Equal(appendContent(nil, kind, files), b) {
			t.Error("one content has two forms")
		}
	})
}

func TestForgedHeaderTakesLittle(t *testing.T) {
	b, err := SealFile(Identity, "x", []byte("x"), []byte("correct horse battery"))
	if err != nil {
		t.Fatal(err)
	}
	b[offPasses] = 16
	b[offMemory], b[offMemory+1], b[offMemory+2], b[offMemory+3] = 0, 0x10, 0, 0
	if err := parseBackup(b); err == nil {
		t.Errorf("a header that asks for %d passes over %d MiB is obeyed", 16, memoryKiB>>10)
	}
}

func TestRestoredStateIsMarkedBeforeItAppears(t *testing.T) {
	dir, to := newDir(t), newDir(t)
	create(t, dir)
	passphrase := []byte("correct horse battery")
	backup, err := open(t, dir).Backup(Identity, passphrase)
	if err != nil {
		t.Fatal(err)
	}
	fault := errors.New("fault")
	if err := Restore(to, Identity, backup, passphrase, func(*Tx) error { return fault }); !errors.Is(err, fault) {
		t.Errorf("a mark that failed: %v", err)
	}
	if entries, err := os.ReadDir(filepath.Dir(to)); err != nil || len(entries) != 0 {
		t.Errorf("a state that could not be marked is there: %v", err)
	}
	err = Restore(to, Identity, backup, passphrase, func(tx *Tx) error {
		if _, err := os.Stat(to); err == nil {
			t.Error("the state is there before it is marked")
		}
		return tx.Bucket([]byte(table)).Put([]byte("k"), []byte("marked"))
	})
	if err != nil {
		t.Fatal(err)
	}
	err = open(t, to).View(func(tx *Tx) error {
		if string(tx.Bucket([]byte(table)).Get([]byte("k"))) != "marked" {
			t.Error("the mark is not there")
		}
		return nil
	})
	if err != nil {
		t.Error(err)
	}
}
