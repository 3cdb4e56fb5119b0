// Errors as sentences for the person at the screen: what is wrong, and what to do next.

package enroll

import (
	"errors"

	"sotto/overlay/enroll/authority"
	"sotto/overlay/enroll/document"
	"sotto/overlay/enroll/identity"
	"sotto/overlay/enroll/store"
	"sotto/overlay/enroll/visit"
)

// sentences are looked through from the top: what is more telling stands first. None of them holds anything of
// what went wrong but its kind.
var sentences = []struct {
	err  error
	text string
}{
	// It wraps what the document found malformed, which is not a file.
	{authority.ErrConfig, "an overlay cannot have these values: take a name of at most 63 of a-z, 0-9, - and ., a service as host:port or none, and whole periods"},

	// The authority's refusals.
	{document.RefusedMalformed, "the authority does not understand the request: use the same version of sotto as the authority's operator"},
	{document.RefusedForeign, "the request is for another overlay: join with an invite of this authority"},
	{document.RefusedSignature, "the authority found the request altered: make a new one and send it unchanged"},
	{document.RefusedClock, "the authority finds the request dated in the future: check this machine's clock"},
	{document.RefusedOld, "the request was made too long ago: make a new one, and check this machine's clock"},
	{document.RefusedCodeUsed, "this invite was used before: ask the operator for a new one"},
	{document.RefusedCodeExpired, "this invite has expired: ask the operator for a new one"},
	{document.RefusedCodeName, "this invite is for another name: use the invite file as it was given"},
	{document.RefusedCode, "the authority does not know this invite: ask the operator whether it was withdrawn, and for a new one"},
	{document.RefusedTaken, "somebody else has this name: ask the operator for an invite with another name"},
	{document.RefusedUnknown, "the authority does not know this key: it was replaced or never enrolled; ask the operator for a new invite"},
	{document.RefusedRevoked, "the authority has revoked this identity: ask its operator why"},
	{document.RefusedEarly, "it is too early to ask for this: try again tomorrow, and check this machine's clock"},
	{document.RefusedLate, "what was asked for is over: check this machine's clock and ask again"},
	{document.RefusedQuota, "all admissions of this key epoch are used up: wait for the next key epoch, or use the peer that has one"},
	{document.RefusedSlot, "the authority refuses these slots: too many devices have asked for them; ask the operator"},
	{document.RefusedSeed, "the authority does not list this relay as a seed: announce an address of the same kind as the other seeds, public or private, or ask the operator for an invite with --seed"},
	{document.RefusedBusy, "the authority has too much to do: try again in a minute"},
	{document.RefusedFault, "the authority is broken: tell its operator, and try again later"},

	// Files and documents.
	{document.ErrTruncated, "the file is not whole, its end is missing: ask for it again and copy all of it"},
	{document.ErrAltered, "the file was changed on its way: ask for it again"},
	{document.ErrKind, "this is another kind of file: look which file is meant"},
	{document.ErrVersion, "the file was made by a newer version of sotto: update sotto"},
	{document.ErrEquivocation, "DANGER: the authority has signed two different documents of one version, so somebody is shown another overlay than you: stop, and compare with other members before going on"},
	{document.ErrRollback, "the overlay document is older than the one known here: get the newest one"},
	{document.ErrForeign, "this belongs to another overlay: use what comes from the authority that you enrolled with"},
	{document.ErrOtherRequest, "this response answers another request: hand over the response to the newest request"},
	{document.ErrFuture, "this is dated in the future: check this machine's clock"},
	{document.ErrExpired, "this has expired: ask for a new one, and check this machine's clock"},
	{document.ErrSignature, "the signature does not fit, so this was altered or made by somebody else: ask for it again, by another way"},
	{document.ErrBlindKey, "the overlay document has no key for that key epoch yet: wait until it is published, and check this machine's clock"},
	{document.ErrRevokedNode, "the authority has revoked this peer: ask its operator why"},
	{document.ErrRevokedCert, "the authority has revoked this certificate: ask its operator for a new invite"},
	{document.ErrName, "this is not an address that can be enrolled: write it as sip:name@domain with letters, digits and . _ + - only"},
	{document.ErrLimit, "there is no more room for this in the overlay document: remove something first"},
	{document.ErrMalformed, "this is not a file of sotto, or a damaged one: ask for it again"},

	// The way to the authority.
	{visit.ErrPin, "somebody else answers at the authority's address: do not go on; ask the operator whether the service was set up anew"},
	{visit.ErrAddress, "the invite names no usable address of the authority: enrol by files (join --request)"},
	{visit.ErrClock, "this machine's clock and the authority's differ by more than ten minutes: check this machine's clock"},
	{visit.ErrAnswer, "what answers at the authority's address is not the authority: ask the operator for the right address"},
	{visit.ErrListen, "the service cannot listen any more: look whether its address is still this machine's, and start it again"},
	{visit.ErrUnreachable, "the authority cannot be reached: check the network, and whether the operator's service is running; nothing is lost, try again"},

	// State on disk.
	{store.ErrInUse, "another sotto is using this state: stop it first, or choose another with --state"},
	{store.ErrMode, "other users of this machine can read the state: run chmod 700 on the directory and chmod 600 on the files in it"},
	{store.ErrOwner, "the state belongs to another user of this machine: run sotto as that user, or give it to this one with chown -R"},
	{store.ErrExists, "there is already something at that place: choose another directory, or move it away"},
	{store.ErrMissing, "there is nothing at that place: check the directory, or join first"},
	{store.ErrKind, "the directory holds another kind of state: choose the right one with --state"},
	{store.ErrVersion, "the state was written by a newer version of sotto: update sotto"},
	{store.ErrDamaged, "the state is damaged: restore it from its backup"},
	{store.ErrPassphrase, "the passphrase is wrong, or the backup was altered: try again, or take another copy"},
	{store.ErrWeak, "the passphrase is too short: take at least 12 characters"},
	{store.ErrTruncated, "the backup is not whole, its end is missing: take another copy"},
	{store.ErrNoBackup, "this is not a backup of sotto: look which file is meant"},
	{store.ErrDisk, "the disk refused to read or write: check free space and permissions"},

	// The two sides.
	{identity.ErrJoined, "this state is enrolled already: run sotto up, or choose another directory with --state"},
	{identity.ErrNotJoined, "enrolment is not finished: run sotto join again with the same invite"},
	{identity.ErrOtherInvite, "enrolment was begun here with another invite: go on with that one, or choose another directory with --state"},
	{identity.ErrPending, "a change of keys is waiting for the authority's answer: finish it first"},
	{identity.ErrUnasked, "nothing was asked that this could answer: make a request first"},
	{identity.ErrRestored, "after a restore nobody can tell what was published before: the peer appears again within two days by itself; leave it running"},
	{identity.ErrSecondDaily, "another descriptor of today was published already: keep the settings until tomorrow"},
	{identity.ErrNone, "there is nothing of that kind yet: ask the authority first"},
	{authority.ErrTaken, "the name is taken or promised: choose another name, or withdraw the open invite"},
	{authority.ErrUnknown, "nobody of that name is enrolled: look at the list of people"},
	{authority.ErrFull, "a list of the authority is full: wait until entries end, or remove some"},
	{authority.ErrMixed, "seeds have public addresses all of them, or private ones all of them: list another relay, or take the others off the list first"},
	{authority.ErrNoRoot, "the root key is not here: bring it back from where it is kept"},
	{authority.ErrKeysEnded, "the authority's online keys have ended: bring the root key and rotate them"},
	{authority.ErrOtherRoot, "this is the root key of another overlay: bring the right one"},
	{authority.ErrClock, "this machine's clock is behind what the authority signed before: set it right first"},
	{authority.ErrPause, "this machine's clock is more than 30 days after the newest document: set it right or, if it is right, say so with sotto authority document --after-pause"},
	{authority.ErrLate, "it is too late for that: it can be done in the first period of an overlay, or of a key epoch, only"},
}

// Explain says an error of this package or the ones below it in one sentence that ends with what to do next. It
// never holds a name, an address or a key. Of an unknown error it says so.
func Explain(err error) string {
	for _, s := range sentences {
		if errors.Is(err, s.err) {
			return s.text
		}
	}
	return "something failed that has no name: try again, and report it if it stays"
}
