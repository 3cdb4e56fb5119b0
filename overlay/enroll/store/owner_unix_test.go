//go:build unix

package store

import (
	"os"
	"testing"
)

func TestFileOfAnotherUserIsNotOurs(t *testing.T) {
	info, err := os.Stat(t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	me := os.Geteuid()
	if !owned(info) || !ownedBy(info, 0) {
		t.Error("an own file, or the superuser, is refused")
	}
	if ownedBy(info, me+1) {
		t.Error("somebody else's file is taken for an own one")
	}
}
