// Messages on their way in: pieces are gathered, missing ones restored, and messages handed on in order.

package session

// inMessage is a message under assembly.
type inMessage struct {
	shape  shape
	blocks []inBlock
	left   int
}

// inBlock keeps pieces until there are enough; then only those of data.
type inBlock struct {
	pieces [][]byte
	have   int
}

// verdict is what becomes of a piece.
type verdict uint8

const (
	kept  verdict = iota
	full          // no room: as if it had not come, so that it comes again
	wrong         // no honest end sends this
)

// inQueue is the messages that were not handed on: numbers next to next + MaxQueued − 1, of MaxQueuedBytes in all. More
// come only while this end's caller is slow to take messages; then pieces are not acknowledged and the sender waits.
type inQueue struct {
	next     uint16
	bytes    int
	messages [MaxQueued]*inMessage
}

// add takes a piece.
func (q *inQueue) add(p *piece) verdict {
	ahead := p.number - q.next
	if ahead >= 1<<15 {
		return kept // of a message handed on already
	}
	if ahead >= MaxQueued {
		return full
	}
	slot := &q.messages[p.number%MaxQueued]
	if *slot == nil {
		if q.bytes+p.shape.length > MaxQueuedBytes {
			return full
		}
		q.bytes += p.shape.length
		*slot = &inMessage{shape: p.shape, blocks: make([]inBlock, p.shape.blocks), left: p.shape.blocks}
	}
	m := *slot
	if m.shape != p.shape {
		return wrong
	}
	m.add(p)
	return kept
}

// add keeps a piece that is needed.
func (m *inMessage) add(p *piece) {
	b, place := m.shape.locate(p.index)
	in, n := &m.blocks[b], m.shape.in(b)
	if in.have == n {
		return
	}
	if in.pieces == nil {
		in.pieces = make([][]byte, n+parity(n))
	}
	if in.pieces[place] != nil {
		return
	}
	in.pieces[place] = append([]byte(nil), p.data...)
	if in.have++; in.have == n {
		restore(in.pieces, n, m.shape.size)
		in.pieces = in.pieces[:n]
		m.left--
	}
}

// pop returns the next message in order if it is whole: ok is false if it is not, fault true if it is not one that an
// honest end cuts.
func (q *inQueue) pop() (message []byte, ok, fault bool) {
	slot := &q.messages[q.next%MaxQueued]
	m := *slot
	if m == nil || m.left > 0 {
		return nil, false, false
	}
	message = make([]byte, 0, m.shape.data*m.shape.size)
	for _, b := range m.blocks {
		for _, p := range b.pieces {
			message = append(message, p...)
		}
	}
	q.bytes -= m.shape.length
	*slot = nil
	q.next++
	if !allZero(message[m.shape.length:]) {
		return nil, false, true
	}
	return message[:m.shape.length:m.shape.length], true, false
}
