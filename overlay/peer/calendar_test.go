package peer

import (
	"errors"
	"math"
	"testing"
	"time"
)

func TestPeriodsAreCountedFromGenesis(t *testing.T) {
	c := testCalendar(t)
	genesis := time.Unix(testGenesis, 0)
	for _, x := range []struct {
		after  time.Duration
		period uint32
	}{
		{0, 0}, {24*time.Hour - 1, 0}, {24 * time.Hour, 1}, {60*24*time.Hour - 1, 59}, {60 * 24 * time.Hour, 60},
	} {
		got, err := c.PeriodAt(genesis.Add(x.after))
		if err != nil || got != x.period {
			t.Errorf("%v after genesis: period %d, %v; want %d", x.after, got, err, x.period)
		}
	}
	for _, now := range []time.Time{genesis.Add(-1), {}, time.Unix(math.MaxInt64, 0)} {
		if _, err := c.PeriodAt(now); !errors.Is(err, ErrOutsideCalendar) {
			t.Errorf("a time outside has a period: %v", err)
		}
	}
}

func TestPeriodStartIsWhereItsNumberBegins(t *testing.T) {
	c := testCalendar(t)
	for _, p := range []uint32{0, 1, 59, 60, 100_000} {
		at, err := c.PeriodAt(c.PeriodStart(p))
		if err != nil || at != p {
			t.Errorf("start of %d lies in %d, %v", p, at, err)
		}
		if before, err := c.PeriodAt(c.PeriodStart(p).Add(-1)); err == nil && before != p-1 {
			t.Errorf("just before the start of %d lies in %d", p, before)
		}
	}
}

func TestKeyEpochsAreWholePeriods(t *testing.T) {
	c := testCalendar(t)
	for period, epoch := range map[uint32]uint32{0: 0, 59: 0, 60: 1, 119: 1, 120: 2} {
		if got := c.KeyEpochOf(period); got != epoch {
			t.Errorf("period %d in key epoch %d, want %d", period, got, epoch)
		}
	}
	if first, err := c.FirstPeriod(2); err != nil || first != 120 {
		t.Errorf("key epoch 2 begins with %d, %v", first, err)
	}
	if _, err := c.FirstPeriod(math.MaxUint32); !errors.Is(err, ErrOutsideCalendar) {
		t.Errorf("a key epoch beyond the last period: %v", err)
	}
}

func TestCalendarRefusesParametersItCannotCount(t *testing.T) {
	day := 24 * time.Hour
	for name, found := range map[string]func() (Calendar, error){
		"negative genesis":        func() (Calendar, error) { return NewCalendar(-1, day, day) },
		"genesis in milliseconds": func() (Calendar, error) { return NewCalendar(testGenesis*1000, day, day) },
		"no period":               func() (Calendar, error) { return NewCalendar(0, 0, day) },
		"fraction of a second":    func() (Calendar, error) { return NewCalendar(0, 1500*time.Millisecond, 3*time.Second) },
		"epoch below a period":    func() (Calendar, error) { return NewCalendar(0, day, day/2) },
		"epoch of 1.5 periods":    func() (Calendar, error) { return NewCalendar(0, day, day+day/2) },
	} {
		if _, err := found(); !errors.Is(err, ErrCalendar) {
			t.Errorf("%s: %v", name, err)
		}
	}
	var zero Calendar
	if _, err := zero.PeriodAt(time.Unix(testGenesis, 0)); !errors.Is(err, ErrOutsideCalendar) {
		t.Errorf("a zero calendar counts: %v", err)
	}
}

func TestPathsUseTheFinishedPeriodOnly(t *testing.T) {
	for _, x := range []struct {
		period, now uint32
		want        bool
	}{
		{0, 0, true},  // the founding document
		{0, 1, true},  // and the period after it
		{0, 2, false}, // an older one
		{1, 0, false}, {1, 1, false}, {1, 2, true}, {1, 3, false},
		{7, 6, false}, {7, 7, false}, {7, 8, true}, {7, 9, false},
		{math.MaxUint32, 0, false}, {math.MaxUint32, math.MaxUint32, false}, {math.MaxUint32 - 1, math.MaxUint32, true},
	} {
		if got := UsableForPaths(x.period, x.now); got != x.want {
			t.Errorf("number %d in period %d: %v", x.period, x.now, got)
		}
	}
}

func TestLinksAcceptThePreviousCurrentAndNextPeriod(t *testing.T) {
	for _, x := range []struct {
		period, now uint32
		want        bool
	}{
		{0, 0, true}, {1, 0, true}, {2, 0, false}, {math.MaxUint32, 0, false},
		{4, 5, true}, {5, 5, true}, {6, 5, true}, {3, 5, false}, {7, 5, false},
		{0, math.MaxUint32, false}, {math.MaxUint32, math.MaxUint32, true},
	} {
		if got := UsableForLinks(x.period, x.now); got != x.want {
			t.Errorf("number %d in period %d: %v", x.period, x.now, got)
		}
	}
	for period := range uint32(10) {
		for now := range uint32(10) {
			if UsableForPaths(period, now) && !UsableForLinks(period, now) {
				t.Errorf("number %d in period %d: usable for paths, refused for links", period, now)
			}
		}
	}
}
