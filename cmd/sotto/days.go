// The own daily descriptors with their private onion keys, on disk before anybody sees them.
//
// One file a period. The identity keeps the public half too: it knows whether another one of the period was signed
// before a restore. The file comes first, so that what the identity has can always be answered for.

package main

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strconv"

	"sotto/overlay"
	"sotto/overlay/enroll/identity"
	"sotto/overlay/peer"
)

const (
	daysName = "days"
	// onionKeyLen is the length of an X25519 scalar in bytes.
	onionKeyLen = 32
	dayLen      = peer.DailyLen + onionKeyLen
	// daysKept is how many periods back a day is of use: descriptors of the last period serve paths in this one.
	daysKept = 2
)

// errDayDamaged is a file of a day that is not one.
const errDayDamaged sentence = "today's descriptor in the state is damaged; move the directory " + daysName + " away and start again tomorrow"

// dayStore keeps days in a directory of the state.
type dayStore struct {
	dir string
	id  *identity.Identity
}

func newDayStore(state string, id *identity.Identity) *dayStore {
	return &dayStore{dir: filepath.Join(state, daysName), id: id}
}

func (s *dayStore) path(period uint32) string {
	return filepath.Join(s.dir, strconv.FormatUint(uint64(period), 10))
}

// Day returns the day of a period, and whether there is one.
func (s *dayStore) Day(period uint32) (overlay.Day, bool, error) {
	content, err := readSecret(s.path(period), dayLen)
	if _, missing := os.Lstat(s.path(period)); errors.Is(missing, fs.ErrNotExist) {
		return s.none(period)
	}
	if err != nil {
		return overlay.Day{}, false, sentence(err.Error())
	}
	if len(content) != dayLen {
		return overlay.Day{}, false, errDayDamaged
	}
	daily, err := peer.ParseDaily(content[:peer.DailyLen])
	if err != nil || daily.Period() != period {
		return overlay.Day{}, false, errDayDamaged
	}
	// A process that was killed between file and identity showed it to nobody; now it may be shown.
	if err := s.id.KeepDaily(daily); err != nil {
		return overlay.Day{}, false, err
	}
	return overlay.NewDay(daily, [onionKeyLen]byte(content[peer.DailyLen:])), true, nil
}

// none reports that there is no day, unless the identity knows that there was one.
func (s *dayStore) none(period uint32) (overlay.Day, bool, error) {
	switch _, err := s.id.Daily(period); {
	case errors.Is(err, identity.ErrNone):
		return overlay.Day{}, false, nil
	case err != nil:
		return overlay.Day{}, false, err
	}
	return overlay.Day{}, false, overlay.ErrDay
}

// KeepDay puts a day on the disk, and drops those that are of no use any more.
func (s *dayStore) KeepDay(day overlay.Day) error {
	if err := os.MkdirAll(s.dir, stateMode); err != nil {
		return sentence(fmt.Sprintf("cannot keep today's descriptor (%v); make room in the state directory", plainCause(err)))
	}
	period, onion := day.Daily().Period(), day.OnionKey()
	if err := writeSecret(s.path(period), append(day.Daily().Append(nil), onion[:]...)); err != nil {
		return sentence(err.Error())
	}
	if err := s.id.KeepDaily(day.Daily()); err != nil {
		// Nobody has seen it, and the identity will not let it be shown.
		os.Remove(s.path(period))
		return err
	}
	s.forget(period)
	return nil
}

// forget drops days of long ago. What cannot be dropped costs a few hundred bytes.
func (s *dayStore) forget(period uint32) {
	entries, err := os.ReadDir(s.dir)
	if err != nil {
		return
	}
	for _, entry := range entries {
		n, err := strconv.ParseUint(entry.Name(), 10, 32)
		if err == nil && uint32(n)+daysKept < period {
			os.Remove(filepath.Join(s.dir, entry.Name()))
		}
	}
}
