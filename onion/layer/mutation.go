// The mechanisms that a build for measuring can take away: see package mutation.

package layer

const (
	noWindow    = "layer: no replay window"
	noFlagCheck = "layer: a hop lets the next one speak in its name"
)
