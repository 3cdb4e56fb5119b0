// Pages that are none are told as damage, and never a crash.

package store

import (
	"fmt"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"go.etcd.io/bbolt"
)

// One run in a process of its own, since a fault in mapped memory kills it.
func TestDamagedChild(t *testing.T) {
	dir := os.Getenv("SOTTO_TEST_DAMAGED")
	if dir == "" {
		t.Skip()
	}
	s, err := Open(dir, Identity)
	if err != nil {
		fmt.Println("CLEAR", err)
		return
	}
	err = s.View(func(tx *Tx) error {
		return tx.ForEach(func(name []byte, _ *bbolt.Bucket) error {
			b := tx.Bucket(name)
			if b == nil {
				return ErrDamaged
			}
			return b.ForEach(func(k, v []byte) error { _ = append([]byte(nil), v...); return nil })
		})
	})
	if err != nil {
		fmt.Println("CLEAR view", err)
		return
	}
	err = s.Update(func(tx *Tx) error { return tx.Bucket([]byte("a")).Put([]byte("new"), make([]byte, 5000)) })
	fmt.Println("CLEAR update", err)
	s.Close()
}

func TestCorruptPagesAreTold(t *testing.T) {
	base := filepath.Join(t.TempDir(), "s")
	err := Create(base, Identity, []string{"a", "b", "c"}, nil, func(tx *Tx) error {
		for n := range 400 {
			if err := tx.Bucket([]byte("a")).Put(fmt.Appendf(nil, "key%d", n), make([]byte, 100)); err != nil {
				return err
			}
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	good, _ := os.ReadFile(filepath.Join(base, fileName))
	r := rand.New(rand.NewPCG(1, 2))
	kinds := map[string]int{}
	example := map[string]string{}
	for n := range 24 {
		bad := append([]byte(nil), good...)
		page := 2 + r.IntN(len(bad)/4096-2)
		if n%2 == 0 {
			for i := range 16 {
				bad[page*4096+i] ^= byte(1 + r.IntN(255))
			}
		} else {
			clear(bad[page*4096 : page*4096+4096])
		}
		dir := filepath.Join(t.TempDir(), "s")
		os.Mkdir(dir, 0o700)
		os.WriteFile(filepath.Join(dir, fileName), bad, 0o600)
		c := exec.Command(os.Args[0], "-test.run", "^TestDamagedChild$", "-test.timeout", "10s")
		c.Env = append(os.Environ(), "SOTTO_TEST_DAMAGED="+dir)
		out, _ := c.CombinedOutput()
		k := "told"
		switch {
		case strings.Contains(string(out), "test timed out"):
			k = "HANGS"
		case strings.Contains(string(out), "unexpected fault"):
			k = "FAULT (fatal, not recoverable)"
		case strings.Contains(string(out), "panic:"):
			k = "PANIC"
		case !strings.Contains(string(out), "CLEAR"):
			k = "OTHER"
		}
		kinds[k]++
		if k != "told" && example[k] == "" {
			example[k] = firstLines(string(out))
		}
	}
	t.Log(kinds)
	for k, e := range example {
		t.Errorf("%s: %d of 24, e.g.\n%s", k, kinds[k], e)
	}
}

func firstLines(s string) string {
	l := strings.SplitN(s, "\n", 6)
	return strings.Join(l[:min(5, len(l))], "\n")
}
