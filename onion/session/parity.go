// Two pieces of parity for a block, as in RAID 6: P is the sum of the pieces of data, Q the sum of each times 2 to the
// power of its place, in the field of 256 elements with the polynomial x⁸+x⁴+x³+x²+1. Any two missing pieces come back.

package session

import "crypto/subtle"

// field is the field of 256 elements: exp[i] = 2ⁱ, log its inverse. exp is written twice over, so that sums of two
// logarithms need no modulus.
type field struct {
	exp [510]byte
	log [256]int
}

// gf is the table of the field.
var gf = makeField()

func makeField() *field {
	f := new(field)
	x := 1
	for i := range 255 {
		f.exp[i], f.exp[i+255] = byte(x), byte(x)
		f.log[x] = i
		if x <<= 1; x > 255 {
			x ^= 0x11d
		}
	}
	return f
}

// addTimes adds 2ⁿ times src to dst, which is at least as long.
func addTimes(dst, src []byte, n int) {
	if n %= 255; n == 0 {
		subtle.XORBytes(dst, dst, src)
		return
	}
	for i, b := range src {
		if b != 0 {
			dst[i] ^= gf.exp[gf.log[b]+n]
		}
	}
}

// divide divides all of dst by an element that is not zero.
func divide(dst []byte, by byte) {
	n := 255 - gf.log[by]
	for i, b := range dst {
		if b != 0 {
			dst[i] = gf.exp[gf.log[b]+n]
		}
	}
}

// addParity adds the piece of data at a place to parity 0 (P) or 1 (Q).
func addParity(dst, data []byte, which, place int) { addTimes(dst, data, which*place) }

// restore fills in the missing pieces of data of a block: data pieces in front, then parity, nil what is missing. It
// needs as many pieces as there are of data; the block has at most maxBlock.
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
	p, q := make([]byte, size), make([]byte, size)
	copy(p, block[n])
	copy(q, block[n+1])
	for i := range n {
		if block[i] != nil {
			addParity(p, block[i], 0, i)
			addParity(q, block[i], 1, i)
		}
	}
	x := missing[0]
	switch {
	case len(missing) == 2:
		// p = X + Y and q = 2ˣX + 2ʸY, so X = (q + 2ʸp) / (2ˣ + 2ʸ).
		y := missing[1]
		addTimes(q, p, y)
		divide(q, gf.exp[x]^gf.exp[y])
		addTimes(p, q, 0)
		block[x], block[y] = q, p
	case block[n] != nil:
		block[x] = p
	default:
		divide(q, gf.exp[x])
		block[x] = q
	}
}
