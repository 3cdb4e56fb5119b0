// Looking at a bbolt file before it is mapped into memory: one that was cut short would fault there instead of
// failing.

package store

import (
	"encoding/binary"
	"errors"
	"io"
	"os"
)

// The two pages at the start of a bbolt file say how far it goes. After 16 bytes of page header they hold, in the
// machine's byte order (little endian wherever this builds): magic, version, page size, flags (4 bytes each),
// root (16), free list (8), first page beyond the end (8), transaction (8), checksum (8).
const (
	metaMagic   = 0xED0CDAED
	metaAt      = 16
	offPageSize = metaAt + 8
	offEnd      = metaAt + 16 + 16 + 8
	metaLen     = offEnd + 8
	minPageSize = 512
	maxPageSize = 1 << 20
)

// checkUnused is checkWhole, but ErrInUse for a file that is not whole because another process is writing it.
func checkUnused(path string) error {
	err := checkWhole(path)
	if !errors.Is(err, ErrDamaged) {
		return err
	}
	// Read-only, bbolt changes nothing in what may be damaged, and waits for the same lock.
	db, fault := openFile(path, true)
	if errors.Is(fault, ErrInUse) {
		return ErrInUse
	}
	if fault == nil {
		db.Close()
	}
	return checkWhole(path)
}

// checkWhole returns ErrDamaged for a file that is shorter than both of its first pages say.
func checkWhole(path string) error {
	f, err := os.Open(path)
	if err != nil {
		return disk(err)
	}
	defer f.Close()
	info, err := f.Stat()
	if err != nil {
		return disk(err)
	}
	if info.Size() == 0 {
		return ErrDamaged
	}
	first := make([]byte, metaLen)
	if _, err := io.ReadFull(f, first); err != nil {
		return ErrDamaged
	}
	page := binary.LittleEndian.Uint32(first[offPageSize:])
	if page < minPageSize || page > maxPageSize {
		page = uint32(os.Getpagesize())
	}
	second := make([]byte, metaLen)
	if _, err := f.ReadAt(second, int64(page)); err != nil {
		return ErrDamaged
	}
	end, ok := uint64(0), false
	for _, meta := range [][]byte{first, second} {
		if binary.LittleEndian.Uint32(meta[metaAt:]) == metaMagic {
			end, ok = max(end, binary.LittleEndian.Uint64(meta[offEnd:])), true
		}
	}
	if !ok || end > uint64(info.Size())/uint64(page) {
		return ErrDamaged
	}
	return nil
}
