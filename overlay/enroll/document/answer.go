// Answers: what the authority gives for one request, signed, and with the newest document.

package document

import (
	"crypto/ed25519"
	"encoding/binary"
	"errors"
	"fmt"
	"log/slog"
	"time"

	"sotto/overlay/enroll/blind"
	"sotto/overlay/peer"
	"sotto/overlay/slot"
)

const (
	// MaxAnswer bounds an answer in bytes.
	MaxAnswer = MaxOverlay + 8<<10
	// AnswerUnit is what answers over HTTPS are padded to a multiple of, with zeros after the answer: their
	// size then depends on the document, which is the same for all, and not on what was asked.
	AnswerUnit = 16 << 10

	answerLabel = "sotto answer v1"
)

// Answer is an answer whose form has been checked; VerifyAnswer checks the rest.
//
//	11  32  overlay ID
//	43  32  SHA-256 of the request
//	75   8  time of the authority, unix seconds
//	83   1  outcome: 0, or a Refusal
//	84   4  length of the overlay document, then the document; 0 in a refusal
//	 .   2  length of the user certificate (DER), then the certificate; 0 for none
//	 .   1  slot certificates, each behind its length (1)
//	 .   1  1 with an admission: key epoch (4), blind signature (256); else 0
//	 . 148  KeyCert of the key that signs: a refusal has no document, and the reader's may be older than the key
//	 .  64  Ed25519 signature of the authority over label and everything before
type Answer struct {
	Overlay    peer.OverlayID
	Request    [HashLen]byte
	At         time.Time
	Refused    Refusal // 0 for a yes
	Document   []byte
	Cert       []byte
	Slots      []slot.Certificate
	Admitted   bool
	AdmitEpoch uint32
	Admission  blind.BlindSignature
	cert       KeyCert
	wire       []byte
}

// SignAnswer makes an answer; ErrMalformed or ErrLimit for fields that no reader would accept.
func SignAnswer(a Answer, cert KeyCert, key SigningKey) (Answer, error) {
	if len(a.Document) > MaxOverlay || len(a.Cert) > MaxCert || len(a.Slots) > MaxSlotAsks {
		return Answer{}, ErrLimit
	}
	id := a.Overlay.Bytes()
	b := append(appendHeader(nil, kindAnswer), id[:]...)
	b = append(b, a.Request[:]...)
	b = append(appendTime(b, a.At), byte(a.Refused))
	b = binary.BigEndian.AppendUint32(b, uint32(len(a.Document)))
	b = append(b, a.Document...)
	b = appendLong(b, a.Cert)
	b = append(b, byte(len(a.Slots)))
	for _, s := range a.Slots {
		b = s.Append(b)
	}
	if a.Admitted {
		b = binary.BigEndian.AppendUint32(append(b, 1), a.AdmitEpoch)
		b = append(b, a.Admission[:]...)
	} else {
		b = append(b, 0)
	}
	b = setLength(cert.append(b), sigLen)
	b = append(b, key.sign(labelled(answerLabel, b))...)
	return ParseAnswer(b)
}

// ParseAnswer reads an answer without its padding. What it returns is not verified yet.
func ParseAnswer(b []byte) (Answer, error) {
	s, err := body(b, kindAnswer, MaxAnswer)
	if err != nil {
		return Answer{}, err
	}
	r := newReader(s)
	var a Answer
	a.Overlay, err = peer.ParseOverlayID(r.bytes(peer.OverlayIDLen))
	r.require(err == nil)
	copy(a.Request[:], r.bytes(HashLen))
	a.At = r.time()
	a.Refused = Refusal(r.u8())
	r.require(a.Refused == 0 || a.Refused.valid())
	n := r.u32()
	r.require(n <= MaxOverlay)
	if r.ok {
		a.Document = append([]byte(nil), r.bytes(int(n))...)
	}
	a.Cert = append([]byte(nil), r.long(MaxCert)...)
	for range r.count(r.u8(), MaxSlotAsks) {
		c, err := slot.ParseCertificate(r.bytes(slot.CertificateLen))
		r.require(err == nil)
		a.Slots = append(a.Slots, c)
	}
	switch r.u8() {
	case 0:
	case 1:
		a.Admitted, a.AdmitEpoch = true, r.u32()
		copy(a.Admission[:], r.bytes(blind.Size))
	default:
		r.ok = false
	}
	a.cert = r.keyCert()
	r.bytes(sigLen)
	granted := len(a.Document) > 0
	r.require(granted == (a.Refused == 0) && (granted || len(a.Cert) == 0 && len(a.Slots) == 0 && !a.Admitted))
	if !r.end() {
		return Answer{}, ErrMalformed
	}
	a.wire = append([]byte(nil), b...)
	return a, nil
}

