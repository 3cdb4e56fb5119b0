// What a pool tells: actions for the shell that carries them out, events for whoever uses the links.

package link

import (
	"errors"
	"fmt"
	"io"
	"log/slog"
	"time"

	"sotto/noise"
	"sotto/overlay/peer"
)

// Neighbor names somebody whom links go to: a peer, or the one client behind an answered link. It is the pool's own
// number, never on the wire, and stays the same when a peer's link is replaced or made again.
type Neighbor uint64

// ActionKind says what a shell is to do.
type ActionKind uint8

// The kinds of actions, to be carried out in order.
const (
	ActSend  ActionKind = iota + 1 // send Frame on Link
	ActDial                        // dial *Target, and tell Pool.Dialed with Neighbor
	ActClose                       // close Link
)

// Action is something for the shell to do at once: Frame may belong to somebody else afterwards.
type Action struct {
	Kind     ActionKind
	Link     noise.LinkID
	Frame    []byte
	Neighbor Neighbor
	Target   *noise.Target // behind a pointer, because cells are many and dials are few
}

// Outgoing is a frame for a neighbour, of the kinds that Pool.Send takes.
type Outgoing struct {
	Neighbor Neighbor // to whom
	Frame    []byte
}

// Format prints a fixed text for every verb.
func (Outgoing) Format(s fmt.State, _ rune) { _, _ = io.WriteString(s, "[outgoing frame]") }

// LogValue logs a fixed text.
func (Outgoing) LogValue() slog.Value { return slog.StringValue("[outgoing frame]") }

// Format prints a fixed text for every verb: a target has an address.
func (Action) Format(s fmt.State, _ rune) { _, _ = io.WriteString(s, "[link action]") }

// LogValue logs a fixed text.
func (Action) LogValue() slog.Value { return slog.StringValue("[link action]") }

// EventKind says what an Event is about.
type EventKind uint8

// The kinds of events.
const (
	Up      EventKind = iota + 1 // Neighbor takes frames now
	Down                         // Neighbor takes no frames any more; Err says why
	Failed                       // Neighbor could not be dialled, Failures times in a row
	Cell                         // Neighbor sent Frame, of KindCell
	Met                          // Neighbor showed Descriptor, which is verified and new on its link
	Echo                         // Neighbor answered a probe after RTT
	Page                         // Neighbor gave Entries of Period, to be verified
	Fetched                      // the fetch of Period from Neighbor is over; Err says whether it is whole
)

// Event is something that happened to a neighbour.
type Event struct {
	Kind       EventKind
	Neighbor   Neighbor
	Client     bool        // Up, Down, Cell: one without a name
	Node       peer.NodeID // Up, Down, Failed: zero for a client
	Frame      []byte      // Cell: noise.FrameLen bytes, the receiver's as long as that of the noise.Event is
	Failures   int
	Descriptor *peer.Descriptor
	RTT        time.Duration
	Period     uint32
	Entries    []Described
	Err        error
}

// Format prints a fixed text for every verb: a frame is somebody's.
func (Event) Format(s fmt.State, _ rune) { _, _ = io.WriteString(s, "[link event]") }

// LogValue logs a fixed text.
func (Event) LogValue() slog.Value { return slog.StringValue("[link event]") }

// Errors of a pool. None names a peer.
var (
	ErrConfig   = errors.New("link: wrong configuration")          // a caller's fault
	ErrFull     = errors.New("link: too many peers")               // a bound was reached; release one first
	ErrNeighbor = errors.New("link: no such neighbour")            // never was, or is forgotten
	ErrFrame    = errors.New("link: not a frame to send")          // a caller's fault
	ErrQueue    = errors.New("link: frame dropped")                // at the queue's bound, or over the bandwidth cap
	ErrTarget   = errors.New("link: no address to dial")           // the descriptor has none that this node may dial
	ErrDown     = errors.New("link: link is down")                 // closed, or lost
	ErrRefused  = errors.New("link: peer is not who it should be") // its hello was not valid, or never came
	ErrNoPage   = errors.New("link: no answer to asks")            // a fetch that failed
	ErrBusy     = errors.New("link: a fetch is under way")         // one at a time per neighbour
)
