// Package noise links two neighbours: it carries frames of 479 bytes between
// them, secret, authenticated and without any visible structure, over datagrams
// that all have 512 bytes.
//
// It knows sockets and keys; it knows nothing of overlays, circuits or people.
// The parts, from the wire upwards: [Pipe] (fixed datagrams in and out),
// [Handshake] (the Noise messages, bytes in and bytes out), [Sealer] and [Opener]
// (one direction of a session), [Core] (all links of one socket as a machine
// without I/O) and [Endpoint] (the shell that gives a Core its socket, clock and
// goroutines).
//
// # The datagram
//
// Every datagram is 512 bytes of UDP payload. There are three layouts, and
// nothing on the wire says which one it is: the receiver unmasks the first eight
// bytes as an index and looks it up, then tries what it is dialling, and takes
// whatever is left for a first message. All numbers are big endian. H(label) is
// SHA-256 over the label, the byte 1 (the version), the overlay ID of 32 bytes and
// the responder's public key of 32 bytes.
//
// Established:
//
//	offset  length  field
//	     0       8  receiver index XOR the first 8 bytes of
//	                AES-128(receiver's header key, tag)
//	     8       8  counter XOR the first 8 bytes of
//	                AES-128(counter key of the direction, tag)
//	    16     480  AES-256-GCM(data key of the direction; nonce: 4 zero bytes and
//	                the counter): type byte (0 data, 1 control), frame of 479
//	   496      16  tag
//
// The data key and the counter key are HKDF-Expand-SHA256 of the key that Noise
// gives for the direction, with the infos "sotto link data v1" (32 bytes) and
// "sotto link counter v1" (16). Counters start at 0, grow by one and end at 2⁴⁰.
// A counter is accepted once, and not when it lies 960 or more behind the highest.
// The receiver chose index and header key and sent both inside the handshake. An
// index is random and used for one session side only. An endpoint has one header
// key from start to stop, but an NK initiator takes another for every link, since
// the same would tell two responders that they serve one node.
//
// First message (initiation):
//
//	offset  length  field
//	     0      16  salt, random
//	    16     480  AES-256-GCM(H("sotto link initiation v1"); nonce: the salt)
//	   496      16  tag
//
// The plaintext of 480 bytes:
//
//	 0       1  pattern: 1 is IK, 2 is NK
//	 1       4  time bucket: Unix seconds / 300
//	 5       8  message ID, random and one-time: joins the pieces
//	13      16  cookie MAC, or random: the first 16 bytes of HMAC-SHA256 under
//	            the cookie over the salt and the plaintext without this field
//	29       4  piece header: count, number, length of the message (2 bytes)
//	33     447  piece of Noise message 1, then random bytes
//
// Answer:
//
//	offset  length  field
//	     0      16  salt, random
//	    16     480  AES-256-GCM(H("sotto link answer v1"); nonce: the salt;
//	                associated data: the tag of the first message)
//	   496      16  tag
//
// The plaintext of 480 bytes: a kind, and with kind 1 a piece header and a piece
// of Noise message 2, with kind 2 a cookie of 16 bytes; random bytes follow. A
// first message of several pieces is answered under the tag of the piece that
// completed it. Message 2 has 72 bytes in this version, and an initiator passes
// over pieces of any other length.
//
// # The handshake
//
// Noise_IK or Noise_NK_25519_AESGCM_SHA256. The prologue is "sotto link v1", the
// version byte, the overlay ID, the responder's NodeID, and from the envelope the
// bucket (4), the message ID (8) and the cookie whose MAC it carries (16 zero
// bytes without one): whoever holds the directory can seal a recorded message into
// another envelope, but it is good in its own only. The payload of either message
// is the sender's index (8) and header key (16). The link is up at the initiator
// with message 2 and at the responder with the first established datagram, until
// when it keeps only a half-open entry that it drops after 8 seconds.
//
// A first message is refused in silence if its bucket is not the present one or a
// neighbour, or if its ephemeral was seen before. A responder answers with a
// cookie, and keeps nothing, when first messages come faster than 200 a second,
// when the message comes in several pieces, and when its bucket could have been
// accepted before the responder's start with a key that was in use then, or before
// its clock was set: that is up to the bucket after the one of that moment, since
// clocks differ.
//
// At its bound of links a responder ends one that is no known peer's, of the place
// from which most of them come: an IPv4 address or an IPv6 /48. Many people behind
// one address count as one there, and whoever has many addresses as many.
//
// # Control frames
//
// A frame of type 1 is an op and its body; the rest is zero, and is checked to be
// with the first three:
//
//	1  ping     token (8)
//	2  pong     the token (8)
//	3  close
//	4  rekey    token (8), piece header (4), piece of Noise message 1
//	5  rekeyed  the token (8), piece header (4), piece of Noise message 2
//
// The initiator of a link rekeys after 120 seconds, with the same pattern; the
// prologue is "sotto rekey v1", the version byte, the overlay ID, the responder's
// NodeID and the handshake hash of the keys that are replaced. The responder keeps
// the new keys aside until a datagram sealed with them comes, which the initiator
// sends every second until it hears one too. A rekey of keys younger than 60
// seconds is refused. Keys older than 180 seconds end the link.
//
// # What it does not hide
//
// Whoever holds a responder's public key (that is everybody who holds the
// directory) can open the envelopes of its handshakes and can test whether
// somebody answers to that key. What is in the Noise messages stays closed. On the
// path between the two, such a one can also answer first with nonsense, or be
// faster with a copy of a first message: that costs an attempt, not the secrecy,
// and dropping costs the same.
//
// The responder's header key is known to everybody who ever linked with it: one of
// them who also watches its access link can tell which datagrams belong to one
// session, as the addresses tell anyway unless the other end roams.
//
// What message 1 holds can be read by whoever recorded it and takes the
// responder's static key later: an index and a header key, and with IK the
// initiator's static key, that is, who linked to whom.
//
// Time and number of datagrams are open to whoever watches.
package noise
