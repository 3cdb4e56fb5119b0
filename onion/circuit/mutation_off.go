//go:build !mutation

package circuit

// Nothing is mutated: see mutation.go. The calls vanish in compilation.

type mutation byte

const (
	noCreateCache mutation = iota
	noCreateLimits
	noClosing
)

func mutated(mutation) bool { return false }
