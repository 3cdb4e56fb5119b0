package noise

// The replay window of a session: counters may come in any order within the
// window and each is accepted once.

// windowLen is how far behind the highest counter a datagram may arrive, in
// counters. Ours: a relay's burst of 64 datagrams over paths whose delays
// differ stays far inside; RFC 6479's shape, 128 bytes a session.
const (
	windowWords = 16
	windowLen   = (windowWords - 1) * 64
)

// window is ready as its zero value, which has seen nothing. It is not safe for
// concurrent use. The caller must check before opening and mark only what has
// authenticated: otherwise forged counters would push honest ones out.
type window struct {
	next uint64 // one more than the highest counter marked
	bits [windowWords]uint64
}

// check reports whether counter n may still be accepted.
func (w *window) check(n uint64) bool {
	if n >= w.next || mutated(noWindow) {
		return true
	}
	if w.next-1-n >= windowLen {
		return false
	}
	return w.bits[n/64%windowWords]&(1<<(n%64)) == 0
}

// mark accepts counter n, which check allowed, and reports whether it is the
// highest so far.
func (w *window) mark(n uint64) (highest bool) {
	if highest = n >= w.next; highest {
		// Words between the old and the new top held counters a whole ring ago.
		first, last := (w.next+63)/64, n/64
		if last >= first {
			for i := first; i <= last && i < first+windowWords; i++ {
				w.bits[i%windowWords] = 0
			}
		}
		w.next = n + 1
	}
	w.bits[n/64%windowWords] |= 1 << (n % 64)
	return highest
}