// VerifyAnswer checks an answer to request by the newest document known so far, and returns the document to go
// by from now on. The errors are ErrForeign, ErrOtherRequest, ErrSignature, those of ParseOverlay and Accept,
// ErrFuture when the authority's clock and this machine's differ by more than Slack, and at last the Refusal.
func VerifyAnswer(a Answer, request Request, known Overlay, now time.Time) (Overlay, error) {
	if a.Overlay != known.ID() {
		return Overlay{}, ErrForeign
	}
	if a.Request != request.Digest() {
		return Overlay{}, ErrOtherRequest
	}
	current := known
	if len(a.Document) > 0 {
		fresh, err := ParseOverlay(a.Document)
		if err != nil {
			return Overlay{}, whole(err)
		}
		// An answer that came by file may be older than a document that came from peers meanwhile.
		if current, err = Accept(known, fresh); errors.Is(err, ErrRollback) {
			current = known
		} else if err != nil {
			return Overlay{}, err
		}
	}
	n := len(a.wire) - sigLen
	if n < 0 || !current.current(a.cert, a.At) || !ed25519.Verify(a.cert.signing[:], labelled(answerLabel, a.wire[:n]), a.wire[n:]) {
		return Overlay{}, ErrSignature
	}
	if now.Add(Slack).Before(a.At) {
		return Overlay{}, ErrFuture
	}
	if a.Refused != 0 {
		return Overlay{}, a.Refused
	}
	return current, current.Check(now)
}

// IsZero reports whether there is no answer.
func (a Answer) IsZero() bool { return a.wire == nil }

// Bytes returns the signed bytes; they are not to be changed.
func (a Answer) Bytes() []byte { return a.wire }

// maxRest is the most that an answer has beside the document.
const maxRest = headerLen + 2*HashLen + 8 + 1 + 4 + 2 + MaxCert + 1 + MaxSlotAsks*slot.CertificateLen + 1 + 4 + blind.Size + keyCertLen + sigLen

// Pad returns the answer followed by zeros up to the size that every answer has while the authority's document has
// that length: grants and refusals, whatever was asked for.
func (a Answer) Pad(documentLen int) []byte {
	n := (max(documentLen, len(a.Document)) + maxRest + AnswerUnit - 1) / AnswerUnit * AnswerUnit
	return append(append(make([]byte, 0, n), a.wire...), make([]byte, n-len(a.wire))...)
}

// Unpad takes the zeros off that Pad put behind an answer; ErrMalformed if they are no zeros.
func Unpad(b []byte) ([]byte, error) {
	if len(b) < headerLen {
		return nil, ErrTruncated
	}
	n := uint64(binary.BigEndian.Uint32(b[headerLen-4:]))
	if n > uint64(len(b)) {
		return nil, ErrTruncated
	}
	if len(b)%AnswerUnit != 0 || len(b) >= MaxAnswer+AnswerUnit || !allZero(b[n:]) {
		return nil, ErrMalformed
	}
	return b[:n], nil
}

// File returns the answer as an armoured text.
func (a Answer) File() []byte { return Armor(FileAnswer, a.wire) }

// ReadAnswer reads an armoured answer.
func ReadAnswer(text []byte) (Answer, error) {
	b, err := Dearmor(FileAnswer, text)
	if err != nil {
		return Answer{}, err
	}
	a, err := ParseAnswer(b)
	return a, whole(err)
}

// Format prints a fixed text for every verb.
func (a Answer) Format(s fmt.State, _ rune) { redact(s, "[answer]") }

// LogValue logs a fixed text.
func (a Answer) LogValue() slog.Value { return redacted("[answer]") }
