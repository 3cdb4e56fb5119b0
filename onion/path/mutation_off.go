//go:build !mutation

package path

// Nothing is mutated: see mutation.go. The calls vanish in compilation.

type mutation byte

const (
	noPinning mutation = iota
	noPurposes
	noRebuilding
	noNetworks
)

func mutated(mutation) bool { return false }
