// The person's slots: where they lie, the keys that write them, the certificates that let them.

package identity

import (
	"crypto/ed25519"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"time"

	"sotto/overlay/enroll/document"
	"sotto/overlay/enroll/store"
	"sotto/overlay/slot"
)

// WriterKey signs the records of one slot in one epoch. Each epoch has its own, derived from a master, so that
// storers do not recognise a person by it. It does not print.
type WriterKey struct{ k *[ed25519.SeedSize]byte }

// Public returns the key that slot certificates and records carry.
func (k WriterKey) Public() (slot.WriterPublic, error) {
	if k.k == nil {
		return slot.WriterPublic{}, ErrNone
	}
	private := ed25519.NewKeyFromSeed(k.k[:])
	defer clear(private)
	return slot.ParseWriterPublic(private[ed25519.SeedSize:])
}

// Sign returns the Ed25519 signature of message, which must begin with a label of its own use; nil for a zero key.
func (k WriterKey) Sign(message []byte) []byte {
	if k.k == nil {
		return nil
	}
	private := ed25519.NewKeyFromSeed(k.k[:])
	defer clear(private)
	return ed25519.Sign(private, message)
}

// Format prints a fixed text for every verb.
func (k WriterKey) Format(s fmt.State, _ rune) { io.WriteString(s, "[writer key]") }

// LogValue logs a fixed text.
func (k WriterKey) LogValue() slog.Value { return slog.StringValue("[writer key]") }

func (t *transaction) writer(e slot.Epoch) WriterKey {
	id := t.known.ID().Bytes()
	m := hmac.New(sha256.New, t.s.Writer)
	io.WriteString(m, "sotto writer key v1")
	m.Write(id[:])
	m.Write(number(uint32(e)))
	seed := [ed25519.SeedSize]byte(m.Sum(nil))
	return WriterKey{&seed}
}

// Writer returns the key and the certificate for an epoch; ErrNone if there is no certificate yet.
func (i *Identity) Writer(e slot.Epoch) (WriterKey, slot.Certificate, error) {
	var k WriterKey
	var c slot.Certificate
	err := i.view(func(t *transaction) error {
		b := t.tx.Bucket([]byte(tableSlots)).Get(number(uint32(e)))
		if b == nil {
			return ErrNone
		}
		var err error
		if c, err = slot.ParseCertificate(b); err != nil {
			return store.ErrDamaged
		}
		k = t.writer(e)
		return nil
	})
	return k, c, err
}

// stretch is one epoch of the person's slots.
type stretch struct {
	epoch slot.Epoch
	place slot.Y
	end   time.Time
}

// ahead lists the epochs from now to as far ahead as certificates are given. When y of a key epoch is not known
// yet it returns ErrNone and that key epoch.
func (t *transaction) ahead(now time.Time) ([]stretch, uint32, error) {
	s, c := t.known.Schedule(), t.known.Contents()
	last := now.Add(time.Duration(c.Params.SlotAhead) * c.Founding.Period)
	keyEpoch, err := s.KeyEpochAt(now)
	if err != nil {
		return nil, 0, err
	}
	y, err := t.place(keyEpoch)
	if err != nil {
		return nil, keyEpoch, err
	}
	e, err := s.Current(now, slot.PhaseOf(y))
	if err != nil {
		return nil, 0, err
	}
	var list []stretch
	for len(list) < document.MaxSlotAsks && !s.Begin(e).After(last) {
		if k := s.KeyEpochOf(e); k != keyEpoch {
			if y, err = t.place(k); err != nil {
				return nil, k, err
			}
			keyEpoch = k
		}
		next, err := s.Next(e, slot.PhaseOf(y))
		if err != nil {
			return nil, 0, err
		}
		list = append(list, stretch{epoch: e, place: y, end: s.Begin(next)})
		e = next
	}
	return list, 0, nil
}

