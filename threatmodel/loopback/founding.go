package loopback

// The founding of the overlay, by the ways that people go: invites, joining over HTTPS or by file, blind admissions,
// and a document that lists the descriptors of the first day.

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"path/filepath"
	"sync"
	"time"

	"sotto/overlay"
	"sotto/overlay/enroll"
	"sotto/overlay/enroll/authority"
	"sotto/overlay/enroll/blind"
	"sotto/overlay/enroll/document"
	"sotto/overlay/enroll/identity"
	"sotto/overlay/enroll/visit"
	"sotto/overlay/peer"
)

const (
	// Name is what the overlay is called. Names under .invalid are nobody's (RFC 2606 §2).
	Name = "demo.invalid"
	// Alice and Bob are the user parts of the names of the people whose nodes are anonymous.
	Alice = "alice"
	Bob   = "bob"
	// joinsAtOnce is as many as the service answers at once, and one that is on its way.
	joinsAtOnce = 3
	// visitsOfOne is how many visits the service takes from one address in a row; where everybody has the same one,
	// later people hand in files.
	visitsOfOne = 25
	// seeds is how many relays the document names for new nodes to begin with.
	seeds = 3
)

// Joined is what came of the enrolment.
type Joined struct {
	People  int // who have a name and a certificate now, Alice and Bob among them
	ByHTTPS int // …and joined over HTTPS; the others by file
}

// Found creates the authority and has it answer.
func (n *Network) Found(ctx context.Context) error {
	ctx, end := n.join(ctx)
	defer end()
	return n.openAuthority(ctx)
}

// Join has everybody join: first who runs a relay, then, when the document lists all relays, Alice and Bob.
func (n *Network) Join(ctx context.Context) (Joined, error) {
	ctx, end := n.join(ctx)
	defer end()
	if err := n.joinRelays(ctx); err != nil {
		return Joined{}, err
	}
	if err := n.publish(); err != nil {
		return Joined{}, err
	}
	for i, user := range []string{Alice, Bob} {
		if err := n.joinUser(ctx, user, n.users()[i], len(n.relays)+i); err != nil {
			return Joined{}, err
		}
	}
	if err := n.plant(); err != nil {
		return Joined{}, err
	}
	j := Joined{People: len(n.persons)}
	for _, t := range n.visits.all() {
		if t.Source() != "" {
			j.ByHTTPS++
		}
	}
	return j, nil
}

// openAuthority creates the authority and has it answer.
func (n *Network) openAuthority(ctx context.Context) error {
	dir := filepath.Join(n.dir, "authority")
	options := authority.Options{
		Observe: n.visits.add,
		GenerateBlind: func() (blind.PrivateKey, error) { // RSA takes its time, which somebody may want to end
			if err := ctx.Err(); err != nil {
				return blind.PrivateKey{}, err
			}
			return blind.GenerateKey()
		},
	}
	err := authority.Create(dir, authority.Config{Name: Name, Service: n.service.Addr().String()}, options, time.Now())
	if err != nil {
		return err
	}
	if n.authority, err = authority.Open(dir, options); err != nil {
		return err
	}
	cert, err := n.authority.TLS()
	if err != nil {
		return err
	}
	service := visit.NewService(n.authority.Handle, cert)
	n.work.Go(func() {
		if err := service.Run(n.ctx, n.service); err != nil {
			n.cancel(err)
		}
	})
	return nil
}

// joinRelays enrols everybody who runs a relay, some at a time.
func (n *Network) joinRelays(ctx context.Context) error {
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	persons := make([]person, len(n.relays))
	places := make(chan struct{}, joinsAtOnce)
	var work sync.WaitGroup
	for i, r := range n.relays {
		work.Go(func() {
			places <- struct{}{}
			defer func() { <-places }()
			p, err := n.enrol(ctx, fmt.Sprintf("relay%d", i+1), enroll.Relay, r, i)
			if err != nil {
				cancel(err)
				return
			}
			persons[i] = p
		})
	}
	work.Wait()
	for _, p := range persons {
		if p.identity != nil {
			n.persons = append(n.persons, p)
		}
	}
	if len(n.persons) < len(persons) {
		return context.Cause(ctx)
	}
	for i, r := range n.relays {
		if err := n.describe(r, n.persons[i]); err != nil {
			return err
		}
	}
	return nil
}

// person is somebody who has joined.
type person struct {
	name     document.AoR
	code     document.Code
	identity *identity.Identity
}

