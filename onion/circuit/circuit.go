// What both machines share: names of neighbours and circuits, frames to send.

package circuit

import (
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"time"

	"sotto/onion/cell"
)

// Neighbor is the other end of a link, by the number that the caller knows it by.
type Neighbor uint64

// Circuit is a circuit of one machine. It is never on the wire and never reused.
type Circuit uint64

// Out is a cell to be sent: cell.FrameLen bytes, given back by Recycle.
type Out struct {
	To    Neighbor
	Frame []byte
	own   bool // Frame is the machine's; otherwise it is where the caller received it
}

// Format prints a fixed text for every verb.
func (Out) Format(s fmt.State, _ rune) { _, _ = io.WriteString(s, "[cell]") }

// LogValue logs a fixed text.
func (Out) LogValue() slog.Value { return slog.StringValue("[cell]") }

// Errors of both machines. None names anybody.
var (
	ErrConfig    = errors.New("circuit: wrong configuration")
	ErrCircuit   = errors.New("circuit: no such circuit")
	ErrState     = errors.New("circuit: not in this state") // a caller's fault: a circuit that is not built, or is full
	ErrFull      = errors.New("circuit: too many circuits")
	ErrNoAnswer  = errors.New("circuit: a hop did not answer")
	ErrRefused   = errors.New("circuit: a hop refused or went away")
	ErrTampered  = errors.New("circuit: a cell was altered, repeated or not asked for")
	ErrLinkLost  = errors.New("circuit: the link to the first hop is lost")
	ErrExhausted = errors.New("circuit: its keys are used up")
)

// BucketLen is the length of an expiry bucket (protocol §2).
const BucketLen = 5 * time.Minute

// Bucket is the expiry bucket of a moment.
func Bucket(now time.Time) uint32 { return uint32(now.Unix() / int64(BucketLen/time.Second)) }

// wire names a circuit on a link. Those that this end made and those that the other made are in different tables.
type wire struct {
	neighbor Neighbor
	id       cell.ID
}

// outbox collects cells to be sent. Frames of its own are used again.
type outbox struct {
	out  []Out
	free [][]byte
}

// maxFree bounds the frames that are kept for later, 240 KB.
const maxFree = 512

// pass sends a frame on from where it lies.
func (b *outbox) pass(to Neighbor, frame []byte) {
	b.out = append(b.out, Out{to, frame, false})
}

// frame returns an own frame to be filled; its content is of no meaning.
func (b *outbox) frame() []byte {
	if n := len(b.free); n > 0 {
		f := b.free[n-1]
		b.free = b.free[:n-1]
		return f
	}
	return make([]byte, cell.FrameLen)
}

// send sends an own frame.
func (b *outbox) send(to Neighbor, frame []byte) {
	b.out = append(b.out, Out{to, frame, true})
}

// drop takes back an own frame that is not sent.
func (b *outbox) drop(frame []byte) {
	if len(b.free) < maxFree {
		b.free = append(b.free, frame)
	}
}

// Outgoing appends the cells to be sent to dst, in order, and forgets them. Frames that came by Receive are where they
// were; the others are the machine's until Recycle.
func (b *outbox) Outgoing(dst []Out) []Out {
	dst = append(dst, b.out...)
	clear(b.out)
	b.out = b.out[:0]
	return dst
}

// Recycle takes cells back that have been sent. They must not be used afterwards.
func (b *outbox) Recycle(sent []Out) {
	for i, o := range sent {
		if o.own {
			b.drop(o.Frame)
		}
		sent[i] = Out{}
	}
}

// newID draws an ID that is not taken. It fails with the error of random, or with ErrFull when eight draws were taken,
// which does not happen by chance.
func newID(random io.Reader, taken func(cell.ID) bool) (cell.ID, error) {
	var b [cell.IDLen]byte
	for range 8 {
		if _, err := io.ReadFull(random, b[:]); err != nil {
			return 0, err
		}
		if id := cell.ID(binary.BigEndian.Uint32(b[:])); !taken(id) {
			return id, nil
		}
	}
	return 0, ErrFull
}
