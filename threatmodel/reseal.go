package threatmodel

import (
	"crypto/aes"
	"crypto/cipher"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/binary"
	"net/netip"
	"slices"
	"time"

	"sotto/noise"
	"sotto/threatmodel/lab"
)

// The attacker of P08 who holds the directory: he opens the envelopes of recorded first messages, as everybody can who
// knows the relay's public key, and sends the Noise messages again in envelopes of his own, with another bucket, another
// ID, and with a cookie that he was given himself. Made from the package comment of noise alone.

// Fields of a first message's plaintext (noise, package comment).
const (
	sealedFrom     = 16 // behind the salt
	bucketAt       = 1
	messageIDAt    = 5
	cookieMACAt    = 13
	behindMAC      = 29
	envelopeSecond = 300 // seconds of a bucket
)

// forger seals and opens envelopes of one relay.
type forger struct {
	initiation, answer cipher.AEAD
	random             *lab.Source
}

func newForger(overlay [32]byte, relay noise.PublicKey, random *lab.Source) (*forger, error) {
	f := &forger{random: random}
	public := relay.Bytes()
	for label, aead := range map[string]*cipher.AEAD{"sotto link initiation v1": &f.initiation, "sotto link answer v1": &f.answer} {
		key := sha256.Sum256(slices.Concat([]byte(label), []byte{noise.Version}, overlay[:], public[:]))
		block, err := aes.NewCipher(key[:])
		if err != nil {
			return nil, err
		}
		if *aead, err = cipher.NewGCMWithNonceSize(block, sealedFrom); err != nil {
			return nil, err
		}
	}
	return f, nil
}

// open returns the plaintext of a first message for this relay.
func (f *forger) open(d []byte) ([]byte, bool) {
	body, err := f.initiation.Open(nil, d[:sealedFrom], d[sealedFrom:], nil)
	return body, err == nil
}

// seal makes a first message of a plaintext, with a cookie if there is one, and returns it.
func (f *forger) seal(body []byte, bucket uint32, id uint64, cookie []byte) []byte {
	d := make([]byte, sealedFrom, noise.DatagramLen)
	f.random.Read(d)
	body = slices.Clone(body)
	binary.BigEndian.PutUint32(body[bucketAt:], bucket)
	binary.BigEndian.PutUint64(body[messageIDAt:], id)
	f.random.Read(body[cookieMACAt:behindMAC])
	if cookie != nil {
		h := hmac.New(sha256.New, cookie)
		h.Write(d)
		h.Write(body[:cookieMACAt])
		h.Write(body[behindMAC:])
		copy(body[cookieMACAt:behindMAC], h.Sum(nil))
	}
	return f.initiation.Seal(d, d[:sealedFrom], body, nil)
}

// cookieFor opens a challenge that answers a first message.
func (f *forger) cookieFor(challenge, first []byte) ([]byte, bool) {
	const kindCookie, cookieLen = 2, 16
	tag := first[noise.DatagramLen-16:]
	body, err := f.answer.Open(nil, challenge[:sealedFrom], challenge[sealedFrom:], tag)
	if err != nil || body[0] != kindCookie {
		return nil, false
	}
	return body[1 : 1+cookieLen], true
}

// reseal replays what is inside of the recorded first messages to relays, and counts as replay does; multiplications
// apart, since any first message may cost some.
func (r *replayRun) reseal(m *Measurement, phase string) error {
	before, sent, given := r.counts(), 0, 0
	for _, relay := range r.nodes[:2] {
		f, err := newForger(r.lab.Overlay, relay.Static().Public(), r.lab.Source("forger "+phase))
		if err != nil {
			return err
		}
		var bodies [][]byte
		for _, d := range r.tape {
			if body, ok := f.open(d.payload); ok {
				bodies = append(bodies, body)
			}
		}
		for _, body := range bodies {
			cookie := r.getCookie(f, relay, body)
			if cookie != nil {
				given++
			}
			sent += r.sendResealed(f, relay, body, cookie)
		}
	}
	r.lab.Run(time.Second)
	after := r.counts()
	for _, what := range []string{"links made or lost", "half-open links", "handshakes answered"} {
		m.add(phase, never(what, max(0, after[what]-before[what]), sent))
	}
	m.add(phase, shown("cookies that the attacker was given and used", float64(given), ""))
	return nil
}

// sendResealed sends every variant of a message from the attacker's own address.
func (r *replayRun) sendResealed(f *forger, relay *lab.Node, body, cookie []byte) (sent int) {
	now := uint32(r.lab.Now().Unix() / envelopeSecond)
	own := binary.BigEndian.Uint64(body[messageIDAt:])
	for _, bucket := range []uint32{now - 1, now, now + 1} {
		for _, id := range []uint64{own, f.random.Uint64()} {
			for _, c := range [][]byte{nil, cookie} {
				// The address is valid, so the network takes it.
				_ = r.attacker.Forge(r.foreign, relay.Addr(), f.seal(body, bucket, id, c))
				sent++
			}
		}
	}
	r.lab.Run(50 * time.Millisecond)
	return sent
}

// getCookie asks a relay for a cookie with a piece of a message of several, which is always challenged.
func (r *replayRun) getCookie(f *forger, relay *lab.Node, body []byte) (cookie []byte) {
	const pieceHeaderAt, messageLen = behindMAC, 1200
	asking := slices.Clone(body)
	f.random.Read(asking[behindMAC:])
	asking[pieceHeaderAt], asking[pieceHeaderAt+1] = 3, 0
	binary.BigEndian.PutUint16(asking[pieceHeaderAt+2:], messageLen)
	first := f.seal(asking, uint32(r.lab.Now().Unix()/envelopeSecond), f.random.Uint64(), nil)
	r.lab.Loop.Machine(r.attacker).Handle(r.foreign.Port(), func(_ time.Time, from, _ netip.AddrPort, d []byte) {
		if c, ok := f.cookieFor(d, first); ok {
			cookie = slices.Clone(c)
		}
	})
	_ = r.attacker.Forge(r.foreign, relay.Addr(), first)
	r.lab.Run(100 * time.Millisecond)
	return cookie
}
