// Package document has what people, peers and the enrolment authority hand each other: the signed overlay
// document, invites, requests, answers, user certificates, and changes of keys; as bytes and as files.
//
// All integers are big endian, all times unix seconds in 8 bytes below 2^40, all layouts have one form: lists
// are sorted, padding is zero, nothing follows. Every object starts with
//
//	0  5  "sotto"
//	5  1  kind: 1 overlay document, 2 invite, 3 request, 4 answer, 5 succession
//	6  1  version of the layout, 1
//	7  4  length of the whole
//
// Signatures are over one byte of length and the text of a label, then the bytes in front of the signature. The
// tables of invite, request, answer, succession and KeyCert stand at their types. The overlay document:
//
//	11   .  founding: length (1) and name, root key (32), genesis (8), period (4) and key epoch (4) in seconds
//	 .  10  parameters: life of user certificates (4, seconds), days of slots ahead (1), admissions a person
//	        and key epoch (1), how long ahead of a key epoch they are given (4, seconds)
//	 .   .  online keys, newest first: count (1); each a KeyCert (180), length (2) and DER of the user CA
//	 .   8  version
//	 .  16  issued, valid until
//	 .   .  blind keys, ascending: count (1); each key epoch (4), RSA modulus (256); the exponent is 65537
//	 .   .  service: length (1) and host:port, SHA-256 of the TLS SubjectPublicKeyInfo (32); or all zero
//	 .   2  reserved for the authority's lease, zero
//	 .   4  number of peers, roughly
//	 .   .  seeds, ascending by NodeID: count (1), each static (325) and daily part (226) of a descriptor
//	 .   .  peers of period 0, likewise: count (2)
//	 .   .  revoked NodeIDs, ascending: count (2), each 32
//	 .   .  revoked certificates, ascending: count (2), each serial (16)
//	 .  64  Ed25519 signature by the first signing key, label "sotto overlay document v1"
//
// The overlay's ID is the SHA-256 of the label "sotto overlay v1" and the founding: whoever signs with another
// root, or another genesis, has another overlay.
//
// The ID fits one root; the root certifies online keys; these sign everything else. Whoever has the ID
// needs to trust nobody on the way.
package document
