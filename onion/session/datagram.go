// Datagrams: cut into at most four cells, never repeated, put together again or dropped whole.

package session

// cutDatagram says into how many fragments a datagram of n bytes is cut, and how long each but the last is.
func cutDatagram(n int) (count, size int) {
	count = ceil(n, fragmentLen)
	return count, ceil(n, count)
}

// partial is a datagram under reassembly.
type partial struct {
	id    uint16
	count uint8 // 0 when the place is free: numbers come back, and what is left of an old datagram is no part of a new one
	got   uint8 // bit i: fragment i
	lens  [maxFragments]uint16
	data  [maxFragments][fragmentLen]byte
}

// handed remembers which of the newest datagrams were handed on, since a setting of the sender sends each over two
// legs. What is older than all it remembers is too late for anybody.
type handed struct {
	next uint16
	any  bool
	bits [handedLen / 64]uint64
}

const handedLen = 256

// fresh reports whether a datagram was not handed on.
func (h *handed) fresh(id uint16) bool {
	behind := h.next - 1 - id
	if !h.any || behind >= 1<<15 {
		return true
	}
	return behind < handedLen && h.bits[id%handedLen/64]&(1<<(id%64)) == 0
}

// mark notes a fresh one.
func (h *handed) mark(id uint16) {
	if !h.any {
		h.any, h.next = true, id
	}
	if id-h.next < 1<<15 {
		if id-h.next >= handedLen {
			clear(h.bits[:])
			h.next = id
		}
		for ; h.next != id; h.next++ {
			h.bits[h.next%handedLen/64] &^= 1 << (h.next % 64)
		}
		h.next++
	}
	h.bits[id%handedLen/64] |= 1 << (id % 64)
}

// reassembly gathers fragments. Where two datagrams want one place, the one goes of which nothing came for longer.
type reassembly struct {
	handed   handed
	partials [maxPartial]*partial
}

// add takes a fragment and appends the datagram to dst if it is whole. False for fault means that no honest end cuts
// like that.
func (r *reassembly) add(dst []byte, f *fragment) (datagram []byte, ok, fault bool) {
	if !r.handed.fresh(f.id) {
		return dst, false, false
	}
	if f.count == 1 {
		r.done(f.id)
		return append(dst, f.data...), true, false
	}
	slot := &r.partials[f.id%maxPartial]
	if *slot == nil {
		*slot = &partial{id: f.id, count: f.count}
	}
	p := *slot
	if p.id != f.id || p.count == 0 {
		p.id, p.count, p.got = f.id, f.count, 0
	}
	if p.count != f.count {
		return dst, false, true
	}
	p.got |= 1 << f.index
	p.lens[f.index] = uint16(copy(p.data[f.index][:], f.data))
	if p.got != 1<<p.count-1 {
		return dst, false, false
	}
	return r.join(dst, p)
}

// join puts a whole datagram together.
func (r *reassembly) join(dst []byte, p *partial) (datagram []byte, ok, fault bool) {
	total := 0
	for i := range p.count {
		total += int(p.lens[i])
	}
	count, size := cutDatagram(total)
	if total > MaxDatagram || count != int(p.count) {
		return dst, false, true
	}
	for i := range p.count {
		if int(p.lens[i]) != min(size, total-int(i)*size) {
			return dst, false, true
		}
		dst = append(dst, p.data[i][:p.lens[i]]...)
	}
	p.count = 0
	r.done(p.id)
	return dst, true, false
}

// done notes that a datagram was handed on, and gives up those that are too late by now.
func (r *reassembly) done(id uint16) {
	r.handed.mark(id)
	for _, p := range r.partials {
		if p != nil && !r.handed.fresh(p.id) {
			p.count = 0
		}
	}
}
