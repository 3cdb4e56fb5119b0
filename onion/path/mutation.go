// The mechanisms that a build for measuring can take away: see package mutation.

package path

const (
	noPinning    = "path: no pinning of second positions"
	noPurposes   = "path: one set of second positions for all purposes"
	noRebuilding = "path: no bound on rebuilds"
	noNetworks   = "path: no constraint on networks"
)
