// What a cell holds: frames, each kind at most once, in the order of their numbers, then zeros. One form only.

package session

import "encoding/binary"

// frameKind is the first byte of a frame.
type frameKind byte

// The frames.
const (
	frameFill     frameKind = 0
	frameAck      frameKind = 1
	frameAccept   frameKind = 2
	framePing     frameKind = 3
	frameClose    frameKind = 4
	frameAnswer   frameKind = 5
	frameDatagram frameKind = 6
	framePiece    frameKind = 7
)

// frameSet says which frames are there, or may be.
type frameSet uint8

func (s frameSet) has(k frameKind) bool { return s&(1<<k) != 0 }

// What each kind of key may carry: before the answer only what may be repeated, and under keys that are no more secret
// than the lease key nothing that need not be.
const (
	earlyFrames  = frameSet(1 << framePiece)
	answerFrames = frameSet(1 << frameAnswer)
	dataFrames   = frameSet(1<<frameAck | 1<<frameAccept | 1<<framePing | 1<<frameClose | 1<<frameDatagram | 1<<framePiece)
	// asking are those that want to be acknowledged.
	asking = frameSet(1<<frameAccept | 1<<framePing | 1<<frameAnswer | 1<<framePiece)
)

// closeCode says why a session is closed.
type closeCode byte

// The codes.
const (
	codeDone    closeCode = 0 // nobody uses it any more
	codeRefused closeCode = 1 // the answering end does not accept
	codeFault   closeCode = 2 // the other end broke the protocol
	lastCode              = codeFault
)

// ack acknowledges cells.
type ack struct {
	largest uint64
	delay   uint16 // since largest came, in units of 100 µs
	below   []byte // bit i, from the top of each byte: largest − 1 − i has come; no zero byte at the end
}

// has reports whether a counter is acknowledged.
func (a *ack) has(counter uint64) bool {
	if counter >= a.largest {
		return counter == a.largest
	}
	i := a.largest - 1 - counter
	return i < uint64(8*len(a.below)) && a.below[i/8]&(0x80>>(i%8)) != 0
}

// fragment is a datagram or a part of one.
type fragment struct {
	flow, id     uint16
	index, count uint8
	data         []byte
}

// piece is a part of a message.
type piece struct {
	number uint16
	shape  shape
	index  int
	data   []byte
}

// frames is one cell's plaintext, parsed. The slices lie in it.
type frames struct {
	set      frameSet
	ack      ack
	code     closeCode
	answer   []byte
	fragment fragment
	piece    piece
}

// parseFrames reads the plaintext of a cell. Everything beyond may is refused.
func parseFrames(p []byte, may frameSet) (f frames, ok bool) {
	if len(p) != plainLen {
		return f, false
	}
	last := frameFill
	for len(p) > 0 {
		k := frameKind(p[0])
		if k == frameFill {
			return f, allZero(p)
		}
		if k <= last || k > framePiece || !may.has(k) {
			return f, false
		}
		if p, ok = f.take(k, p[1:]); !ok {
			return f, false
		}
		last = k
		f.set |= 1 << k
	}
	return f, true
}

// take reads one frame behind its kind and returns the rest.
func (f *frames) take(k frameKind, p []byte) (rest []byte, ok bool) {
	switch k {
	case frameAck:
		return f.takeAck(p)
	case frameClose:
		if len(p) < 1 || closeCode(p[0]) > lastCode {
			return nil, false
		}
		f.code = closeCode(p[0])
		return p[1:], true
	case frameAnswer:
		if len(p) < answerLen {
			return nil, false
		}
		f.answer = p[:answerLen]
		return p[answerLen:], true
	case frameDatagram:
		return f.takeFragment(p)
	case framePiece:
		return f.takePiece(p)
	}
	return p, true // accept, ping
}

func (f *frames) takeAck(p []byte) (rest []byte, ok bool) {
	if len(p) < ackHeader-1 {
		return nil, false
	}
	n := int(p[10])
	f.ack.largest, f.ack.delay = binary.BigEndian.Uint64(p), binary.BigEndian.Uint16(p[8:])
	if p = p[11:]; n > ackMost || len(p) < n || n > 0 && p[n-1] == 0 || uint64(8*n) > f.ack.largest+7 {
		return nil, false
	}
	f.ack.below = p[:n]
	return p[n:], true
}

func (f *frames) takeFragment(p []byte) (rest []byte, ok bool) {
	if len(p) < datagramHeader-1 {
		return nil, false
	}
	d := &f.fragment
	d.flow, d.id = binary.BigEndian.Uint16(p), binary.BigEndian.Uint16(p[2:])
	d.index, d.count = p[4]>>4, p[4]&15
	n := int(binary.BigEndian.Uint16(p[5:]))
	if p = p[7:]; d.count < 1 || d.count > maxFragments || d.index >= d.count || n < 1 || n > len(p) {
		return nil, false
	}
	d.data = p[:n]
	return p[n:], true
}

func (f *frames) takePiece(p []byte) (rest []byte, ok bool) {
	if len(p) < pieceHeader-1 {
		return nil, false
	}
	f.piece.number = binary.BigEndian.Uint16(p)
	f.piece.shape = shapeOf(int(binary.BigEndian.Uint16(p[2:])) + 1)
	f.piece.index = int(p[4])
	size := f.piece.shape.size
	if p = p[5:]; f.piece.index >= f.piece.shape.pieces() || len(p) < size {
		return nil, false
	}
	f.piece.data = p[:size]
	return p[size:], true
}

// allZero reports whether p is zeros.
func allZero(p []byte) bool {
	for _, b := range p {
		if b != 0 {
			return false
		}
	}
	return true
}

// appendAck appends what a window has seen, in at most room bytes, which must hold a header at least.
func appendAck(b []byte, w *window, delay uint16, room int) []byte {
	b = append(b, byte(frameAck))
	b = binary.BigEndian.AppendUint64(b, w.Next()-1)
	b = binary.BigEndian.AppendUint16(b, delay)
	b = append(b, 0)
	n := len(b)
	b = w.below(b, min(room-ackHeader, ackMost))
	b[n-1] = byte(len(b) - n)
	return b
}

// appendFragment appends a datagram frame.
func appendFragment(b []byte, f *fragment) []byte {
	b = append(b, byte(frameDatagram))
	b = binary.BigEndian.AppendUint16(b, f.flow)
	b = binary.BigEndian.AppendUint16(b, f.id)
	b = append(b, f.index<<4|f.count)
	b = binary.BigEndian.AppendUint16(b, uint16(len(f.data)))
	return append(b, f.data...)
}

// appendPieceHeader appends a piece frame but for its bytes.
func appendPieceHeader(b []byte, number uint16, s shape, index int) []byte {
	b = append(b, byte(framePiece))
	b = binary.BigEndian.AppendUint16(b, number)
	b = binary.BigEndian.AppendUint16(b, uint16(s.length-1))
	return append(b, byte(index))
}
