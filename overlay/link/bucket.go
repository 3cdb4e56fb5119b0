// Rates: a bucket of tokens that fills with time.

package link

import "time"

// bucket holds up to burst tokens. The zero bucket is empty; fill it with full.
type bucket struct {
	tokens float64
	filled time.Time
}

// rate is how fast a bucket fills, in tokens a second, and how many it holds.
type rate struct{ perSecond, burst float64 }

func (r rate) full(now time.Time) bucket { return bucket{r.burst, now} }

// take takes n tokens if at least reserve stay behind.
func (b *bucket) take(now time.Time, r rate, n, reserve float64) bool {
	if d := now.Sub(b.filled); d > 0 {
		b.tokens = min(r.burst, b.tokens+d.Seconds()*r.perSecond)
		b.filled = now
	}
	if b.tokens-n < reserve {
		return false
	}
	b.tokens -= n
	return true
}
