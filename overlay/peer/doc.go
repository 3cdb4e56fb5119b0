// Package peer says who is out there: node identifiers and their XOR metric, the descriptor by which a
// peer tells the others how to reach it, and the read-only directory of a whole period.
//
// The package is a leaf: standard library only, no socket, clock, goroutine or randomness of its own.
// Times and readers of random bytes are arguments.
//
// # Static part, once per key epoch, 325 bytes
//
//	 0    1  version, 1
//	 1   32  overlay id
//	33    4  key epoch, big endian
//	37   32  Ed25519 public key of the peer for this key epoch
//	69  256  admission signature (RSABSSA, 2048 bits) over AdmissionMessage
//
// Nothing else signs it: the admission signature over overlay, key epoch and peer key is what makes it
// valid, and its hash is the NodeID.
//
// # Daily part, one per NodeID and period, 225 bytes
//
//	  0   1  version, 1
//	  1   4  period, big endian, counted from the overlay's genesis
//	  5   8  first 8 bytes of the NodeID
//	 13  32  SHA-256 of the overlay document that the peer goes by
//	 45   1  roles (relay 1, storer 2, guard 4; other bits refused)
//	 46   1  capacity: log2 of datagrams per second, at most 24
//	 47   8  declared family, zero for none
//	 55   4  declared network prefix, zero for none, loopback addresses only
//	 59   1  reach: 1 addresses, 2 leases
//	 60 101  by reach:
//	         1  link key (X25519, 32), onion key (X25519, 32), then twice kind (1: 4, 6 or 0 for
//	            none), address (16, an IPv4 address in front of 12 zeros) and port (2), then 1 zero... see daily.go
//	161  64  Ed25519 signature over domain, overlay id, whole NodeID and bytes 0 to 160
//
// Every field has one encoding; padding is zero; whatever is not in this table is refused.
package peer
