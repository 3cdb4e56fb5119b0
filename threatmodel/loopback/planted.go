package loopback

// What is looked for, and where it must not be: everything that names a person or a peer, and every key.

import (
	"encoding/binary"
	"net/netip"

	"sotto/overlay"
	"sotto/threatmodel/lab"
)

// planted are the canaries by where they may be.
type planted struct {
	secrets []lab.Canary // private keys, invite codes: nowhere
	people  []lab.Canary // names and keys of persons: with the authority alone
	peers   []lab.Canary // NodeIDs, keys and addresses of relays: with every peer, never in clear, unknown to the authority
	users   []lab.Canary // the addresses of the nodes without a name: nowhere in what is written
	words   []lab.Canary // what Alice and Bob say: with them alone
	lease   []lab.Canary // the keys of Bob's lease: with Bob, and their public halves with whom he tells
}

// places where canaries are looked for.
func (p planted) outside() *lab.Sieve { // datagrams, logs
	return sieve(p.secrets, p.people, p.peers, p.users, p.words, p.lease)
}
func (p planted) directories() *lab.Sieve { return sieve(p.secrets, p.people, p.users) }
func (p planted) requests() *lab.Sieve    { return sieve(p.secrets, p.peers, p.users) }

// cells is for what relays can read: they are told of each other, by prefixes of NodeIDs.
func (p planted) cells() *lab.Sieve { return sieve(p.secrets, p.people, p.users, p.words, p.lease) }

func sieve(lists ...[]lab.Canary) *lab.Sieve {
	var all []lab.Canary
	for _, l := range lists {
		all = append(all, l...)
	}
	return lab.NewSieve(all)
}

// plant collects the canaries and has datagrams and logs searched from now on.
func (n *Network) plant() error {
	var p planted
	for _, someone := range n.persons {
		if err := p.person(someone); err != nil {
			return err
		}
	}
	for _, r := range n.relays {
		if err := p.relay(r.cfg.Identity, r.place); err != nil {
			return err
		}
	}
	for _, d := range n.users() {
		p.users = append(p.users, lab.PlantAddr("an address", d.place.Addr()))
		if n.many { // otherwise all descriptors have it
			p.users = append(p.users, lab.PlantBytes("an address", addressField(d.place)[:17]))
		}
	}
	n.planted = p
	n.watch()
	return nil
}

// watch has datagrams and logs searched for all that is planted now.
func (n *Network) watch() {
	outside := n.planted.outside()
	n.wire.sieve.Store(outside)
	n.logs.sieve.Store(outside)
}

// plantTalk adds what is said and what it is said over, and has the cells searched from now on.
func (n *Network) plantTalk() {
	p, t := &n.planted, &n.talk
	for i := range t.lines {
		p.words = append(p.words, lab.PlantBytes("a datagram's content", t.secrets[i][:]))
		for _, line := range t.lines[i] {
			p.words = append(p.words, lab.PlantText("a line", line))
		}
	}
	private, public := t.lease.Key.Bytes(), t.lease.Key.Public().Bytes()
	p.lease = append(p.lease, lab.PlantBytes("a lease's private key", private[:]), lab.PlantBytes("a lease's key", public[:]))
	n.watch()
	n.cells.Store(p.cells())
}

func (p *planted) person(someone person) error {
	key, cert, err := someone.identity.User()
	if err != nil {
		return err
	}
	code, public := someone.code.Bytes(), cert.Key().Bytes()
	// A name is written with and without its scheme, a point of the curve with one coordinate or with both.
	text := someone.name.Canonical()[len("sip:"):]
	p.people = append(p.people, lab.PlantText("a name", text), lab.PlantBytes("a person's key", public[1:33]))
	p.secrets = append(p.secrets, lab.PlantBytes("a private key", key.Bytes()), lab.PlantBytes("an invite code", code[:]))
	return nil
}

func (p *planted) relay(i *overlay.Identity, place netip.AddrPort) error {
	day, _, err := i.Days.Day(0)
	if err != nil {
		return err
	}
	id, daily := i.Static.NodeID().Bytes(), day.Daily()
	signing, link, onion := i.Signing.Public().Bytes(), i.Link.Public().Bytes(), daily.OnionKey().Bytes()
	for name, value := range map[string][]byte{
		"a NodeID": id[:], "a signing key": signing[:], "a link key": link[:], "an onion key": onion[:],
		"an address": addressField(place),
	} {
		p.peers = append(p.peers, lab.PlantBytes(name, value))
	}
	p.peers = append(p.peers, lab.PlantAddr("an address", place.Addr()))
	seed, private, opening := i.Signing.Seed(), i.Link.Bytes(), day.OnionKey()
	for _, value := range [][]byte{seed[:], private[:], opening[:]} {
		p.secrets = append(p.secrets, lab.PlantBytes("a private key", value))
	}
	return nil
}

// addressField is an IPv4 address as descriptors have it (package peer): kind, address, zeros, port.
func addressField(a netip.AddrPort) []byte {
	ip := a.Addr().As4()
	field := append([]byte{4}, ip[:]...)
	field = append(field, make([]byte, 12)...)
	return binary.BigEndian.AppendUint16(field, a.Port())
}
