package threatmodel

import (
	"math"
	"testing"
)

func TestTheFormulaTendsToTheChanceOfABadGuard(t *testing.T) {
	for _, role := range linkRoles() {
		for _, f := range []float64{0.05, 0.3} {
			for _, high := range []bool{false, true} {
				if p := linkFormula(f, high, role.load(10_000)); math.Abs(p-(1-(1-f)*(1-f))) > 1e-9 {
					t.Errorf("%s at f = %g: %g", role.name, f, p)
				}
			}
		}
	}
	// One path: a bad guard, and a bad far node or hop before it.
	if p := linkFormula(0.1, true, linkLoad{fars: []linkGroup{{1, 1}}}); math.Abs(p-0.1*0.19) > 1e-12 {
		t.Errorf("one path: %g", p)
	}
	if linkFormula(0, false, readerLoad(120)) != 0 {
		t.Error("linked without anybody bad")
	}
}

func TestPinnedPlacesRenewAsTheirLivesEnd(t *testing.T) {
	for _, c := range []struct{ days, relays float64 }{{0, 1}, {1, 1}, {12, 2.11}} {
		if got := pinnedSeconds(c.days); math.Abs(got-c.relays) > 0.15 {
			t.Errorf("after %g days: %g relays, not %g", c.days, got, c.relays)
		}
	}
	// Lives of 8⅓ days on average, in the long run.
	if rate := (pinnedSeconds(400) - pinnedSeconds(300)) / 100; math.Abs(rate-3.0/25) > 0.002 {
		t.Errorf("%g relays a day", rate)
	}
}
