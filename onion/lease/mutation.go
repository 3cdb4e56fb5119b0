//go:build mutation

package lease

import (
	"os"
	"strings"
)

// Mutations: mechanisms switched off one at a time, so that the measurements of package threatmodel can show that they
// would notice. They exist under the build tag "mutation" only; in every other build they are compiled out, and no
// switch of a shipped binary reaches them.

// mutation names a mechanism that is missing.
type mutation string

const (
	noProof         mutation = "lease: whoever knows a lease key may listen for it"
	noKnock         mutation = "lease: openings need no knock key"
	noOpeningLimits mutation = "lease: no limits on openings"
	noForgetting    mutation = "lease: lease keys are kept for ever"
)

// mutated reports whether a mechanism is missing now, named in the environment's SOTTO_MUTATION.
func mutated(m mutation) bool { return strings.Contains(os.Getenv("SOTTO_MUTATION"), string(m)) }
