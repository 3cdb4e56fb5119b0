// The replay window: counters come in any order, each is taken once, and what was taken is what gets acknowledged.

package session

import "sotto/internal/replay"

// windowLen is how far behind the highest counter a cell may come, in cells: at 1 000 a second, paths may differ by most of
// one.
const windowLen = replay.Len

// window is a replay.Window that says what it has taken.
type window struct{ replay.Window }

// below appends at most n bytes that say which counters under the highest were taken, from the nearest down, without
// zero bytes at the end.
func (w *window) below(dst []byte, n int) []byte {
	start := len(dst)
	if w.Next() == 0 {
		return dst
	}
	highest := w.Next() - 1
	for i := range uint64(8 * n) {
		if i%8 == 0 {
			dst = append(dst, 0)
		}
		if i < highest && i < windowLen-1 && w.Has(highest-1-i) {
			dst[len(dst)-1] |= 0x80 >> (i % 8)
		}
	}
	for len(dst) > start && dst[len(dst)-1] == 0 {
		dst = dst[:len(dst)-1]
	}
	return dst
}
