// The commands of cells, and of the messages in them.

package cell

// Kind is the first byte of a link's frame that holds a cell.
const Kind byte = 1

// Command is what a cell is to the link that carries it.
type Command byte

// The commands. Odd ones travel away from the origin.
const (
	Create         Command = 1
	Created        Command = 2
	Forward        Command = 3
	Backward       Command = 4
	DestroyForward Command = 5
	DestroyBack    Command = 6
)

// Message is what a message asks of a hop, or tells the origin.
type Message byte

// The messages. F travels forward, to a hop; B backward, from it.
const (
	Drop      Message = 1  // F, B: nothing; it fills
	Extend    Message = 2  // F: create a circuit to the peer named by prefix
	Extended  Message = 3  // B: the answer of the next hop to its create
	Truncated Message = 4  // B: there is no next hop, or no longer
	Request   Message = 5  // F: a further piece of a request
	Answer    Message = 6  // B: a piece of the answer
	Again     Message = 7  // F, B: the pieces that are missing
	Listen    Message = 8  // F: listen here
	Listening Message = 9  // B: the lease that was given
	Opening   Message = 10 // B, to the owner of a lease: a new session
	Splice    Message = 11 // F, B: one cell of a session
	Cut       Message = 12 // F, B: a session is over

	lastMessage = Cut
)

// flag is the first bit of a message, and of no body.
const flag = 0x80

// Operation is the first byte of early data: what the train is for.
type Operation byte

// The operations.
const (
	NoOperation Operation = 0 // nothing: the circuit is to be listened on, or extended
	Open        Operation = 1 // an opening for a lease
	Ask         Operation = 2 // a request
)
