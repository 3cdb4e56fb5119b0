package noise

import (
	"errors"
	"log/slog"
	"time"
)

// What a Core tells its shell.

// LinkID names a link within one Core. It is never on the wire and never reused.
type LinkID uint64

// EventKind says what an Event is about.
type EventKind uint8

// The kinds of events.
const (
	LinkUp        EventKind = iota + 1 // a link is established; both ends have proven their keys
	LinkDown                           // a link, or an attempt to make one, has ended: see Err
	FrameReceived                      // a frame has come: see Frame
	Pong                               // a ping was answered: see RTT
)

// Event is something that has happened on a link.
type Event struct {
	Kind    EventKind
	Link    LinkID
	Pattern Pattern
	Dialed  bool          // this end dialled
	Peer    PublicKey     // LinkUp: the key the other end has proven; zero for an NK initiator
	Frame   []byte        // FrameReceived: FrameLen bytes in the batch received, the handler's until the next Receive
	RTT     time.Duration // Pong
	Err     error         // LinkDown: one of the errors below
}

// Why a link went down.
var (
	ErrNoAnswer   = errors.New("noise: no answer")           // nobody answered the first messages
	ErrSilent     = errors.New("noise: peer fell silent")    // nothing heard for a while although asked
	ErrPeerClosed = errors.New("noise: closed by peer")      // the peer said so
	ErrIdle       = errors.New("noise: idle")                // an answered link that nobody used
	ErrEvicted    = errors.New("noise: evicted")             // made room at Config.MaxLinks
	ErrStale      = errors.New("noise: keys too old")        // no rekey succeeded in time
	ErrNoLink     = errors.New("noise: no such link")        // never was, or is down
	ErrFull       = errors.New("noise: too many links")      // a bound was reached
	ErrFrameLen   = errors.New("noise: frame of wrong size") // a caller's fault
)

// Stats counts what a Core has done and refused. Nothing in it names a peer.
type Stats struct {
	Received   uint64 // datagrams taken in
	Sent       uint64 // datagrams given out
	Frames     uint64 // frames delivered
	Foreign    uint64 // datagrams that fit no session, no attempt and no envelope
	Refused    uint64 // authentic-looking datagrams of a session that did not open: forged, altered, replayed
	Initiated  uint64 // first messages answered
	Bad        uint64 // first messages whose handshake failed
	Replayed   uint64 // first messages seen before or of a bucket that is not accepted
	Challenged uint64 // first messages answered with a cookie
	Limited    uint64 // first messages of a proven source over its rate
	Dropped    uint64 // own datagrams dropped: the pipe was behind, or a link that moved has no credit
	DH         uint64 // X25519 multiplications spent on first messages
	HalfOpen   int    // answered, not confirmed
	Links      int    // established
}

// LogValue logs the counts.
func (s Stats) LogValue() slog.Value {
	return slog.GroupValue(
		slog.Uint64("received", s.Received), slog.Uint64("sent", s.Sent), slog.Uint64("frames", s.Frames),
		slog.Uint64("foreign", s.Foreign), slog.Uint64("refused", s.Refused), slog.Uint64("replayed", s.Replayed),
		slog.Uint64("challenged", s.Challenged), slog.Int("links", s.Links),
	)
}
