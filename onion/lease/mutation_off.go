//go:build !mutation

package lease

// Nothing is mutated: see mutation.go. The calls vanish in compilation.

type mutation byte

const (
	noProof mutation = iota
	noKnock
	noOpeningLimits
	noForgetting
)

func mutated(mutation) bool { return false }
