// Package lease lets an anonymous node be reached: it listens at a relay over a circuit, and whoever extends a circuit to
// that relay with the right opening is spliced to it. The package is the relay's part (Registry), the listening node's
// (Owner) and the caller's (First, Train), each a pure core: events in, actions out, no clock and no I/O.
//
// Integers are big endian. Every message is the payload of a cell.Message, 376 bytes; what is not listed is random and
// not looked at, so that a message has one size. R is the relay.
//
// # Listen, owner to R
//
//	 0    1  kind: 1 short-lived, 2 storing
//	 1   32  lease key, X25519, public
//	33   16  knock key
//	49    2  openings a minute that R lets through, at least 1
//	51    2  openings in a burst, at least 1
//	53   32  proof
//
// The proof is HMAC-SHA-256 over overlay ID, NodeID of R and bytes 0 to 52. Its key is HKDF-SHA-256 of X25519(lease key,
// onion key of R that this circuit was created with), with the circuit's binding as salt and the info "sotto lease proof
// v1". So it shows possession of the lease key, and is worth nothing on another circuit or at another relay. A circuit
// has one lease; the same Listen again is answered with the same lease. An owner says it again from time to time: that
// keeps the circuit from being taken for idle, and a relay that has begun again is noticed by its silence.
//
// # Listening, R to owner
//
//	0    1  1 given, 2 refused; R closes the circuit after a refusal, and never says why
//	1    8  lease ID; random if refused
//
// The ID of a short-lived lease is random. That of a storing lease is the beginning of SHA-256 over "sotto storing lease
// v1", overlay ID, NodeID of R, lease key, so that an owner that begins again gets the same one; the circuit that had it
// before is closed.
//
// # Opening
//
// From the caller it is the early data of a create, 188 bytes:
//
//	 0    1  operation: 1
//	 1    8  lease ID
//	 9   16  knock: HMAC-SHA-256, cut to 16 bytes, with the knock key, over "sotto knock v1", overlay ID, NodeID of R,
//	         lease ID, opening
//	25  163  opening: the first message of a session
//
// 11 Splice messages follow it always. To the owner R sends twice, because it is the one cell without which the others
// are worth nothing (1 % loss a link would lose 3 % of them, and loses 0.1 %):
//
//	0    4  splice ID: random, unique on the owner's circuit
//	4  163  opening
//
// # Splice, both ways, and Cut, both ways
//
//	0    4  splice ID on the owner's circuit; not looked at on the caller's
//	4  372  cell of a session (Splice only)
//
// A caller whose opening is refused gets a Cut, the same one at once for every reason. A Cut from either end, or the end
// of either circuit, ends the splice, and the other end gets a Cut. Cuts may be lost: whoever sends on a splice that R
// does not have gets another from R if it is an owner; a caller has the timers of its session.
package lease
