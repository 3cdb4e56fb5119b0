// Where a lease is: the relay of an overlay, and the ID under which it listens there.

package lease

import (
	"crypto/sha256"
	"errors"
	"fmt"
	"io"
	"log/slog"

	"sotto/onion/cell"
)

// ErrID is a lease ID of the wrong length.
var ErrID = errors.New("lease: not a lease ID")

// Place is what proofs and knocks are bound to.
type Place struct{ overlay, relay [cell.KeyLen]byte }

// NewPlace is a relay, by its NodeID, in an overlay, by its ID.
func NewPlace(overlay, relay [cell.KeyLen]byte) Place { return Place{overlay, relay} }

// Relay is the NodeID of the relay.
func (p Place) Relay() [cell.KeyLen]byte { return p.relay }

// ID names a lease at its relay.
type ID struct{ b [cell.LeaseIDLen]byte }

// ParseID reads 8 bytes, or ErrID.
func ParseID(b []byte) (ID, error) {
	if len(b) != cell.LeaseIDLen {
		return ID{}, ErrID
	}
	return ID{[cell.LeaseIDLen]byte(b)}, nil
}

// Bytes are the 8 bytes.
func (i ID) Bytes() [cell.LeaseIDLen]byte { return i.b }

// StoringID is the ID of the storing lease with this key: whoever knows key and relay can open it, and an owner that
// begins again is found where it was.
func StoringID(p Place, k PublicKey) ID {
	h := sha256.New()
	h.Write([]byte("sotto storing lease v1"))
	h.Write(p.overlay[:])
	h.Write(p.relay[:])
	h.Write(k.b[:])
	return ID{[cell.LeaseIDLen]byte(h.Sum(nil)[:cell.LeaseIDLen])}
}

// Format prints a placeholder for every verb.
func (Place) Format(s fmt.State, _ rune) { _, _ = io.WriteString(s, "[lease place]") }

// LogValue logs a placeholder.
func (Place) LogValue() slog.Value { return slog.StringValue("[lease place]") }

// Format prints a placeholder for every verb.
func (ID) Format(s fmt.State, _ rune) { _, _ = io.WriteString(s, "[lease id]") }

// LogValue logs a placeholder.
func (ID) LogValue() slog.Value { return slog.StringValue("[lease id]") }
