// Two pieces of parity for a block, as in RAID 6: P is the sum of the pieces of data, Q the sum of each times 2 to the
// power of its place, in the field of 256 elements with the polynomial x⁸+x⁴+x³+x²+1. Any two missing pieces come back.

package session

import (
	"crypto/subtle"
	"encoding/binary"
)

// reduce is the polynomial without its x⁸.
const reduce = 0x1d

// double doubles each byte of p, eight at a time.
func double(p []byte) {
	const top = 0x8080808080808080
	for ; len(p) >= 8; p = p[8:] {
		v := binary.LittleEndian.Uint64(p)
		binary.LittleEndian.PutUint64(p, (v&^top)<<1^(v&top>>7)*reduce)
	}
	for i, b := range p {
		p[i] = twice(b)
	}
}

// twice is 2b.
func twice(b byte) byte { return b<<1 ^ (b>>7)*reduce }

// product is the product of two elements.
func product(a, b byte) (p byte) {
	for ; b > 0; b >>= 1 {
		if b&1 > 0 {
			p ^= a
		}
		a = twice(a)
	}
	return p
}

// power is 2ⁿ.
func power(n int) byte {
	p := byte(1)
	for range n {
		p = twice(p)
	}
	return p
}

// inverse is 1/a, for an a that is not zero: the 254th power.
func inverse(a byte) byte {
	p := byte(1)
	for range 254 {
		p = product(p, a)
	}
	return p
}

// scale multiplies all of p by an element.
func scale(p []byte, by byte) {
	for i, b := range p {
		p[i] = product(b, by)
	}
}

// sum adds the pieces of data to dst, which is as long as the longest: for P as they are, for Q each doubled as often
// as its place says, by Horner's rule. A missing piece is nil.
func sum(dst []byte, n int, q bool, data func(place int) []byte) {
	for i := n - 1; i >= 0; i-- {
		if q {
			double(dst)
		}
		subtle.XORBytes(dst, dst, data(i))
	}
}

// restore fills in the missing pieces of data of a block: n of data in front, then their parity, nil what is missing.
// It needs n pieces in all.
func restore(block [][]byte, n, size int) {
	var missing []int
	for i := range n {
		if block[i] == nil {
			missing = append(missing, i)
		}
	}
	if len(missing) == 0 {
		return
	}
	if n == 1 {
		block[0] = block[1]
		return
	}
	// What P and Q lack of the pieces that are there is what is missing.
	p, q := make([]byte, size), make([]byte, size)
	sum(p, n, false, func(i int) []byte { return block[i] })
	sum(q, n, true, func(i int) []byte { return block[i] })
	subtle.XORBytes(p, p, block[n])
	subtle.XORBytes(q, q, block[n+1])
	x := missing[0]
	switch {
	case len(missing) == 2:
		// p = X + Y and q = 2ˣX + 2ʸY, so X = (q + 2ʸp) / (2ˣ + 2ʸ).
		y := missing[1]
		t := append([]byte(nil), p...)
		scale(t, power(y))
		subtle.XORBytes(q, q, t)
		scale(q, inverse(power(x)^power(y)))
		subtle.XORBytes(p, p, q)
		block[x], block[y] = q, p
	case block[n] != nil:
		block[x] = p
	default:
		scale(q, inverse(power(x)))
		block[x] = q
	}
}
