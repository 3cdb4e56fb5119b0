// Backups: a whole state in one sealed file.

package store

import (
	"bytes"
	"crypto/rand"
	"encoding/binary"
	"errors"
	"io"
	"os"
	"path/filepath"
	"slices"

	"go.etcd.io/bbolt"
	"golang.org/x/crypto/argon2"
	"golang.org/x/crypto/chacha20poly1305"
)

var (
	// ErrPassphrase says that a backup does not open: another passphrase, or altered.
	ErrPassphrase = errors.New("store: the passphrase does not open the backup")
	// ErrTruncated says that the end of a backup is missing.
	ErrTruncated = errors.New("store: the end of the backup is missing")
	// ErrNoBackup says that bytes are no backup.
	ErrNoBackup = errors.New("store: not a backup")
	// ErrWeak says that a passphrase is too short.
	ErrWeak = errors.New("store: the passphrase is too short")
)

// The layout of a backup:
//
//	 0   5  "sotto"
//	 5   1  kind 64
//	 6   1  version 1
//	 7   8  length of the whole, big endian
//	15   1  passes of Argon2id
//	16   4  its memory, KiB
//	20   1  its lanes
//	21  16  salt
//	37  24  nonce
//	61   .  XChaCha20-Poly1305 of the content, with bytes 0 to 60 as additional data
//
// Content: length (1) and text of the state's kind; then for each file the length (1) of its name, the name, the
// length (8) of its bytes, the bytes; in ascending order of names.
const (
	backupMagic   = "sotto\x40\x01"
	offLength     = len(backupMagic)
	offPasses     = offLength + 8
	offMemory     = offPasses + 1
	offLanes      = offMemory + 4
	offSalt       = offLanes + 1
	saltLen       = 16
	offNonce      = offSalt + saltLen
	offSealed     = offNonce + chacha20poly1305.NonceSizeX
	maxBackup     = 1 << 30
	maxBackupFile = 32
)

// Cost of Argon2id: RFC 9106 §4, second recommendation (3 passes, 64 MiB, 4 lanes), for a secret of years.
// A version has one cost and no other is read, so that a forged header takes no more of the machine than a right one.
const (
	passes    = 3
	memoryKiB = 64 << 10
	lanes     = 4
)

// MinPassphrase is the least number of bytes of a passphrase.
const MinPassphrase = 12

// Backup returns the whole state as it is at this moment, sealed under a passphrase. extra names the files
// beside the database to take along, of those that are there.
func (s *Store) Backup(kind Kind, passphrase []byte, extra ...string) ([]byte, error) {
	if len(passphrase) < MinPassphrase {
		return nil, ErrWeak
	}
	var db bytes.Buffer
	if err := s.db.View(func(tx *bbolt.Tx) error { _, err := tx.WriteTo(&db); return err }); err != nil {
		return nil, ErrDisk
	}
	files := map[string][]byte{fileName: db.Bytes()}
	for _, name := range extra {
		b, err := os.ReadFile(filepath.Join(s.dir, name))
		if err == nil {
			files[name] = b
		} else if !errors.Is(err, os.ErrNotExist) {
			return nil, disk(err)
		}
	}
	return seal(rand.Reader, appendContent(nil, kind, files), passphrase)
}

// SealFile seals one file of a state, such as a key that is kept apart from it.
func SealFile(kind Kind, name string, content, passphrase []byte) ([]byte, error) {
	if len(passphrase) < MinPassphrase {
		return nil, ErrWeak
	}
	return seal(rand.Reader, appendContent(nil, kind, map[string][]byte{name: content}), passphrase)
}

// OpenFile reads what SealFile wrote. Its errors are ErrTruncated, ErrNoBackup, ErrPassphrase, ErrKind.
func OpenFile(kind Kind, name string, sealed, passphrase []byte) ([]byte, error) {
	files, err := openBackup(kind, sealed, passphrase)
	if err != nil {
		return nil, err
	}
	if files[name] == nil {
		return nil, ErrKind
	}
	return files[name], nil
}

func seal(random io.Reader, content, passphrase []byte) ([]byte, error) {
	b := append([]byte(nil), backupMagic...)
	b = binary.BigEndian.AppendUint64(b, uint64(offSealed+len(content)+chacha20poly1305.Overhead))
	b = append(b, passes)
	b = binary.BigEndian.AppendUint32(b, memoryKiB)
	b = append(b, lanes)
	once := make([]byte, saltLen+chacha20poly1305.NonceSizeX)
	if _, err := io.ReadFull(random, once); err != nil {
		return nil, ErrDisk
	}
	b = append(b, once...)
	aead, err := chacha20poly1305.NewX(argon2.IDKey(passphrase, b[offSalt:offNonce], passes, memoryKiB, lanes, chacha20poly1305.KeySize))
	if err != nil {
		return nil, ErrDisk
	}
	return aead.Seal(b, b[offNonce:offSealed], content, b[:offSealed]), nil
}

