// Package replay is the window in which a receiver takes counters once, in any order.
package replay

// Len is how far behind the highest counter one may come, in counters. Ours: a burst of 64 datagrams over paths whose
// delays differ stays far inside; the shape of RFC 6479, in 136 bytes.
const (
	words = 16
	Len   = (words - 1) * 64
)

// Window is ready as its zero value, which has seen nothing. It is not safe for concurrent use. Check before opening and
// mark only what has authenticated: forged counters would push honest ones out otherwise.
type Window struct {
	next uint64 // one more than the highest counter marked
	bits [words]uint64
}

// Check reports whether counter n, which is below 2⁶⁴-1, may still be accepted.
func (w *Window) Check(n uint64) bool {
	if n >= w.next {
		return true
	}
	if w.next-1-n >= Len {
		return false
	}
	return !w.Has(n)
}

// Next is one more than the highest counter marked, 0 at first.
func (w *Window) Next() uint64 { return w.next }

// Has reads whether a counter was marked, which is among the Len below Next.
func (w *Window) Has(n uint64) bool { return w.bits[n/64%words]&(1<<(n%64)) != 0 }

// Mark accepts counter n, which Check allowed, and reports whether it is the highest so far.
func (w *Window) Mark(n uint64) (highest bool) {
	if highest = n >= w.next; highest {
		// Words between the old and the new top held counters a whole ring ago.
		first, last := (w.next+63)/64, n/64
		if last >= first {
			for i := first; i <= last && i < first+words; i++ {
				w.bits[i%words] = 0
			}
		}
		w.next = n + 1
	}
	w.bits[n/64%words] |= 1 << (n % 64)
	return highest
}
