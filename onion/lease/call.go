// The caller's part: an opening and its train as early data, then cells on the circuit itself, which is the leg.

package lease

import (
	"errors"
	"io"

	"sotto/onion/cell"
)

// ErrOpening is an opening of another length than cell.OpeningLen.
var ErrOpening = errors.New("lease: not an opening")

// First is the early data of the create that extends a stem to the relay of a lease. opening is cell.OpeningLen bytes of
// the session.
func First(p Place, id ID, k KnockKey, opening []byte) ([cell.EarlyFirstLen]byte, error) {
	var first [cell.EarlyFirstLen]byte
	if len(opening) != cell.OpeningLen {
		return first, ErrOpening
	}
	mac := knock(p, k, id, opening)
	b := append(first[:0], byte(cell.Open))
	b = append(b, id.b[:]...)
	b = append(b, mac[:]...)
	copy(first[len(b):], opening)
	return first, nil
}

// Train is the Splice messages that follow First, payloads of cell.PayloadLen bytes. r gives the 4 bytes before each cell
// that the relay does not look at.
func Train(r io.Reader, cells *[cell.MaxEarly][cell.SessionLen]byte) (*[cell.MaxEarly][cell.PayloadLen]byte, error) {
	var train [cell.MaxEarly][cell.PayloadLen]byte
	for i := range train {
		if _, err := io.ReadFull(r, train[i][:cell.SpliceIDLen]); err != nil {
			return nil, err
		}
		copy(train[i][cell.SpliceIDLen:], cells[i][:])
	}
	return &train, nil
}

// AppendSplice appends the payload of a Splice message for one more cell of a caller's session, of cell.SessionLen bytes.
func AppendSplice(b, session []byte) []byte { return append(appendCut(b, 0), session...) }

// ParseSplice reads the payload of a Splice message that a caller got: a cell of its session, in the payload.
func ParseSplice(payload []byte) ([]byte, bool) {
	_, session, ok := parseSplice(payload)
	return session, ok
}
