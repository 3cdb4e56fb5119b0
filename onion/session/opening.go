// Openings: what the first 163 bytes of a session are made of, at both ends.

package session

import (
	"bytes"
	"crypto/aes"
	"crypto/cipher"
	"crypto/subtle"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"time"

	"sotto/noise"
	"sotto/onion/cell"
)

// Version is that of sessions. It stands in the prologue and never on the wire.
const Version = 1

// ErrOpening is the one error of an opening that is not right, whatever is wrong with it. Nobody is told.
var ErrOpening = errors.New("session: opening refused")

// Point is a listening point: overlay, the relay's NodeID and the lease ID. It never prints itself.
type Point struct {
	b *[keyLen + keyLen + cell.LeaseIDLen]byte
}

// NewPoint names the lease of 8 bytes at a relay.
func NewPoint(overlay, relay [32]byte, lease [cell.LeaseIDLen]byte) Point {
	p := Point{b: new([keyLen + keyLen + cell.LeaseIDLen]byte)}
	copy(p.b[:], overlay[:])
	copy(p.b[keyLen:], relay[:])
	copy(p.b[2*keyLen:], lease[:])
	return p
}

// Format prints a placeholder for every verb.
func (Point) Format(f fmt.State, _ rune) { io.WriteString(f, "[lease]") }

// LogValue logs a placeholder.
func (Point) LogValue() slog.Value { return slog.StringValue("[lease]") }

func (p Point) equal(o Point) bool { return p.b != nil && o.b != nil && *p.b == *o.b }

// prologue binds a handshake to what it is for.
func (p Point) prologue() []byte {
	return append(append([]byte("sotto session v1"), Version), p.b[:]...)
}

// openingKind says what an opening is for.
type openingKind byte

// The kinds.
const (
	kindNew  openingKind = 1
	kindJoin openingKind = 2
)

// openingPayload is what is used of the payload; zeros follow.
const openingPayload = 1 + 4 + keyLen + callLen

// payload is that of an opening.
type payload struct {
	kind   openingKind
	bucket uint32
	seed   [keyLen]byte
	call   [callLen]byte // equal in all openings by which one caller tries to begin one session
}

// appendTo appends the payloadLen bytes.
func (p *payload) appendTo(b []byte) []byte {
	b = append(b, byte(p.kind))
	b = binary.BigEndian.AppendUint32(b, p.bucket)
	b = append(b, p.seed[:]...)
	b = append(b, p.call[:]...)
	return append(b, make([]byte, payloadLen-openingPayload)...)
}

// parsePayload takes one form only.
func parsePayload(b []byte) (p payload, ok bool) {
	if len(b) != payloadLen || !allZero(b[openingPayload:]) {
		return p, false
	}
	p.kind, p.bucket = openingKind(b[0]), binary.BigEndian.Uint32(b[1:])
	copy(p.seed[:], b[5:])
	copy(p.call[:], b[5+keyLen:])
	switch p.kind {
	case kindNew:
		return p, true
	case kindJoin:
		return p, allZero(b[5:])
	}
	return p, false
}

// bucketOf is the bucket of a moment.
func bucketOf(t time.Time) uint32 { return uint32(t.Unix() / int64(BucketLen/time.Second)) }

// maskEphemeral masks the ephemeral key of an opening, or takes the mask off: a curve point has a form, and who knows not
// the lease key shall see none. Another hint is another mask, so the hint cannot be changed alone.
func maskEphemeral(key noise.PublicKey, hint, ephemeral []byte) {
	k := key.Bytes()
	c := cipher.NewCTR(block(expand(k[:], "sotto session ephemeral v1", keyLen)), hint)
	c.XORKeyStream(ephemeral, ephemeral)
}

// hinter makes the hints of one secret: AES-CBC-MAC over the ephemeral's two blocks, a fixed length.
type hinter struct{ b cipher.Block }

func newHinter(secret []byte) hinter {
	return hinter{block(expand(secret, "sotto session hint v1", maskLen))}
}

// hint is the MAC of an ephemeral key.
func (h hinter) hint(ephemeral []byte) (m [hintLen]byte) {
	h.b.Encrypt(m[:], ephemeral[:aes.BlockSize])
	subtle.XORBytes(m[:], m[:], ephemeral[aes.BlockSize:])
	h.b.Encrypt(m[:], m[:])
	return m
}

// sealOpening makes an opening and the handshake that waits for its answer. Without a secret the hint is random.
func sealOpening(rand io.Reader, at Point, key noise.PublicKey, secret []byte, p *payload) (o [cell.OpeningLen]byte, hs *noise.Handshake, err error) {
	var ephemeral [keyLen]byte
	if _, err := io.ReadFull(rand, ephemeral[:]); err != nil {
		return o, nil, fmt.Errorf("session: random source: %w", err)
	}
	defer clear(ephemeral[:])
	c := noise.HandshakeConfig{
		Pattern: noise.NK, Initiator: true, Remote: key, Prologue: at.prologue(), Rand: bytes.NewReader(ephemeral[:]),
	}
	if secret != nil {
		c.Pattern, c.PSK = noise.NKpsk0, secret
	}
	if hs, err = noise.NewHandshake(c); err != nil {
		return o, nil, fmt.Errorf("session: opening: %w", err)
	}
	if _, err := hs.WriteMessage(o[hintLen:hintLen], p.appendTo(nil)); err != nil {
		return o, nil, fmt.Errorf("session: opening: %w", err)
	}
	hint, e := o[:hintLen], o[hintLen:][:keyLen]
	if secret != nil {
		mac := newHinter(secret).hint(e)
		copy(hint, mac[:])
	} else if _, err := io.ReadFull(rand, hint); err != nil {
		return o, nil, fmt.Errorf("session: random source: %w", err)
	}
	maskEphemeral(key, hint, e)
	return o, hs, nil
}

// earlyKeys are what both ends derive from the seed in an opening.
func earlyKeys(seed *[keyLen]byte) (early, answer []byte) {
	return expand(seed[:], "sotto session early v1", keyLen), expand(seed[:], "sotto session answer v1", keyLen)
}

// dataKeys are what both ends derive from the finished handshake: the two keys, by the sender's place, and the secret
// with which legs join. The handshake hash would not do for that: it is made of what is public.
func dataKeys(hs *noise.Handshake, caller bool) (send, receive []byte, join Secret, err error) {
	s, err := hs.Secrets()
	if err != nil {
		return nil, nil, Secret{}, err
	}
	defer clear(s.Send[:])
	defer clear(s.Receive[:])
	send, receive = expand(s.Send[:], "sotto session data v1", keyLen), expand(s.Receive[:], "sotto session data v1", keyLen)
	both := append(append(make([]byte, 0, 2*keyLen), s.Send[:]...), s.Receive[:]...)
	if !caller {
		both = append(append(both[:0], s.Receive[:]...), s.Send[:]...)
	}
	defer clear(both)
	join, err = NewSecret(expand(both, "sotto session join v1", keyLen))
	return send, receive, join, err
}
