package noise

import (
	"crypto/aes"
	"crypto/cipher"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/binary"
	"io"
)

// Envelopes: how handshake messages look on the wire. Each is sealed whole with
// AES-256-GCM under a key made from the responder's public key, with 16 random
// bytes in front as the nonce. That is at once the mask (an X25519 key has a
// constant top bit, a kind byte would be a pattern) and the MAC that is checked
// before any Diffie-Hellman.
//
// Whoever holds the directory can open an envelope, and seal another around the
// same Noise message. So what stands in an envelope and matters is in the
// prologue of the message too (see prologue), and what must stay secret is in
// the message alone.

// Initiation, plaintext of 480 bytes, behind the salt and before the tag:
//
//	offset  length  field
//	     0       1  pattern: 1 IK, 2 NK
//	     1       4  time bucket: Unix seconds / 300, big endian
//	     5       8  message ID: random, one-time, joins the pieces of a message
//	    13      16  cookie MAC, or random bytes when there is no cookie
//	    29     451  piece of Noise message 1
//
// Answer, plaintext of 480 bytes, likewise; the tag of the initiation that it
// answers is its associated data:
//
//	offset  length  field
//	     0       1  kind: 1 Noise message 2, 2 cookie
//	     1     479  piece of Noise message 2, or the cookie of 16 bytes
const (
	envelopeLen        = DatagramLen - saltLen - tagLen
	messageIDLen       = 8
	cookieMACOffset    = 1 + 4 + messageIDLen
	initiationHeader   = cookieMACOffset + cookieLen
	initiationPieceLen = envelopeLen - initiationHeader - pieceHeaderLen
	answerPieceLen     = envelopeLen - 1 - pieceHeaderLen

	answerMessage = 1
	answerCookie  = 2
)

// envelope seals and opens the handshake datagrams of one responder.
type envelope struct {
	initiation, answer cipher.AEAD
	rand               io.Reader
}

// newEnvelope derives both keys from the overlay and the responder's key.
func newEnvelope(overlay [32]byte, responder PublicKey, rand io.Reader) *envelope {
	return &envelope{
		initiation: envelopeAEAD("sotto link initiation v1", overlay, responder),
		answer:     envelopeAEAD("sotto link answer v1", overlay, responder),
		rand:       rand,
	}
}

func envelopeAEAD(label string, overlay [32]byte, responder PublicKey) cipher.AEAD {
	h := sha256.New()
	io.WriteString(h, label)
	h.Write([]byte{Version})
	h.Write(overlay[:])
	h.Write(responder.b[:])
	block, err := aes.NewCipher(h.Sum(nil))
	if err != nil {
		panic("noise: AES refuses 32 bytes")
	}
	aead, err := cipher.NewGCMWithNonceSize(block, saltLen)
	if err != nil {
		panic("noise: GCM refuses a nonce of 16 bytes")
	}
	return aead
}

// initiation is an opened initiation. Its piece aliases the datagram.
type initiation struct {
	pattern   Pattern
	bucket    uint32
	id        uint64
	cookieMAC [cookieLen]byte
	piece     piece
	salt      [saltLen]byte
	tag       [tagLen]byte
	body      []byte // the whole plaintext, for the cookie MAC
}

// sealInitiation writes piece number of message into the datagram d and returns
// its tag. Without a cookie, random bytes stay in the place of its MAC.
func (e *envelope) sealInitiation(d []byte, in *initiation, message []byte, number int, c cookie) ([tagLen]byte, error) {
	var tag [tagLen]byte
	if _, err := io.ReadFull(e.rand, d[:saltLen+envelopeLen]); err != nil {
		return tag, err
	}
	salt, body := d[:saltLen], d[saltLen:][:envelopeLen]
	body[0] = byte(in.pattern)
	binary.BigEndian.PutUint32(body[1:], in.bucket)
	binary.BigEndian.PutUint64(body[5:], in.id)
	putPiece(body[initiationHeader:], message, number)
	if c != noCookie {
		mac := cookieMAC(c, salt, body)
		copy(body[cookieMACOffset:], mac[:])
	}
	e.initiation.Seal(body[:0], salt, body, nil)
	copy(tag[:], d[DatagramLen-tagLen:])
	return tag, nil
}

// openInitiation opens a datagram in place. It fails for whatever was not sealed
// for this responder, overlay and version; the datagram is destroyed then.
func (e *envelope) openInitiation(d []byte) (in initiation, ok bool) {
	if len(d) != DatagramLen {
		return in, false
	}
	copy(in.salt[:], d)
	copy(in.tag[:], d[DatagramLen-tagLen:])
	body, err := e.initiation.Open(d[saltLen:saltLen], in.salt[:], d[saltLen:], nil)
	if err != nil {
		return in, false
	}
	in.body = body
	in.pattern = Pattern(body[0])
	in.bucket = binary.BigEndian.Uint32(body[1:])
	in.id = binary.BigEndian.Uint64(body[5:])
	copy(in.cookieMAC[:], body[cookieMACOffset:])
	in.piece, ok = parsePiece(body[initiationHeader:])
	return in, ok && (in.pattern == IK || in.pattern == NK)
}

// cookieMAC is the proof over one initiation that the sender holds a cookie.
func cookieMAC(c cookie, salt, body []byte) (mac [cookieLen]byte) {
	h := hmac.New(sha256.New, c[:])
	h.Write(salt)
	h.Write(body[:cookieMACOffset])
	h.Write(body[cookieMACOffset+cookieLen:])
	copy(mac[:], h.Sum(nil))
	return mac
}

// sealAnswer writes an answer of the given kind into d. For answerMessage,
// piece number of message is carried; for answerCookie, message is the cookie.
func (e *envelope) sealAnswer(d []byte, tag [tagLen]byte, kind byte, message []byte, number int) error {
	if _, err := io.ReadFull(e.rand, d[:saltLen+envelopeLen]); err != nil {
		return err
	}
	salt, body := d[:saltLen], d[saltLen:][:envelopeLen]
	body[0] = kind
	if kind == answerCookie {
		copy(body[1:], message)
	} else {
		putPiece(body[1:], message, number)
	}
	e.answer.Seal(body[:0], salt, body, tag[:])
	return nil
}

// openAnswer opens a datagram against the tag of the initiation that it should
// answer. The datagram stays as it is; the body starts behind the kind.
func (e *envelope) openAnswer(d []byte, tag [tagLen]byte) (kind byte, body []byte, ok bool) {
	if len(d) != DatagramLen {
		return 0, nil, false
	}
	plain, err := e.answer.Open(nil, d[:saltLen], d[saltLen:], tag[:])
	if err != nil {
		return 0, nil, false
	}
	return plain[0], plain[1:], true
}
