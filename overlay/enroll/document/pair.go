// A peer as documents and requests carry it: the static and one daily part of its descriptor.

package document

import (
	"fmt"
	"log/slog"

	"sotto/overlay/peer"
)

// PairLen is the length of a Pair in bytes.
const PairLen = peer.StaticLen + peer.DailyLen

// Pair is a descriptor whose form has been checked, but not its signatures: see Overlay.Descriptor. As a seed
// it says where to dial and with which link key; as part of the founding it is the peer's descriptor of period 0.
type Pair struct {
	Static peer.Static
	Daily  peer.Daily
}

// ParsePair reads exactly PairLen bytes; ErrMalformed otherwise.
func ParsePair(b []byte) (Pair, error) {
	if len(b) != PairLen {
		return Pair{}, ErrMalformed
	}
	s, err := peer.ParseStatic(b[:peer.StaticLen])
	if err != nil {
		return Pair{}, ErrMalformed
	}
	d, err := peer.ParseDaily(b[peer.StaticLen:])
	if err != nil || d.Prefix() != s.NodeID().Prefix() {
		return Pair{}, ErrMalformed
	}
	return Pair{s, d}, nil
}

// Append appends the PairLen bytes.
func (p Pair) Append(b []byte) []byte { return p.Daily.Append(p.Static.Append(b)) }

// NodeID is that of the static part.
func (p Pair) NodeID() peer.NodeID { return p.Static.NodeID() }

// Format prints a fixed text for every verb.
func (p Pair) Format(s fmt.State, _ rune) { redact(s, "[descriptor]") }

// LogValue logs a fixed text.
func (p Pair) LogValue() slog.Value { return redacted("[descriptor]") }

// pairs reads n of them in ascending order of NodeID, each once.
func (r *reader) pairs(n int) []Pair {
	list := make([]Pair, 0, n)
	for range n {
		p, err := ParsePair(r.bytes(PairLen))
		if r.require(err == nil); !r.ok {
			return nil
		}
		r.require(len(list) == 0 || list[len(list)-1].NodeID().Compare(p.NodeID()) < 0)
		list = append(list, p)
	}
	return list
}
