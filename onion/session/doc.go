// Package session is the end-to-end protocol between two hidden ends: Noise, and under its keys messages and datagrams.
// It is a core without sockets, clocks or goroutines. This comment is the specification of the wire; testdata/ has
// vectors. Integers are big endian, hashes SHA-256, HKDF is RFC 5869 without its extract step, "label → n" in it is
// Expand(key, label, n), AEAD is AES-256-GCM.
//
// A session runs over one or more legs. A leg carries cells of 372 bytes each way, through a relay R at which the
// answering end has a lease; it loses, repeats and reorders them. To R a cell is 372 bytes that look random.
//
// # Opening, 163 bytes, and its train of 11 cells
//
//	 0   16  hint
//	16   32  Noise ephemeral key, masked
//	48  115  Noise payload of 99 bytes and its tag
//
// The pattern is NK to the lease key, or NKpsk0 with a contact's secret, or, for a join, with the session's join secret;
// the suite is 25519, AESGCM, SHA256. The prologue is "sotto session v1", version byte 1, overlay 32, NodeID of R 32,
// lease ID 8. With a secret, the hint is AES-CBC-MAC (iv zero) over the 32 bytes of the ephemeral under secret "sotto
// session hint v1" → 16; without, it is random. So the answering end finds the secret with two AES blocks for each it
// has, and tries none. The mask is AES-256-CTR with the hint as first counter block under lease key "sotto session
// ephemeral v1" → 32: who knows not the lease key sees no curve point. R knows it, and the knock key, since the owner
// has listened with them: it can take the mask off and learns nothing, and can call as any stranger can. Changing the
// hint changes the ephemeral, and the handshake fails.
//
// The payload:
//
//	 0   1  kind: 1 new session, 2 join
//	 1   4  bucket: Unix time / 300 s
//	 5  32  seed; zero in a join
//	37  16  call: random, the same in all openings by which one end tries to begin one session; zero in a join
//	53  46  zero
//
// An opening is taken once, in its bucket and its two neighbours: ephemeral keys of authentic openings are remembered
// by bucket, and so are their calls, for a bucket longer, since one whose session is over begins no other. What was
// forgotten is refused for good, wherever the clock is set. Lease keys are new after a restart; one that is not refuses
// the buckets that began before. What is not taken is answered with nothing.
//
// Eleven cells follow an opening at once, always. In a new session they are sealed under the key seed "sotto session
// early v1" → 32 and carry the pieces of the first message, in a join under the present key of the session.
//
// # Cell, 372 bytes
//
//	  0    8  field, masked: generation (20 bits), counter (44 bits)
//	  8  348  ciphertext
//	356   16  tag
//
// From the secret S of a direction come: AEAD key S "sotto session key v1" → 32, mask key S "sotto session mask v1" →
// 16, and the secret of the next generation S "sotto session next v1" → 32. The nonce is four zero bytes and the field;
// there is no associated data. The mask is the first 8 bytes of one AES-128 block of the tag under the mask key of
// generation 0. One counter runs through a direction whatever the key and the leg, so no key ever meets one twice; the
// receiver takes each once, within 960 of the highest.
//
// A sender goes on to the next generation after 120 s or 65 536 cells, once a cell of the present one was acknowledged;
// the receiver follows at the first authentic cell of the next, and forgets the one before 15 s later. So a key that is
// seized opens what was sent minutes ago, and nothing before.
//
// The answering end answers with cells under seed "sotto session answer v1" → 32 that hold Noise message 2 (ephemeral 32,
// tag 16), until it hears something under the data keys. These are, for each direction, the key that Noise splits off,
// "sotto session data v1" → 32; and the join secret is both Noise keys, that of the dialling end first, "sotto session
// join v1" → 32. As only who has read the opening can seal an answer, nothing that is injected reaches the handshake.
// The first message has the secrecy of the lease key, all that follows is forward secret.
//
// An end that gets no answer opens again on another leg with the same call and a new seed. The answering end makes one
// session of them, whose keys are those under which the dialling end sends first; pieces that have come twice count once.
//
// # Frames
//
// The plaintext of 348 bytes is a sequence of frames in rising order of kind, each kind once at most, then zeros. Under
// early keys there is only kind 7, in answers only 5, under data keys all but 5. A cell that is authentic and not like
// this ends the session.
//
//	1 ack        largest counter 8 | delay since it came 2, in 100 µs | n 1 | n ≤ 120 bytes, the last not zero: bit i from
//	             the top of each byte says that counter largest − 1 − i has come
//	2 accept     the answering end accepts; repeated until acknowledged
//	3 ping       asks for an acknowledgement
//	4 close      code 1: 0 done, 1 refused, 2 fault of the other end; answered with a close
//	5 answer     Noise message 2, 48
//	6 datagram   flow 2 | number 2 | index 4 bits, count 4 bits | length 2 | bytes
//	7 piece      message number 2 | message length − 1 2 | index 1 | bytes
//
// Cells with 2, 3, 5 or 7 are acknowledged, within 5 ms, on the leg on which they came.
//
// A message of n bytes, 1 to 65 536, is cut into d = ⌈n/342⌉ pieces of ⌈n/d⌉ bytes, the last filled with zeros; these
// into b = ⌈d/16⌉ blocks of ⌈d/b⌉ pieces, the last block perhaps fewer. Each block is followed by its parity: a block of
// one piece by that piece, others by P = Σ dᵢ and Q = Σ 2ⁱ dᵢ over GF(2⁸) with x⁸+x⁴+x³+x²+1. Pieces are numbered in that
// order. A block is there when as many of its pieces are as it has data. 3 078 bytes are nine pieces and two of parity:
// one train. Messages are handed on in order. An end has at most 64 messages and 256 KiB unacknowledged; who receives
// more, because its user is slow, drops the cell without acknowledging it.
//
// A datagram of n bytes, 1 to 1 300, is cut into c = ⌈n/340⌉ parts of ⌈n/c⌉ bytes, the last perhaps shorter, and lost
// whole with any. It waits for nothing and is never repeated; the same number may come on two legs and counts once.
//
// # Legs
//
// Either end may add one by a join to a lease of the other. Each end sends on the leg it likes best and takes what comes
// on any. The end that has dialled a leg sends a ping after 25 s in which nothing came on it; 80 s of silence, or six
// timeouts in a row, end a leg. Without any a session waits 30 s for another on which something is heard.
package session
