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

// Action is something for the shell to do, in order. The payload of a cell.Splice is the one that was handed in, the first
// 4 bytes changed.
type Action struct {
	Kind    ActionKind
	Circuit Circuit
	Message cell.Message
	Payload []byte
}

// actions are collected during one call and are the caller's afterwards: carrying one out may lead to the next call.
type actions struct{ list []Action }

func (a *actions) begin() { a.list = nil }

// send adds a message.
func (a *actions) send(c Circuit, m cell.Message, payload []byte) {
	a.list = append(a.list, Action{ActSend, c, m, payload})
}

// cut tells the end of a splice to one of its circuits: an owner which one, a caller 0.
func (a *actions) cut(c Circuit, id SpliceID) { a.send(c, cell.Cut, appendCut(nil, id)) }

// end closes a circuit.
func (a *actions) end(c Circuit) { a.list = append(a.list, Action{Kind: ActClose, Circuit: c}) }

// Format prints a fixed text for every verb: a payload is somebody's.
func (Action) Format(s fmt.State, _ rune) { _, _ = io.WriteString(s, "[lease action]") }

// LogValue logs a fixed text.
func (Action) LogValue() slog.Value { return slog.StringValue("[lease action]") }
