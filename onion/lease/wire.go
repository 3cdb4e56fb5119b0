// The messages of leases as bytes.

package lease

import (
	"encoding/binary"

	"sotto/onion/cell"
)

// Kind is how long a lease is meant to be.
type Kind byte

// The kinds.
const (
	ShortLived Kind = 1 // a random ID and a key that is never on disk
	Storing    Kind = 2 // an ID that follows from key and relay: its owner gets it again after a restart
)

// Lengths of what a message begins with; the rest of its payload is random.
const (
	proofLen     = 32
	fieldsLen    = 1 + cell.KeyLen + KnockKeyLen + 2 + 2
	listenLen    = fieldsLen + proofLen
	listeningLen = 1 + cell.LeaseIDLen
	openedLen    = cell.SpliceIDLen + cell.OpeningLen
)

const (
	_ = uint(cell.PayloadLen - listenLen)
	_ = uint(cell.PayloadLen - openedLen)
)

// What Listening says.
const (
	given   byte = 1
	refused byte = 2
)

// SpliceID names a splice on the circuit of its lease.
type SpliceID uint32

// listen is a wish to listen.
type listen struct {
	kind      Kind
	public    PublicKey
	knock     KnockKey
	perMinute uint16
	burst     uint16
	proof     [proofLen]byte
}

// appendFields appends what the proof covers.
func (l *listen) appendFields(b []byte) []byte {
	b = append(b, byte(l.kind))
	b = append(b, l.public.b[:]...)
	b = append(b, l.knock.b[:]...)
	b = binary.BigEndian.AppendUint16(b, l.perMinute)
	return binary.BigEndian.AppendUint16(b, l.burst)
}

// appendListen appends everything but the random rest.
func appendListen(b []byte, l *listen) []byte { return append(l.appendFields(b), l.proof[:]...) }

// parseListen reads a payload.
func parseListen(payload []byte) (l listen, ok bool) {
	if len(payload) != cell.PayloadLen {
		return listen{}, false
	}
	b := payload[1:]
	l.kind = Kind(payload[0])
	l.public.b, b = [cell.KeyLen]byte(b), b[cell.KeyLen:]
	l.knock.b, b = [KnockKeyLen]byte(b), b[KnockKeyLen:]
	l.perMinute, l.burst = binary.BigEndian.Uint16(b), binary.BigEndian.Uint16(b[2:])
	l.proof = [proofLen]byte(b[4:])
	return l, (l.kind == ShortLived || l.kind == Storing) && l.perMinute > 0 && l.burst > 0
}

// appendListening appends everything but the random rest, which holds the ID of a refusal.
func appendListening(b []byte, id ID) []byte { return append(append(b, given), id.b[:]...) }

// parseListening reads a payload: the ID of a lease that was given, or that none was.
func parseListening(payload []byte) (id ID, isGiven, ok bool) {
	if len(payload) != cell.PayloadLen || payload[0] != given && payload[0] != refused {
		return ID{}, false, false
	}
	if payload[0] == refused {
		return ID{}, false, true
	}
	return ID{[cell.LeaseIDLen]byte(payload[1:])}, true, true
}

// opening is the early data of a caller.
type opening struct {
	id    ID
	knock [cell.KnockLen]byte
	bytes []byte // cell.OpeningLen, in the early data
}

// parseFirst reads the early data of a create.
func parseFirst(first []byte) (o opening, ok bool) {
	if len(first) != cell.EarlyFirstLen || cell.Operation(first[0]) != cell.Open {
		return opening{}, false
	}
	o.id.b = [cell.LeaseIDLen]byte(first[1:])
	o.knock = [cell.KnockLen]byte(first[1+cell.LeaseIDLen:])
	o.bytes = first[cell.EarlyFirstLen-cell.OpeningLen:]
	return o, true
}

// appendOpened appends what an owner is told of an opening, but the random rest.
func appendOpened(b []byte, id SpliceID, opening []byte) []byte {
	return append(appendCut(b, id), opening...)
}

// parseOpened reads the payload of an Opening.
func parseOpened(payload []byte) (SpliceID, []byte, bool) {
	id, rest, ok := parseSplice(payload)
	if !ok {
		return 0, nil, false
	}
	return id, rest[:cell.OpeningLen], true
}

// appendCut appends what a Cut says, but the random rest.
func appendCut(b []byte, id SpliceID) []byte { return binary.BigEndian.AppendUint32(b, uint32(id)) }

// parseSplice reads the payload of a Splice or a Cut: splice and, in a Splice, the cell of the session.
func parseSplice(payload []byte) (SpliceID, []byte, bool) {
	if len(payload) != cell.PayloadLen {
		return 0, nil, false
	}
	return SpliceID(binary.BigEndian.Uint32(payload)), payload[cell.SpliceIDLen:], true
}
