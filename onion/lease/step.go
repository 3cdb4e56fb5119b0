// What an owner asks its shell to do, and tells it.

package lease

import (
	"errors"
	"fmt"
	"io"
	"log/slog"
	"time"

	"sotto/onion/cell"
)

// Errors of an owner's methods.
var (
	ErrFull = errors.New("lease: too many leases wanted") // drop one first
	ErrLeg  = errors.New("lease: no such leg")            // it is over
	ErrCell = errors.New("lease: not a cell of a session")
)

// StepKind says what a Step is about.
type StepKind uint8

// The kinds of steps, to be carried out in order.
const (
	StepCircuit  StepKind = iota + 1 // make a circuit for Want to a relay, then call Opened or Failed
	StepSend                         // send Message with Payload on Circuit, filled up with random bytes
	StepClose                        // close Circuit
	StepStanding                     // Lease stands: it may be told to callers
	StepGone                         // Lease takes no opening any more; the key of a short-lived one is wiped
	StepOpening                      // a caller opens a session on Leg with Payload, cell.OpeningLen bytes, to Lease
	StepCell                         // Payload, cell.SessionLen bytes, came on Leg
	StepCut                          // Leg is over
)

// Far is the last hop of a circuit to listen on: who it is, its onion key with which the circuit was created, and the
// secret of the circuit that it shares.
type Far struct{ Relay, OnionKey, Binding [cell.KeyLen]byte }

// Leg is a splice as its owner names it.
type Leg struct {
	Circuit Circuit
	Splice  SpliceID
}

// Lease is what callers need to know, the private key for the session, and when it ends: zero for a storing lease.
type Lease struct {
	Place Place
	ID    ID
	Key   Key
	Knock KnockKey
	Until time.Time
}

// Step is something for the shell to do or know, in order. Payload may lie in what was handed in.
type Step struct {
	Kind    StepKind
	Want    Want
	Circuit Circuit
	Leg     Leg
	Lease   Lease
	Message cell.Message
	Payload []byte
}

// steps are collected during one call and are the caller's afterwards: carrying one out may lead to the next call.
type steps struct{ list []Step }

func (s *steps) begin() { s.list = nil }

func (s *steps) add(one Step) { s.list = append(s.list, one) }

func (s *steps) send(c Circuit, m cell.Message, payload []byte) {
	s.add(Step{Kind: StepSend, Circuit: c, Message: m, Payload: payload})
}

func (s *steps) close(c Circuit) { s.add(Step{Kind: StepClose, Circuit: c}) }

// Format prints a fixed text for every verb.
func (Far) Format(s fmt.State, _ rune) { _, _ = io.WriteString(s, "[last hop]") }

// LogValue logs a fixed text.
func (Far) LogValue() slog.Value { return slog.StringValue("[last hop]") }

// Format prints a fixed text for every verb.
func (Lease) Format(s fmt.State, _ rune) { _, _ = io.WriteString(s, "[lease]") }

// LogValue logs a fixed text.
func (Lease) LogValue() slog.Value { return slog.StringValue("[lease]") }

// Format prints a fixed text for every verb: a payload is somebody's.
func (Step) Format(s fmt.State, _ rune) { _, _ = io.WriteString(s, "[lease step]") }

// LogValue logs a fixed text.
func (Step) LogValue() slog.Value { return slog.StringValue("[lease step]") }

// Format prints a fixed text for every verb: a storing lease has its key here.
func (Spec) Format(s fmt.State, _ rune) { _, _ = io.WriteString(s, "[lease wanted]") }

// LogValue logs a fixed text.
func (Spec) LogValue() slog.Value { return slog.StringValue("[lease wanted]") }
