// Backup and restore, of an authority and of an identity: one sealed file, and a passphrase that is read from a file.

package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"path/filepath"
	"time"

	"sotto/overlay/enroll"
	"sotto/overlay/enroll/authority"
	"sotto/overlay/enroll/identity"
	"sotto/overlay/enroll/store"
)

// Limits in bytes.
const (
	maxPassphrase = 1024
	maxBackup     = maxReply / 2 // what the process that runs on a state can hand over, in base64
)

// passphrase reads the first line of a file, or of stdin for "-". A passphrase as an argument would be seen by every
// user of the machine.
func (e *env) passphrase(path string) ([]byte, error) {
	if path == "" {
		return nil, usagef("--passphrase-file is missing; put a passphrase of at least %d characters into a file, or - for stdin", store.MinPassphrase)
	}
	var content []byte
	var err error
	if path == "-" {
		content, err = io.ReadAll(io.LimitReader(e.stdin, maxPassphrase+1))
	} else {
		content, err = readSecret(path, maxPassphrase)
	}
	if err != nil {
		return nil, err
	}
	line, _, _ := bytes.Cut(content, []byte("\n"))
	line = bytes.TrimSuffix(line, []byte("\r"))
	if len(line) < store.MinPassphrase {
		return nil, fmt.Errorf("the passphrase is too short; take at least %d characters", store.MinPassphrase)
	}
	return line, nil
}

// backupFlags are those that both kinds of backup have.
func (e *env) backupFlags(args []string, want ...string) (state, out string, passphrase []byte, rest []string, err error) {
	flags := newFlags()
	flags.StringVar(&state, "state", "", "")
	if want == nil {
		flags.StringVar(&out, "out", "", "")
	}
	file := flags.String("passphrase-file", "", "")
	if rest, err = parseFlags(flags, args, want...); err != nil {
		return
	}
	if want == nil && out == "" {
		err = usagef("--out is missing; a backup is no text")
		return
	}
	passphrase, err = e.passphrase(*file)
	return
}

func runAuthorityBackup(ctx context.Context, e *env, args []string) error {
	state, out, passphrase, _, err := e.backupFlags(args)
	if err != nil {
		return err
	}
	return e.carryOut(ctx, state, order{Do: "backup", Passphrase: passphrase}, out)
}

func orderBackup(a *authority.Authority, o order, _ time.Time) (outcome, error) {
	sealed, err := a.Backup(o.Passphrase)
	if err != nil {
		return outcome{}, err
	}
	return outcome{Result: sealed, Says: "keep the backup and its passphrase in different places"}, nil
}

func runAuthorityRestore(_ context.Context, e *env, args []string) error {
	state, _, passphrase, rest, err := e.backupFlags(args, "BACKUP")
	if err != nil {
		return err
	}
	dir, err := e.authorityDir(state)
	if err != nil {
		return err
	}
	sealed, err := readLimited(rest[0], maxBackup)
	if err != nil {
		return err
	}
	a, err := authority.Restore(dir, sealed, passphrase, authority.Options{}, e.now())
	if err != nil {
		return aboutAuthority(err)
	}
	e.progress("restored; invites that were open are withdrawn, and who enrolled after the backup needs a new one")
	return a.Close()
}

func runIdentityBackup(ctx context.Context, e *env, args []string) error {
	state, out, passphrase, _, err := e.backupFlags(args)
	if err != nil {
		return err
	}
	return e.wish(ctx, state, wish{Do: "backup", Passphrase: passphrase}, out)
}

func wishBackup(m *member, w wish) (outcome, error) {
	sealed, err := m.id.Backup(w.Passphrase)
	if err != nil {
		return outcome{}, err
	}
	return outcome{Result: sealed, Says: "keep the backup and its passphrase in different places, and " +
		"never let two nodes run from it"}, nil
}

// runIdentityRestore brings back keys, certificates and admissions. The configuration is not in the backup: it is of
// the machine, and join wrote what can be written again with `sotto config`.
func runIdentityRestore(_ context.Context, e *env, args []string) error {
	given, _, passphrase, rest, err := e.backupFlags(args, "BACKUP")
	if err != nil {
		return err
	}
	dir, err := e.stateDir(given)
	if err != nil {
		return err
	}
	sealed, err := readLimited(rest[0], maxBackup)
	if err != nil {
		return err
	}
	if err := createState(dir); err != nil {
		return err
	}
	id, err := identity.Restore(filepath.Join(dir, identityName), sealed, passphrase, e.now())
	if err != nil {
		return errors.New(enroll.Explain(err))
	}
	e.progress("restored; put the configuration back too (%s), and stop the node that had this identity for good", configName)
	return id.Close()
}
