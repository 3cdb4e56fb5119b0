//go:build mutation

package threatmodel

// The controls that need a mechanism missing from the package that it names. TestClaims runs this build as a child.

import "testing"

func TestMutatedClaims(t *testing.T) {
	for _, c := range Claims() {
		for _, control := range c.Controls {
			if control.Mutation == "" {
				continue
			}
			t.Run(c.ID, func(t *testing.T) {
				t.Setenv("SOTTO_MUTATION", control.Mutation)
				testControl(t, control)
			})
		}
	}
}

// A mutation build in which nothing is mutated is the shipped one.
func TestUnmutatedBuildHoldsItsClaims(t *testing.T) {
	m, err := measureReplays(t.Context(), Quick)
	if worst, bad := m.Worst(); err != nil || bad {
		t.Errorf("%v %s", err, worst)
	}
}
