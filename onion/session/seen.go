// Openings are taken once: within their buckets, whose ephemeral keys are remembered.

package session

import (
	"crypto/aes"
	"crypto/cipher"
	"crypto/subtle"
	"encoding/binary"
	"io"
	"time"

	"sotto/internal/mutation"
)

// taken is how many openings of one lease are remembered, of a bucket and its two neighbours, by bucket modulo four.
type taken [4]struct {
	bucket uint32
	count  int
}

// one counts one more in a bucket if there are fewer than most.
func (t *taken) one(bucket uint32, most int) bool {
	e := &t[bucket%4]
	if e.bucket != bucket {
		e.bucket, e.count = bucket, 0
	}
	if e.count >= most {
		return false
	}
	e.count++
	return true
}

// seenOpenings remembers the ephemeral keys and the calls of what was taken, by bucket, for as long as the bucket is
// accepted. At maxSeen in a bucket no more are taken in it. No lease has more of them than are left free, since its relay
// can make openings: else one relay could shut the others' leases.
type seenOpenings struct {
	mac     cipher.Block
	buckets map[uint32]map[uint64]struct{} // maxBuckets at most: beyond, nothing is taken that needs another
	floor   uint32                         // what is below was forgotten
}

func newSeenOpenings(rand io.Reader) (*seenOpenings, error) {
	var key [keyLen]byte
	if _, err := io.ReadFull(rand, key[:]); err != nil {
		return nil, err
	}
	return &seenOpenings{mac: block(key[:]), buckets: make(map[uint32]map[uint64]struct{})}, nil
}

// print is 64 bits of a secret MAC, so that nobody can prepare ephemerals that collide with another's.
func (o *seenOpenings) print(ephemeral []byte) uint64 {
	var m [aes.BlockSize]byte
	o.mac.Encrypt(m[:], ephemeral[:aes.BlockSize])
	subtle.XORBytes(m[:], m[:], ephemeral[aes.BlockSize:])
	o.mac.Encrypt(m[:], m[:])
	return binary.BigEndian.Uint64(m[:])
}

// known reports whether an ephemeral key was taken before, which saves a multiplication.
func (o *seenOpenings) known(ephemeral []byte) bool {
	if mutation.Active(noOpeningMemory) {
		return false
	}
	p := o.print(ephemeral)
	for _, set := range o.buckets {
		if _, ok := set[p]; ok {
			return true
		}
	}
	return false
}

// take remembers an ephemeral key that is not known, of an authentic opening, or refuses it: its bucket is neither the
// present one nor a neighbour, began before notBefore, or is full for its lease.
func (o *seenOpenings) take(now, notBefore time.Time, of *taken, bucket uint32, ephemeral []byte) bool {
	present := bucketOf(now)
	o.forget(present)
	start := time.Unix(int64(bucket)*int64(BucketLen/time.Second), 0)
	if bucket < o.floor || bucket+1 < present || bucket > present+1 || start.Before(notBefore) {
		return false
	}
	return of.one(bucket, maxSeen-len(o.buckets[bucket])) && o.remember(bucket, ephemeral)
}

// forget lets go of buckets that are refused by now. Since clocks are set back at times, those that something was taken
// in are refused for good, and those that are yet to come are kept.
func (o *seenOpenings) forget(present uint32) {
	for b := range o.buckets {
		if b+1 < present {
			delete(o.buckets, b)
			o.floor = max(o.floor, b+1)
		}
	}
}

// remember keeps 32 bytes for as long as a bucket is accepted.
func (o *seenOpenings) remember(bucket uint32, b []byte) bool {
	if o.buckets[bucket] == nil {
		if len(o.buckets) >= maxBuckets {
			return false
		}
		o.buckets[bucket] = make(map[uint64]struct{})
	}
	if len(o.buckets[bucket]) >= maxSeen {
		return false
	}
	o.buckets[bucket][o.print(b)] = struct{}{}
	return true
}

// first reports whether an authentic opening, taken in a bucket, is the first of its call, and remembers it: what comes
// when the session is over already is a late try to begin it, which would hand its first message on a second time. All
// tries are of one bucket and the next, so it is remembered for as long as the next.
func (o *seenOpenings) first(bucket uint32, call *[callLen]byte) bool {
	var twice [keyLen]byte
	copy(twice[:], call[:])
	copy(twice[callLen:], call[:])
	return !o.known(twice[:]) && o.remember(bucket+1, twice[:])
}
