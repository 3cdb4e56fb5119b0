package loopback

// What the ends of the conversation say and hear, and who carried it.

import (
	"bytes"
	"context"
	"encoding/binary"
	"slices"
	"sync"
	"time"

	"sotto/onion"
	"sotto/onion/session"
)

// heard is what came to one end.
type heard struct {
	mu        sync.Mutex
	lines     []string
	datagrams map[uint32]time.Duration // one way, by number
	wrong     int                      // datagrams that nobody sent, or that came twice
	came      [][]byte                 // everything
}

// say says what an end has to say, each datagram at its time.
func (n *Network) say(ctx context.Context, begun time.Time, i int, s *onion.Session) error {
	said := 0
	for d := range datagramsEach {
		if !wait(ctx, time.Until(begun.Add(time.Duration(d)*datagramPause))) {
			return context.Cause(ctx)
		}
		if time.Duration(d)*datagramPause >= time.Duration(said)*linePause && said < lines {
			if err := s.SendMessage([]byte(n.talk.lines[i][said])); err != nil {
				return err
			}
			said++
		}
		b := append(make([]byte, 0, datagramLen), n.talk.secrets[i][:]...)
		b = binary.BigEndian.AppendUint32(b, uint32(d))
		b = binary.BigEndian.AppendUint64(b, uint64(time.Since(begun)))
		if err := s.SendDatagram(1, b[:datagramLen]); err != nil {
			return err
		}
	}
	return nil
}

// listen notes what comes until ctx ends or the session does.
func (h *heard) listen(ctx context.Context, begun time.Time, s *onion.Session, secret [datagramSecret]byte) {
	for {
		ev, err := s.Receive(ctx)
		if err != nil {
			return
		}
		h.mu.Lock()
		h.came = append(h.came, ev.Bytes)
		switch ev.Kind {
		case session.Message:
			h.lines = append(h.lines, string(ev.Bytes))
		case session.Datagram:
			h.datagram(ev.Bytes, time.Since(begun), secret)
		}
		h.mu.Unlock()
	}
}

func (h *heard) datagram(b []byte, now time.Duration, secret [datagramSecret]byte) {
	if len(b) != datagramLen || !bytes.Equal(b[:datagramSecret], secret[:]) {
		h.wrong++
		return
	}
	number := binary.BigEndian.Uint32(b[datagramSecret:])
	if _, twice := h.datagrams[number]; twice || number >= datagramsEach {
		h.wrong++
		return
	}
	h.datagrams[number] = now - time.Duration(binary.BigEndian.Uint64(b[datagramSecret+4:]))
}

// all reports whether every line has come.
func (h *heard) all() bool {
	h.mu.Lock()
	defer h.mu.Unlock()
	return len(h.lines) >= lines
}

// compare sums up what was said and what was heard of it.
func (n *Network) compare(t *Talked) {
	var ways []time.Duration
	for i := range n.talk.heard {
		h := &n.talk.heard[i]
		t.Lines.Sent += lines
		t.Lines.Received += len(h.lines)
		for l, line := range h.lines {
			if l < lines && line == n.talk.lines[1-i][l] {
				t.Lines.Matched++
			}
		}
		t.Datagrams.Sent += datagramsEach
		t.Datagrams.Received += len(h.datagrams) + h.wrong
		t.Datagrams.Matched += len(h.datagrams)
		for _, way := range h.datagrams {
			ways = append(ways, way)
		}
	}
	slices.Sort(ways)
	t.P50, t.P95 = quantile(ways, 50), quantile(ways, 95)
	t.Relays = len(n.talk.carried)
}

// passed is how many cells each relay has passed on or taken.
func (n *Network) passed() map[*node]uint64 {
	all := make(map[*node]uint64)
	for _, r := range n.relays {
		c := r.live.Circuits().Relay
		all[r] = c.Forwarded + c.Back + c.Here
	}
	return all
}

// whoCarried notes through which relays the conversation went: stems are built with a few cells, and standing ones carry
// none.
func (n *Network) whoCarried(before map[*node]uint64) {
	n.talk.carried = make(map[*node]bool)
	for r, cells := range n.passed() {
		if cells-before[r] >= datagramsEach {
			n.talk.carried[r] = true
		}
	}
}

// findLease finds the relay at which Bob listens, by what the relays themselves count.
func (n *Network) findLease() {
	for _, r := range n.relays {
		if s := r.live.Circuits().Relay; s.Splices > 0 {
			n.talk.listens, n.talk.leases, n.talk.splices = r, s.Leases, s.Splices
		}
	}
}
