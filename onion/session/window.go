// The replay window: counters come in any order, each is taken once, and what was taken is what gets acknowledged.

package session

// windowLen is how far behind the highest counter a cell may come, in cells. Ours: 1 000 cells a second whose paths
// differ by most of a second; the shape is that of RFC 6479.
const (
	windowWords = 16
	windowLen   = (windowWords - 1) * 64
)

// window is ready as its zero value. Only authentic counters may be marked, or forged ones would push honest ones out.
type window struct {
	next uint64 // one more than the highest counter taken
	bits [windowWords]uint64
}

// fresh reports whether a counter may still be taken.
func (w *window) fresh(n uint64) bool {
	return n >= w.next || w.next-1-n < windowLen && !w.has(n)
}

// has reads the bit of a counter within the window.
func (w *window) has(n uint64) bool { return w.bits[n/64%windowWords]&(1<<(n%64)) != 0 }

// mark takes a counter that is fresh.
func (w *window) mark(n uint64) {
	if n >= w.next {
		// The words between were those of counters a whole ring ago.
		first, last := (w.next+63)/64, n/64
		for i := first; i <= last && i < first+windowWords; i++ {
			w.bits[i%windowWords] = 0
		}
		w.next = n + 1
	}
	w.bits[n/64%windowWords] |= 1 << (n % 64)
}

// below appends at most n bytes that say which counters under the highest were taken, from the nearest down, without
// zero bytes at the end.
func (w *window) below(dst []byte, n int) []byte {
	start := len(dst)
	if w.next == 0 {
		return dst
	}
	highest := w.next - 1
	for i := range uint64(8 * n) {
		if i%8 == 0 {
			dst = append(dst, 0)
		}
		if i < highest && i < windowLen-1 && w.has(highest-1-i) {
			dst[len(dst)-1] |= 0x80 >> (i % 8)
		}
	}
	for len(dst) > start && dst[len(dst)-1] == 0 {
		dst = dst[:len(dst)-1]
	}
	return dst
}
