// Package identity keeps what a person's node must not lose: the user's key and certificate, the keys and
// admissions of its peer, slot certificates, the link key, and the newest overlay document.
//
// User and peer are kept in one state because one machine has both; nothing of one appears in what is sent for
// the other but the blinded message of an admission (protocol §5).
//
// A request is on disk before it is sent, and an answer is taken over in one transaction. A node that is killed
// in between asks again with the same bytes and gets the same answer.
package identity
