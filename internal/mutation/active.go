//go:build mutation

package mutation

import (
	"os"
	"strings"
)

// Active reports whether a mechanism is missing now: its name is in the environment's SOTTO_MUTATION. It is asked each
// time, so that one process can measure one mutation after the other.
func Active(name string) bool { return strings.Contains(os.Getenv("SOTTO_MUTATION"), name) }
