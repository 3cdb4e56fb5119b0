//go:build mutation

package path

import (
	"os"
	"strings"
)

// Mutations: mechanisms switched off one at a time, so that the measurements of package threatmodel can show that they
// would notice. They exist under the build tag "mutation" only, as those of package noise.

// mutation names a mechanism that is missing.
type mutation string

const (
	noPinning    mutation = "path: no pinning of second positions"
	noPurposes   mutation = "path: one set of second positions for all purposes"
	noRebuilding mutation = "path: no bound on rebuilds"
	noNetworks   mutation = "path: no constraint on networks"
)

// mutated reports whether a mechanism is missing now, named in the environment's SOTTO_MUTATION.
func mutated(m mutation) bool { return strings.Contains(os.Getenv("SOTTO_MUTATION"), string(m)) }
