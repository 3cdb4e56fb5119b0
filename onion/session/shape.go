// How a message is cut: into equal pieces, these into even blocks, each block with its parity. The length decides all.

package session

// shape is how a message of some length is cut. Pieces are numbered block by block, in each block first those of data.
type shape struct {
	length int // of the message, 1 to MaxMessage
	data   int // pieces of data
	size   int // bytes of a piece; the last one of data is filled with zeros
	blocks int
	per    int // pieces of data in a block; the last one may have fewer
}

// shapeOf cuts a length of 1 to MaxMessage.
func shapeOf(length int) shape {
	s := shape{length: length}
	s.data = ceil(length, pieceLen)
	s.size = ceil(length, s.data)
	s.blocks = ceil(s.data, blockLen)
	s.per = ceil(s.data, s.blocks)
	s.blocks = ceil(s.data, s.per)
	return s
}

// ceil is a/b rounded up.
func ceil(a, b int) int { return (a + b - 1) / b }

// parity is how many pieces of parity a block of n pieces of data has: a piece that is alone is sent twice.
func parity(n int) int { return min(n, 2) }

// in is how many pieces of data block b has.
func (s shape) in(b int) int { return min(s.per, s.data-b*s.per) }

// first is the number of the first piece of block b.
func (s shape) first(b int) int { return b * (s.per + parity(s.per)) }

// pieces is how many there are in all.
func (s shape) pieces() int {
	b := s.blocks - 1
	return s.first(b) + s.in(b) + parity(s.in(b))
}

// locate says to which block a piece belongs, and where it stands in it.
func (s shape) locate(index int) (block, place int) {
	block = index / (s.per + parity(s.per))
	return block, index - s.first(block)
}

// piece returns piece number place of the data of block b of a message, shorter than size at the end.
func (s shape) piece(message []byte, b, place int) []byte {
	at := (b*s.per + place) * s.size
	if at >= len(message) {
		return nil
	}
	return message[at:min(at+s.size, len(message))]
}
