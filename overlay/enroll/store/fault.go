// Keeping a damaged file, and a file system that fails, from ending the process or telling a path.

package store

import (
	"runtime"
	"runtime/debug"
	"strings"

	"go.etcd.io/bbolt"
)

// openFile opens a database; ErrInUse, ErrDamaged or ErrDisk.
func openFile(path string, readOnly bool) (db *bbolt.DB, err error) {
	defer debug.SetPanicOnFault(debug.SetPanicOnFault(true))
	defer func() {
		if r := recover(); r != nil {
			db, err = nil, damage(r)
		}
	}()
	if db, err = bbolt.Open(path, 0o600, &bbolt.Options{Timeout: lockWait, ReadOnly: readOnly}); err != nil {
		return nil, opening(err)
	}
	return db, nil
}

// guarded keeps apart what f says and what the file system says, whose texts hold paths; and turns what bbolt does
// about a page that is none, which is to panic, into ErrDamaged.
func guarded(run func(func(*Tx) error) error, f func(*Tx) error) (err error) {
	inside, ended := false, false
	var said error
	defer debug.SetPanicOnFault(debug.SetPanicOnFault(true))
	defer func() {
		if r := recover(); r != nil {
			err = damage(r)
		}
	}()
	err = run(func(tx *Tx) error {
		inside = true
		said = f(tx)
		ended = true
		return said
	})
	if err != nil && (!inside || ended && said == nil) {
		return disk(err)
	}
	return err
}

// damage is called with what was recovered, while the stack is still that of the panic. It panics again for what is no
// sign of a damaged file: a mistake of ours must not be told as one of the disk. A fault in mapped memory comes from
// the file, wherever it is read; any other panic does if bbolt was at work, and not f or what f called. As far as can be
// told: bbolt called by us with what it must not be called with looks the same.
func damage(r any) error {
	if _, mapped := r.(interface{ Addr() uintptr }); mapped || ofDatabase() {
		return ErrDamaged
	}
	panic(r)
}

// ofDatabase reports whether the innermost function of this program or bbolt below the panic is one of bbolt.
func ofDatabase() bool {
	var at [64]uintptr
	frames := runtime.CallersFrames(at[:runtime.Callers(1, at[:])])
	for begun := false; ; {
		frame, more := frames.Next()
		switch {
		case frame.Function == "runtime.gopanic":
			begun = true
		case begun && strings.HasPrefix(frame.Function, "go.etcd.io/bbolt"):
			return true
		case begun && strings.HasPrefix(frame.Function, "sotto/"):
			return false
		}
		if !more {
			return false
		}
	}
}
