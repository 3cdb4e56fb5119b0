// The creates that were taken: an ephemeral key is good once within its expiry bucket.

package circuit

import (
	"hash/maphash"
	"time"

	"sotto/internal/mutation"
	"sotto/onion/cell"
)

// maxSeen bounds what is remembered of one bucket, about 5 MB: 870 creates a second for five minutes, which is no more than
// a core answers in half a minute, so a relay that is asked that much has to raise it. No link has more of it than is left
// free: else one could use up a bucket, even the next one, and nobody could create here while it lasts. At the bound
// creates of that bucket are refused, to that link or to all.
const maxSeen = 1 << 18

// taken is how many creates one link has had taken, of the bucket and the two beside it, by bucket modulo three.
type taken [3]struct {
	bucket uint32
	count  int
}

func (t *taken) of(bucket uint32) *int {
	e := &t[bucket%3]
	if e.bucket != bucket {
		e.bucket, e.count = bucket, 0
	}
	return &e.count
}

// over reports whether none of it counts any more.
func (t *taken) over(now time.Time) bool {
	for _, e := range t {
		if e.count > 0 && Bucket(now) <= e.bucket+1 {
			return false
		}
	}
	return true
}

// seen remembers the ephemeral keys of three buckets, as 64 bits of a keyed hash: nobody can make two that meet, and two
// meet by chance in 1 of 2⁴⁶ creates, which are refused.
type seen struct {
	seed    maphash.Seed
	newest  uint32
	buckets [3]map[uint64]struct{} // of newest, and the two before it
}

func newSeen() seen { return seen{seed: maphash.MakeSeed()} }

// acceptable reports whether creates of a bucket are taken now: the bucket of now, the one before, and the next, for
// clocks that differ.
func acceptable(now time.Time, bucket uint32) bool {
	b := Bucket(now)
	return bucket == b || bucket == b-1 || bucket == b+1
}

func (s *seen) hash(ephemeral [cell.KeyLen]byte) uint64 { return maphash.Bytes(s.seed, ephemeral[:]) }

// has reports whether a create was taken, in whatever bucket. It is asked before any work is done.
func (s *seen) has(ephemeral [cell.KeyLen]byte) bool {
	if mutation.Active(noCreateCache) {
		return false
	}
	h := s.hash(ephemeral)
	for _, b := range s.buckets {
		if _, ok := b[h]; ok {
			return true
		}
	}
	return false
}

// take remembers an authentic create and reports whether it may be answered.
func (s *seen) take(now time.Time, u *upstream, bucket uint32, ephemeral [cell.KeyLen]byte) bool {
	s.advance(now)
	if !acceptable(now, bucket) || s.has(ephemeral) {
		return false
	}
	i := s.newest - bucket
	if i >= uint32(len(s.buckets)) {
		return false
	}
	if s.buckets[i] == nil {
		s.buckets[i] = make(map[uint64]struct{})
	}
	count := u.taken.of(bucket)
	if *count >= maxSeen-len(s.buckets[i]) {
		return false
	}
	*count++
	s.buckets[i][s.hash(ephemeral)] = struct{}{}
	return true
}

// advance lets go of buckets that are not acceptable any more. A clock that is set back does not bring one back: creates
// that fall behind the newest three are refused until the clock is there again.
func (s *seen) advance(now time.Time) {
	for next := Bucket(now) + 1; s.newest < next; {
		if next-s.newest >= uint32(len(s.buckets)) {
			s.buckets, s.newest = [3]map[uint64]struct{}{}, next
			return
		}
		s.newest++
		copy(s.buckets[1:], s.buckets[:2])
		s.buckets[0] = nil
	}
}