// derive computes the y that a request for slots needs and does not have, outside of any transaction.
func (i *Identity) derive(now time.Time, want Want) error {
	for want.Slots {
		var missing uint32
		var aor document.AoR
		var overlay [slot.OverlayIDLen]byte
		err := i.view(func(t *transaction) error {
			var err error
			_, missing, err = t.ahead(now)
			aor, overlay = t.aor, t.known.ID().Bytes()
			return err
		})
		if !errors.Is(err, ErrNone) {
			return err
		}
		canonical, err := slot.CanonicalAoR([]byte(aor.Canonical()))
		if err != nil {
			return store.ErrDamaged
		}
		y, err := slot.DeriveY(canonical, overlay, missing)
		if err != nil {
			return store.ErrDamaged
		}
		if err := i.update(func(t *transaction) error { return t.keepPlace(missing, y) }); err != nil {
			return err
		}
	}
	return nil
}

// keepPlace stores y and forgets those of key epochs that are over.
func (t *transaction) keepPlace(keyEpoch uint32, y slot.Y) error {
	if err := t.forget(tablePlaces, int64(keyEpoch)-1); err != nil {
		return err
	}
	secret := y.Bytes()
	return t.tx.Bucket([]byte(tablePlaces)).Put(number(keyEpoch), secret[:])
}

// forget deletes what is numbered below a limit.
func (t *transaction) forget(table string, below int64) error {
	b := t.tx.Bucket([]byte(table))
	c := b.Cursor()
	for k, _ := c.First(); k != nil && int64(binary.BigEndian.Uint32(k)) < below; k, _ = c.First() {
		if err := b.Delete(k); err != nil {
			return err
		}
	}
	return nil
}

func (t *transaction) place(keyEpoch uint32) (slot.Y, error) {
	b := t.tx.Bucket([]byte(tablePlaces)).Get(number(keyEpoch))
	if b == nil {
		return slot.Y{}, ErrNone
	}
	y, err := slot.ParseY(b)
	if err != nil {
		return slot.Y{}, store.ErrDamaged
	}
	return y, nil
}

// missingSlots asks for the epochs ahead that have no certificate, and forgets certificates of the past.
func (t *transaction) missingSlots(now time.Time) ([]document.SlotAsk, error) {
	list, _, err := t.ahead(now)
	if err != nil {
		return nil, err
	}
	if err := t.forget(tableSlots, int64(list[0].epoch)-slot.Phases); err != nil {
		return nil, err
	}
	var asks []document.SlotAsk
	for _, s := range list {
		if t.certified(s.epoch) {
			continue
		}
		writer, err := t.writer(s.epoch).Public()
		if err != nil {
			return nil, err
		}
		place := slot.Derive(t.known.ID().Bytes(), s.place, s.epoch)
		asks = append(asks, document.SlotAsk{Epoch: s.epoch, Slot: place, Writer: writer})
	}
	return asks, nil
}

// certified reports whether there is a certificate for an epoch by a key that the document still names.
func (t *transaction) certified(e slot.Epoch) bool {
	c, err := slot.ParseCertificate(t.tx.Bucket([]byte(tableSlots)).Get(number(uint32(e))))
	return err == nil && t.known.VerifySlot(c) == nil
}

// SlotsUntil returns until when the person's slots are certified without a gap; the zero time if they are not now.
func (i *Identity) SlotsUntil(now time.Time) (time.Time, error) {
	var until time.Time
	err := i.view(func(t *transaction) error {
		var err error
		until, err = t.slotsUntil(now)
		return err
	})
	return until, err
}

func (t *transaction) slotsUntil(now time.Time) (time.Time, error) {
	list, _, err := t.ahead(now)
	if err != nil && !errors.Is(err, ErrNone) && !errors.Is(err, slot.ErrOutsideSchedule) {
		return time.Time{}, err
	}
	var until time.Time
	for _, s := range list {
		if !t.certified(s.epoch) {
			break
		}
		until = s.end
	}
	return until, nil
}
