// State directories on Unix: modes, directory entries made durable, and the lock against a second process.

//go:build unix

package main

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"syscall"
)

// openToOthers tells whether the mode lets anybody but the owner in.
func openToOthers(info fs.FileInfo) bool { return info.Mode().Perm()&othersBits != 0 }

// syncDir makes a rename in dir survive a loss of power.
func syncDir(dir string) error {
	file, err := os.Open(dir)
	if err != nil {
		return err
	}
	defer file.Close()
	return file.Sync()
}

// lockState takes the directory for this process until release is called or the process ends, however it ends.
// Where another process has it, the error is errStateInUse.
func lockState(dir string) (release func(), err error) {
	file, err := os.OpenFile(filepath.Join(dir, lockName), os.O_RDWR|os.O_CREATE, secretMode)
	if err != nil {
		return nil, fmt.Errorf("cannot lock the state directory %s (%w); check who owns it", dir, plainCause(err))
	}
	if err := syscall.Flock(int(file.Fd()), syscall.LOCK_EX|syscall.LOCK_NB); err != nil {
		file.Close()
		if errors.Is(err, syscall.EWOULDBLOCK) {
			return nil, errStateInUse
		}
		return nil, fmt.Errorf("cannot lock the state directory %s (%w); use one on a local disk", dir, err)
	}
	return func() { file.Close() }, nil
}
