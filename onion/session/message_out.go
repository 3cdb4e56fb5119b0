// Messages on their way out: which pieces are under way, which have come, and which must go again.

package session

// fate is what is known of a piece.
type fate uint8

const (
	unsent fate = iota
	flying
	arrived
	lost
)

// outBlock counts the pieces of a block.
type outBlock struct {
	arrived, flying int
	extra           int // pieces sent beyond what is missing, once something had to go again
}

// outMessage is a message that is not acknowledged yet.
type outMessage struct {
	number uint16
	data   []byte
	shape  shape
	fates  []fate
	blocks []outBlock
	left   int // blocks of which too little has come
	cursor int // first piece never sent
	repair bool
}

func newOutMessage(number uint16, message []byte) *outMessage {
	s := shapeOf(len(message))
	return &outMessage{
		number: number, data: append([]byte(nil), message...), shape: s,
		fates: make([]fate, s.pieces()), blocks: make([]outBlock, s.blocks), left: s.blocks,
	}
}

// wants reports whether more of a block must be under way.
func (m *outMessage) wants(b int) bool {
	o := &m.blocks[b]
	return o.arrived < m.shape.in(b) && o.arrived+o.flying < m.shape.in(b)+o.extra
}

// pick is the next piece to send: one of a block that lacks some, or the first one never sent.
func (m *outMessage) pick() (index int, ok bool) {
	if m.repair {
		for i := range m.cursor {
			if b, _ := m.shape.locate(i); m.fates[i] == lost && m.wants(b) {
				return i, true
			}
		}
		m.repair = false
	}
	for m.cursor < len(m.fates) {
		if b, _ := m.shape.locate(m.cursor); m.blocks[b].arrived < m.shape.in(b) {
			return m.cursor, true
		}
		m.fates[m.cursor] = lost // not needed any more
		m.cursor++
	}
	return 0, false
}

// sent notes that a picked piece is under way.
func (m *outMessage) sent(index int) {
	if index == m.cursor {
		m.cursor++
	}
	b, _ := m.shape.locate(index)
	m.fates[index] = flying
	m.blocks[b].flying++
}

// came notes that a piece has arrived.
func (m *outMessage) came(index int) {
	b, _ := m.shape.locate(index)
	o := &m.blocks[b]
	switch m.fates[index] {
	case arrived:
		return
	case flying:
		o.flying--
	}
	m.fates[index] = arrived
	if o.arrived++; o.arrived == m.shape.in(b) {
		m.left--
	}
}

// gone notes that a piece that was under way is lost. One more than what is missing goes again: what is late already
// should not wait for a third round.
func (m *outMessage) gone(index int) {
	if m.fates[index] != flying {
		return
	}
	b, _ := m.shape.locate(index)
	o := &m.blocks[b]
	m.fates[index] = lost
	o.flying--
	if o.arrived < m.shape.in(b) && o.arrived+o.flying < m.shape.in(b) {
		o.extra, m.repair = 1, true
	}
}

// appendPiece appends the bytes of a piece, size of them.
func (m *outMessage) appendPiece(dst []byte, index int) []byte {
	b, place := m.shape.locate(index)
	start, n := len(dst), m.shape.in(b)
	dst = append(dst, make([]byte, m.shape.size)...)
	out := dst[start:]
	if place < n {
		copy(out, m.shape.piece(m.data, b, place))
		return dst
	}
	sum(out, n, place > n, func(i int) []byte { return m.shape.piece(m.data, b, i) })
	return dst
}

// outQueue is the messages that are not acknowledged, in order, MaxQueued and MaxQueuedBytes at most.
type outQueue struct {
	messages []*outMessage
	bytes    int
	next     uint16
	wanted   bool // somebody was refused and wants to know of room
}

// push takes a copy of a message, or refuses at the bound.
func (q *outQueue) push(message []byte) bool {
	if len(q.messages) >= MaxQueued || q.bytes+len(message) > MaxQueuedBytes {
		q.wanted = true
		return false
	}
	q.messages = append(q.messages, newOutMessage(q.next, message))
	q.next++
	q.bytes += len(message)
	return true
}

// pick is the next piece to send, of the oldest message that has one.
func (q *outQueue) pick() (*outMessage, int, bool) {
	for _, m := range q.messages {
		if index, ok := m.pick(); ok {
			return m, index, true
		}
	}
	return nil, 0, false
}

// clean drops the acknowledged messages in front and reports whether somebody who waits has room now.
func (q *outQueue) clean() (room bool) {
	n := 0
	for n < len(q.messages) && q.messages[n].left == 0 {
		q.bytes -= len(q.messages[n].data)
		q.messages[n] = nil
		n++
	}
	q.messages = q.messages[n:]
	if room = q.wanted && n > 0 && q.bytes <= MaxQueuedBytes/2 && len(q.messages) <= MaxQueued/2; room {
		q.wanted = false
	}
	return room
}
