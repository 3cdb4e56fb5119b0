// What an origin tells of its circuits.

package circuit

import (
	"fmt"
	"io"
	"log/slog"

	"sotto/onion/cell"
)

// OwnKind says what an OwnEvent is about.
type OwnKind uint8

// The kinds of events of an origin.
const (
	Built    OwnKind = iota + 1 // every hop has answered: of Build, or of Extend
	Progress                    // one hop of several has answered: Hop
	Answered                    // the last hop sent Message
	Failed                      // the circuit is gone: Err says why, and Hop where
)

// OwnEvent is something that happened to a circuit of this node.
type OwnEvent struct {
	Kind    OwnKind
	Circuit Circuit
	Hop     int // counted from 1; Failed: the first one that is not there, or 0 if nobody can tell
	Message cell.Message
	Data    []byte // cell.PayloadLen bytes, in the frame that was received
	Err     error
}

// Format prints a fixed text for every verb.
func (OwnEvent) Format(s fmt.State, _ rune) { _, _ = io.WriteString(s, "[circuit event]") }

// LogValue logs a fixed text.
func (OwnEvent) LogValue() slog.Value { return slog.StringValue("[circuit event]") }
