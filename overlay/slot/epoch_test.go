package slot

import (
	"errors"
	"math"
	"slices"
	"testing"
	"time"
)

const (
	testGenesis = 1_800_000_000
	hour        = time.Hour
	day         = 24 * hour
)

func testSchedule(t testing.TB) Schedule {
	t.Helper()
	s, err := NewSchedule(testGenesis, day, 60*day)
	must(t, err)
	return s
}

func after(d time.Duration) time.Time { return time.Unix(testGenesis, 0).Add(d) }

func TestPhasesChangeSixHoursApart(t *testing.T) {
	s := testSchedule(t)
	for _, x := range []struct {
		after time.Duration
		phase Phase
		want  Epoch // in ticks of 6 h
	}{
		{0, 0, 0}, {day - 1, 0, 0}, {day, 0, 4}, {10*day + 5*hour, 0, 40},
		{0, 1, 0}, {6*hour - 1, 1, 0}, {6 * hour, 1, 1}, {30*hour - 1, 1, 1}, {30 * hour, 1, 5},
		{0, 3, 0}, {18*hour - 1, 3, 0}, {18 * hour, 3, 3}, {42 * hour, 3, 7},
		// The last epoch of a key epoch is cut, and the first of the next is short.
		{60*day - 1, 3, 239}, {60 * day, 3, 240}, {60*day + 18*hour - 1, 3, 240}, {60*day + 18*hour, 3, 243},
	} {
		if got, err := s.Current(after(x.after), x.phase); err != nil || got != x.want {
			t.Errorf("phase %d, %v after genesis: %d, %v; want %d", x.phase, x.after, got, err, x.want)
		}
	}
}

func TestEpochsFollowEachOtherWithoutGapOrOverlap(t *testing.T) {
	s := testSchedule(t)
	for phase := range Phase(Phases) {
		e, err := s.Current(after(0), phase)
		must(t, err)
		for range 200 { // over three key epochs
			next, err := s.Next(e, phase)
			must(t, err)
			begin, end := s.Begin(e), s.Begin(next)
			if length := end.Sub(begin); length <= 0 || length > day {
				t.Fatalf("phase %d: epoch %d lasts %v", phase, e, length)
			}
			if s.KeyEpochOf(e) == s.KeyEpochOf(next) && int64(e)%s.keyEpoch != 0 && end.Sub(begin) != day {
				t.Fatalf("phase %d: epoch %d in the middle of a key epoch lasts %v", phase, e, end.Sub(begin))
			}
			for _, at := range []time.Time{begin, end.Add(-1)} {
				got, err := s.Current(at, phase)
				key, errKey := s.KeyEpochAt(at)
				if err != nil || errKey != nil || got != e || key != s.KeyEpochOf(e) {
					t.Fatalf("phase %d: epoch %d is not current at its own edge", phase, e)
				}
			}
			e = next
		}
	}
}

func TestBothEpochsAreServedAroundAChange(t *testing.T) {
	s := testSchedule(t)
	for _, x := range []struct {
		after time.Duration
		want  []Epoch
	}{
		{5*day + 6*hour - hour - 1, []Epoch{17}},
		{5*day + 6*hour - hour, []Epoch{17, 21}},
		{5*day + 6*hour, []Epoch{17, 21}},
		{5*day + 6*hour + hour - 1, []Epoch{17, 21}},
		{5*day + 6*hour + hour, []Epoch{21}},
		{0, []Epoch{0}},
	} {
		if got := s.Served(after(x.after), 0, 1); !slices.Equal(got, x.want) {
			t.Errorf("%v after genesis: %v, want %v", x.after, got, x.want)
		}
	}
}

