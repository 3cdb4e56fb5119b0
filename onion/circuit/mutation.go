// The mechanisms that a build for measuring can take away: see package mutation.

package circuit

const (
	noCreateCache  = "circuit: creates are not remembered"
	noCreateLimits = "circuit: no limits on creates"
	noClosing      = "circuit: the origin goes on after a cell that fails"
)
