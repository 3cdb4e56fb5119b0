// Whatever is accepted comes out as the same bytes again: there is one form, and nothing is ignored.

package peer

import (
	"bytes"
	"testing"
)

func FuzzParseStatic(f *testing.F) {
	f.Add(frozen(f, "static"))
	f.Add(make([]byte, StaticLen))
	f.Fuzz(func(t *testing.T, b []byte) {
		s, err := ParseStatic(b)
		if err != nil {
			if !s.IsZero() {
				t.Fatal("refused, and yet something came out")
			}
			return
		}
		if !bytes.Equal(s.Append(nil), b) {
			t.Fatal("parsed and appended is something else")
		}
		again, err := NewStatic(s.Overlay(), s.KeyEpoch(), s.SigningKey(), b[offAdmission:])
		if err != nil || again.NodeID() != s.NodeID() || !bytes.Equal(again.Append(nil), b) {
			t.Fatal("put together from its fields it is something else")
		}
	})
}

func FuzzParseDaily(f *testing.F) {
	for _, name := range []string{"daily, relay, period 3", "daily, anonymous, period 3", "daily, declared prefix, period 0"} {
		f.Add(frozen(f, name))
	}
	f.Add(make([]byte, DailyLen))
	f.Fuzz(func(t *testing.T, b []byte) {
		d, err := ParseDaily(b)
		if err != nil {
			if d != (Daily{}) {
				t.Fatal("refused, and yet something came out")
			}
			return
		}
		if !bytes.Equal(d.Append(nil), b) {
			t.Fatal("parsed and appended is something else")
		}
		prefix := d.Prefix()
		again, err := encodeDaily(NodeID{[NodeIDLen]byte(append(prefix.b[:], make([]byte, NodeIDLen-IDPrefixLen)...))}, d.Fields())
		if err != nil || !bytes.Equal(again.b[:offSignature], b[:offSignature]) {
			t.Fatal("a second form of the same fields was accepted")
		}
		for _, a := range d.Addresses() {
			if _, err := NewAddress(a.AddrPort()); err != nil {
				t.Fatal("an address that NewAddress refuses came in by the wire")
			}
		}
	})
}

func FuzzParseProof(f *testing.F) {
	f.Add(frozen(f, "proof"))
	f.Add(make([]byte, ProofLen))
	f.Fuzz(func(t *testing.T, b []byte) {
		p, err := ParseProof(b)
		if err != nil {
			return
		}
		if !bytes.Equal(p.Append(nil), b) {
			t.Fatal("parsed and appended is something else")
		}
		if p.first == p.second || p.first.Period() != p.second.Period() {
			t.Fatal("no two parts of one period")
		}
	})
}
