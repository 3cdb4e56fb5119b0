//go:build !mutation

package noise

// Nothing is mutated: see mutation.go. The calls vanish in compilation.

type mutation byte

const (
	noWindow mutation = iota
	noMemory
	noCookies
	noBinding
	noHalfBound
)

func mutated(mutation) bool { return false }
