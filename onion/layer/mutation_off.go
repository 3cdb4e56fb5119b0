//go:build !mutation

package layer

// Nothing is mutated: see mutation.go. The calls vanish in compilation.

type mutation byte

const (
	noWindow mutation = iota
	noFlagCheck
)

func mutated(mutation) bool { return false }
