package noise

import (
	"sotto/internal/mutation"
	"sotto/internal/replay"
)

// The replay window of a session.

// window is a replay.Window that a mutation can take away.
type window struct{ replay.Window }

// check reports whether counter n may still be accepted.
func (w *window) check(n uint64) bool { return w.Check(n) || mutation.Active(noWindow) }