// enrol invites somebody and has him join, from the address of his node. The invite goes through its text form, as by
// mail.
func (n *Network) enrol(ctx context.Context, user string, role enroll.Role, d *node, before int) (person, error) {
	if err := ctx.Err(); err != nil {
		return person{}, context.Cause(ctx)
	}
	name, err := document.ParseAoR("sip:" + user + "@" + Name)
	if err != nil {
		return person{}, err
	}
	sent, err := n.authority.Invite(time.Now(), name, authority.InviteOptions{})
	if err != nil {
		return person{}, err
	}
	invite, err := document.ReadInvite(sent.File())
	if err != nil {
		return person{}, err
	}
	sender, err := n.sender(invite, d.place.Addr(), before)
	if err != nil {
		return person{}, err
	}
	id, err := enroll.Join(ctx, filepath.Join(n.dir, user), invite, role, sender)
	if err != nil {
		return person{}, err
	}
	return person{name, invite.Code, id}, nil
}

// sender carries requests over HTTPS from an address; by file for whoever comes too late from the one address that all
// have.
func (n *Network) sender(invite document.Invite, from netip.Addr, before int) (enroll.Sender, error) {
	if !n.many && before >= visitsOfOne {
		return byFile{n.authority}, nil
	}
	dialer := net.Dialer{LocalAddr: &net.TCPAddr{IP: from.AsSlice()}}
	return visit.NewClient(invite.Overlay.Service(), dialer.DialContext)
}

// byFile hands requests over in person.
type byFile struct{ authority *authority.Authority }

// Send implements enroll.Sender.
func (b byFile) Send(_ context.Context, request []byte) ([]byte, error) {
	response, err := b.authority.Handle(time.Now(), "", request)
	if err != nil {
		return nil, err
	}
	return document.Unpad(response)
}

// publish founds: the descriptors of period 0 and the seeds come into the document.
func (n *Network) publish() error {
	var pairs []document.Pair
	for _, r := range n.relays {
		day, _, err := r.cfg.Identity.Days.Day(0)
		if err != nil {
			return err
		}
		pairs = append(pairs, document.Pair{Static: r.cfg.Identity.Static, Daily: day.Daily()})
	}
	err := n.authority.Found(time.Now(), pairs)
	for _, i := range n.random.Perm(len(pairs))[:min(seeds, len(pairs)-1)] {
		err = errors.Join(err, n.authority.AddSeed(time.Now(), pairs[i]))
	}
	if err != nil {
		return err
	}
	o, err := n.authority.Document()
	if err != nil {
		return err
	}
	founding, err := o.FoundingDescriptors()
	if err != nil {
		return err
	}
	for _, r := range n.relays {
		r.adopt(o)
		r.cfg.Known = founding
	}
	return nil
}

// adopt puts what the document says into a node's configuration.
func (d *node) adopt(o document.Overlay) {
	d.cfg.Overlay, d.cfg.Calendar, d.cfg.Trust, d.cfg.Document = o.ID(), o.Calendar(), o, o.Hash()
	for _, s := range o.Seeds() {
		if seed, err := o.Descriptor(s); err == nil { // one that is revoked is no seed
			d.cfg.Seeds = append(d.cfg.Seeds, seed)
		}
	}
}

// joinUser enrols a person and makes the node of what the invite said: it has neither identity nor descriptor.
func (n *Network) joinUser(ctx context.Context, user string, d *node, before int) error {
	p, err := n.enrol(ctx, user, enroll.Anonymous, d, before)
	if err != nil {
		return err
	}
	n.persons = append(n.persons, p)
	o, err := p.identity.Document()
	if err != nil {
		return err
	}
	d.cfg.Role = overlay.Anonymous
	d.adopt(o)
	return nil
}

// describe makes the relay of a person: its keys, and its descriptor of period 0.
func (n *Network) describe(r *node, p person) error {
	o, err := p.identity.Document()
	if err != nil {
		return err
	}
	signing, static, err := p.identity.Peer(0)
	if err != nil {
		return err
	}
	link, err := p.identity.LinkKey()
	if err != nil {
		return err
	}
	address, err := peer.NewAddress(r.place)
	if err != nil {
		return err
	}
	r.cfg.Role = overlay.Relay
	r.cfg.Identity = &overlay.Identity{
		Static: static, Signing: signing, Link: link, FreshLink: true, Days: &days{identity: p.identity},
		Roles: peer.RoleRelay | peer.RoleGuard, Capacity: peer.CapacityOf(2048), Declared: r.declared,
		Addresses: []peer.Address{address},
	}
	return firstDay(r.cfg.Identity, o)
}
