// What an overlay is founded with. The overlay's ID is a hash of it, so none of it can change.

package document

import (
	"encoding/binary"
	"fmt"
	"log/slog"
	"time"

	"sotto/overlay/peer"
	"sotto/overlay/slot"
)

// maxName bounds the name of an overlay in bytes: one DNS label.
const maxName = 63

// Founding is what an overlay's ID is made of. Whoever signs with another root founds another overlay.
type Founding struct {
	// Name is for people: 1 to 63 of [a-z0-9.-]. It is not unique, the ID is.
	Name string
	// Root is the public half of the root key.
	Root [pubLen]byte
	// Genesis is when period 0 begins, whole seconds.
	Genesis time.Time
	// Period and KeyEpoch as in peer.NewCalendar and slot.NewSchedule: a period is a multiple of 4 s.
	Period, KeyEpoch time.Duration
}

// NewFounding checks the values; ErrMalformed for a name or times outside of their range.
func NewFounding(name string, root [pubLen]byte, genesis time.Time, period, keyEpoch time.Duration) (Founding, error) {
	f := Founding{Name: name, Root: root, Genesis: genesis.Truncate(time.Second).UTC(), Period: period, KeyEpoch: keyEpoch}
	return f, f.check()
}

func (f Founding) check() error {
	if f.Name == "" || len(f.Name) > maxName || f.Root == ([pubLen]byte{}) {
		return ErrMalformed
	}
	for _, c := range []byte(f.Name) {
		if !letterOrDigit(c) && c != '-' && c != '.' {
			return ErrMalformed
		}
	}
	if f.Period > maxSpan || f.KeyEpoch > maxSpan {
		return ErrMalformed
	}
	if _, err := f.Calendar(); err != nil {
		return ErrMalformed
	}
	if _, err := f.Schedule(); err != nil {
		return ErrMalformed
	}
	return nil
}

// maxSpan keeps durations within 32 bits of seconds, and far from where sums with times overflow.
const maxSpan = 100 * 365 * 24 * time.Hour

// Calendar counts periods and key epochs.
func (f Founding) Calendar() (peer.Calendar, error) {
	return peer.NewCalendar(f.Genesis.Unix(), f.Period, f.KeyEpoch)
}

// Schedule counts slot epochs, which last one period.
func (f Founding) Schedule() (slot.Schedule, error) {
	return slot.NewSchedule(f.Genesis.Unix(), f.Period, f.KeyEpoch)
}

// ID derives the overlay's ID.
func (f Founding) ID() peer.OverlayID {
	sum := hash("sotto overlay v1", f.append(nil))
	id, err := peer.ParseOverlayID(sum[:])
	if err != nil {
		panic("document: an overlay ID that is no hash")
	}
	return id
}

func (f Founding) append(b []byte) []byte {
	b = appendShort(b, []byte(f.Name))
	b = append(b, f.Root[:]...)
	b = appendTime(b, f.Genesis)
	b = binary.BigEndian.AppendUint32(b, uint32(f.Period/time.Second))
	return binary.BigEndian.AppendUint32(b, uint32(f.KeyEpoch/time.Second))
}

func (r *reader) founding() Founding {
	var f Founding
	f.Name = string(r.short(maxName))
	copy(f.Root[:], r.bytes(pubLen))
	f.Genesis = r.time()
	f.Period, f.KeyEpoch = r.seconds(), r.seconds()
	r.require(f.check() == nil)
	return f
}

func (r *reader) seconds() time.Duration { return time.Duration(r.u32()) * time.Second }

// Format prints a fixed text for every verb.
func (f Founding) Format(s fmt.State, _ rune) { redact(s, "[founding]") }

// LogValue logs a fixed text.
func (f Founding) LogValue() slog.Value { return redacted("[founding]") }

// Params may change from one version of the document to the next.
type Params struct {
	// UserLife is how long a user certificate is valid, whole seconds.
	UserLife time.Duration
	// SlotAhead is how many periods ahead slot certificates are given, at most 3 (protocol §5).
	SlotAhead uint8
	// Quota is how many admissions a person gets per key epoch, at most 3 (protocol §5: one or a few).
	Quota uint8
	// AdmitAhead is how long before a key epoch its blind key is published and admissions are given.
	AdmitAhead time.Duration
}

// DefaultParams are what an overlay starts with.
// Sources: 3 days and "one or a few" protocol §5; the others ours: a certificate outlives a holiday, and two
// weeks let every peer fetch the next admission at a random time of a random day.
func DefaultParams() Params {
	return Params{UserLife: 30 * 24 * time.Hour, SlotAhead: 3, Quota: 3, AdmitAhead: 14 * 24 * time.Hour}
}

const (
	maxSlotAhead = 3
	maxQuota     = 3
)

func (p Params) check() error {
	if p.UserLife < time.Minute || p.UserLife > maxSpan || p.SlotAhead > maxSlotAhead || p.Quota < 1 || p.Quota > maxQuota ||
		p.AdmitAhead < 0 || p.AdmitAhead > maxSpan {
		return ErrMalformed
	}
	return nil
}

func (p Params) append(b []byte) []byte {
	b = binary.BigEndian.AppendUint32(b, uint32(p.UserLife/time.Second))
	b = append(b, p.SlotAhead, p.Quota)
	return binary.BigEndian.AppendUint32(b, uint32(p.AdmitAhead/time.Second))
}

func (r *reader) params() Params {
	p := Params{UserLife: r.seconds(), SlotAhead: uint8(r.u8()), Quota: uint8(r.u8()), AdmitAhead: r.seconds()}
	r.require(p.check() == nil)
	return p
}
