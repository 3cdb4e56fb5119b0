package threatmodel

import (
	"encoding/binary"
	"math/big"
	"slices"

	"sotto/noise"
	"sotto/threatmodel/stat"
)

// The outsider's look at datagrams of one kind: sizes, bytes, bits, steps from one to the next, curve points, repeated
// fields. It keeps histograms, and of the first datagrams the bytes.

// wireLook is ready after newWireLook.
type wireLook struct {
	n     int
	sizes map[int]int
	bytes [][256]uint32 // by position
	steps [][256]uint32 // this byte minus that of the flow's datagram before it: a counter has an even histogram of bytes
	last  map[any]*[noise.DatagramLen]byte
	place map[any]int                 // of a group in kept
	kept  [][][noise.DatagramLen]byte // the first datagrams of each group
	keep  int                         // so many
	curve int                         // how many of them are tried as curve points
}

// newWireLook keeps the first datagrams of each group, keep of them, and tries curve of these as curve points.
func newWireLook(keep, curve int) *wireLook {
	return &wireLook{
		sizes: make(map[int]int), bytes: make([][256]uint32, noise.DatagramLen), steps: make([][256]uint32, noise.DatagramLen),
		last: make(map[any]*[noise.DatagramLen]byte), place: make(map[any]int), keep: keep, curve: curve,
	}
}

// see takes a datagram. A flow is one direction of one link, or whatever else could show a regularity; group is what
// repeated fields would tie together.
func (w *wireLook) see(flow, group any, d []byte) {
	w.n++
	w.sizes[len(d)]++
	if len(d) != noise.DatagramLen {
		return
	}
	last := w.last[flow]
	if last == nil {
		last = new([noise.DatagramLen]byte)
		w.last[flow] = last
		copy(last[:], d)
	}
	for i, b := range d {
		w.bytes[i][b]++
		w.steps[i][b-last[i]]++
	}
	copy(last[:], d)
	at, known := w.place[group]
	if !known {
		at = len(w.kept)
		w.place[group], w.kept = at, append(w.kept, nil)
	}
	if len(w.kept[at]) < w.keep {
		w.kept[at] = append(w.kept[at], [noise.DatagramLen]byte(d))
	}
}

// figures are the verdicts on what was seen.
func (w *wireLook) figures() []Figure {
	onCurve, topBit, points, windows := w.curvePoints()
	fields, repeats := w.repeatedFields()
	return []Figure{
		never("datagrams of another size than 512", w.n-w.sizes[noise.DatagramLen], w.n),
		chance("bytes of 512 positions, chi-square", leastLikely(w.bytes, 0), noise.DatagramLen, w.n),
		chance("bits of 4096 positions", leastLikelyBit(w.bytes), 8*noise.DatagramLen, w.n),
		chance("steps from datagram to datagram, 512 positions", leastLikely(w.steps, uint32(len(w.last))), noise.DatagramLen, w.n),
		chance("windows as X25519 keys, on the curve half of the time", onCurve, windows, points),
		chance("windows as X25519 keys, top bit set half of the time", topBit, windows, points),
		never("fields of 8 bytes that repeat within a link", repeats, fields),
	}
}

// leastLikely is the smallest chance of a histogram among the positions. The first datagram of each flow stepped from
// itself, by zero: free of these zeros are taken off.
func leastLikely(positions [][256]uint32, free uint32) float64 {
	least := 1.0
	for _, h := range positions {
		h[0] -= min(h[0], free)
		least = min(least, stat.ChiSquareTwoSided(stat.ChiSquare(h[:]), len(h)-1))
	}
	return least
}

// leastLikelyBit is the smallest chance of the number of ones among the bit positions.
func leastLikelyBit(positions [][256]uint32) float64 {
	least := 1.0
	for _, h := range positions {
		n := 0
		var ones [8]int
		for value, count := range h {
			n += int(count)
			for bit := range ones {
				if value>>bit&1 == 1 {
					ones[bit] += int(count)
				}
			}
		}
		for _, k := range ones {
			least = min(least, stat.BinomialTwoSided(k, n, 0.5))
		}
	}
	return least
}

// curvePoints tries windows of 32 bytes as Montgomery u-coordinates: of random ones half are on the curve, of honest
// public keys all are, and their top bit is never set (RFC 7748 §5). The windows are those at multiples of 8, and the
// two at which Noise messages begin inside of the envelopes.
func (w *wireLook) curvePoints() (leastOn, leastTop float64, n, windows int) {
	offsets := []int{21, 49}
	for o := 0; o+32 <= noise.DatagramLen; o += 8 {
		offsets = append(offsets, o)
	}
	on, top := make([]int, len(offsets)), make([]int, len(offsets))
	c := newMontgomery()
	for _, group := range w.kept {
		for _, d := range group {
			if n == w.curve {
				break
			}
			n++
			for i, o := range offsets {
				if c.onCurve(d[o : o+32]) {
					on[i]++
				}
				top[i] += int(d[o+31] >> 7)
			}
		}
	}
	leastOn, leastTop = 1, 1
	for i := range offsets {
		leastOn = min(leastOn, stat.BinomialTwoSided(on[i], n, 0.5))
		leastTop = min(leastTop, stat.BinomialTwoSided(top[i], n, 0.5))
	}
	return leastOn, leastTop, n, len(offsets)
}

// repeatedFields compares all aligned fields of 8 bytes of each group: a value that comes twice ties datagrams together.
func (w *wireLook) repeatedFields() (fields, repeats int) {
	for _, group := range w.kept {
		values := make([]uint64, len(group))
		for o := 0; o+8 <= noise.DatagramLen; o += 8 {
			for i := range group {
				values[i] = binary.BigEndian.Uint64(group[i][o:])
			}
			fields += len(values)
			slices.Sort(values)
			for i := 1; i < len(values); i++ {
				if values[i] == values[i-1] {
					repeats++
				}
			}
		}
	}
	return fields, repeats
}

// montgomery decides curve membership: y² = x³ + 486662x² + x modulo 2²⁵⁵ - 19 (RFC 7748 §4.1).
type montgomery struct{ p, a *big.Int }

func newMontgomery() montgomery {
	p := new(big.Int).Lsh(big.NewInt(1), 255)
	return montgomery{p.Sub(p, big.NewInt(19)), big.NewInt(486662)}
}

// onCurve reports whether 32 little-endian bytes, the top bit ignored, are the u-coordinate of a point of the curve and
// not of its twist.
func (c montgomery) onCurve(b []byte) bool {
	le := slices.Clone(b)
	slices.Reverse(le)
	le[0] &= 0x7f
	u := new(big.Int).SetBytes(le)
	v := new(big.Int).Add(u, c.a)
	v.Mul(v, u).Add(v, big.NewInt(1)).Mul(v, u).Mod(v, c.p)
	return big.Jacobi(v, c.p) >= 0
}
