// The lists in the document: seeds, founding peers, what is revoked; and clearing what is over.

package authority

import (
	"encoding/binary"
	"slices"
	"time"

	"sotto/overlay/enroll/document"
	"sotto/overlay/enroll/store"
	"sotto/overlay/peer"
)

// pairRecord is a record of tableSeeds and tableFounding.
type pairRecord struct {
	Pair  []byte
	Owner string // the person whose seed it is; empty if the authority's operator listed it
}

// nodeRecord is a record of tableNodes.
type nodeRecord struct{ KeyEpoch uint32 }

// certRecord is a record of tableRevoked.
type certRecord struct{ Until int64 }

func listedPairs(tx *store.Tx, table string) ([]document.Pair, error) {
	var list []document.Pair
	err := each(tx, table, func(_ []byte, r pairRecord) error {
		p, err := document.ParsePair(r.Pair)
		if err != nil {
			return store.ErrDamaged
		}
		list = append(list, p)
		return nil
	})
	return list, err
}

// listedSeeds leaves out seeds of ended key epochs and revoked ones.
func (t *transaction) listedSeeds() ([]document.Pair, error) {
	list, err := listedPairs(t.tx, tableSeeds)
	return slices.DeleteFunc(list, func(p document.Pair) bool {
		return t.over(p.Static.KeyEpoch()) || t.nodeRevoked(p.NodeID())
	}), err
}

func (t *transaction) nodeRevoked(id peer.NodeID) bool {
	b := id.Bytes()
	return t.tx.Bucket([]byte(tableNodes)).Get(b[:]) != nil
}

// over reports whether nothing of a key epoch is in use any more.
func (t *transaction) over(keyEpoch uint32) bool {
	return keyEpoch < t.keyEpoch() && !t.now.Before(t.epochStart(keyEpoch+1).Add(grace*t.founding.Period))
}

func (t *transaction) listedNodes() ([]peer.NodeID, error) {
	var list []peer.NodeID
	err := each(t.tx, tableNodes, func(k []byte, _ nodeRecord) error {
		id, err := peer.ParseNodeID(k)
		if err != nil {
			return store.ErrDamaged
		}
		list = append(list, id)
		return nil
	})
	return list, err
}

func (t *transaction) listedCerts() ([]document.Serial, error) {
	var list []document.Serial
	err := each(t.tx, tableRevoked, func(k []byte, r certRecord) error {
		s, err := document.ParseSerial(k)
		if err != nil {
			return store.ErrDamaged
		}
		list = append(list, s)
		return nil
	})
	return list, err
}

// clear forgets what is over. It reports whether the document said anything of it.
func (t *transaction) clear() (changed bool, err error) {
	said := func(p bool) bool { changed = changed || p; return p }
	err = prune(t.tx, tableRevoked, func(_ []byte, r certRecord) bool { return said(t.now.Unix() > r.Until) })
	if err == nil {
		err = prune(t.tx, tableNodes, func(_ []byte, r nodeRecord) bool { return said(t.over(r.KeyEpoch)) })
	}
	if err == nil {
		err = prune(t.tx, tableSeeds, func(_ []byte, r pairRecord) bool {
			p, err := document.ParsePair(r.Pair)
			return err == nil && said(t.over(p.Static.KeyEpoch()))
		})
	}
	if err == nil {
		// Descriptors of period 0 serve paths in period 1 and links until its end; after that the directory does.
		err = prune(t.tx, tableFounding, func([]byte, pairRecord) bool {
			return said(!t.now.Before(t.calendar.PeriodStart(grace)))
		})
	}
	if err == nil {
		err = prune(t.tx, tableBlind, func(k []byte, _ blindRecord) bool { return t.over(binary.BigEndian.Uint32(k)) })
	}
	if err == nil {
		err = prune(t.tx, tableAdmitted, func(k []byte, _ []admission) bool { return t.over(binary.BigEndian.Uint32(k)) })
	}
	if err == nil {
		err = t.clearWriters()
	}
	if err == nil {
		err = prune(t.tx, tableInvites, func(_ []byte, r inviteRecord) bool {
			return t.now.After(time.Unix(r.Expires, 0).Add(requestLife))
		})
	}
	return changed, err
}

