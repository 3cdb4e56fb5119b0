// A full disk is told without the path of the state, which may name a person.

package store

import (
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
)

// A full disk: the path of the state comes out with the error.
func TestFullDiskChild(t *testing.T) {
	dir := os.Getenv("SOTTO_TEST_FULL")
	if dir == "" {
		t.Skip()
	}
	s, err := Open(dir, Identity)
	if err != nil {
		fmt.Println("OPEN", err)
		return
	}
	lim := syscall.Rlimit{Cur: 64 << 10, Max: 64 << 10}
	if err := syscall.Setrlimit(syscall.RLIMIT_FSIZE, &lim); err != nil {
		fmt.Println("RLIMIT", err)
		return
	}
	err = s.Update(func(tx *Tx) error { return tx.Bucket([]byte("a")).Put([]byte("new"), make([]byte, 1<<20)) })
	fmt.Printf("SAID %v | is ErrDisk: %v\n", err, errors.Is(err, ErrDisk))
}

func TestFullDiskNamesNobody(t *testing.T) {
	base := filepath.Join(t.TempDir(), "alice-secret-name")
	if err := Create(base, Identity, []string{"a"}, nil, func(tx *Tx) error { return nil }); err != nil {
		t.Fatal(err)
	}
	c := exec.Command(os.Args[0], "-test.run", "^TestFullDiskChild$")
	c.Env = append(os.Environ(), "SOTTO_TEST_FULL="+base)
	out, _ := c.CombinedOutput()
	if strings.Contains(string(out), "alice-secret-name") || !strings.Contains(string(out), "ErrDisk: true") {
		t.Errorf("%s", firstLines(string(out)))
	}
}
