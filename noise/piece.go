package noise

import "encoding/binary"

// Handshake messages span datagrams: a message is cut into pieces, each with a
// header of four bytes. Today's messages are one piece; a hybrid with ML-KEM-768
// takes three, and the machine is ready for it.
//
//	offset  length  field
//	     0       1  count of pieces, 1…4
//	     1       1  number of this piece, from 0
//	     2       2  length of the whole message, big endian
//	     4       n  bytes [number·n, number·n+n) of the message
//
// n is the same for all pieces of a carrier; what the message does not fill is
// whatever the carrier fills itself with, and is ignored.

const pieceHeaderLen = 4

// piece is one parsed piece; body aliases the parsed bytes.
type piece struct {
	count, number int
	total         int
	body          []byte
}

// countPieces returns how many pieces of n bytes a message of total bytes takes.
func countPieces(total, n int) int { return (total + n - 1) / n }

// putPiece writes piece number of message over dst, whose tail must hold
// randomness already.
func putPiece(dst, message []byte, number int) {
	n := len(dst) - pieceHeaderLen
	dst[0] = byte(countPieces(len(message), n))
	dst[1] = byte(number)
	binary.BigEndian.PutUint16(dst[2:], uint16(len(message)))
	copy(dst[pieceHeaderLen:], message[number*n:min(len(message), (number+1)*n)])
}

// parsePiece takes the fixed area of a carrier. Only one form is right: the
// count follows from the length, so no two encodings mean the same.
func parsePiece(b []byte) (p piece, ok bool) {
	n := len(b) - pieceHeaderLen
	if n <= 0 {
		return p, false
	}
	p.count, p.number, p.total = int(b[0]), int(b[1]), int(binary.BigEndian.Uint16(b[2:]))
	if p.total == 0 || p.count > maxPieces || p.count != countPieces(p.total, n) || p.number >= p.count {
		return p, false
	}
	start := p.number * n
	p.body = b[pieceHeaderLen:][:min(n, p.total-start)]
	return p, true
}

// assembly collects the pieces of one message, in any order, each once.
type assembly struct {
	total, count int
	have         uint8 // one bit a piece
	message      []byte
}

// add takes a piece from a carrier of n bytes and returns the whole message once
// it is complete. Pieces that contradict the first one are ignored.
func (a *assembly) add(p piece, n int) (message []byte, complete bool) {
	if a.message == nil {
		a.total, a.count = p.total, p.count
		a.message = make([]byte, p.total)
	}
	if p.total != a.total || p.count != a.count || a.have&(1<<p.number) != 0 {
		return nil, false
	}
	copy(a.message[p.number*n:], p.body)
	a.have |= 1 << p.number
	return a.message, a.have == 1<<a.count-1
}
