// What the registry of a relay asks its shell to do.

package lease

import (
	"fmt"
	"io"
	"log/slog"

	"sotto/onion/cell"
)

// Circuit is the number of a circuit at the node that runs this package, never used again for another one.
type Circuit uint64

// Neighbor is the number of the link over which a circuit came to a relay.
type Neighbor uint64

// ActionKind says what a shell is to do.
type ActionKind uint8

// The kinds of actions.
const (
	ActSend  ActionKind = iota + 1 // send Message with Payload on Circuit, filled up with random bytes
	ActClose                       // close Circuit
)

// Action is something for the shell to do at once, in order: Payload is valid until the next call.
type Action struct {
	Kind    ActionKind
	Circuit Circuit
	Message cell.Message
	Payload []byte
}

// actions are collected during one call, together with the bytes that they carry.
type actions struct {
	list  []Action
	bytes []byte
}

// begin drops what the last call left. What a flood made large is given back.
func (a *actions) begin() {
	if cap(a.list) > 1024 {
		*a = actions{}
	}
	clear(a.list)
	a.list, a.bytes = a.list[:0], a.bytes[:0]
}

// send adds a message with a payload that stays as it is until the next call.
func (a *actions) send(c Circuit, m cell.Message, payload []byte) {
	a.list = append(a.list, Action{ActSend, c, m, payload})
}

// cut tells the end of a splice to one of its circuits: an owner which one, a caller 0.
func (a *actions) cut(c Circuit, id SpliceID) {
	n := len(a.bytes)
	a.bytes = appendCut(a.bytes, id)
	a.send(c, cell.Cut, a.bytes[n:len(a.bytes):len(a.bytes)])
}

// end closes a circuit.
func (a *actions) end(c Circuit) { a.list = append(a.list, Action{Kind: ActClose, Circuit: c}) }

// Format prints a fixed text for every verb: a payload is somebody's.
func (Action) Format(s fmt.State, _ rune) { _, _ = io.WriteString(s, "[lease action]") }

// LogValue logs a fixed text.
func (Action) LogValue() slog.Value { return slog.StringValue("[lease action]") }
