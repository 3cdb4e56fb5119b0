// Package authority is the enrolment authority of an overlay: it invites people, certifies their names,
// admits their peers blindly and signs the overlay document.
//
// It is a state on disk and pure decisions over it: every operation takes the time, runs in one transaction
// and returns what to hand out. Carrying requests is the business of package visit, or of files.
//
// What it knows and can do is stated in protocol §5: it knows which person owns which name and slot, it could
// certify a name to somebody else, it can withhold, and it could try to recognise a peer by how and when its
// admission was asked for. It cannot tell a peer's key or NodeID from what it signed.
package authority
