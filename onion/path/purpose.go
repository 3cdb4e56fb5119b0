package path

// What circuits are for, and how long their paths are.

// Purpose is what a circuit is for. A stem serves one, and second positions are chosen for each apart, so that no relay
// behind a guard sees two of them of one node (protocol §2, §3).
type Purpose uint8

// The purposes.
const (
	Lookups       Purpose = iota // reading records
	Publishing                   // storing one's own records
	UserLeases                   // listening for callers
	StoringLeases                // listening as an anonymous storer
	Replication                  // handing records on
	Calls                        // legs of sessions with others

	// Purposes is how many there are.
	Purposes = 6
)

// String names a purpose in words for a status page.
func (p Purpose) String() string {
	switch p {
	case Lookups:
		return "look-ups"
	case Publishing:
		return "publishing"
	case UserLeases:
		return "user leases"
	case StoringLeases:
		return "storing leases"
	case Replication:
		return "replication"
	case Calls:
		return "calls"
	}
	return "unknown"
}

// Profile is how many relays a path has.
type Profile uint8

// The profiles.
const (
	Standard Profile = iota // guard, second, far node
	High                    // guard, second, random, far node: what the far node sees names no pinned relay
)

// String names a profile.
func (p Profile) String() string {
	switch p {
	case Standard:
		return "standard"
	case High:
		return "high"
	}
	return "unknown"
}

// hops is the length of a stem.
func (p Profile) hops() int {
	if p == High {
		return 3
	}
	return 2
}
