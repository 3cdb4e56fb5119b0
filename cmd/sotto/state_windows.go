// State directories on Windows: the user's profile keeps others out, and an open file without sharing is the lock.

package main

import (
	"errors"
	"fmt"
	"io/fs"
	"path/filepath"
	"syscall"
)

// sharingViolation is ERROR_SHARING_VIOLATION of the Windows system error codes.
const sharingViolation syscall.Errno = 32

// openToOthers is false: Windows has no mode bits, and what lies in a user's profile inherits that user's access list.
func openToOthers(fs.FileInfo) bool { return false }

// syncDir does nothing: NTFS journals the rename, and a directory cannot be flushed through this interface.
func syncDir(string) error { return nil }

// lockState takes the directory for this process until release is called or the process ends, however it ends.
// Where another process has it, the error is errStateInUse.
func lockState(dir string) (release func(), err error) {
	name, err := syscall.UTF16PtrFromString(filepath.Join(dir, lockName))
	if err != nil {
		return nil, errors.New("the state directory has a name that this system cannot take; choose another with --state DIR")
	}
	const access, notShared = syscall.GENERIC_READ | syscall.GENERIC_WRITE, 0
	handle, err := syscall.CreateFile(name, access, notShared, nil, syscall.OPEN_ALWAYS, syscall.FILE_ATTRIBUTE_NORMAL, 0)
	if errors.Is(err, sharingViolation) {
		return nil, errStateInUse
	}
	if err != nil {
		return nil, fmt.Errorf("cannot lock the state directory %s (%w); check who owns it", dir, err)
	}
	return func() { syscall.CloseHandle(handle) }, nil
}
