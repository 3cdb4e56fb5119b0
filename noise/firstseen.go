package noise

import (
	"crypto/aes"
	"crypto/cipher"
	"crypto/subtle"
	"encoding/binary"
	"io"
	"time"
)

// A first message is taken once. Those of the neighbouring time buckets are
// remembered by their ephemerals; older and later buckets are refused.

// bucketOf returns the time bucket of a moment.
func bucketOf(t time.Time) uint32 { return uint32(t.Unix() / int64(BucketLen/time.Second)) }

// firstSeen remembers ephemerals for each bucket in which a first message counts
// as fresh: the present one and its neighbours, since clocks differ. At
// maxFirstSeen a bucket refuses: whoever fills it (at 218 completed first
// messages a second) keeps new links out until the next bucket, but never gets a
// replay through.
type firstSeen struct {
	mac     cipher.Block
	buckets map[uint32]map[uint64]struct{}
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
	return &firstSeen{mac: block, buckets: make(map[uint32]map[uint64]struct{})}, nil
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

// fresh reports whether the bucket is one of the accepted and has not seen the
// ephemeral of 32 bytes yet.
func (f *firstSeen) fresh(now time.Time, bucket uint32, ephemeral []byte) bool {
	if present := bucketOf(now); bucket+1 < present || bucket > present+1 {
		return false
	}
	_, seen := f.buckets[bucket][f.print(ephemeral)]
	return !seen || mutated(noMemory)
}

// remember takes an ephemeral whose message has authenticated, and reports
// whether there was room.
func (f *firstSeen) remember(now time.Time, bucket uint32, ephemeral []byte) bool {
	f.forget(now)
	b := f.buckets[bucket]
	if b == nil {
		b = make(map[uint64]struct{})
		f.buckets[bucket] = b
	}
	if len(b) >= maxFirstSeen {
		return false
	}
	b[f.print(ephemeral)] = struct{}{}
	return true
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

// stamps keeps the newest stamp of each IK initiator, so that an initiation that
// was held back cannot overtake a newer one. A stamp older than the accepted
// buckets protects nothing more and is dropped; at maxStamps new initiators are
// refused until then.
type stamps struct {
	newest map[PublicKey]stamp
	swept  time.Time
}

type stamp struct {
	value uint64
	taken time.Time
}

// accept reports whether value is newer than any before it, and keeps it.
func (s *stamps) accept(now time.Time, peer PublicKey, value uint64) bool {
	last, known := s.newest[peer]
	if known && value <= last.value {
		return false
	}
	if !known && len(s.newest) >= maxStamps {
		s.sweep(now)
		if len(s.newest) >= maxStamps {
			return false
		}
	}
	s.newest[peer] = stamp{value, now}
	return true
}

// sweep drops what the buckets refuse by now; at most once a bucket, because it
// walks the whole table.
func (s *stamps) sweep(now time.Time) {
	if now.Sub(s.swept) < BucketLen {
		return
	}
	s.swept = now
	for peer, st := range s.newest {
		if now.Sub(st.taken) > 3*BucketLen {
			delete(s.newest, peer)
		}
	}
}
