// The window against a plain set.

package replay

import (
	"math/rand/v2"
	"testing"
)

func TestWindowAgreesWithASet(t *testing.T) {
	const seed = 7
	t.Logf("seed %d", seed)
	r := rand.New(rand.NewPCG(seed, 0))
	var w Window
	seen := make(map[uint64]bool)
	var top uint64
	for range 200_000 {
		n := top + uint64(r.IntN(40))
		if r.IntN(3) > 0 {
			n = uint64(max(0, int64(top)-int64(r.IntN(Len+200))))
		}
		if r.IntN(5000) == 0 {
			n = top + uint64(r.IntN(4*Len)) // a long gap
		}
		want := !seen[n] && (n >= top || top-1-n < Len)
		if got := w.Check(n); got != want {
			t.Fatalf("counter %d with top %d: %v, want %v", n, top, got, want)
		}
		if want {
			if highest := w.Mark(n); highest != (n >= top) {
				t.Fatalf("counter %d with top %d: highest is %v", n, top, highest)
			}
			seen[n] = true
			top = max(top, n+1)
		}
	}
}