// parseBackup checks the header of a backup.
func parseBackup(b []byte) error {
	n := min(len(b), len(backupMagic))
	if string(b[:n]) != backupMagic[:n] {
		return ErrNoBackup
	}
	if len(b) < offSealed+chacha20poly1305.Overhead {
		return ErrTruncated
	}
	length := binary.BigEndian.Uint64(b[offLength:])
	memory := binary.BigEndian.Uint32(b[offMemory:])
	switch {
	case length > maxBackup || b[offPasses] != passes || b[offLanes] != lanes || memory != memoryKiB:
		return ErrNoBackup
	case uint64(len(b)) < length:
		return ErrTruncated
	case uint64(len(b)) > length:
		return ErrNoBackup
	}
	return nil
}

func unseal(b, passphrase []byte) ([]byte, error) {
	if err := parseBackup(b); err != nil {
		return nil, err
	}
	key := argon2.IDKey(passphrase, b[offSalt:offNonce], uint32(b[offPasses]), binary.BigEndian.Uint32(b[offMemory:]), b[offLanes], chacha20poly1305.KeySize)
	aead, err := chacha20poly1305.NewX(key)
	if err != nil {
		return nil, ErrNoBackup
	}
	content, err := aead.Open(nil, b[offNonce:offSealed], b[offSealed:], b[:offSealed])
	if err != nil {
		return nil, ErrPassphrase
	}
	return content, nil
}

// Restore writes a backup to dir, which must not hold anything: all of it or nothing. What mark writes into the
// state is there when dir appears: one that was killed never leaves a state that does not know it was restored.
// Its errors are ErrTruncated, ErrNoBackup, ErrPassphrase, ErrKind, ErrExists, and those of mark.
func Restore(dir string, kind Kind, backup, passphrase []byte, mark func(*Tx) error) error {
	if err := vacant(dir); err != nil {
		return err
	}
	files, err := openBackup(kind, backup, passphrase)
	if err != nil {
		return err
	}
	if files[fileName] == nil {
		return ErrKind
	}
	partial, err := beside(dir)
	if err != nil {
		return err
	}
	for name, b := range files {
		if err := WriteFile(filepath.Join(partial, name), b); err != nil {
			os.RemoveAll(partial)
			return err
		}
	}
	// What was sealed once may still be of a newer program, or was damaged when it was sealed.
	s, err := Open(partial, kind)
	if err == nil {
		err = errors.Join(s.Update(mark), s.Close())
	}
	if err == nil {
		err = moveInto(partial, dir)
	}
	if err != nil {
		os.RemoveAll(partial)
	}
	return err
}

func openBackup(kind Kind, backup, passphrase []byte) (map[string][]byte, error) {
	content, err := unseal(backup, passphrase)
	if err != nil {
		return nil, err
	}
	of, files, err := parseContent(content)
	if err != nil {
		return nil, err
	}
	if of != kind {
		return nil, ErrKind
	}
	return files, nil
}

func appendContent(b []byte, kind Kind, files map[string][]byte) []byte {
	b = append(append(b, byte(len(kind))), kind...)
	names := make([]string, 0, len(files))
	for name := range files {
		names = append(names, name)
	}
	slices.Sort(names)
	for _, name := range names {
		b = append(append(b, byte(len(name))), name...)
		b = binary.BigEndian.AppendUint64(b, uint64(len(files[name])))
		b = append(b, files[name]...)
	}
	return b
}

// parseContent reads what was sealed. It is authentic, but whoever knows the passphrase may have made it.
func parseContent(b []byte) (Kind, map[string][]byte, error) {
	text, b, ok := cut(b)
	kind, files, last := Kind(text), map[string][]byte{}, ""
	for ok && len(b) > 0 {
		var name []byte
		if name, b, ok = cut(b); !ok || len(b) < 8 {
			return "", nil, ErrNoBackup
		}
		n := binary.BigEndian.Uint64(b)
		if b = b[8:]; n > uint64(len(b)) || string(name) <= last || filepath.Base(string(name)) != string(name) || len(files) >= maxBackupFile {
			return "", nil, ErrNoBackup
		}
		last = string(name)
		files[last], b = b[:n], b[n:]
	}
	if !ok {
		return "", nil, ErrNoBackup
	}
	return kind, files, nil
}

func cut(b []byte) (field, rest []byte, ok bool) {
	if len(b) == 0 || len(b) < 1+int(b[0]) {
		return nil, nil, false
	}
	n := 1 + int(b[0])
	return b[1:n], b[n:], true
}
