// What clocks that jump may do.

package path

import (
	"slices"
	"testing"
)

func TestClockThatIsSetBackReplacesNoSeconds(t *testing.T) {
	s, _ := linked(t, 91, relays(t, 100))
	before := s.kept.clone()
	now := start()
	for range 10 { // whoever sets it could have others chosen each time
		must(t, s.Advance(now.Add(-11*day)))
		must(t, s.Advance(now))
	}
	for p, one := range s.kept.sets {
		for i, m := range one.members {
			if !slices.ContainsFunc(before.sets[p].members, func(o held) bool { return o.id == m.id }) {
				t.Errorf("second %d for %v is another", i, Purpose(p))
			}
		}
	}
}
