// The header that all layouts share, labels in front of signed bytes, and strict reading.

package document

import (
	"crypto/sha256"
	"encoding/binary"
	"fmt"
	"io"
	"log/slog"
	"time"

	"golang.org/x/crypto/cryptobyte"
)

// Every object starts with these bytes: 5 magic, 1 kind, 1 version, 4 length of the whole, big endian.
const (
	magic     = "sotto"
	headerLen = len(magic) + 1 + 1 + 4
	layout    = 1 // version of all layouts here
)

// kind is the byte that tells objects apart.
type kind byte

const (
	kindOverlay kind = 1 + iota
	kindInvite
	kindRequest
	kindAnswer
	kindSuccession
)

// Sizes in bytes.
const (
	// HashLen is that of SHA-256.
	HashLen = sha256.Size
	sigLen  = 64
	pubLen  = 32
)

// Slack is how far a date may lie ahead of this machine's clock. Machines that keep time at all are within
// it; one that does not would make other promises false too, so it is told. Source: ours.
const Slack = 10 * time.Minute

// maxTime bounds dates, so that sums of times never overflow: the year 36 812.
const maxTime = 1 << 40

// appendHeader starts an object; seal fills in the length.
func appendHeader(b []byte, k kind) []byte {
	b = append(b, magic...)
	b = append(b, byte(k), layout)
	return append(b, 0, 0, 0, 0)
}

// setLength writes the length of the whole object, whose last trailer bytes are still to come.
func setLength(b []byte, trailer int) []byte {
	binary.BigEndian.PutUint32(b[headerLen-4:], uint32(len(b)+trailer))
	return b
}

// body checks the header of b against kind and limit and returns what follows it.
func body(b []byte, k kind, limit int) (cryptobyte.String, error) {
	n := min(len(b), len(magic))
	if string(b[:n]) != magic[:n] {
		return nil, ErrMalformed
	}
	if len(b) < headerLen {
		return nil, ErrTruncated
	}
	if kind(b[5]) != k {
		return nil, ErrKind
	}
	if b[6] != layout {
		return nil, ErrVersion
	}
	length := binary.BigEndian.Uint32(b[headerLen-4:])
	switch {
	case length > uint32(limit) || length < uint32(headerLen):
		return nil, ErrMalformed
	case uint64(len(b)) < uint64(length):
		return nil, ErrTruncated
	case uint64(len(b)) > uint64(length):
		return nil, ErrMalformed
	}
	return cryptobyte.String(b[headerLen:]), nil
}

// labelled puts a label in front of bytes to sign or hash. The length byte makes no label a prefix of another.
func labelled(label string, parts ...[]byte) []byte {
	b := append([]byte{byte(len(label))}, label...)
	for _, p := range parts {
		b = append(b, p...)
	}
	return b
}

func hash(label string, parts ...[]byte) [HashLen]byte {
	return sha256.Sum256(labelled(label, parts...))
}

// reader reads fields and remembers the first failure, so that a layout reads as its table.
type reader struct {
	s  cryptobyte.String
	ok bool
}

func newReader(s cryptobyte.String) *reader { return &reader{s: s, ok: true} }

func (r *reader) bytes(n int) []byte {
	var b []byte
	if !r.ok || !r.s.ReadBytes(&b, n) {
		r.ok = false
		return make([]byte, n)
	}
	return b
}

func (r *reader) u8() int     { return int(r.bytes(1)[0]) }
func (r *reader) u16() int    { return int(binary.BigEndian.Uint16(r.bytes(2))) }
func (r *reader) u32() uint32 { return binary.BigEndian.Uint32(r.bytes(4)) }
func (r *reader) u64() uint64 { return binary.BigEndian.Uint64(r.bytes(8)) }

func (r *reader) time() time.Time {
	u := r.u64()
	r.require(u < maxTime)
	return time.Unix(int64(u%maxTime), 0).UTC()
}

// short and long read bytes behind a length of one or two bytes.
func (r *reader) short(limit int) []byte { return r.prefixed(r.u8(), limit) }
func (r *reader) long(limit int) []byte  { return r.prefixed(r.u16(), limit) }

func (r *reader) prefixed(n, limit int) []byte {
	r.require(n <= limit)
	if !r.ok {
		return nil
	}
	return r.bytes(n)
}

// count bounds a number of items before anything is allocated for them.
func (r *reader) count(n, limit int) int {
	r.require(n <= limit)
	if !r.ok {
		return 0
	}
	return n
}

func (r *reader) require(cond bool) { r.ok = r.ok && cond }

// end reports whether everything was read and well.
func (r *reader) end() bool { return r.ok && r.s.Empty() }

func appendTime(b []byte, t time.Time) []byte {
	return binary.BigEndian.AppendUint64(b, uint64(t.Unix()))
}

func appendShort(b, p []byte) []byte { return append(append(b, byte(len(p))), p...) }

func appendLong(b, p []byte) []byte {
	return append(binary.BigEndian.AppendUint16(b, uint16(len(p))), p...)
}

// redact is the whole of every Format method here.
func redact(s fmt.State, text string) { _, _ = io.WriteString(s, text) }

func redacted(text string) slog.Value { return slog.StringValue(text) }
