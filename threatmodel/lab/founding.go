package lab

import (
	"bytes"
	"crypto/sha256"
	"errors"
	"fmt"
	"net/netip"
	"time"

	"sotto/noise"
	"sotto/onion/layer"
	"sotto/overlay/peer"
)

// The relays of a world as its directory has them. Signatures of peers are real; the authority's are hashes, which
// every lab can make: what an authority can do is not what a world is for.

// errAdmission is a signature that this authority did not make.
var errAdmission = errors.New("lab: not admitted")

// authority implements peer.AdmissionVerifier.
type authority struct{}

func (authority) sign(message []byte) []byte {
	var signature []byte
	for i := range byte(peer.AdmissionSignatureLen / sha256.Size) {
		part := sha256.Sum256(append([]byte{i}, message...))
		signature = append(signature, part[:]...)
	}
	return signature
}

// VerifyAdmission implements peer.AdmissionVerifier.
func (a authority) VerifyAdmission(_ uint32, message, signature []byte) error {
	if !bytes.Equal(a.sign(message), signature) {
		return errAdmission
	}
	return nil
}

// identity is what belongs to one relay for as long as the world lasts.
type identity struct {
	static  peer.Static
	signing peer.SigningKey
	link    *noise.StaticKey
	address peer.Address
	source  *Source
}

// onionKey is the onion key of a period, with its bytes: whoever seizes a relay gets those.
type onionKey struct {
	layer.Private
	bytes [32]byte
}

// newIdentity draws a relay's keys, and has them admitted.
func (w *World) newIdentity(name string, address netip.AddrPort) (id identity, err error) {
	id.source = w.Source("identity of " + name)
	if id.signing, err = peer.GenerateSigningKey(id.source); err != nil {
		return id, err
	}
	admission := authority{}.sign(peer.AdmissionMessage(w.ID, 0, id.signing.Public()))
	if id.static, err = peer.NewStatic(w.ID, 0, id.signing.Public(), admission); err != nil {
		return id, err
	}
	if id.link, err = noise.GenerateStaticKey(id.source); err != nil {
		return id, err
	}
	id.address, err = peer.NewAddress(address)
	return id, err
}

// newOnionKey draws the onion key of a period.
func (id identity) newOnionKey() (k onionKey, err error) {
	id.source.Read(k.bytes[:])
	k.Private, err = layer.PrivateFromBytes(k.bytes[:])
	return k, err
}

// describe signs and verifies the descriptor of a period.
func (w *World) describe(id identity, period uint32, onion layer.Public) (*peer.Descriptor, error) {
	f := peer.DailyFields{
		Period: period, Roles: peer.RoleRelay | peer.RoleGuard, Capacity: peer.CapacityOf(2048), Addresses: []peer.Address{id.address},
	}
	link, key := id.link.Public().Bytes(), onion.Bytes()
	var err error
	if f.Link, err = peer.ParseLinkPublic(link[:]); err != nil {
		return nil, err
	}
	if f.Onion, err = peer.ParseOnionPublic(key[:]); err != nil {
		return nil, err
	}
	daily, err := peer.SignDaily(id.static, f, id.signing)
	if err != nil {
		return nil, err
	}
	admitted, err := peer.Admit(id.static, w.ID, authority{})
	if err != nil {
		return nil, err
	}
	return admitted.Verify(daily, w.calendar, period)
}

// NextPeriod gives every relay the onion key of the next period, beside that of the one before, and everybody the
// directory that goes with it. The key from before those is forgotten, as protocol §2 has it.
func (w *World) NextPeriod() error {
	if w.dir != nil {
		w.period++
	}
	all := make([]*peer.Descriptor, 0, len(w.relays))
	for _, r := range w.relays {
		key, err := r.identity.newOnionKey()
		if err != nil {
			return fmt.Errorf("lab: onion key: %w", err)
		}
		d, err := w.describe(r.identity, w.period, key.Public())
		if err != nil {
			return fmt.Errorf("lab: descriptor: %w", err)
		}
		old := r.keys
		r.keys = append([]onionKey{key}, old[:min(1, len(old))]...)
		r.descriptor = d
		r.setKeys()
		switch {
		case len(old) < 2:
		case r.cfg.KeepKeys:
			r.attic = append(r.attic, old[1])
		default:
			old[1].Wipe()
			old[1] = onionKey{}
		}
		all = append(all, d)
	}
	dir, err := peer.NewDirectory(w.ID, w.period, all, nil)
	if err != nil {
		return fmt.Errorf("lab: directory: %w", err)
	}
	w.dir = dir
	for _, u := range w.users {
		if err := u.learn(dir); err != nil {
			return err
		}
	}
	return nil
}

// calendarOf has its genesis at the start of the lab.
func calendarOf(start time.Time) (peer.Calendar, error) {
	return peer.NewCalendar(start.Unix(), peer.DefaultPeriod, peer.DefaultKeyEpoch)
}
