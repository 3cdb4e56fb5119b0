// The mechanisms that a build for measuring can take away: see package mutation.

package lease

const (
	noProof         = "lease: whoever knows a lease key may listen for it"
	noKnock         = "lease: openings need no knock key"
	noOpeningLimits = "lease: no limits on openings"
	noForgetting    = "lease: lease keys are kept for ever"
)
