// Epochs: when a slot is current, and for how long around it it is served.

package slot

import (
	"crypto/sha256"
	"errors"
	"math"
	"time"
)

var (
	// ErrSchedule is returned for parameters that no schedule can be made of.
	ErrSchedule = errors.New("slot: unusable schedule parameters")
	// ErrOutsideSchedule is returned for a time before the genesis or too far after it to be numbered.
	ErrOutsideSchedule = errors.New("slot: time outside of the overlay's schedule")
)

const (
	// Phases is the number of groups whose slots change together. More would tell users apart by the hour of their
	// change, fewer would make the load of a change come at once.
	Phases = 4
	// overlapsPerEpoch makes both epochs be served for 1/24, one hour of 24, before and after a change: half of
	// the life of a record, and more than clocks differ by.
	overlapsPerEpoch = 24
)

// Epoch names an epoch by the tick at which it begins. A tick is a quarter of an epoch.
type Epoch uint32

// Phase is the group of a y, 0 to Phases-1.
type Phase uint8

// PhaseOf derives the phase of a y.
func PhaseOf(y Y) Phase {
	secret := y.Bytes()
	h := sha256.New()
	h.Write(appendDomain(nil, "sotto slot phase v1"))
	h.Write(secret[:])
	return Phase(h.Sum(nil)[0] % Phases)
}

// Schedule counts epochs from an overlay's genesis.
type Schedule struct {
	genesis  int64 // unix seconds
	tick     int64 // seconds
	keyEpoch int64 // ticks
}

// NewSchedule takes the genesis (unix seconds, not negative), the length of an epoch (a multiple of 4 s; a period of
// the overlay, 24 h) and that of a key epoch (a whole number of epochs), and fails with ErrSchedule otherwise.
func NewSchedule(genesis int64, epoch, keyEpoch time.Duration) (Schedule, error) {
	// A genesis beyond 2^40 s is an error of units, and keeps the sums below from overflowing.
	if genesis < 0 || genesis >= 1<<40 || epoch <= 0 || epoch%(Phases*time.Second) != 0 {
		return Schedule{}, ErrSchedule
	}
	if keyEpoch < epoch || keyEpoch%epoch != 0 {
		return Schedule{}, ErrSchedule
	}
	tick := epoch / Phases
	return Schedule{genesis, int64(tick / time.Second), int64(keyEpoch / tick)}, nil
}

// tickAt counts whole ticks since the genesis.
func (s Schedule) tickAt(now time.Time) (int64, error) {
	if s.tick == 0 || now.Unix() < s.genesis || (now.Unix()-s.genesis)/s.tick > math.MaxUint32-Phases {
		return 0, ErrOutsideSchedule
	}
	return (now.Unix() - s.genesis) / s.tick, nil
}

// KeyEpochAt returns the key epoch whose y is current, or ErrOutsideSchedule.
func (s Schedule) KeyEpochAt(now time.Time) (uint32, error) {
	t, err := s.tickAt(now)
	if err != nil {
		return 0, err
	}
	return uint32(t / s.keyEpoch), nil
}

// KeyEpochOf returns the key epoch whose y an epoch belongs to, 0 for a zero Schedule.
func (s Schedule) KeyEpochOf(e Epoch) uint32 {
	if s.keyEpoch == 0 {
		return 0
	}
	return uint32(int64(e) / s.keyEpoch)
}

// Current returns the epoch at an instant for a phase, or ErrOutsideSchedule. It belongs to the y of KeyEpochAt.
func (s Schedule) Current(now time.Time, phase Phase) (Epoch, error) {
	t, err := s.tickAt(now)
	if err != nil {
		return 0, err
	}
	first := t - t%s.keyEpoch // of the key epoch
	begin := t - (t-first-int64(phase%Phases)+Phases)%Phases
	return Epoch(max(begin, first)), nil
}

// Next returns the epoch that follows another of a phase. At the end of a key epoch that is the first of the next
// one, which begins for all phases at once.
func (s Schedule) Next(e Epoch, phase Phase) (Epoch, error) {
	if s.tick == 0 || int64(e) > math.MaxUint32-2*Phases {
		return 0, ErrOutsideSchedule
	}
	within := int64(e) % s.keyEpoch
	step := Phases - (within-int64(phase%Phases)+Phases)%Phases
	return Epoch(int64(e) + min(step, s.keyEpoch-within)), nil
}

// Begin returns the first instant of an epoch.
func (s Schedule) Begin(e Epoch) time.Time {
	return time.Unix(s.genesis+int64(e)*s.tick, 0).UTC()
}

// Overlap is how long before its first and after its last instant an epoch is served: 1 h of 24.
func (s Schedule) Overlap() time.Duration {
	return time.Duration(s.tick) * time.Second * Phases / overlapsPerEpoch
}

// Served returns, in order, the epochs in which a record of the y of a key epoch stands at an instant: the current
// one, and within Overlap of a change also the one on the other side. It is empty where the key epoch is not one of
// KeyEpochsServed.
func (s Schedule) Served(now time.Time, keyEpoch uint32, phase Phase) []Epoch {
	var served []Epoch
	for _, at := range s.around(now) {
		e, err := s.Current(at, phase)
		if err == nil && s.KeyEpochOf(e) == keyEpoch && (len(served) == 0 || served[len(served)-1] != e) {
			served = append(served, e)
		}
	}
	return served
}

// KeyEpochsServed returns, in order, the key epochs whose y have records at an instant: one, and two within Overlap
// of a change of key epochs; none before the genesis.
func (s Schedule) KeyEpochsServed(now time.Time) []uint32 {
	var served []uint32
	for _, at := range s.around(now) {
		k, err := s.KeyEpochAt(at)
		if err == nil && (len(served) == 0 || served[len(served)-1] != k) {
			served = append(served, k)
		}
	}
	return served
}

// around is an instant with its neighbours at a distance of Overlap, which no two changes fit between.
func (s Schedule) around(now time.Time) [3]time.Time {
	return [3]time.Time{now.Add(-s.Overlap()), now, now.Add(s.Overlap())}
}

// Accepts reports whether a storer, who does not know the phase, takes a record of an epoch at an instant: from
// Overlap before the epoch begins until Overlap after a whole epoch. The short epochs at both ends of a key epoch
// pass for longer than they are current; the expiry of records ends that.
func (s Schedule) Accepts(e Epoch, now time.Time) bool {
	begin := s.Begin(e)
	length := time.Duration(s.tick) * time.Second * Phases
	return s.tick != 0 && !now.Before(begin.Add(-s.Overlap())) && now.Before(begin.Add(length+s.Overlap()))
}
