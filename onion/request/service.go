// Services, and what fits into their cells.

package request

import (
	"crypto/subtle"
	"encoding/binary"
	"io"

	"sotto/onion/cell"
)

// Service says how many cells a request and its answer take, whatever is in them. Both ends must agree on it: it belongs
// to the number.
type Service struct {
	Number byte
	// Forward is how many pieces a request has, the one in the create included: 1 to MaxForward. Answer is how many its
	// answer has: 1 to MaxAnswer.
	Forward, Answer int
	// ForwardParity and AnswerParity say whether one more cell makes up for one that is lost. A request of one piece has
	// none to lose beside the create.
	ForwardParity, AnswerParity bool
}

// The services of this package. Others have numbers from 16.
var (
	// Echo answers with what was asked, one cell each way.
	Echo = Service{Number: 1, Forward: 1, Answer: 1}
	// EchoTrain answers with what was asked, a whole train each way.
	EchoTrain = Service{Number: 2, Forward: cell.MaxEarly, ForwardParity: true, Answer: cell.MaxEarly, AnswerParity: true}
)

const (
	headLen   = 2
	lengthLen = 2
	firstLen  = cell.EarlyFirstLen - headLen
	pieceLen  = cell.PayloadLen - 1
	// MaxForward is what 8 KiB hold (protocol §2).
	MaxForward = 1 + (8<<10-firstLen)/pieceLen
	// MaxAnswer is one less than the bits of an Again.
	MaxAnswer = 31
)

const (
	_ = uint(31 - MaxForward)
	_ = uint(1<<16 - 1 - MaxAnswer*pieceLen)
)

func (s Service) valid() bool {
	return s.Forward >= 1 && s.Forward <= MaxForward && s.Answer >= 1 && s.Answer <= MaxAnswer && !(s.ForwardParity && s.Forward == 1)
}

// RequestMax is how many bytes a request may have.
func (s Service) RequestMax() int { return s.requestLen() - lengthLen }

// AnswerMax is how many bytes an answer may have.
func (s Service) AnswerMax() int { return s.answerLen() - lengthLen }

func (s Service) requestLen() int { return firstLen + (s.Forward-1)*pieceLen }
func (s Service) answerLen() int  { return s.Answer * pieceLen }

// following is how many Request messages there are.
func (s Service) following() int { return s.Forward - 1 + count(s.ForwardParity) }

// answers is how many Answer messages there are.
func (s Service) answers() int { return s.Answer + count(s.AnswerParity) }

func count(b bool) int {
	if b {
		return 1
	}
	return 0
}

// pack makes a stream of n bytes: length, content, random bytes.
func pack(r io.Reader, content []byte, n int) ([]byte, error) {
	stream := binary.BigEndian.AppendUint16(make([]byte, 0, n), uint16(len(content)))
	stream = append(stream, content...)
	fill := stream[len(stream):n]
	_, err := io.ReadFull(r, fill)
	return stream[:n], err
}

// unpack reads the content of a stream.
func unpack(stream []byte) ([]byte, bool) {
	if len(stream) < lengthLen {
		return nil, false
	}
	n, rest := int(binary.BigEndian.Uint16(stream)), stream[lengthLen:]
	if n > len(rest) {
		return nil, false
	}
	return rest[:n:n], true
}

// set is a set of pieces, one bit each.
type set uint32

func (s set) has(i int) bool { return s>>i&1 == 1 }

// below is the set of the first n pieces.
func below(n int) set { return 1<<n - 1 }

// pieces collects n equal pieces, and their parity if there is one.
type pieces struct {
	bytes  []byte // n * pieceLen
	parity []byte // nil until it comes
	have   set
	n      int
}

// put takes a piece; n is the parity. It reports whether the piece is new: a second one of an index, whatever is in it,
// changes nothing.
func (p *pieces) put(i int, piece []byte) bool {
	switch {
	case i < p.n && !p.have.has(i):
		copy(p.bytes[i*pieceLen:], piece)
		p.have |= 1 << i
		return true
	case i == p.n && p.parity == nil:
		p.parity = append([]byte(nil), piece...)
		return true
	}
	return false
}

// missing are the pieces that are not there.
func (p *pieces) missing() set { return below(p.n) &^ p.have }

// whole reports whether all pieces are there, after making up for one with the parity.
func (p *pieces) whole() bool {
	lost := p.missing()
	if lost == 0 {
		return true
	}
	if lost&(lost-1) != 0 || p.parity == nil {
		return false
	}
	for i := range p.n {
		if lost.has(i) {
			lostPiece := p.bytes[i*pieceLen : (i+1)*pieceLen]
			copy(lostPiece, p.parity)
			for j := range p.n {
				if j != i {
					subtle.XORBytes(lostPiece, lostPiece, p.bytes[j*pieceLen:(j+1)*pieceLen])
				}
			}
		}
	}
	p.have |= lost
	return true
}

// appendPieces appends the messages for a stream of n pieces, their payloads one after the other: index from first, piece,
// and the parity last if there is one.
func appendPieces(b, stream []byte, first int, parity bool) []byte {
	var sum [pieceLen]byte
	i := first
	for ; len(stream) >= pieceLen; stream = stream[pieceLen:] {
		b = append(append(b, byte(i)), stream[:pieceLen]...)
		subtle.XORBytes(sum[:], sum[:], stream[:pieceLen])
		i++
	}
	if parity {
		b = append(append(b, byte(i)), sum[:]...)
	}
	return b
}

// payload is the i-th of payloads one after the other.
func payload(b []byte, i int) []byte {
	return b[i*cell.PayloadLen : (i+1)*cell.PayloadLen : (i+1)*cell.PayloadLen]
}

// appendAgain appends what an Again says, but the random rest.
func appendAgain(b []byte, missing set) []byte {
	return binary.BigEndian.AppendUint32(b, uint32(missing))
}

// parseAgain reads an Again about n pieces.
func parseAgain(payload []byte, n int) (set, bool) {
	if len(payload) != cell.PayloadLen {
		return 0, false
	}
	s := set(binary.BigEndian.Uint32(payload))
	return s, s != 0 && s&^below(n) == 0
}

// appendFirst appends early data.
func appendFirst(b []byte, service byte, piece []byte) []byte {
	return append(append(b, byte(cell.Ask), service), piece...)
}

// parseFirst reads early data: service and piece 0.
func parseFirst(first []byte) (service byte, piece []byte, ok bool) {
	if len(first) != cell.EarlyFirstLen || cell.Operation(first[0]) != cell.Ask {
		return 0, nil, false
	}
	return first[1], first[headLen:], true
}

// parsePiece reads a Request or an Answer.
func parsePiece(payload []byte) (index int, piece []byte, ok bool) {
	if len(payload) != cell.PayloadLen {
		return 0, nil, false
	}
	return int(payload[0]), payload[1:], true
}