// AddSeed lists a relay as a seed: the operator's word, where there is no request of its owner. The peer must
// be admitted and not revoked.
func (a *Authority) AddSeed(now time.Time, p document.Pair) error {
	return a.update(now, func(t *transaction) error {
		if err := t.putSeed(p, ""); err != nil {
			return err
		}
		return t.sign()
	})
}

// RemoveSeed takes a relay off the list; ErrUnknown if it is not on it.
func (a *Authority) RemoveSeed(now time.Time, id peer.NodeID) error {
	return a.update(now, func(t *transaction) error {
		key := id.Bytes()
		if t.tx.Bucket([]byte(tableSeeds)).Get(key[:]) == nil {
			return ErrUnknown
		}
		if err := t.tx.Bucket([]byte(tableSeeds)).Delete(key[:]); err != nil {
			return err
		}
		return t.sign()
	})
}

func (t *transaction) putSeed(p document.Pair, owner string) error {
	if _, err := t.current.Descriptor(p); err != nil {
		return err
	}
	// A seed is dialled, so it must have an address, and forward.
	if p.Daily.Anonymous() || !p.Daily.Roles().Has(peer.RoleRelay) || t.over(p.Static.KeyEpoch()) {
		return ErrUnknown
	}
	// A daily part of another day may name an address that is somebody else's by now.
	now, err := t.calendar.PeriodAt(t.now)
	if err != nil {
		now = 0
	}
	if !peer.UsableForLinks(p.Daily.Period(), now) {
		return ErrLate
	}
	if err := t.sameNetwork(p); err != nil {
		return err
	}
	key := p.NodeID().Bytes()
	if t.tx.Bucket([]byte(tableSeeds)).Get(key[:]) == nil && count(t.tx, tableSeeds) >= document.MaxSeeds {
		return ErrFull
	}
	return store.Put(t.tx, tableSeeds, key[:], pairRecord{Pair: p.Append(nil), Owner: owner})
}

// sameNetwork refuses a seed of the public internet in an overlay whose seeds have private addresses, and the other way
// round: nodes dial private addresses where all seeds have them, as in a lab, and must not be led into their own networks.
func (t *transaction) sameNetwork(p document.Pair) error {
	list, err := t.listedSeeds()
	if err != nil {
		return err
	}
	public := p.Daily.Addresses()[0].IsPublic()
	for _, seed := range append(list, p) {
		if seed.NodeID() == p.NodeID() {
			seed = p
		}
		for _, a := range seed.Daily.Addresses() {
			if a.IsPublic() != public {
				return ErrMixed
			}
		}
	}
	return nil
}

// Found puts descriptors of period 0 into the document, so that the overlay is usable at once. All must be
// admitted and of period 0. After period 0 it returns ErrLate.
func (a *Authority) Found(now time.Time, peers []document.Pair) error {
	return a.update(now, func(t *transaction) error {
		if p, err := t.calendar.PeriodAt(t.now); err == nil && p > 0 {
			return ErrLate
		}
		for _, p := range peers {
			d, err := t.current.Descriptor(p)
			if err != nil {
				return err
			}
			if d.Period() != 0 {
				return ErrLate
			}
			key := p.NodeID().Bytes()
			if err := store.Put(t.tx, tableFounding, key[:], pairRecord{Pair: p.Append(nil)}); err != nil {
				return err
			}
		}
		n := count(t.tx, tableFounding)
		if n > document.MaxFounding {
			return ErrFull
		}
		t.s.Size = max(t.s.Size, uint32(n))
		return t.sign()
	})
}

// SetSize says in the document how many peers the directory has, roughly: the authority does not know, its
// operator's relay does.
func (a *Authority) SetSize(now time.Time, peers uint32) error {
	return a.update(now, func(t *transaction) error {
		t.s.Size = peers
		return t.sign()
	})
}

// SetService says in the document where the authority answers; an empty address means files only. It returns
// ErrConfig for what is no host:port.
func (a *Authority) SetService(now time.Time, address string) error {
	return a.update(now, func(t *transaction) error {
		if t.s.Service == address {
			return nil
		}
		t.s.Service = address
		if t.sign() != nil {
			return ErrConfig
		}
		return nil
	})
}
