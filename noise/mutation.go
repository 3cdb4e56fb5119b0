//go:build mutation

package noise

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
	noWindow    mutation = "noise: no replay window"
	noMemory    mutation = "noise: no memory of first messages"
	noCookies   mutation = "noise: no cookies"
	noBinding   mutation = "noise: no binding of first messages to their envelope"
	noHalfBound mutation = "noise: no bound on half-open links"
)

// mutated reports whether a mechanism is missing now, named in the environment's SOTTO_MUTATION. It is asked each time,
// so that one process can measure one mutation after the other.
func mutated(m mutation) bool { return strings.Contains(os.Getenv("SOTTO_MUTATION"), string(m)) }