func TestBothKeyEpochsAreServedAroundTheirChange(t *testing.T) {
	s := testSchedule(t)
	for _, x := range []struct {
		after time.Duration
		keys  []uint32
		old   []Epoch // phase 1 of key epoch 0
		young []Epoch // phase 3 of key epoch 1
	}{
		{60*day - 2*hour, []uint32{0}, []Epoch{237}, nil},
		{60*day - hour, []uint32{0, 1}, []Epoch{237}, []Epoch{240}},
		{60 * day, []uint32{0, 1}, []Epoch{237}, []Epoch{240}},
		{60*day + hour, []uint32{1}, nil, []Epoch{240}},
	} {
		now := after(x.after)
		if got := s.KeyEpochsServed(now); !slices.Equal(got, x.keys) {
			t.Errorf("%v: key epochs %v, want %v", x.after, got, x.keys)
		}
		if got := s.Served(now, 0, 1); !slices.Equal(got, x.old) {
			t.Errorf("%v: old y %v, want %v", x.after, got, x.old)
		}
		if got := s.Served(now, 1, 3); !slices.Equal(got, x.young) {
			t.Errorf("%v: young y %v, want %v", x.after, got, x.young)
		}
	}
}

func TestStorerAcceptsWhateverIsServedAndLittleElse(t *testing.T) {
	s := testSchedule(t)
	for phase := range Phase(Phases) {
		for at := time.Duration(0); at < 62*day; at += 29 * time.Minute {
			for _, key := range s.KeyEpochsServed(after(at)) {
				for _, e := range s.Served(after(at), key, phase) {
					if !s.Accepts(e, after(at)) {
						t.Fatalf("phase %d: epoch %d is served %v after genesis and not accepted", phase, e, at)
					}
				}
			}
		}
	}
	begin := 21 * 6 * hour
	for _, x := range []struct {
		after time.Duration
		want  bool
	}{
		{begin - hour - 1, false}, {begin - hour, true}, {begin + day + hour - 1, true}, {begin + day + hour, false},
	} {
		if got := s.Accepts(21, after(x.after)); got != x.want {
			t.Errorf("epoch 21, %v after genesis: %v", x.after, got)
		}
	}
}

func TestPhaseComesFromYAndAllAreUsed(t *testing.T) {
	var count [Phases]int
	for i := range 256 {
		y := testY(t, byte(i))
		p := PhaseOf(y)
		if p != PhaseOf(y) || p >= Phases {
			t.Fatal("a y has no one phase")
		}
		count[p]++
	}
	for p, n := range count {
		if n < 32 { // 64 expected, four and a half standard deviations less
			t.Errorf("phase %d has %d of 256", p, n)
		}
	}
}

func TestScheduleRefusesWhatItCannotCount(t *testing.T) {
	for name, f := range map[string]func() (Schedule, error){
		"negative genesis":        func() (Schedule, error) { return NewSchedule(-1, day, day) },
		"genesis in milliseconds": func() (Schedule, error) { return NewSchedule(testGenesis*1000, day, day) },
		"no epoch":                func() (Schedule, error) { return NewSchedule(0, 0, day) },
		"ticks of half a second":  func() (Schedule, error) { return NewSchedule(0, 2*time.Second, day) },
		"key epoch too short":     func() (Schedule, error) { return NewSchedule(0, day, hour) },
		"key epoch of 1.5 epochs": func() (Schedule, error) { return NewSchedule(0, day, 36*hour) },
	} {
		if _, err := f(); !errors.Is(err, ErrSchedule) {
			t.Errorf("%s: %v", name, err)
		}
	}
	s := testSchedule(t)
	for name, x := range map[string]struct {
		schedule Schedule
		now      time.Time
	}{
		"before the genesis": {s, after(-1)}, "far future": {s, time.Unix(math.MaxInt64, 0)}, "no schedule": {Schedule{}, after(day)},
	} {
		if _, err := x.schedule.Current(x.now, 0); !errors.Is(err, ErrOutsideSchedule) {
			t.Errorf("%s: %v", name, err)
		}
		if _, err := x.schedule.KeyEpochAt(x.now); !errors.Is(err, ErrOutsideSchedule) {
			t.Errorf("%s: key epoch: %v", name, err)
		}
	}
	if s.Served(after(-day), 0, 0) != nil || s.KeyEpochsServed(after(-day)) != nil || (Schedule{}).Accepts(0, after(0)) {
		t.Error("something is served before there is an overlay")
	}
	if _, err := s.Next(math.MaxUint32-1, 0); !errors.Is(err, ErrOutsideSchedule) {
		t.Errorf("an epoch after the last: %v", err)
	}
}
