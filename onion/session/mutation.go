//go:build mutation

package session

import (
	"os"
	"strings"
)

// Mutations: mechanisms switched off one at a time, so that the measurements of package threatmodel can show that they
// would notice. They exist under the build tag "mutation" only; in every other build they are compiled out, and no
// switch of a shipped binary reaches them.

// mutation names a mechanism that is missing.
type mutation string

const noOpeningMemory mutation = "session: openings are not remembered"

// mutated reports whether a mechanism is missing now, named in the environment's SOTTO_MUTATION.
func mutated(m mutation) bool { return strings.Contains(os.Getenv("SOTTO_MUTATION"), string(m)) }
