// Package cell says how long everything in a circuit is, and how cells and the messages in them are laid out. Every
// length is derived here, once, and nothing of the module is imported.
//
// Integers are big endian. One cell travels in one frame of a link: 479 bytes, of which the first is the link's.
//
// # Cell, 478 bytes
//
//	0    4  circuit ID: random, chosen for one link by the end that creates the circuit on it
//	4    1  command: 1 create, 2 created, 3 forward, 4 backward, 5 destroy from the creating end, 6 destroy from the other
//	5  473  body
//
// Commands 1, 3 and 5 travel away from the origin, 2, 4 and 6 towards it, so that an ID belongs to the end that made it
// and two ends may use the same one. Other commands are dropped. The body of a destroy is random, and no value of a cell
// but the command survives a hop.
//
// # Body of forward and backward, 473 bytes: one layer
//
//	 0    8  field: top bit 0, then the layer's counter (63 bits)
//	 8   16  tag
//	24  449  ciphertext
//
// The plaintext of 449 bytes is either the beginning of the next body, whose first bit is 0, or, first bit 1, a message
// for the hop that opened it (forward) or from it (backward): see package layer.
//
//	  0    1  128 + command of the message
//	  1  376  payload, to its end whatever the command is; what a command does not use is random
//	377   72  tail: decided by the layers (forward), zero (backward)
//
// The tail is as long as the layers of the longest path take, so the payload is the same for every path and position.
//
// # Body of create, 473 bytes
//
//	 0    1  key tag: first byte of SHA-256 over "sotto create key v1", onion key, the next 32 bytes
//	 1   78  Noise NK message 1 to the onion key: ephemeral key 32, payload 30, tag 16
//	79   16  tag
//	95  378  ciphertext: the beginning of the next hop's create body, or 188 bytes of early data and random ones
//
// The payload of 30 bytes:
//
//	 0    8  next hop: the first bytes of its NodeID; zero at the last hop
//	 8    4  expiry bucket: Unix seconds / 300
//	12   16  seed, random
//	28    1  number of early cells that follow, at most 11; zero unless this is the last hop
//	29    1  zero
//
// # Body of created, 473 bytes
//
//	 0   48  Noise NK message 2, without payload
//	48  425  random
package cell

// Frame, cell and body in bytes.
const (
	// FrameLen is a link's frame: its kind byte and a cell. It is what overlay/link carries; the root of onion asserts
	// that both agree.
	FrameLen = 1 + Len
	// Len is a cell.
	Len = HeaderLen + BodyLen
	// HeaderLen is circuit ID and command.
	HeaderLen = IDLen + 1
	// IDLen is a circuit ID: two random ones of 512 on a link meet in 1 of 32 000 links, and a create that meets one in
	// use is refused.
	IDLen = 4
	// BodyLen is what one hop changes as a whole.
	BodyLen = 473
)

// Layers in bytes.
const (
	// MaxHops is the longest path (protocol §2).
	MaxHops = 4
	// FieldLen and TagLen stand in front of the ciphertext of a layer; a tag is that of AES-GCM.
	FieldLen = 8
	TagLen   = 16
	LayerLen = FieldLen + TagLen
	// PlainLen is what a layer holds.
	PlainLen = BodyLen - LayerLen
	// TailLen is what the layers in front of the last hop of the longest path take.
	TailLen = (MaxHops - 1) * LayerLen
	// MessageLen is a message with its command byte.
	MessageLen = PlainLen - TailLen
	// PayloadLen is a message without it.
	PayloadLen = MessageLen - 1
)

// Creates in bytes.
const (
	// KeyLen is that of X25519, of AEAD keys and of hashes.
	KeyLen = 32
	// PrefixLen is a NodeID as creates name the next hop.
	PrefixLen = 8
	// SeedLen is what the origin gives a hop for the layers that need no answer.
	SeedLen = 16
	// MaxCreateHops is how many hops one create reaches: more would leave no room for early data.
	MaxCreateHops = 3

	KeyTagLen = 1
	// CreatePayloadLen is next hop, expiry bucket, seed, number of early cells, and a byte that is zero.
	CreatePayloadLen = PrefixLen + 4 + SeedLen + 1 + 1
	// CreateMessageLen is Noise message 1; CreateHeadLen what stands in front of its tag.
	CreateMessageLen = KeyLen + CreatePayloadLen + TagLen
	CreateHeadLen    = KeyTagLen + CreateMessageLen
	// CreateHopLen is what one hop takes of a create.
	CreateHopLen = CreateHeadLen + TagLen
	// CreatePlainLen is what the layer in a create holds.
	CreatePlainLen = BodyLen - CreateHopLen
	// EarlyFirstLen is the early data in a create, the same for every way in which it may have come.
	EarlyFirstLen = BodyLen - MaxCreateHops*CreateHopLen
	// MaxEarly is how many cells of early data may follow a create.
	MaxEarly = 11

	// CreatedLen is Noise message 2 without payload.
	CreatedLen = KeyLen + TagLen

	// ExtendLen is how much of a create an extension carries behind the next hop's prefix. The extending hop fills up to
	// BodyLen.
	ExtendLen = PayloadLen - PrefixLen
)

// An extension carries at least what a create has of early data: a negative constant does not convert.
const (
	_ = uint(ExtendLen - CreateHopLen - EarlyFirstLen)
	_ = uint(PayloadLen - CreatedLen)
	_ = uint(EarlyFirstLen)
)

// Sessions in bytes: what a relay splices.
const (
	// SpliceIDLen names one of the sessions on a lease's circuit, for the relay and the lease's owner alone.
	SpliceIDLen = 4
	// SessionLen is one cell of a session between its two ends.
	SessionLen = PayloadLen - SpliceIDLen
	// LeaseIDLen and KnockLen stand in front of an opening.
	LeaseIDLen = 8
	KnockLen   = 16
	// OpeningLen is the first piece of an opening, which travels in a create behind one byte of operation.
	OpeningLen = EarlyFirstLen - 1 - LeaseIDLen - KnockLen
)
