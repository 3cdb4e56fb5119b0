// Messages between neighbours: cut into pieces, put together again. Lengths are fixed by type, so that a piece says
// nothing about how much memory to take.

package link

import (
	"encoding/binary"

	"sotto/noise"
)

type messageType byte

const (
	typeHello messageType = 1
	typeGot   messageType = 2
	typeAsk   messageType = 3
	typePage  messageType = 4
)

// length is that of a whole message, or -1 for an unknown type.
func (t messageType) length() int {
	switch t {
	case typeHello:
		return helloLen
	case typeGot:
		return 0
	case typeAsk:
		return askLen
	case typePage:
		return pageLen
	}
	return -1
}

// pieces is how many frames a message takes, at least one.
func (t messageType) pieces() int { return max(1, (t.length()+pieceLen-1)/pieceLen) }

// Layout of a message frame; the table stands in the package comment.
const (
	offType    = 1
	offNumber  = 2
	offPiece   = 6
	offEdition = 7
	offBody    = 11
	pieceLen   = noise.FrameLen - offBody

	maxPieces = 16
)

// A page fills its frames, and every message fits the bits of an assembly.
const (
	_ = uint(maxPieces*pieceLen - pageLen)
	_ = uint(pageLen - (maxPieces-1)*pieceLen - 1)
	_ = uint(maxPieces*pieceLen - helloLen)
)

// piece is one parsed frame of a message; body aliases the frame.
type piece struct {
	kind    messageType
	number  uint32
	edition uint32
	index   int
	body    []byte
}

// parsePiece reads a frame of KindMessage.
func parsePiece(f []byte) (piece, bool) {
	if len(f) != noise.FrameLen || Kind(f[0]) != KindMessage {
		return piece{}, false
	}
	p := piece{
		kind: messageType(f[offType]), number: binary.BigEndian.Uint32(f[offNumber:]),
		index: int(f[offPiece]), edition: binary.BigEndian.Uint32(f[offEdition:]),
	}
	n := p.kind.length()
	if n < 0 || p.number == 0 || p.index >= p.kind.pieces() || p.kind != typePage && p.edition != 0 {
		return piece{}, false
	}
	p.body = f[offBody:][:min(pieceLen, n-p.index*pieceLen)]
	if !allZero(f[offBody+len(p.body):]) {
		return piece{}, false
	}
	return p, true
}

// appendPiece appends the frame of one piece of a message.
func appendPiece(dst []byte, t messageType, number, edition uint32, index int, message []byte) []byte {
	dst = append(dst, byte(KindMessage), byte(t))
	dst = binary.BigEndian.AppendUint32(dst, number)
	dst = append(dst, byte(index))
	dst = binary.BigEndian.AppendUint32(dst, edition)
	body := message[index*pieceLen : min(len(message), (index+1)*pieceLen)]
	dst = append(dst, body...)
	return append(dst, make([]byte, pieceLen-len(body))...)
}

// assembly collects the pieces of one message. A piece of another number or edition than the first begins it anew, so
// that it never takes more than one message of its type.
type assembly struct {
	number, edition uint32
	have            uint16 // one bit a piece
	message         []byte
}

// add takes a piece and returns the whole message once it is complete; the message is the caller's then.
func (a *assembly) add(p piece) (message []byte, complete bool) {
	if a.message == nil || a.number != p.number || a.edition != p.edition {
		*a = assembly{number: p.number, edition: p.edition, message: make([]byte, p.kind.length())}
	}
	copy(a.message[p.index*pieceLen:], p.body)
	a.have |= 1 << p.index
	if a.have != 1<<p.kind.pieces()-1 {
		return nil, false
	}
	message = a.message
	*a = assembly{}
	return message, true
}
