// Package peer says who is out there: node identifiers and their XOR metric, the descriptor by which a
// peer tells the others how to reach it, and the read-only directory of a whole period (protocol §5, §6).
//
// The package is a leaf: standard library only, no socket, clock, goroutine or randomness of its own.
// Times and readers of random bytes are arguments.
//
// # Numbers and labels
//
// Integers are big endian. Whatever is hashed or signed begins with a label, written as one byte of length
// and its ASCII bytes, and goes on with fields of fixed length.
//
// # Static part, once per key epoch, 325 bytes
//
//	 0    1  version, 1
//	 1   32  overlay id
//	33    4  key epoch
//	37   32  Ed25519 public key of the peer in this key epoch
//	69  256  admission signature (RSABSSA, 2048 bits)
//
// The authority signs "sotto admission v1", overlay id, key epoch, peer key, blindly; nothing else makes the
// part valid. The NodeID is SHA-256 over "sotto node id v1", overlay id, key epoch, admission signature.
//
// # Daily part, one per NodeID and period, 226 bytes
//
//	  0   1  version, 1
//	  1   4  period, counted from the overlay's genesis
//	  5   8  first 8 bytes of the NodeID
//	 13  32  SHA-256 of the overlay document that the peer goes by
//	 45   1  roles: relay 1, storer 2, guard 4 (only with relay)
//	 46   1  capacity, log2 of datagrams per second in each direction, at most 24
//	 47   8  declared family, zero for none
//	 55   4  declared network prefix, zero for none; with loopback addresses only
//	 59   1  reach: 1 addresses, 2 leases
//	 60 102  by reach, see below
//	162  64  Ed25519 signature over "sotto daily v1", overlay id, whole NodeID, bytes 0 to 161
//
// Reach 1, peers that can be dialled:
//
//	 60  32  link key (X25519)
//	 92  32  onion key (X25519), another one
//	124  19  address: kind (4 or 6), 16 bytes (IPv4 in front of 12 zeros), port
//	143  19  second address, greater than the first, or zero for none
//
// Reach 2, anonymous peers, which store and do nothing else:
//
//	 60  32  lease key (X25519); the lease ID is a hash of it and of R
//	 92   8  R, the relay that holds the lease, as NodeID prefix
//	100   8  second R, greater than the first, or zero for none
//	108  54  zero
//
// Every field has one encoding. Whatever is not in these tables is refused.
//
// # Proof of equivocation, 778 bytes
//
//	  0   1  version, 1
//	  1 325  static part
//	326 226  daily part
//	552 226  another daily part of the same NodeID and period, greater as a string of bytes
//
// # Root of a directory
//
// SHA-256 over "sotto directory v1", overlay id, period, number of peers (4 bytes), and for each peer in the
// order of their NodeIDs: NodeID, daily part.
package peer
