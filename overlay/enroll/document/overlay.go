// The overlay document: what everybody in an overlay goes by, signed by its authority.

package document

import (
	"crypto/ed25519"
	"crypto/sha256"
	"crypto/x509"
	"encoding/binary"
	"fmt"
	"log/slog"
	"time"

	"sotto/overlay/enroll/blind"
	"sotto/overlay/peer"
	"sotto/overlay/slot"
)

// Bounds of a document. At a bound the authority refuses to add; entries leave by themselves when what they
// revoke ends. A document of all maxima is below MaxOverlay.
const (
	MaxOverlay      = 256 << 10 // bytes
	MaxSeeds        = 32        // more would not make finding one likelier
	MaxFounding     = 256       // peers of period 0; later ones come through the directory
	MaxRevokedNodes = 1024
	MaxRevokedCerts = 2048
	maxKeyCerts     = 2 // the one in use and the one before it
	maxBlindKeys    = 3 // the last key epoch while its descriptors are in use, the current one, the next
	maxCA           = 1024
	maxService      = 128
)

const (
	overlayLabel = "sotto overlay document v1"

	// maxDocumentLife is twice what an authority signs for.
	maxDocumentLife = 60 * 24 * time.Hour
	maxFixed        = 8 << 10
)

// A negative constant does not convert: the maxima together must fit.
const _ = uint(MaxOverlay - maxFixed - (MaxSeeds+MaxFounding)*PairLen - MaxRevokedNodes*peer.NodeIDLen - MaxRevokedCerts*SerialLen)

// Keys is one generation of the authority's online keys.
type Keys struct {
	Cert KeyCert
	CA   []byte // DER
}

// BlindKey is the key by which peers of one key epoch are admitted.
type BlindKey struct {
	KeyEpoch uint32
	Key      blind.PublicKey
}

// Service is where the authority answers over HTTPS: host:port, and the SHA-256 of its TLS public key
// (SubjectPublicKeyInfo). The zero value says that requests travel as files.
type Service struct {
	Address string
	Pin     [HashLen]byte
}

// Format prints a fixed text for every verb.
func (s Service) Format(f fmt.State, _ rune) { redact(f, "[service]") }

// LogValue logs a fixed text.
func (s Service) LogValue() slog.Value { return redacted("[service]") }

// Contents is a document before it is signed, or as read. Format hides it.
type Contents struct {
	Founding      Founding
	Params        Params
	Keys          []Keys // 1 or 2, the newest first; the first one signs
	Version       uint64 // strictly increasing, not 0
	Issued, Until time.Time
	BlindKeys     []BlindKey // 1 to 3, ascending
	Service       Service
	Size          uint32        // how many peers the directory has, roughly
	Seeds         []Pair        // ascending by NodeID
	FoundingPeers []Pair        // ascending by NodeID
	RevokedNodes  []peer.NodeID // ascending
	RevokedCerts  []Serial      // ascending
}

// Format prints a fixed text for every verb.
func (c Contents) Format(s fmt.State, _ rune) { redact(s, "[overlay document]") }

// LogValue logs a fixed text.
func (c Contents) LogValue() slog.Value { return redacted("[overlay document]") }

// Overlay is a signed overlay document whose form and signatures have been checked, from the root down. It is
// immutable; copies share it. Whether it is of the right overlay, in date and the newest say ID, Check and
// Accept.
type Overlay struct{ d *signed }

type signed struct {
	c    Contents
	id   peer.OverlayID
	cal  peer.Calendar
	cas  []*x509.Certificate
	wire []byte

	schedule slot.Schedule
}

// SignOverlay makes a document. The key must be the one that the first KeyCert certifies; it returns
// ErrMalformed or ErrLimit for contents that no reader would accept.
func SignOverlay(c Contents, key SigningKey) (Overlay, error) {
	if len(c.Seeds) > MaxSeeds || len(c.FoundingPeers) > MaxFounding || len(c.RevokedNodes) > MaxRevokedNodes || len(c.RevokedCerts) > MaxRevokedCerts {
		return Overlay{}, ErrLimit
	}
	b := setLength(c.append(appendHeader(nil, kindOverlay)), sigLen)
	b = append(b, key.sign(labelled(overlayLabel, b))...)
	return ParseOverlay(b)
}

// ParseOverlay reads a document and verifies the root's certificates and the signature. It returns
// ErrTruncated, ErrKind, ErrVersion, ErrMalformed or ErrSignature.
func ParseOverlay(b []byte) (Overlay, error) {
	s, err := body(b, kindOverlay, MaxOverlay)
	if err != nil {
		return Overlay{}, err
	}
	if len(s) < sigLen {
		return Overlay{}, ErrMalformed
	}
	r := newReader(s[:len(s)-sigLen])
	c := r.contents()
	if !r.end() {
		return Overlay{}, ErrMalformed
	}
	d := &signed{c: c, id: c.Founding.ID(), wire: append([]byte(nil), b...)}
	if d.cal, err = c.Founding.Calendar(); err != nil {
		return Overlay{}, ErrMalformed
	}
	if d.schedule, err = c.Founding.Schedule(); err != nil {
		return Overlay{}, ErrMalformed
	}
	if err := d.verify(); err != nil {
		return Overlay{}, err
	}
	return Overlay{d}, nil
}

