// Names of overlays and nodes, and the XOR metric between nodes.

package peer

import (
	"bytes"
	"crypto/sha256"
	"encoding/binary"
	"errors"
	"fmt"
	"log/slog"
	"math/bits"
)

// Sizes in bytes.
const (
	// OverlayIDLen and NodeIDLen are SHA-256 outputs.
	OverlayIDLen = 32
	NodeIDLen    = 32
	// IDPrefixLen is how much of a NodeID circuits carry: 64 bits are unique among the peers of one period
	// but with a chance of 2^-35 at 30 000 peers, and nobody can grind a NodeID.
	IDPrefixLen = 8
)

// ErrLength is returned where bytes do not have the one length that their type has.
var ErrLength = errors.New("peer: wrong length")

// OverlayID names one overlay. It is opaque: whoever founds the overlay chooses how it comes about.
type OverlayID struct{ b [OverlayIDLen]byte }

// ParseOverlayID takes exactly OverlayIDLen bytes and fails with ErrLength otherwise.
func ParseOverlayID(b []byte) (OverlayID, error) {
	if len(b) != OverlayIDLen {
		return OverlayID{}, ErrLength
	}
	return OverlayID{[OverlayIDLen]byte(b)}, nil
}

// Bytes returns the 32 bytes for the wire and for hashing; they do not belong in a log.
func (o OverlayID) Bytes() [OverlayIDLen]byte { return o.b }

// Format prints a fixed text for every verb.
func (o OverlayID) Format(s fmt.State, _ rune) { redact(s, "[overlay id]") }

// LogValue logs a fixed text.
func (o OverlayID) LogValue() slog.Value { return slog.StringValue("[overlay id]") }

// NodeID is the place of a peer in the overlay for one key epoch, 256 bits. It can be compared with == and
// used as a map key; it never prints itself.
type NodeID struct{ b [NodeIDLen]byte }

// ParseNodeID takes exactly NodeIDLen bytes and fails with ErrLength otherwise.
func ParseNodeID(b []byte) (NodeID, error) {
	if len(b) != NodeIDLen {
		return NodeID{}, ErrLength
	}
	return NodeID{[NodeIDLen]byte(b)}, nil
}

// NodeIDFromAdmission derives the NodeID of a peer from its admission signature (protocol §5). The signature
// is deterministic and comes out of a blind protocol, so that its owner cannot choose the NodeID.
func NodeIDFromAdmission(overlay OverlayID, keyEpoch uint32, admissionSignature []byte) NodeID {
	h := sha256.New()
	h.Write(appendDomain(nil, "sotto node id v1"))
	h.Write(overlay.b[:])
	h.Write(binary.BigEndian.AppendUint32(nil, keyEpoch))
	h.Write(admissionSignature)
	return NodeID{[NodeIDLen]byte(h.Sum(nil))}
}

// Bytes returns the 32 bytes for the wire and for hashing; they do not belong in a log.
func (n NodeID) Bytes() [NodeIDLen]byte { return n.b }

// Prefix returns the first 8 bytes, by which circuits and leases name a peer within a period.
func (n NodeID) Prefix() IDPrefix { return IDPrefix{[IDPrefixLen]byte(n.b[:IDPrefixLen])} }

// Compare orders NodeIDs as big-endian numbers: -1, 0 or +1.
func (n NodeID) Compare(m NodeID) int { return bytes.Compare(n.b[:], m.b[:]) }

// Distance returns the XOR distance to another node.
func (n NodeID) Distance(m NodeID) Distance { return XOR(n.b, m.b) }

// Format prints a fixed text for every verb.
func (n NodeID) Format(s fmt.State, _ rune) { redact(s, "[node id]") }

// LogValue logs a fixed text.
func (n NodeID) LogValue() slog.Value { return slog.StringValue("[node id]") }

// IDPrefix is the first 8 bytes of a NodeID. A Directory holds no two peers of one prefix.
type IDPrefix struct{ b [IDPrefixLen]byte }

// ParseIDPrefix takes exactly IDPrefixLen bytes and fails with ErrLength otherwise.
func ParseIDPrefix(b []byte) (IDPrefix, error) {
	if len(b) != IDPrefixLen {
		return IDPrefix{}, ErrLength
	}
	return IDPrefix{[IDPrefixLen]byte(b)}, nil
}

// Bytes returns the 8 bytes for the wire.
func (p IDPrefix) Bytes() [IDPrefixLen]byte { return p.b }

// Compare orders prefixes as big-endian numbers: -1, 0 or +1.
func (p IDPrefix) Compare(q IDPrefix) int { return bytes.Compare(p.b[:], q.b[:]) }

// IsZero reports whether the prefix is the one that stands for "none" on the wire.
func (p IDPrefix) IsZero() bool { return p == IDPrefix{} }

// Format prints a fixed text for every verb.
func (p IDPrefix) Format(s fmt.State, _ rune) { redact(s, "[node id prefix]") }

// LogValue logs a fixed text.
func (p IDPrefix) LogValue() slog.Value { return slog.StringValue("[node id prefix]") }

// Distance is the XOR of two 256-bit keys, as Kademlia measures it (Maymounkov and Mazières, §2.1).
type Distance struct{ b [NodeIDLen]byte }

// XOR returns the distance of two keys of the overlay's key space.
func XOR(a, b [NodeIDLen]byte) Distance {
	var d Distance
	for i := range d.b {
		d.b[i] = a[i] ^ b[i]
	}
	return d
}

// Cmp orders distances as big-endian numbers: -1, 0 or +1.
func (d Distance) Cmp(e Distance) int { return bytes.Compare(d.b[:], e.b[:]) }

// IsZero reports whether both keys were the same.
func (d Distance) IsZero() bool { return d == Distance{} }

// LeadingZeros counts the bits that both keys have in common from the front, 0 to 256.
func (d Distance) LeadingZeros() int {
	for i, x := range d.b {
		if x != 0 {
			return i*8 + bits.LeadingZeros8(x)
		}
	}
	return NodeIDLen * 8
}

// Bucket returns i such that the distance lies in [2^i, 2^(i+1)): 0 to 255, and -1 for the distance to
// oneself, which belongs in no bucket.
func (d Distance) Bucket() int { return NodeIDLen*8 - 1 - d.LeadingZeros() }

// Format prints a fixed text for every verb: a distance gives away one end to who knows the other.
func (d Distance) Format(s fmt.State, _ rune) { redact(s, "[distance]") }

// LogValue logs a fixed text.
func (d Distance) LogValue() slog.Value { return slog.StringValue("[distance]") }
