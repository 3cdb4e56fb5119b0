package noise

import (
	"crypto/aes"
	"crypto/cipher"
	"crypto/subtle"
	"encoding/binary"
	"io"
	"time"

	"sotto/internal/mutation"
)

// A first message is taken once. Its bucket and its cookie are in its prologue,
// so it is good only in that bucket and with that cookie; within these its
// ephemeral is remembered.

// bucketOf returns the time bucket of a moment.
func bucketOf(t time.Time) uint32 { return uint32(t.Unix() / int64(BucketLen/time.Second)) }

// ephemerals is a set of MACs of ephemeral keys.
type ephemerals map[uint64]struct{}

// firstSeen remembers the ephemerals of what was taken: without a cookie, for as
// long as the bucket is accepted; with one, for as long as the cookie is. Both
// come at a metered rate, so that the tables cannot be full before they are
// dropped (asserted in limits.go); the bounds only guard against a fault there.
type firstSeen struct {
	mac     cipher.Block
	buckets map[uint32]ephemerals
	proven  [2]ephemerals // by generation of the cookie jar
}

func newFirstSeen(rand io.Reader) (*firstSeen, error) {
	var key [16]byte
	if _, err := io.ReadFull(rand, key[:]); err != nil {
		return nil, err
	}
	block, err := aes.NewCipher(key[:])
	if err != nil {
		return nil, err
	}
	f := &firstSeen{mac: block, buckets: make(map[uint32]ephemerals)}
	f.turn()
	f.turn()
	return f, nil
}

// print is 64 bits of a secret MAC (CBC over two blocks, fixed length), so that
// nobody can prepare ephemerals that collide with another's.
func (f *firstSeen) print(ephemeral []byte) uint64 {
	var m [aes.BlockSize]byte
	f.mac.Encrypt(m[:], ephemeral[:16])
	subtle.XORBytes(m[:], m[:], ephemeral[16:32])
	f.mac.Encrypt(m[:], m[:])
	return binary.BigEndian.Uint64(m[:])
}

// fresh reports whether the bucket is one of the accepted (the present one and
// its neighbours, since clocks differ) and the ephemeral of 32 bytes is new.
func (f *firstSeen) fresh(now time.Time, bucket uint32, ephemeral []byte) bool {
	if present := bucketOf(now); bucket+1 < present || bucket > present+1 {
		return false
	}
	if mutation.Active(noMemory) {
		return true
	}
	p := f.print(ephemeral)
	for _, set := range []ephemerals{f.buckets[bucket], f.proven[0], f.proven[1]} {
		if _, seen := set[p]; seen {
			return false
		}
	}
	return true
}

// remember takes an ephemeral whose message has authenticated: whoever cannot
// make one cannot fill anything.
func (f *firstSeen) remember(now time.Time, bucket uint32, proven bool, ephemeral []byte) bool {
	f.forget(now)
	set, bound := f.proven[0], maxProvenSeen
	if !proven {
		if f.buckets[bucket] == nil {
			f.buckets[bucket] = make(ephemerals)
		}
		set, bound = f.buckets[bucket], maxFirstSeen
	}
	if len(set) >= bound {
		return false
	}
	set[f.print(ephemeral)] = struct{}{}
	return true
}

// turn drops what was proven with cookies that are no longer right.
func (f *firstSeen) turn() {
	f.proven[1], f.proven[0] = f.proven[0], make(ephemerals)
}

// forget drops buckets that are refused anyway.
func (f *firstSeen) forget(now time.Time) {
	present := bucketOf(now)
	for bucket := range f.buckets {
		if bucket+1 < present || bucket > present+1 {
			delete(f.buckets, bucket)
		}
	}
}
