// What a node asks of an overlay document: dates and succession, keys, seeds, who is revoked.

package document

import (
	"bytes"
	"crypto/ed25519"
	"net"
	"slices"
	"strconv"
	"strings"
	"time"

	"sotto/overlay/enroll/blind"
	"sotto/overlay/peer"
	"sotto/overlay/slot"
)

// IsZero reports whether there is no document. The other methods must not be called then.
func (o Overlay) IsZero() bool { return o.d == nil }

// ID names the overlay; it is a hash of what the overlay was founded with.
func (o Overlay) ID() peer.OverlayID { return o.d.id }

// Calendar counts the overlay's periods.
func (o Overlay) Calendar() peer.Calendar { return o.d.cal }

// Contents returns what the document says. The lists in it are not to be changed.
func (o Overlay) Contents() Contents { return o.d.c }

// Version orders the authority's documents; it grows by at least one from each to the next.
func (o Overlay) Version() uint64 { return o.d.c.Version }

// Check compares the document's dates with this machine's clock: ErrFuture or ErrExpired.
func (o Overlay) Check(now time.Time) error {
	switch {
	case now.Add(Slack).Before(o.d.c.Issued):
		return ErrFuture
	case now.After(o.d.c.Until):
		return ErrExpired
	}
	return nil
}

// Accept says which of two documents of one overlay to go by: fresh if it is newer, known if it is the same.
// It returns ErrForeign for another overlay, ErrRollback for a lower version or an older generation of keys,
// and ErrEquivocation for other bytes under the same version, which only a dishonest authority makes.
func Accept(known, fresh Overlay) (Overlay, error) {
	// The root's word comes first: whoever stole a signing key may have signed the highest version there is.
	old, now := known.d.c.Keys[0].Cert.generation, fresh.d.c.Keys[0].Cert.generation
	switch {
	case known.ID() != fresh.ID():
		return Overlay{}, ErrForeign
	case now > old:
		return fresh, nil
	case now < old, fresh.Version() < known.Version():
		return Overlay{}, ErrRollback
	case fresh.Version() == known.Version() && !bytes.Equal(fresh.d.wire, known.d.wire):
		return Overlay{}, ErrEquivocation
	}
	return fresh, nil
}

// BlindKey returns the key of a key epoch, or ErrBlindKey.
func (o Overlay) BlindKey(keyEpoch uint32) (blind.PublicKey, error) {
	for _, k := range o.d.c.BlindKeys {
		if k.KeyEpoch == keyEpoch {
			return k.Key, nil
		}
	}
	return blind.PublicKey{}, ErrBlindKey
}

// VerifyAdmission implements peer.AdmissionVerifier with the document's blind keys.
func (o Overlay) VerifyAdmission(keyEpoch uint32, message, signature []byte) error {
	k, err := o.BlindKey(keyEpoch)
	if err != nil {
		return err
	}
	if len(signature) != blind.Size {
		return ErrSignature
	}
	return k.Verify(message, blind.Signature(signature))
}

// Descriptor verifies a pair: admitted, not revoked, daily part signed and of its key epoch. It returns
// ErrForeign, ErrSignature, ErrRevokedNode. Whether the daily part is of a usable period it does not say.
func (o Overlay) Descriptor(p Pair) (*peer.Descriptor, error) {
	if p.Static.IsZero() || p.Static.Overlay() != o.d.id {
		return nil, ErrForeign
	}
	if o.NodeRevoked(p.NodeID()) {
		return nil, ErrRevokedNode
	}
	a, err := peer.Admit(p.Static, o.d.id, o)
	if err != nil {
		return nil, ErrSignature
	}
	d, err := a.Verify(p.Daily, o.d.cal, p.Daily.Period())
	if err != nil {
		return nil, ErrSignature
	}
	return d, nil
}

