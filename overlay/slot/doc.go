// Package slot says where in the key space the record of a bare SIP URI lies, in which epoch, and who may write
// there: AoR → y → slot, and the certificate by which the enrolment authority lets one key write one slot in one
// epoch (protocol §5, §6).
//
// The package is a leaf: standard library and Argon2 only, no clock and no randomness. An overlay is given by
// the 32 bytes of its id.
//
// # Derivation
//
//	salt = SHA-256("sotto slot salt v1", overlay id, key epoch)
//	y    = Argon2id(canonical AoR, salt, 3 passes, 32 MiB, 1 lane, 32 bytes)
//	slot = SHA-256("sotto slot v1", overlay id, y, epoch)
//
// Integers have 4 bytes, big endian. A label is written as one byte of length and its ASCII bytes. Who has y can
// follow the slots of a user for a key epoch; who has a slot learns of y, and of the URI, by guessing only.
//
// # Epochs
//
// An epoch lasts 24 h. The slots of all users do not change at once but in four phases, 6 h apart; the phase is
// the first byte of SHA-256("sotto slot phase v1", y), modulo 4. An epoch is named by the instant at which it
// begins, counted from the overlay's genesis in ticks of 6 h. Since y changes with the key epoch, an epoch that
// would cross the end of a key epoch ends there, and a first, short one begins there: at any instant exactly
// one epoch of one y is the current one.
//
// # Slot certificate, 132 bytes
//
//	 0  32  slot
//	32  32  Ed25519 public key of the writer
//	64   4  epoch
//	68  64  Ed25519 signature of the authority over "sotto slot certificate v1", overlay id, bytes 0 to 67
//
// The signature is deterministic: asked twice, the authority gives the same bytes. There is no version in it; the
// record that carries a certificate has one, and the signed label another.
package slot
