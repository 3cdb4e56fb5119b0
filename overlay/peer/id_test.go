package peer

import (
	"testing"
)

// node8 is a NodeID of which only the first 8 bits count, so that distances can be checked by eye.
func node8(b byte) NodeID { return NodeID{[NodeIDLen]byte{b}} }

func TestDistanceOrdersNodesAsEightBitKademliaDoes(t *testing.T) {
	target := node8(0b0101_0000)
	// Nearest first, by hand: XOR with the target gives 0, 1, 16, 128 in the first byte.
	order := []byte{0b0101_0000, 0b0101_0001, 0b0100_0000, 0b1101_0000}
	for i := 1; i < len(order); i++ {
		near, far := node8(order[i-1]).Distance(target), node8(order[i]).Distance(target)
		if near.Cmp(far) != -1 || far.Cmp(near) != 1 || near.Cmp(near) != 0 {
			t.Errorf("%08b is not nearer to the target than %08b", order[i-1], order[i])
		}
	}
}

func TestBucketIsTheHighestDifferingBit(t *testing.T) {
	zero := NodeID{}
	for bit := range NodeIDLen * 8 {
		var n NodeID
		n.b[NodeIDLen-1-bit/8] = 1 << (bit % 8)
		n.b[NodeIDLen-1] |= 1 // lower bits do not matter
		d := zero.Distance(n)
		if d.Bucket() != bit || d.LeadingZeros() != 255-bit {
			t.Fatalf("bit %d: bucket %d, leading zeros %d", bit, d.Bucket(), d.LeadingZeros())
		}
	}
	self := zero.Distance(zero)
	if self.Bucket() != -1 || self.LeadingZeros() != 256 || !self.IsZero() {
		t.Error("the distance to oneself has a bucket")
	}
}

func TestDistanceIsAMetric(t *testing.T) {
	for a := range 256 {
		for b := range 256 {
			x, y := node8(byte(a)), node8(byte(b))
			if x.Distance(y) != y.Distance(x) {
				t.Fatal("not symmetric")
			}
			if x.Distance(y).IsZero() != (a == b) {
				t.Fatal("zero for others than oneself")
			}
		}
	}
}

func TestNodeIDDependsOnEverythingItIsMadeOf(t *testing.T) {
	p := newTestPeer(t, 1, 0)
	overlay, signature := testOverlay(t), p.static.block.wire[offAdmission:]
	id := NodeIDFromAdmission(overlay, 0, signature)
	if id != p.static.NodeID() {
		t.Error("static part and derivation disagree")
	}
	other := overlay
	other.b[31] ^= 1
	changed := append([]byte(nil), signature...)
	changed[0] ^= 1
	for what, n := range map[string]NodeID{
		"overlay":   NodeIDFromAdmission(other, 0, signature),
		"key epoch": NodeIDFromAdmission(overlay, 1, signature),
		"signature": NodeIDFromAdmission(overlay, 0, changed),
	} {
		if n == id {
			t.Errorf("the NodeID does not depend on the %s", what)
		}
	}
	if id.Prefix().Bytes() != [IDPrefixLen]byte(front(id)) {
		t.Error("the prefix is not the front of the NodeID")
	}
}

func front(id NodeID) []byte { b := id.Bytes(); return b[:IDPrefixLen] }

func TestIdentifiersHaveOneLength(t *testing.T) {
	for n := range 40 {
		b := make([]byte, n)
		if _, err := ParseNodeID(b); (err == nil) != (n == NodeIDLen) {
			t.Errorf("NodeID of %d bytes: %v", n, err)
		}
		if _, err := ParseOverlayID(b); (err == nil) != (n == OverlayIDLen) {
			t.Errorf("OverlayID of %d bytes: %v", n, err)
		}
		if _, err := ParseIDPrefix(b); (err == nil) != (n == IDPrefixLen) {
			t.Errorf("IDPrefix of %d bytes: %v", n, err)
		}
	}
}
