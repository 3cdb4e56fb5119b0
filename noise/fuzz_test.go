package noise

// Fuzz targets: bytes from the network, into every parser and into a live core.

import (
	"bytes"
	"net/netip"
	"testing"
	"time"
)

func FuzzDatagram(f *testing.F) {
	l := newFuzzLab(f)
	for _, d := range l.recorded {
		f.Add(d, true)
		f.Add(d, false)
	}
	f.Add(make([]byte, DatagramLen), true)
	f.Fuzz(func(t *testing.T, d []byte, toResponder bool) {
		l := newFuzzLab(t)
		c, before := l.a, stateOf(l.a, 0)
		if toResponder {
			c, before = l.b, stateOf(l.b, 0)
		}
		if len(d) != DatagramLen {
			d = append(d, make([]byte, DatagramLen)...)[:DatagramLen]
		}
		l.feed(c, netip.MustParseAddrPort("192.0.2.99:9"), d)
		if after := stateOf(c, 0); after != before {
			t.Error("a stranger's datagram changed the state")
		}
		c.Tick(l.now.Add(time.Second))
	})
}

// newFuzzLab is a lab with one link up, deterministic, so that what was recorded
// is a replay and anything else is forged.
func newFuzzLab(t testing.TB) *lab {
	l := &lab{now: labStart, addrA: addr(1), addrB: addr(2)}
	for _, end := range []struct {
		c    **Core
		seed byte
		node [32]byte
	}{{&l.a, 1, [32]byte{9}}, {&l.b, 2, labNode}} {
		c, err := NewCore(l.now, Config{Overlay: labOverlay, Node: end.node, Static: labStatic(t, end.seed), FreshKey: true, Rand: labRand(10 + end.seed)})
		if err != nil {
			t.Fatal(err)
		}
		*end.c = c
	}
	id, err := l.a.Dial(l.now, Target{Addr: l.addrB, Key: labStatic(t, 2).Public(), Node: labNode, Pattern: IK})
	if err != nil {
		t.Fatal(err)
	}
	l.carry()
	if err := l.a.Send(l.now, id, frame(3)); err != nil {
		t.Fatal(err)
	}
	l.carry()
	return l
}

// A neighbour that holds the keys may say anything inside of its link.
func FuzzControlFrame(f *testing.F) {
	for op := range byte(7) {
		f.Add(append([]byte{op}, bytes.Repeat([]byte{1}, 40)...), op%2 == 0)
	}
	f.Fuzz(func(t *testing.T, body []byte, toResponder bool) {
		l := newFuzzLab(t)
		c := l.a
		if toResponder {
			c = l.b
		}
		padded := append(bytes.Clone(body), make([]byte, FrameLen)...)[:FrameLen]
		for _, k := range c.links {
			c.control(l.now, addr(3), k, padded)
			break
		}
		if len(c.links) > 1 || len(c.sessions) > 2 {
			t.Errorf("%d links, %d sessions", len(c.links), len(c.sessions))
		}
		for range 30 {
			l.now = l.now.Add(time.Second)
			l.a.Tick(l.now)
			l.b.Tick(l.now)
			l.carry()
		}
	})
}

func FuzzPiece(f *testing.F) {
	whole := make([]byte, initiationPieceLen+pieceHeaderLen)
	for _, total := range []int{1, 80, initiationPieceLen, initiationPieceLen + 1, maxPieces * initiationPieceLen} {
		for n := range countPieces(total, initiationPieceLen) {
			d := bytes.Clone(whole)
			putPiece(d, make([]byte, total), n)
			f.Add(d)
		}
	}
	f.Fuzz(func(t *testing.T, b []byte) {
		p, ok := parsePiece(b)
		if !ok {
			return
		}
		n := len(b) - pieceHeaderLen
		if p.count > maxPieces || p.number >= p.count || len(p.body) > n || p.number*n+len(p.body) > p.total {
			t.Fatalf("accepted %+v", p)
		}
		message := make([]byte, p.total)
		copy(message[p.number*n:], p.body)
		again := bytes.Clone(b)
		putPiece(again, message, p.number)
		if !bytes.Equal(again, b) {
			t.Error("two encodings of one piece")
		}
		var a assembly
		a.add(p, n)
	})
}

func FuzzHandshakeMessage(f *testing.F) {
	for _, p := range []Pattern{IK, NK} {
		i, r := pair(f, p)
		m1, err := i.WriteMessage(nil, []byte("payload"))
		if err != nil {
			f.Fatal(err)
		}
		if _, err := r.ReadMessage(m1); err != nil {
			f.Fatal(err)
		}
		m2, err := r.WriteMessage(nil, nil)
		if err != nil {
			f.Fatal(err)
		}
		f.Add(byte(p), m1, m2)
	}
	f.Fuzz(func(t *testing.T, p byte, m1, m2 []byte) {
		pattern := Pattern(1 + p%2)
		i, r := pair(t, pattern)
		good, err := i.WriteMessage(nil, []byte("payload"))
		if err != nil {
			t.Fatal(err)
		}
		if _, err := r.ReadMessage(m1); err == nil && !bytes.Equal(m1, good) && pattern == IK {
			t.Error("a stranger's message was taken for the static key's")
		}
		if _, err := i.ReadMessage(m2); err == nil {
			if _, err := i.Secrets(); err != nil {
				t.Error("taken without secrets")
			}
		}
	})
}
