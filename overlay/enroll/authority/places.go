// Slot certificates: the authority recomputes where an enrolled name lies and signs nothing else.

package authority

import (
	"encoding/binary"
	"errors"
	"time"

	"sotto/overlay/enroll/document"
	"sotto/overlay/enroll/store"
	"sotto/overlay/slot"
)

// maxWriters bounds the writer keys of one name and epoch: its devices share one, and a lost state may be
// replaced twice.
const maxWriters = 3

// placeRecord is a record of tablePlaces: y of a name in a key epoch, kept because it takes 65 ms.
type placeRecord struct{ Y []byte }

// writersRecord is a record of tableWriters.
type writersRecord struct{ Keys [][]byte }

// knownPlaces checks the epochs that are asked for and returns what y is known; others are zero.
func (t *transaction) knownPlaces(q document.Request) (map[uint32]slot.Y, error) {
	if len(q.Ask.Slots) == 0 {
		return nil, nil
	}
	s, err := t.founding.Schedule()
	if err != nil {
		return nil, store.ErrDamaged
	}
	places := make(map[uint32]slot.Y)
	for _, ask := range q.Ask.Slots {
		e := ask.Epoch
		if err := t.checkEpoch(s, e); err != nil {
			return nil, err
		}
		keyEpoch := s.KeyEpochOf(e)
		var r placeRecord
		err := get(t.tx, tablePlaces, epochKey(keyEpoch, q.AoR.Canonical()), &r)
		if err != nil && !errors.Is(err, ErrUnknown) {
			return nil, err
		}
		y, err := slot.ParseY(r.Y)
		if err != nil && r.Y != nil {
			return nil, store.ErrDamaged
		}
		places[keyEpoch] = y
	}
	return places, nil
}

// checkEpoch refuses epochs too far ahead and those that are over.
func (t *transaction) checkEpoch(s slot.Schedule, e slot.Epoch) error {
	begin := s.Begin(e)
	ahead := time.Duration(t.s.Params.SlotAhead) * t.founding.Period
	switch {
	case begin.After(t.now.Add(ahead)):
		return document.RefusedEarly
	case !t.now.Before(begin.Add(t.founding.Period + s.Overlap())):
		return document.RefusedLate
	}
	return nil
}

// derive computes what is not known yet.
func (w *work) derive(q document.Request) error {
	for keyEpoch, y := range w.places {
		if !y.IsZero() {
			continue
		}
		aor, err := slot.CanonicalAoR([]byte(q.AoR.Canonical()))
		if err != nil {
			return document.RefusedMalformed
		}
		if w.places[keyEpoch], err = slot.DeriveY(aor, q.Overlay.Bytes(), keyEpoch); err != nil {
			return document.RefusedMalformed
		}
		w.fresh = append(w.fresh, keyEpoch)
	}
	return nil
}

// keepPlaces stores what was derived. There are two at most for a name that is enrolled or invited.
func (t *transaction) keepPlaces(q document.Request, w work) error {
	for _, keyEpoch := range w.fresh {
		y := w.places[keyEpoch].Bytes()
		if err := store.Put(t.tx, tablePlaces, epochKey(keyEpoch, q.AoR.Canonical()), placeRecord{Y: y[:]}); err != nil {
			return err
		}
	}
	return nil
}

// certifySlots signs what is owned: slots of the enrolled name in epochs of its phase.
func (t *transaction) certifySlots(q document.Request, w work, answer *document.Answer) error {
	k, err := t.keys()
	if err != nil {
		return err
	}
	s, err := t.founding.Schedule()
	if err != nil {
		return store.ErrDamaged
	}
	for _, ask := range q.Ask.Slots {
		e := ask.Epoch
		y := w.places[s.KeyEpochOf(e)]
		owned := slot.Derive(q.Overlay.Bytes(), y, e)
		current, err := s.Current(s.Begin(e), slot.PhaseOf(y))
		if err != nil || current != e || owned != ask.Slot {
			return document.RefusedSlot
		}
		if err := t.noteWriter(ask, q.AoR); err != nil {
			return err
		}
		cert, err := slot.Issue(q.Overlay.Bytes(), owned, ask.Writer, e, k.slots.Sign)
		if err != nil {
			return err
		}
		answer.Slots = append(answer.Slots, cert)
	}
	return nil
}

func (t *transaction) noteWriter(ask document.SlotAsk, aor document.AoR) error {
	key := epochKey(uint32(ask.Epoch), aor.Canonical())
	var r writersRecord
	if err := get(t.tx, tableWriters, key, &r); err != nil && !errors.Is(err, ErrUnknown) {
		return err
	}
	writer := ask.Writer.Bytes()
	for _, w := range r.Keys {
		if string(w) == string(writer[:]) {
			return nil
		}
	}
	if len(r.Keys) >= maxWriters {
		return document.RefusedSlot
	}
	r.Keys = append(r.Keys, writer[:])
	return store.Put(t.tx, tableWriters, key, r)
}

// clearWriters forgets epochs and key epochs that are over.
func (t *transaction) clearWriters() error {
	s, err := t.founding.Schedule()
	if err != nil {
		return store.ErrDamaged
	}
	err = prune(t.tx, tableWriters, func(k []byte, _ writersRecord) bool {
		return errors.Is(t.checkEpoch(s, slot.Epoch(binary.BigEndian.Uint32(k))), document.RefusedLate)
	})
	if err != nil {
		return err
	}
	return prune(t.tx, tablePlaces, func(k []byte, _ placeRecord) bool { return t.over(binary.BigEndian.Uint32(k)) })
}
