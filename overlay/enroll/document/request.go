// Requests: everything a person asks of the authority, in one layout of one size.

package document

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/binary"
	"fmt"
	"log/slog"
	"time"

	"sotto/overlay/enroll/blind"
	"sotto/overlay/peer"
	"sotto/overlay/slot"
)

const (
	// RequestLen is the length of every request in bytes, so that enrolling, renewing, asking for slots or for
	// an admission look alike to who counts bytes.
	RequestLen = 2048
	// MaxSlotAsks bounds the slot certificates asked for at once: each phase of an epoch and each of 4 days.
	MaxSlotAsks  = 8
	requestLabel = "sotto request v1"
	proofLabel   = "sotto request proof v1"
)

// The parts that a request may have. More than one may be asked for in one visit.
const (
	partInvited = 1 << iota // proven by an invite's code; without it by an enrolled key
	partCert                // wants a user certificate
	partNewKey              // carries a Succession: the certificate is to be for the new key
	partSlots               // wants slot certificates
	partAdmit               // wants an admission, blindly
	partSeed                // wants its relay listed as a seed
	allParts    = 1<<iota - 1
)

// SlotAsk asks for one slot certificate: this writer key may write this slot in this epoch.
type SlotAsk struct {
	Epoch  slot.Epoch
	Slot   slot.Slot
	Writer slot.WriterPublic
}

// Format prints a fixed text for every verb.
func (SlotAsk) Format(s fmt.State, _ rune) { redact(s, "[slot]") }

// LogValue logs a fixed text.
func (SlotAsk) LogValue() slog.Value { return redacted("[slot]") }

// Ask is what a request asks for; the zero value asks for nothing but the newest document.
type Ask struct {
	// Cert asks for a user certificate.
	Cert bool
	// NewKey, with Cert, changes the enrolled key.
	NewKey Succession
	// Slots asks for slot certificates, at most MaxSlotAsks.
	Slots []SlotAsk
	// Admit asks for an admission of AdmitEpoch: Blinded hides the peer's key and so the NodeID.
	Admit      bool
	AdmitEpoch uint32
	Blinded    blind.Message
	// Seed, if not zero, is the own relay to be listed as a seed. It says openly which peer is the person's.
	Seed Pair
}

// Request is a request whose form and signature have been checked; the proof of the code is checked by
// CodeProven, since only the authority can.
//
//	 11  32  overlay ID
//	 43   8  created, unix seconds
//	 51   1  parts: 1 invited, 2 certificate, 4 new key, 8 slots, 16 admission, 32 seed
//	 52   1  length of the name, then the name (canonical AoR)
//	  .  65  the person's key, which signs
//	  .  32  invited: name of the code
//	  . 309  new key: Succession
//	  .   .  slots: count (1), each epoch (4), slot (32), writer key (32)
//	  . 260  admission: key epoch (4), blinded message (256)
//	  . 551  seed: static and daily part of the descriptor
//	  .   .  zeros up to 1951
//	1952  32  invited: HMAC-SHA256 under the code's proof key of label and bytes 0 to 1951, else zeros
//	1984  64  ECDSA signature of the person's key over label and bytes 0 to 1983
type Request struct {
	Overlay peer.OverlayID
	Created time.Time
	AoR     AoR
	Key     UserPublic
	Ask     Ask
	invited bool
	codeID  [HashLen]byte
	wire    []byte
}

const (
	proofAt = RequestLen - sigLen - HashLen
	signAt  = RequestLen - sigLen
)

// NewRequest makes a request. With a code it is a first enrolment; without one (nil) key must be enrolled. It
// returns ErrLimit for too many slots and ErrMalformed for a seed of another overlay.
func NewRequest(overlay peer.OverlayID, aor AoR, key UserKey, code *Code, ask Ask, now time.Time) (Request, error) {
	if len(ask.Slots) > MaxSlotAsks {
		return Request{}, ErrLimit
	}
	id, pub := overlay.Bytes(), key.Public()
	b := append(appendHeader(make([]byte, 0, RequestLen), kindRequest), id[:]...)
	b = appendTime(b, now)
	b = append(b, ask.parts(code != nil))
	b = appendShort(b, []byte(aor.s))
	b = append(b, pub.b[:]...)
	if code != nil {
		h := code.Hash()
		b = append(b, h.ID[:]...)
	}
	b = ask.append(b)
	if len(b) > proofAt {
		return Request{}, ErrLimit
	}
	b = append(b, make([]byte, proofAt-len(b))...)
	binary.BigEndian.PutUint32(b[headerLen-4:], RequestLen)
	if code != nil {
		b = append(b, code.Hash().prove(labelled(proofLabel, b))...)
	} else {
		b = append(b, make([]byte, HashLen)...)
	}
	sig := key.sign(labelled(requestLabel, b))
	return ParseRequest(append(b, sig[:]...))
}

func (a Ask) parts(invited bool) byte {
	var p byte
	for bit, set := range map[byte]bool{partInvited: invited, partCert: a.Cert, partNewKey: !a.NewKey.IsZero(),
		partSlots: len(a.Slots) > 0, partAdmit: a.Admit, partSeed: !a.Seed.Static.IsZero()} {
		if set {
			p |= bit
		}
	}
	return p
}

func (a Ask) append(b []byte) []byte {
	if !a.NewKey.IsZero() {
		b = a.NewKey.Append(b)
	}
	if len(a.Slots) > 0 {
		b = append(b, byte(len(a.Slots)))
	}
	for _, s := range a.Slots {
		place, writer := s.Slot.Bytes(), s.Writer.Bytes()
		b = binary.BigEndian.AppendUint32(b, uint32(s.Epoch))
		b = append(append(b, place[:]...), writer[:]...)
	}
	if a.Admit {
		b = append(binary.BigEndian.AppendUint32(b, a.AdmitEpoch), a.Blinded[:]...)
	}
	if !a.Seed.Static.IsZero() {
		b = a.Seed.Append(b)
	}
	return b
}