// FoundingDescriptors verifies the peers of period 0, about 0.15 ms each.
func (o Overlay) FoundingDescriptors() ([]*peer.Descriptor, error) {
	list := make([]*peer.Descriptor, 0, len(o.d.c.FoundingPeers))
	for _, p := range o.d.c.FoundingPeers {
		if o.NodeRevoked(p.NodeID()) {
			continue
		}
		d, err := o.Descriptor(p)
		if err != nil {
			return nil, err
		}
		if d.Period() != 0 {
			return nil, ErrMalformed
		}
		list = append(list, d)
	}
	return list, nil
}

// Seeds returns the peers that a new node dials first.
func (o Overlay) Seeds() []Pair { return slices.Clone(o.d.c.Seeds) }

// NodeRevoked reports whether a peer is excluded by the authority.
func (o Overlay) NodeRevoked(id peer.NodeID) bool {
	_, found := slices.BinarySearchFunc(o.d.c.RevokedNodes, id, peer.NodeID.Compare)
	return found
}

// CertRevoked reports whether a user certificate is revoked.
func (o Overlay) CertRevoked(s Serial) bool {
	_, found := slices.BinarySearchFunc(o.d.c.RevokedCerts, s, Serial.Compare)
	return found
}

// VerifyUser checks a user certificate: signed by one of the document's CAs, in date, not revoked. It returns
// ErrSignature, ErrFuture, ErrExpired or ErrRevokedCert.
func (o Overlay) VerifyUser(u UserCert, now time.Time) error {
	err := ErrSignature
	for _, ca := range o.d.cas {
		if err = u.verify(ca, now); err != ErrSignature {
			break
		}
	}
	if err == nil && o.CertRevoked(u.serial) {
		return ErrRevokedCert
	}
	return err
}

// SlotKeys returns the public keys that slot certificates may be signed with, the newest first.
func (o Overlay) SlotKeys() []slot.AuthorityPublic {
	keys := make([]slot.AuthorityPublic, 0, maxKeyCerts)
	for _, k := range o.d.c.Keys {
		keys = append(keys, k.Cert.slot)
	}
	return keys
}

// VerifySlot checks a slot certificate's signature; ErrSignature. Whether slot and epoch are those at hand is
// for the caller to compare.
func (o Overlay) VerifySlot(c slot.Certificate) error {
	for _, k := range o.SlotKeys() {
		if c.Verify(o.d.id.Bytes(), k) == nil {
			return nil
		}
	}
	return ErrSignature
}

// Schedule counts the overlay's slot epochs.
func (o Overlay) Schedule() slot.Schedule { return o.d.schedule }

// signedByAny verifies a signature of the authority under a label.
func (o Overlay) signedByAny(label string, message, sig []byte) bool {
	for _, k := range o.d.c.Keys {
		if ed25519.Verify(k.Cert.signing[:], labelled(label, message), sig) {
			return true
		}
	}
	return false
}

// current reports whether the root certified the key for that time, and it is one of the document's or a later one.
func (o Overlay) current(c KeyCert, at time.Time) bool {
	last := o.d.c.Keys[len(o.d.c.Keys)-1].Cert
	return c.generation >= last.generation && c.covers(at) && c.certified(o.d.c.Founding.Root, o.d.id)
}

// Service returns where the authority answers.
func (o Overlay) Service() Service { return o.d.c.Service }

// IsZero reports whether requests travel as files.
func (s Service) IsZero() bool { return s.Address == "" }

// valid wants host and port and a pin, or nothing at all.
func (s Service) valid() bool {
	if s.Address == "" {
		return s.Pin == [HashLen]byte{}
	}
	host, port, err := net.SplitHostPort(s.Address)
	if err != nil || host == "" || s.Pin == ([HashLen]byte{}) || strings.ContainsAny(host, "%/@") {
		return false
	}
	n, err := strconv.ParseUint(port, 10, 16)
	return err == nil && n > 0 && strconv.FormatUint(n, 10) == port
}
