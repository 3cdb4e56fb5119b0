// Why an authority says no: one byte on the wire, a sentence at the person's end.

package document

// Refusal is an authority's no, an error to match with errors.Is.
type Refusal byte

// The reasons. A number is never reused.
const (
	// RefusedMalformed: not a request, or of another version.
	RefusedMalformed Refusal = 1 + iota
	// RefusedForeign: a request for another overlay.
	RefusedForeign
	// RefusedSignature: the request's signature or its proof of the code does not fit.
	RefusedSignature
	// RefusedClock: the request is dated more than Slack in the authority's future.
	RefusedClock
	// RefusedOld: the request was made too long ago.
	RefusedOld
	// RefusedCode: no such code.
	RefusedCode
	// RefusedCodeUsed: the code was used with another key.
	RefusedCodeUsed
	// RefusedCodeExpired: the code is out of date.
	RefusedCodeExpired
	// RefusedCodeName: the code is for another name.
	RefusedCodeName
	// RefusedTaken: somebody else has the name.
	RefusedTaken
	// RefusedUnknown: the key is not enrolled under that name.
	RefusedUnknown
	// RefusedRevoked: the authority has revoked this person.
	RefusedRevoked
	// RefusedEarly: too early for that slot epoch or key epoch.
	RefusedEarly
	// RefusedLate: that slot epoch or key epoch is over.
	RefusedLate
	// RefusedQuota: the admissions of this key epoch are used up.
	RefusedQuota
	// RefusedSlot: the slot is not that of the enrolled name, or has too many writers.
	RefusedSlot
	// RefusedSeed: not invited as a seed, or no such peer.
	RefusedSeed
	// RefusedBusy: too many requests; later.
	RefusedBusy
	// RefusedFault: the authority is broken.
	RefusedFault
	lastRefusal
)

var refusalTexts = [lastRefusal]string{
	RefusedMalformed:   "authority: not a request it understands",
	RefusedForeign:     "authority: a request for another overlay",
	RefusedSignature:   "authority: the request's signature does not fit",
	RefusedClock:       "authority: the request is dated in the future",
	RefusedOld:         "authority: the request is too old",
	RefusedCode:        "authority: no such invite code",
	RefusedCodeUsed:    "authority: the invite code was used before",
	RefusedCodeExpired: "authority: the invite code has expired",
	RefusedCodeName:    "authority: the invite code is for another name",
	RefusedTaken:       "authority: the name is taken",
	RefusedUnknown:     "authority: not enrolled with this key",
	RefusedRevoked:     "authority: revoked",
	RefusedEarly:       "authority: too early for that epoch",
	RefusedLate:        "authority: that epoch is over",
	RefusedQuota:       "authority: no admissions left in this key epoch",
	RefusedSlot:        "authority: not a slot of the enrolled name",
	RefusedSeed:        "authority: not invited as a seed",
	RefusedBusy:        "authority: busy",
	RefusedFault:       "authority: it cannot answer",
}

// Error says which reason it was, without any of the request.
func (r Refusal) Error() string {
	if !r.valid() {
		return "authority: refused"
	}
	return refusalTexts[r]
}

func (r Refusal) valid() bool { return r > 0 && r < lastRefusal }

// Final reports whether the same request can never succeed later.
func (r Refusal) Final() bool {
	return r != RefusedBusy && r != RefusedFault && r != RefusedEarly && r != RefusedClock
}

// OfPart reports whether a refusal is about one thing among those that a request asked for, and others might be granted.
func (r Refusal) OfPart() bool {
	switch r {
	case RefusedEarly, RefusedLate, RefusedQuota, RefusedSlot, RefusedSeed:
		return true
	}
	return false
}

// EndsEnrolment reports whether nobody will ever be enrolled with that invite and key. Other refusals are about the
// rest of a request, which may have been granted before, so that the key must be kept.
func (r Refusal) EndsEnrolment() bool {
	switch r {
	case RefusedForeign, RefusedCode, RefusedCodeUsed, RefusedCodeExpired, RefusedCodeName, RefusedTaken, RefusedRevoked:
		return true
	}
	return false
}
