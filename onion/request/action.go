// What both ends ask of their shells, and when.

package request

import (
	"container/heap"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"time"

	"sotto/onion/cell"
)

// Circuit is the number of a circuit at the node that runs this package, never used again for another one.
type Circuit uint64

// Neighbor is the number of the link over which a circuit came to a peer.
type Neighbor uint64

// Errors of both ends. None says who was asked what.
var (
	ErrConfig    = errors.New("request: wrong configuration")
	ErrService   = errors.New("request: no such service")
	ErrTooLong   = errors.New("request: content too long for its service")
	ErrFull      = errors.New("request: too many at a time")
	ErrCircuit   = errors.New("request: no request to answer, or one already, on this circuit")
	ErrNoAnswer  = errors.New("request: no answer")              // none came in time, or the circuit is closed
	ErrBadAnswer = errors.New("request: answer breaks its form") // the peer is at fault
)

// ActionKind says what a shell is to do.
type ActionKind uint8

// The kinds of actions.
const (
	ActSend  ActionKind = iota + 1 // both: send Message with Payload on Circuit, filled up with random bytes
	ActClose                       // peer: close Circuit
	ActAsk                         // peer: have Service answer Content, then call Answer or Refuse
	ActDone                        // asking end: Content is the answer if Err is nil
)

// Action is something for the shell to do, in order. Payload is not to be changed, Content is the shell's.
type Action struct {
	Kind    ActionKind
	Circuit Circuit
	Message cell.Message
	Payload []byte
	Service byte
	Content []byte
	Err     error
}

// actions are collected during one call and are the caller's afterwards: carrying one out may lead to the next call.
type actions struct{ list []Action }

func (a *actions) begin() { a.list = nil }

func (a *actions) add(one Action) { a.list = append(a.list, one) }

func (a *actions) send(c Circuit, m cell.Message, payload []byte) {
	a.add(Action{Kind: ActSend, Circuit: c, Message: m, Payload: payload})
}

// timed is something that is due at a time.
type timed struct {
	due  time.Time
	slot int // place in the agenda + 1; 0 when it is in none
}

// entry is what an agenda orders.
type entry interface{ timer() *timed }

// agenda orders entries by when they are due.
type agenda[E entry] []E

func (a agenda[E]) Len() int           { return len(a) }
func (a agenda[E]) Less(i, j int) bool { return a[i].timer().due.Before(a[j].timer().due) }
func (a agenda[E]) Swap(i, j int) {
	a[i], a[j] = a[j], a[i]
	a[i].timer().slot, a[j].timer().slot = i+1, j+1
}

// Push is for container/heap.
func (a *agenda[E]) Push(x any) {
	*a = append(*a, x.(E))
	x.(E).timer().slot = len(*a)
}

// Pop is for container/heap.
func (a *agenda[E]) Pop() any {
	old := *a
	last := old[len(old)-1]
	clear(old[len(old)-1:])
	*a = old[:len(old)-1]
	last.timer().slot = 0
	return last
}

// set makes an entry due at a time, whenever it was before.
func (a *agenda[E]) set(e E, due time.Time) {
	t := e.timer()
	t.due = due
	if t.slot == 0 {
		heap.Push(a, e)
		return
	}
	heap.Fix(a, t.slot-1)
}

// stop takes an entry out.
func (a *agenda[E]) stop(e E) {
	if s := e.timer().slot; s != 0 {
		heap.Remove(a, s-1)
	}
}

// next is when the first entry is due; zero means never.
func (a agenda[E]) next() time.Time {
	if len(a) == 0 {
		return time.Time{}
	}
	return a[0].timer().due
}

// Format prints a fixed text for every verb: what is asked is somebody's.
func (Action) Format(s fmt.State, _ rune) { _, _ = io.WriteString(s, "[request action]") }

// LogValue logs a fixed text.
func (Action) LogValue() slog.Value { return slog.StringValue("[request action]") }
