// Periods and key epochs: how the time since an overlay's genesis is counted, and in which periods a daily
// part may be used for what. Time is always an argument.

package peer

import (
	"errors"
	"math"
	"time"
)

var (
	// ErrCalendar is returned for parameters that no calendar can be made of.
	ErrCalendar = errors.New("peer: unusable calendar parameters")
	// ErrOutsideCalendar is returned for a time before the genesis or too far after it to be numbered.
	ErrOutsideCalendar = errors.New("peer: time outside of the overlay's calendar")
	// ErrPeriod is returned for a daily part whose period is not acceptable now, or not of its key epoch.
	ErrPeriod = errors.New("peer: wrong period")
)

// Values that overlays are founded with (protocol §5, §6).
const (
	DefaultPeriod   = 24 * time.Hour
	DefaultKeyEpoch = 60 * DefaultPeriod
)

// Calendar counts periods and key epochs from an overlay's genesis; its three parameters stand in the overlay
// document. Periods and key epochs are numbered from 0 and contain their first instant, not their last.
type Calendar struct {
	genesis int64 // unix seconds
	period  int64 // seconds
	ratio   uint32
}

// NewCalendar takes the genesis (unix seconds, not negative), the length of a period (whole seconds) and that
// of a key epoch (a whole number of periods), and fails with ErrCalendar otherwise.
func NewCalendar(genesis int64, period, keyEpoch time.Duration) (Calendar, error) {
	// A genesis beyond 2^40 s (36 000 years) is an error of units, and keeps the sums below from overflowing.
	if genesis < 0 || genesis >= 1<<40 || period < time.Second || period%time.Second != 0 {
		return Calendar{}, ErrCalendar
	}
	if keyEpoch < period || keyEpoch%period != 0 || keyEpoch/period > math.MaxUint32 {
		return Calendar{}, ErrCalendar
	}
	return Calendar{genesis, int64(period / time.Second), uint32(keyEpoch / period)}, nil
}

// PeriodAt returns the number of the period that contains now, or ErrOutsideCalendar.
func (c Calendar) PeriodAt(now time.Time) (uint32, error) {
	since := now.Unix() - c.genesis
	if c.period == 0 || now.Unix() < c.genesis || since/c.period > math.MaxUint32 {
		return 0, ErrOutsideCalendar
	}
	return uint32(since / c.period), nil
}

// PeriodStart returns the first instant of a period, which is also the end of the one before it.
func (c Calendar) PeriodStart(period uint32) time.Time {
	return time.Unix(c.genesis+int64(period)*c.period, 0).UTC()
}

// KeyEpochOf returns the key epoch that a period belongs to.
func (c Calendar) KeyEpochOf(period uint32) uint32 {
	if c.ratio == 0 {
		return 0
	}
	return period / c.ratio
}

// PeriodsPerKeyEpoch returns how many periods a key epoch has.
func (c Calendar) PeriodsPerKeyEpoch() uint32 { return c.ratio }

// FirstPeriod returns the number of the first period of a key epoch, or ErrOutsideCalendar.
func (c Calendar) FirstPeriod(keyEpoch uint32) (uint32, error) {
	first := uint64(keyEpoch) * uint64(c.ratio)
	if c.ratio == 0 || first > math.MaxUint32 {
		return 0, ErrOutsideCalendar
	}
	return uint32(first), nil
}

// UsableForPaths reports whether circuits made in period now may go through a peer by its daily part of the
// given period: exactly the period before now. Everybody then chooses from one finished set, which can be
// compared. Period 0 comes with the founding document, finished from the start, and is usable at once too.
func UsableForPaths(period, now uint32) bool {
	return (now > 0 && period == now-1) || (now == 0 && period == 0)
}

// UsableForLinks reports whether a link may be made in period now by a daily part of the given period, and
// whether such a part is accepted from others at all: the current period, the one before, and the next, so
// that clocks may differ and the next day be announced ahead.
func UsableForLinks(period, now uint32) bool {
	return period == now || (period < now && now-period == 1) || (period > now && period-now == 1)
}
