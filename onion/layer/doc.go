// Package layer is the cryptography of circuits: what one hop adds to a cell or takes from it, in constant size (protocol
// §2). It knows keys and bodies, nothing of circuits, links or time.
//
// AEAD is AES-256-GCM, the suite of links. A nonce is 12 bytes: purpose (0 layer, 1 filler, 2 rest of an extension), three
// zeros, counter of 8. A stream is the ciphertext of zeros under a nonce; that of a layer (purpose 0) is what its plaintext
// is xored with. Lengths are those of package cell: L is a layer's 24 bytes, B a body's 473, H the 95 of a hop in a create.
// testdata/circuits.json has whole circuits with every key and every body.
//
// # Keys
//
// Noise_NK_25519_AESGCM_SHA256 with a hop's onion key (prologue: length of label in one byte, label "sotto create v1",
// overlay ID 32, NodeID of the hop 32) gives a secret per direction: the two keys of its Split, the first of which is for
// what travels away from the origin. From each of them by HKDF-Expand (SHA-256):
//
//	"sotto layer v1"     40 bytes: AEAD key 32, then a number of 8, which shifted right by two bits is the start
//
// The n-th cell of a direction, counted from 0, has the counter start+n; a hop counts what it seals of its own and what it
// passes on in one. There are 2³² in all. A receiver takes each counter once, in a window of 960.
//
// The seed in a create gives, by HKDF-Extract with the create's ephemeral key as salt, and HKDF-Expand:
//
//	"sotto create layer v1"  32 bytes: AEAD key of the layer in the create
//	"sotto early v1"         40 bytes: AEAD key and start of early cells, as many as the create announces
//
// An early cell is a forward cell whose last layer, that of the hop that was just asked for, is under these in place of
// the data keys, which the origin does not have before the answer. It holds a message.
//
// Both directions' secrets one behind the other, the origin's first, give by HKDF-Extract (no salt) and HKDF-Expand:
//
//	"sotto binding v1"       32 bytes: known to the hop and the origin only, for proofs that belong to one circuit
//
// # Forward
//
// A hop opens its layer (field, tag, ciphertext; no associated data), which authenticates all of the body. What it holds
// is a message for this hop if its first bit is 1. Otherwise it is the beginning of the next body; the hop appends L bytes of
// the filler's stream under the same counter.
//
// The origin knows what every hop will append. For hops 1…k with streams S(j) of layer, B-L bytes long, and F(j) of
// filler, L bytes:
//
//	T(1) = nothing;  T(j+1) = T(j) xor as many last bytes of S(j), then F(j)
//
// T(j) are the last bytes of the ciphertext of layer j. The plaintext of layer k is the message, random bytes, and
// T(k) xor the last bytes of S(k); then layers k to 1 are sealed, each holding the first B-L bytes of the next body.
//
// # Backward
//
// A hop refuses a body whose first bit is 1: else the next hop could speak in its name. It drops the last L bytes, and
// seals the rest. Its own messages end in zeros as long as three layers. The origin opens layer 1, then goes deeper by
// the streams until it finds a message, takes its tail as zero, computes what was dropped on the way, and verifies every tag
// and every counter before it acts on any of it.
//
// # Create
//
// The layer in a create is sealed once under its key with counter 0; associated data is what stands in front of its tag. A
// hop that is not the last (prefix of the next not zero) appends H bytes of the filler's stream under that key and has the
// next hop's create. The origin computes it as above, with H in place of L. An extension carries the first 368 bytes of a
// create; the extending hop appends 105 bytes of the stream of purpose 2 under its data key, forward, and the counter of the
// cell that asked for it, so that these, too, are known to the origin: they are T(1). It does so once for a cell, and not
// for an early one.
package layer
