// Reading the fields of a daily part, straight from its bytes.

package peer

import "encoding/binary"

// Period returns the period that the part is numbered by.
func (d Daily) Period() uint32 { return binary.BigEndian.Uint32(d.b[offPeriod:]) }

// Prefix returns the first 8 bytes of the NodeID of the peer that the part claims to be of.
func (d Daily) Prefix() IDPrefix { return IDPrefix{[IDPrefixLen]byte(d.b[offPrefix:])} }

// Document returns the hash of the overlay document that the peer goes by.
func (d Daily) Document() DocumentHash { return DocumentHash(d.b[offDocument:offRoles]) }

// Roles returns what the peer offers.
func (d Daily) Roles() Roles { return Roles(d.b[offRoles]) }

// Capacity returns what the peer says it can carry.
func (d Daily) Capacity() Capacity { return Capacity(d.b[offCapacity]) }

// Family returns the declared family, zero for none.
func (d Daily) Family() Family { return Family{[FamilyLen]byte(d.b[offFamily:])} }

func (d Daily) declared() DeclaredPrefix { return DeclaredPrefix(d.b[offDeclared:offReach]) }

// Anonymous reports whether the peer is reached through leases, and so has no link key, onion key or address.
func (d Daily) Anonymous() bool { return d.b[offReach] == reachLeases }

// LinkKey returns the key for link handshakes, zero for an anonymous peer.
func (d Daily) LinkKey() LinkPublic {
	if d.b[offReach] != reachAddresses {
		return LinkPublic{}
	}
	return LinkPublic{[PublicKeyLen]byte(d.b[offLink:])}
}

// OnionKey returns the key for circuits, zero for an anonymous peer.
func (d Daily) OnionKey() OnionPublic {
	if d.b[offReach] != reachAddresses {
		return OnionPublic{}
	}
	return OnionPublic{[PublicKeyLen]byte(d.b[offOnion:])}
}

// Addresses returns one or two addresses in ascending order, which expresses no preference; none for an
// anonymous peer.
func (d Daily) Addresses() []Address {
	if d.b[offReach] != reachAddresses {
		return nil
	}
	addresses := make([]Address, 0, MaxAddresses)
	for off := offAddresses; off < offSignature && d.b[off] != 0; off += addressLen {
		addresses = append(addresses, Address{[addressLen]byte(d.b[off:])})
	}
	return addresses
}

// Prefixes returns the networks that the peer counts for in a path: those of its addresses, or the declared one;
// none for an anonymous peer, which is in no path.
func (d Daily) Prefixes() []NetPrefix {
	if declared := d.declared(); declared != (DeclaredPrefix{}) {
		return []NetPrefix{{kind: declaredKind, b: declared}}
	}
	var prefixes []NetPrefix
	for _, a := range d.Addresses() {
		if p := a.Prefix(); len(prefixes) == 0 || prefixes[0] != p {
			prefixes = append(prefixes, p)
		}
	}
	return prefixes
}

// LeaseKey returns the key of the leases of an anonymous peer, zero for any other.
func (d Daily) LeaseKey() LeasePublic {
	if d.b[offReach] != reachLeases {
		return LeasePublic{}
	}
	return LeasePublic{[PublicKeyLen]byte(d.b[offLease:])}
}

// LeaseRelays returns the one or two relays that hold the leases of an anonymous peer; none for any other.
func (d Daily) LeaseRelays() []IDPrefix {
	if d.b[offReach] != reachLeases {
		return nil
	}
	relays := make([]IDPrefix, 0, MaxLeases)
	for off := offLeaseRelays; off < offLeasePad; off += IDPrefixLen {
		if r := (IDPrefix{[IDPrefixLen]byte(d.b[off:])}); !r.IsZero() {
			relays = append(relays, r)
		}
	}
	return relays
}

// Fields returns all of the content.
func (d Daily) Fields() DailyFields {
	return DailyFields{
		Period: d.Period(), Document: d.Document(), Roles: d.Roles(), Capacity: d.Capacity(),
		Family: d.Family(), Declared: d.declared(),
		Link: d.LinkKey(), Onion: d.OnionKey(), Addresses: d.Addresses(),
		Lease: d.LeaseKey(), LeaseRelays: d.LeaseRelays(),
	}
}
