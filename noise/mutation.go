package noise

// The mechanisms that a build for measuring can take away: see package mutation.

const (
	noWindow    = "noise: no replay window"
	noMemory    = "noise: no memory of first messages"
	noCookies   = "noise: no cookies"
	noBinding   = "noise: no binding of first messages to their envelope"
	noHalfBound = "noise: no bound on half-open links"
)