// ParseRequest reads a request of exactly RequestLen bytes and verifies its signature.
func ParseRequest(b []byte) (Request, error) {
	s, err := body(b, kindRequest, RequestLen)
	if err != nil {
		return Request{}, err
	}
	if len(b) != RequestLen {
		return Request{}, ErrMalformed
	}
	r := newReader(s)
	q, err := r.request()
	if err != nil {
		return Request{}, err
	}
	if !q.Key.verify(labelled(requestLabel, b[:signAt]), b[signAt:]) {
		return Request{}, ErrSignature
	}
	q.wire = append([]byte(nil), b...)
	return q, nil
}

func (r *reader) request() (Request, error) {
	var q Request
	var err error
	q.Overlay, err = peer.ParseOverlayID(r.bytes(peer.OverlayIDLen))
	r.require(err == nil)
	q.Created = r.time()
	parts := r.u8()
	r.require(parts&^allParts == 0)
	if q.AoR, err = parseCanonical(r.short(maxAoR)); err != nil {
		return q, err
	}
	q.Key, err = ParseUserPublic(r.bytes(UserPublicLen))
	r.require(err == nil)
	if q.invited = parts&partInvited != 0; q.invited {
		copy(q.codeID[:], r.bytes(HashLen))
	}
	if q.Ask, err = r.ask(parts); err != nil {
		return q, err
	}
	// An enrolment without a certificate would use up the code for nothing; a change of keys is by the old key.
	r.require(!q.invited || q.Ask.Cert && q.Ask.NewKey.IsZero())
	r.require(q.Ask.NewKey.IsZero() || q.Ask.Cert && q.Ask.NewKey.old == q.Key && q.Ask.NewKey.overlay == q.Overlay)
	// It is repeated until it is answered, so nothing may be in it that ends.
	r.require(q.Ask.NewKey.IsZero() || len(q.Ask.Slots) == 0 && !q.Ask.Admit && q.Ask.Seed.Static.IsZero())
	pad := len(r.s) - HashLen - sigLen
	if pad < 0 {
		return q, ErrMalformed
	}
	r.require(allZero(r.bytes(pad)))
	proof := r.bytes(HashLen)
	r.require(q.invited || allZero(proof))
	r.bytes(sigLen)
	if !r.end() {
		return q, ErrMalformed
	}
	return q, nil
}

func (r *reader) ask(parts int) (Ask, error) {
	a := Ask{Cert: parts&partCert != 0, Admit: parts&partAdmit != 0}
	var err error
	if parts&partNewKey != 0 {
		if a.NewKey, err = ParseSuccession(r.bytes(SuccessionLen)); err != nil {
			return a, whole(err)
		}
	}
	if parts&partSlots != 0 {
		n := r.count(r.u8(), MaxSlotAsks)
		r.require(n > 0)
		for range n {
			s := SlotAsk{Epoch: slot.Epoch(r.u32())}
			var err1, err2 error
			s.Slot, err1 = slot.Parse(r.bytes(slot.Len))
			s.Writer, err2 = slot.ParseWriterPublic(r.bytes(pubLen))
			r.require(err1 == nil && err2 == nil)
			a.Slots = append(a.Slots, s)
		}
	}
	if a.Admit {
		a.AdmitEpoch = r.u32()
		copy(a.Blinded[:], r.bytes(blind.Size))
	}
	if parts&partSeed != 0 {
		if a.Seed, err = ParsePair(r.bytes(PairLen)); err != nil {
			return a, err
		}
	}
	return a, nil
}

func allZero(b []byte) bool {
	for _, x := range b {
		if x != 0 {
			return false
		}
	}
	return true
}

// CodeID returns the name of the code that the request proves to know, if it is an enrolment by invite.
func (q Request) CodeID() (id [HashLen]byte, invited bool) { return q.codeID, q.invited }

// CodeProven reports whether the request was made by somebody who knows the code.
func (q Request) CodeProven(h CodeHash) bool {
	return q.invited && q.codeID == h.ID && hmac.Equal(q.wire[proofAt:signAt], h.prove(labelled(proofLabel, q.wire[:proofAt])))
}

// Digest names the request in its answer.
func (q Request) Digest() [HashLen]byte { return sha256.Sum256(q.wire) }

// Bytes returns the RequestLen bytes; they are not to be changed.
func (q Request) Bytes() []byte { return q.wire }

// File returns the request as an armoured text.
func (q Request) File() []byte { return Armor(FileRequest, q.wire) }

// ReadRequest reads an armoured request and returns its bytes, which ParseRequest reads.
func ReadRequest(text []byte) ([]byte, error) { return Dearmor(FileRequest, text) }

// Format prints a fixed text for every verb.
func (q Request) Format(s fmt.State, _ rune) { redact(s, "[request]") }

// LogValue logs a fixed text.
func (q Request) LogValue() slog.Value { return redacted("[request]") }

// Format prints a fixed text for every verb.
func (a Ask) Format(s fmt.State, _ rune) { redact(s, "[ask]") }

// LogValue logs a fixed text.
func (a Ask) LogValue() slog.Value { return redacted("[ask]") }

// DigestRequest names a request by its bytes, be they one or not.
func DigestRequest(b []byte) [HashLen]byte { return sha256.Sum256(b) }
