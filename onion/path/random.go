package path

import (
	"encoding/binary"
	"io"
	"math/bits"
	"time"
)

// Random numbers out of random bytes.

// source draws numbers. A reader that fails makes it say 0 from then on and remember the error, which whoever decides
// something asks for before he uses it.
type source struct {
	r   io.Reader
	err error
}

func (s *source) uint64() uint64 {
	var b [8]byte
	if s.err == nil {
		if _, err := io.ReadFull(s.r, b[:]); err != nil {
			s.err = ErrRandom
		}
	}
	if s.err != nil {
		return 0
	}
	return binary.BigEndian.Uint64(b[:])
}

// below is uniform in [0, n), n > 0: the high word of a product, without the values that would make some numbers
// likelier than others (Lemire 2019).
func (s *source) below(n uint64) uint64 {
	high, low := bits.Mul64(s.uint64(), n)
	if low < n {
		for floor := -n % n; low < floor && s.err == nil; {
			high, low = bits.Mul64(s.uint64(), n)
		}
	}
	return high
}

// between is uniform in [low, high].
func (s *source) between(low, high time.Duration) time.Duration {
	return low + time.Duration(s.below(uint64(high-low)+1))
}