func (d *signed) verify() error {
	for _, k := range d.c.Keys {
		if err := k.Cert.verify(d.c.Founding.Root, d.id, k.CA); err != nil {
			return err
		}
		ca, err := parseCA(k.CA)
		if err != nil {
			return err
		}
		d.cas = append(d.cas, ca)
	}
	first := d.c.Keys[0].Cert
	if !first.covers(d.c.Issued) {
		return ErrSignature
	}
	n := len(d.wire) - sigLen
	if !ed25519.Verify(first.signing[:], labelled(overlayLabel, d.wire[:n]), d.wire[n:]) {
		return ErrSignature
	}
	return nil
}

func (c Contents) append(b []byte) []byte {
	b = c.Founding.append(b)
	b = c.Params.append(b)
	b = append(b, byte(len(c.Keys)))
	for _, k := range c.Keys {
		b = appendLong(k.Cert.append(b), k.CA)
	}
	b = binary.BigEndian.AppendUint64(b, c.Version)
	b = appendTime(appendTime(b, c.Issued), c.Until)
	b = append(b, byte(len(c.BlindKeys)))
	for _, k := range c.BlindKeys {
		b = k.Key.Append(binary.BigEndian.AppendUint32(b, k.KeyEpoch))
	}
	b = append(appendShort(b, []byte(c.Service.Address)), c.Service.Pin[:]...)
	b = binary.BigEndian.AppendUint16(b, 0) // the authority's lease: reserved, none in this version
	b = binary.BigEndian.AppendUint32(b, c.Size)
	b = append(b, byte(len(c.Seeds)))
	for _, p := range c.Seeds {
		b = p.Append(b)
	}
	b = binary.BigEndian.AppendUint16(b, uint16(len(c.FoundingPeers)))
	for _, p := range c.FoundingPeers {
		b = p.Append(b)
	}
	b = binary.BigEndian.AppendUint16(b, uint16(len(c.RevokedNodes)))
	for _, n := range c.RevokedNodes {
		id := n.Bytes()
		b = append(b, id[:]...)
	}
	b = binary.BigEndian.AppendUint16(b, uint16(len(c.RevokedCerts)))
	for _, s := range c.RevokedCerts {
		b = append(b, s.b[:]...)
	}
	return b
}

func (r *reader) contents() Contents {
	c := Contents{Founding: r.founding(), Params: r.params()}
	n := r.count(r.u8(), maxKeyCerts)
	r.require(n >= 1)
	for range n {
		k := Keys{Cert: r.keyCert()}
		k.CA = append([]byte(nil), r.long(maxCA)...)
		r.require(len(c.Keys) == 0 || c.Keys[0].Cert.generation > k.Cert.generation)
		c.Keys = append(c.Keys, k)
	}
	c.Version = r.u64()
	c.Issued, c.Until = r.time(), r.time()
	// A bound here is what makes the end of a key an end: documents can be dated back, but then are over.
	r.require(c.Version > 0 && c.Issued.Before(c.Until) && c.Until.Sub(c.Issued) <= maxDocumentLife)
	n = r.count(r.u8(), maxBlindKeys)
	r.require(n >= 1)
	for range n {
		epoch := r.u32()
		k, err := blind.ParsePublicKey(r.bytes(blind.Size))
		r.require(err == nil)
		r.require(len(c.BlindKeys) == 0 || c.BlindKeys[len(c.BlindKeys)-1].KeyEpoch < epoch)
		c.BlindKeys = append(c.BlindKeys, BlindKey{epoch, k})
	}
	c.Service.Address = string(r.short(maxService))
	copy(c.Service.Pin[:], r.bytes(HashLen))
	r.require(c.Service.valid())
	r.require(r.u16() == 0)
	c.Size = r.u32()
	c.Seeds = r.pairs(r.count(r.u8(), MaxSeeds))
	c.FoundingPeers = r.pairs(r.count(r.u16(), MaxFounding))
	c.RevokedNodes = r.nodes(r.count(r.u16(), MaxRevokedNodes))
	c.RevokedCerts = r.serials(r.count(r.u16(), MaxRevokedCerts))
	return c
}

func (r *reader) nodes(n int) []peer.NodeID {
	list := make([]peer.NodeID, 0, n)
	for range n {
		id, err := peer.ParseNodeID(r.bytes(peer.NodeIDLen))
		r.require(err == nil && (len(list) == 0 || list[len(list)-1].Compare(id) < 0))
		list = append(list, id)
	}
	return list
}

func (r *reader) serials(n int) []Serial {
	list := make([]Serial, 0, n)
	for range n {
		s, err := ParseSerial(r.bytes(SerialLen))
		r.require(err == nil && (len(list) == 0 || list[len(list)-1].Compare(s) < 0))
		list = append(list, s)
	}
	return list
}

// Hash is what peers name the document by in their daily parts.
func (o Overlay) Hash() peer.DocumentHash { return peer.DocumentHash(sha256.Sum256(o.d.wire)) }

// Bytes returns the signed bytes; they are not to be changed.
func (o Overlay) Bytes() []byte {
	if o.d == nil {
		return nil
	}
	return o.d.wire
}

// File returns the document as an armoured text.
func (o Overlay) File() []byte { return Armor(FileOverlay, o.Bytes()) }

// ReadOverlay reads an armoured document.
func ReadOverlay(text []byte) (Overlay, error) {
	b, err := Dearmor(FileOverlay, text)
	if err != nil {
		return Overlay{}, err
	}
	o, err := ParseOverlay(b)
	return o, whole(err)
}

// Format prints a fixed text for every verb.
func (o Overlay) Format(s fmt.State, _ rune) { redact(s, "[overlay document]") }

// LogValue logs a fixed text.
func (o Overlay) LogValue() slog.Value { return redacted("[overlay document]") }
