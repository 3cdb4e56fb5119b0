// A request at the peer from its first piece to the last time its answer is given.

package request

import (
	"slices"
	"time"

	"sotto/onion/cell"
)

// collect takes a piece of a request.
func (s *Server) collect(now time.Time, j *job, payload []byte) {
	i, piece, ok := parsePiece(payload)
	if !ok || i < 1 || i > j.service.following() {
		return
	}
	if j.pieces.put(i-1, piece) {
		s.proceed(now, j)
	}
}

// proceed hands a request on if it is whole.
func (s *Server) proceed(now time.Time, j *job) {
	if !j.pieces.whole() {
		s.wait(now, j, gapTime)
		return
	}
	content, ok := unpack(slices.Concat(j.first, j.pieces.bytes))
	if !ok {
		s.forget(j)
		s.close(j.circuit)
		return
	}
	j.phase, j.first, j.pieces = running, nil, pieces{}
	s.agenda.set(j, now.Add(s.limits.Run))
	s.out.add(Action{Kind: ActAsk, Circuit: j.circuit, Service: j.service.Number, Content: content})
}

// overdue are the pieces, without the first, that should have been here by now. What does not fit into the train comes a
// round trip later: it is overdue when another piece behind the train has come.
func (j *job) overdue() set {
	missing := j.pieces.missing()
	if j.service.following() > cell.MaxEarly && j.pieces.have>>cell.MaxEarly == 0 && j.pieces.parity == nil {
		missing &= below(cell.MaxEarly)
	}
	return missing
}

// wait gives missing pieces some time.
func (s *Server) wait(now time.Time, j *job, gap time.Duration) {
	due := now.Add(gap)
	if j.overdue() == 0 || j.gaps >= maxGaps || due.After(j.end) {
		due = j.end
	}
	s.agenda.set(j, due)
}

// repeat gives cells of the answer again.
func (s *Server) repeat(j *job, again []byte) {
	missing, ok := parseAgain(again, j.service.Answer)
	if !ok || j.repeats >= maxRepeats {
		return
	}
	j.repeats++
	for i := range j.service.Answer {
		if missing.has(i) {
			s.out.send(j.circuit, cell.Answer, payload(j.answer, i))
		}
	}
}

// room reports whether there is room for a request, after making some.
func (s *Server) room(j *job) bool {
	for {
		mine := share{}
		if h := s.shares[j.neighbor]; h != nil {
			mine = *h
		}
		ofLink := mine.jobs >= s.limits.PerNeighbor || mine.bytes+j.charge() > s.limits.BytesPerNeighbor
		if !ofLink && len(s.jobs) < s.limits.Requests && s.bytes+j.charge() <= s.limits.Bytes {
			return true
		}
		oldest := slices.IndexFunc(s.kept, func(k *job) bool { return !ofLink || k.neighbor == j.neighbor })
		if oldest < 0 {
			return false
		}
		s.forget(s.kept[oldest])
	}
}

// forget takes a request out of all tables.
func (s *Server) forget(j *job) {
	delete(s.jobs, j.circuit)
	s.agenda.stop(j)
	if j.phase == answered {
		i := slices.Index(s.kept, j) // the first one but when a circuit closes early
		s.kept = slices.Delete(s.kept, i, i+1)
	}
	s.bytes -= j.charge()
	h := s.share(j.neighbor)
	h.jobs--
	h.bytes -= j.charge()
	if *h == (share{}) {
		delete(s.shares, j.neighbor)
	}
}

func (s *Server) share(n Neighbor) *share {
	h := s.shares[n]
	if h == nil {
		h = new(share)
		s.shares[n] = h
	}
	return h
}

// close refuses a request, for whatever reason.
func (s *Server) close(c Circuit) { s.out.add(Action{Kind: ActClose, Circuit: c}) }
