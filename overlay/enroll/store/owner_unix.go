//go:build unix

// Whose a file is, where files have owners.

package store

import (
	"io/fs"
	"os"
	"syscall"
)

// owned reports whether a file is this user's: whoever else owns it can change its mode and read it at any time. The
// superuser may act on everybody's.
func owned(info fs.FileInfo) bool { return ownedBy(info, os.Geteuid()) }

func ownedBy(info fs.FileInfo, user int) bool {
	s, ok := info.Sys().(*syscall.Stat_t)
	return !ok || user == 0 || int(s.Uid) == user
}
