// The state directory: where it is, who may read it, and how a file in it is replaced.
//
// Everything that a node keeps lies in one directory with mode 0700, and secrets in it have mode 0600. A directory or
// secret that others can read is refused rather than mended: somebody may have read it already.

package main

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"runtime"
)

// State directories and secrets as we make them, and the bits that must not be set on them.
const (
	stateMode  fs.FileMode = 0o700
	secretMode fs.FileMode = 0o600
	othersBits fs.FileMode = 0o077
)

// lockName is the file in a state directory that the process using the directory holds locked.
const lockName = "lock"

// errStateInUse is returned by lockState when another process has the directory.
var errStateInUse = errors.New("another sotto is using this state directory; stop it first, or give this one its own with --state")

// stateDir is the directory to use: the one given with --state, else $XDG_STATE_HOME/sotto, else what is usual on
// this system. It need not exist.
func (e *env) stateDir(given string) (string, error) {
	if given != "" {
		return filepath.Clean(given), nil
	}
	// A relative path in the variable is to be ignored (XDG Base Directory Specification 0.8).
	if base := e.getenv("XDG_STATE_HOME"); filepath.IsAbs(base) {
		return filepath.Join(base, "sotto"), nil
	}
	if base := e.getenv("LocalAppData"); runtime.GOOS == "windows" && filepath.IsAbs(base) {
		return filepath.Join(base, "sotto"), nil
	}
	if home := e.getenv("HOME"); filepath.IsAbs(home) {
		return filepath.Join(home, ".local", "state", "sotto"), nil
	}
	return "", errors.New("no home directory is known here; say where the state lives with --state DIR")
}

// createState makes the state directory with its parents, or checks the one that is there.
func createState(dir string) error {
	if err := os.MkdirAll(dir, stateMode); err != nil {
		return fmt.Errorf("cannot make the state directory %s (%w); choose another with --state DIR", dir, plainCause(err))
	}
	return checkState(dir)
}

// checkState refuses a state directory that is missing, is no directory, or is open to others.
func checkState(dir string) error {
	info, err := os.Stat(dir)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return fmt.Errorf("no state directory %s; run `sotto join INVITE` first, or name the right one with --state DIR", dir)
	case err != nil:
		return fmt.Errorf("cannot look at the state directory %s (%w); choose another with --state DIR", dir, plainCause(err))
	case !info.IsDir():
		return fmt.Errorf("the state directory %s is not a directory; choose another with --state DIR", dir)
	case openToOthers(info):
		return fmt.Errorf("the state directory %s is open to other users (mode %04o); run `chmod 700` on it", dir, info.Mode().Perm())
	}
	return nil
}

// checkSecret refuses a secret that is missing, is no ordinary file, or is open to others.
func checkSecret(path string) error {
	info, err := os.Lstat(path)
	switch {
	case err != nil:
		return fmt.Errorf("cannot read the secret %s (%w); restore it from your backup", path, plainCause(err))
	case !info.Mode().IsRegular():
		return fmt.Errorf("the secret %s is not an ordinary file; put the file itself there", path)
	case openToOthers(info):
		return fmt.Errorf("the secret %s is open to other users (mode %04o); run `chmod 600` on it, and replace the key if others use this machine",
			path, info.Mode().Perm())
	}
	return nil
}

// readSecret reads a secret of at most limit bytes, after checkSecret.
func readSecret(path string, limit int64) ([]byte, error) {
	if err := checkSecret(path); err != nil {
		return nil, err
	}
	return readLimited(path, limit)
}

// readLimited reads a file of at most limit bytes.
func readLimited(path string, limit int64) ([]byte, error) {
	file, err := os.Open(path)
	if err != nil {
		return nil, fmt.Errorf("cannot read %s: %w", path, plainCause(err))
	}
	defer file.Close()
	content, err := io.ReadAll(io.LimitReader(file, limit+1))
	if err != nil {
		return nil, fmt.Errorf("cannot read %s: %w", path, plainCause(err))
	}
	if int64(len(content)) > limit {
		return nil, fmt.Errorf("%s is longer than the %d bytes it may have; check that it is the right file", path, limit)
	}
	return content, nil
}

// writeSecret puts content into the file at path with mode 0600, replacing what was there. A crash at any point
// leaves the old content or the new one, never a part: the new file is complete on the disk before it gets the name.
func writeSecret(path string, content []byte) (err error) {
	defer func() {
		if err != nil {
			err = fmt.Errorf("cannot write %s (%w); make room or choose another place", path, plainCause(err))
		}
	}()
	dir := filepath.Dir(path)
	file, err := os.CreateTemp(dir, "."+filepath.Base(path)+"-*") // made with mode 0600
	if err != nil {
		return err
	}
	defer func() {
		if err != nil {
			file.Close()
			os.Remove(file.Name())
		}
	}()
	if _, err := file.Write(content); err != nil {
		return err
	}
	if err := file.Sync(); err != nil {
		return err
	}
	if err := file.Close(); err != nil {
		return err
	}
	if err := os.Rename(file.Name(), path); err != nil {
		return err
	}
	return syncDir(dir)
}

// plainCause is the system's reason without the path, command or address that the error carries along.
func plainCause(err error) error {
	for {
		inner := errors.Unwrap(err)
		if inner == nil {
			return err
		}
		err = inner
	}
}
