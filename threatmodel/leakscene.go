package threatmodel

import (
	"context"
	"crypto/rand"
	"fmt"
	"net/netip"
	"os"
	"time"

	"sotto/noise"
	"sotto/overlay/enroll/authority"
	"sotto/overlay/enroll/document"
	"sotto/overlay/enroll/identity"
	"sotto/overlay/peer"
	"sotto/overlay/slot"
	"sotto/threatmodel/lab"
)

// The scene of P18: an overlay with an authority, two people and their relays, whose names, addresses and keys are all
// canaries; and everything that goes wrong with them.

const leakSeed = 18

// leakScene is the scene.
type leakScene struct {
	*listener
	*enrolment
	dir    string
	now    time.Time
	people []*identity.Identity
	names  []string
	addrs  []netip.AddrPort
	pairs  []document.Pair
}

// measureLeaks is the measurement of P18.
func measureLeaks(ctx context.Context, _ Scale) (Measurement, error) {
	m := Measurement{Seed: leakSeed}
	l := newListener()
	err := leakEverything(ctx, l)
	l.figures(&m)
	m.remark("fmt prints unexported fields without asking their types; no program of ours logs such a struct whole, and this measurement does not either")
	return m, err
}

func leakEverything(ctx context.Context, l *listener) error {
	dir, err := os.MkdirTemp("", "sotto-claims-")
	if err != nil {
		return errNoRoom
	}
	defer os.RemoveAll(dir)
	s, err := newLeakScene(dir, l)
	if err != nil {
		return err
	}
	defer s.auth.Close()
	for _, part := range []func(context.Context) error{s.printValues, s.failEnrolment, s.failLinks, s.runNodes} {
		if err := part(ctx); err != nil {
			return err
		}
	}
	return ctx.Err()
}

// newLeakScene enrols two relays and plants what is theirs.
func newLeakScene(dir string, l *listener) (*leakScene, error) {
	now := time.Now().Truncate(time.Second)
	e, err := newEnrolment(dir, joins{named: true}, now.Add(-time.Hour))
	if err != nil {
		return nil, err
	}
	s := &leakScene{listener: l, enrolment: e, dir: dir, now: now}
	s.names = []string{"sip:canary.alice@nest.example", "sip:canary.bob@nest.example"}
	s.addrs = []netip.AddrPort{netip.MustParseAddrPort("45.77.1.201:41977"), netip.MustParseAddrPort("[2001:470:c0de:77::ca]:41978")}
	for i, name := range s.names {
		id, err := e.join(name, s.addrs[i], now)
		if err != nil {
			return nil, err
		}
		s.people = append(s.people, id)
		if err := e.visit(id, s.addrs[i], now, identity.Want{Admit: true}); err != nil {
			return nil, err
		}
		pair, err := s.pair(id, s.addrs[i])
		if err != nil {
			return nil, err
		}
		s.pairs = append(s.pairs, pair)
		if err := s.plantPerson(id, name, s.addrs[i], pair); err != nil {
			return nil, err
		}
	}
	root, err := e.auth.Root()
	if err != nil {
		return nil, err
	}
	seed := root.Seed()
	l.plant(lab.PlantBytes("root key", seed[:]))
	return s, nil
}

// pair is a relay's descriptor of today.
func (s *leakScene) pair(id *identity.Identity, at netip.AddrPort) (document.Pair, error) {
	o, err := id.Document()
	if err != nil {
		return document.Pair{}, err
	}
	signing, static, err := id.Peer(0)
	if err != nil {
		return document.Pair{}, err
	}
	f := peer.DailyFields{Period: 0, Document: o.Hash()}
	if err := s.reach(&f, at); err != nil {
		return document.Pair{}, err
	}
	f.Roles |= peer.RoleGuard
	link, err := id.LinkKey()
	if err != nil {
		return document.Pair{}, err
	}
	public := link.Public().Bytes()
	if f.Link, err = peer.ParseLinkPublic(public[:]); err != nil {
		return document.Pair{}, err
	}
	daily, err := peer.SignDaily(static, f, signing)
	return document.Pair{Static: static, Daily: daily}, err
}

// plantPerson plants a person's name, address, and keys.
func (s *leakScene) plantPerson(id *identity.Identity, name string, at netip.AddrPort, pair document.Pair) error {
	user, cert, err := id.User()
	if err != nil {
		return err
	}
	link, err := id.LinkKey()
	if err != nil {
		return err
	}
	signing, static, err := id.Peer(0)
	if err != nil {
		return err
	}
	seed, private, public := signing.Seed(), link.Bytes(), link.Public().Bytes()
	node, peerKey, userKey := pair.NodeID().Bytes(), static.SigningKey().Bytes(), user.Public().Bytes()
	serial := cert.Serial().Bytes()
	onion := pair.Daily.OnionKey().Bytes()
	s.plant(
		lab.PlantText("name", name[len("sip:"):]), lab.PlantText("user part of a name", name[len("sip:"):len("sip:canary.al")]),
		lab.PlantAddr("address", at.Addr()), lab.PlantText("address and port", at.String()),
		lab.PlantBytes("user's private key", user.Bytes()), lab.PlantBytes("user's public key", userKey[1:]),
		lab.PlantBytes("peer's private key", seed[:]), lab.PlantBytes("peer's public key", peerKey[:]),
		lab.PlantBytes("private link key", private[:]), lab.PlantBytes("link key", public[:]),
		lab.PlantBytes("onion key", onion[:]), lab.PlantBytes("NodeID", node[:]), lab.PlantBytes("NodeID prefix", node[:8]),
		lab.PlantBytes("certificate serial", serial[:]), lab.PlantBytes("admission signature", admission(pair)[:64]),
	)
	return nil
}

// printValues prints every value of a type that holds a secret.
func (s *leakScene) printValues(context.Context) error {
	values, err := s.values()
	if err != nil {
		return err
	}
	for _, v := range values {
		s.print(v)
	}
	return nil
}

// values are instances of all such types, made of the canaries.
func (s *leakScene) values() ([]any, error) {
	var all []any
	for _, part := range []func() ([]any, error){s.linkValues, s.peerValues, s.enrolValues} {
		v, err := part()
		if err != nil {
			return nil, err
		}
		all = append(all, v...)
	}
	return all, nil
}

// linkValues are those of package noise.
func (s *leakScene) linkValues() ([]any, error) {
	id := s.people[0]
	static, err := id.LinkKey()
	if err != nil {
		return nil, err
	}
	node := s.pairs[0].NodeID().Bytes()
	overlay := s.pairs[0].Static.Overlay().Bytes()
	target := noise.Target{Addr: s.addrs[0], Key: static.Public(), Node: node, Pattern: noise.IK}
	cfg := noise.Config{Overlay: overlay, Node: node, Static: static}
	core, err := noise.NewCore(s.now, cfg)
	if err != nil {
		return nil, err
	}
	if _, err := core.Dial(s.now, target); err != nil {
		return nil, err
	}
	batches := core.Outgoing(nil)
	hc := noise.HandshakeConfig{Pattern: noise.IK, Initiator: true, Static: static, Remote: static.Public(), Prologue: node[:], Rand: rand.Reader}
	hs, err := noise.NewHandshake(hc)
	if err != nil {
		return nil, err
	}
	if _, err := hs.WriteMessage(nil, node[:]); err != nil {
		return nil, err
	}
	secrets := noise.Secrets{Send: static.Bytes(), Receive: static.Public().Bytes(), Hash: node, Peer: static.Public()}
	frame := make([]byte, noise.FrameLen)
	copy(frame, s.names[0]) // what links carry is nobody's business either
	event := noise.Event{Kind: noise.FrameReceived, Peer: static.Public(), Frame: frame, Err: noise.ErrIdle}
	return []any{
		static, *static, static.Public(), cfg, target, core, *batches[0], batches[0], hc, hs, secrets, event, core.Stats(),
		noise.NewSealer(static.Bytes(), 1, [16]byte(node[:])), noise.NewOpener(static.Bytes()),
	}, nil
}

// errNoRoom means that states could not be written; the system's error has a path.
var errNoRoom = fmt.Errorf("threatmodel: no room for states: %w", os.ErrPermission)

// peerValues are those of package peer.
func (s *leakScene) peerValues() ([]any, error) {
	id := s.people[0]
	signing, static, err := id.Peer(0)
	if err != nil {
		return nil, err
	}
	o, err := id.Document()
	if err != nil {
		return nil, err
	}
	d, err := o.Descriptor(s.pairs[0])
	if err != nil {
		return nil, err
	}
	other, err := o.Descriptor(s.pairs[1])
	if err != nil {
		return nil, err
	}
	gather := peer.NewGather(o.ID(), 0, 100)
	gather.Add(d)
	gather.Add(other)
	address := d.Daily().Addresses()[0]
	admitted, err := peer.Admit(static, o.ID(), o)
	if err != nil {
		return nil, err
	}
	return []any{
		signing, static, s.pairs[0].Daily, d, *d, gather, *gather, gather.Directory(0), address, address.Prefix(), admitted,
		d.NodeID(), d.NodeID().Prefix(), d.NodeID().Distance(other.NodeID()), o.ID(), static.SigningKey(), s.pairs[0].Daily.LinkKey(),
		s.pairs[0].Daily.OnionKey(), o.Hash(), peer.DailyFields{Link: s.pairs[0].Daily.LinkKey(), Addresses: d.Daily().Addresses()},
	}, nil
}

// enrolValues are those of enrolment.
func (s *leakScene) enrolValues() ([]any, error) {
	id := s.people[0]
	user, cert, err := id.User()
	if err != nil {
		return nil, err
	}
	root, err := s.auth.Root()
	if err != nil {
		return nil, err
	}
	o, err := id.Document()
	if err != nil {
		return nil, err
	}
	aor, err := id.AoR()
	if err != nil {
		return nil, err
	}
	people, err := s.auth.People(s.now)
	if err != nil || len(people) == 0 {
		return nil, errNoLink
	}
	third, err := document.ParseAoR("sip:canary.carol@nest.example")
	if err != nil {
		return nil, err
	}
	s.plant(lab.PlantText("name", "canary.carol@nest.example"))
	invite, err := s.auth.Invite(s.now, third, authority.InviteOptions{})
	if err != nil {
		return nil, err
	}
	code := invite.Code.Bytes()
	s.plant(lab.PlantBytes("code of an invite", code[:]))
	pair := s.pairs[0]
	node := pair.NodeID().Bytes()
	place, err := slot.Parse(node[:])
	if err != nil {
		return nil, err
	}
	peerKey := pair.Static.SigningKey().Bytes()
	writer, err := slot.ParseWriterPublic(peerKey[:])
	if err != nil {
		return nil, err
	}
	ask := document.Ask{Cert: true, Seed: pair, Slots: []document.SlotAsk{{Slot: place, Writer: writer}}}
	request, err := document.NewRequest(o.ID(), aor, user, &invite.Code, ask, s.now)
	if err != nil {
		return nil, err
	}
	next, err := document.GenerateUserKey()
	if err != nil {
		return nil, err
	}
	succession, err := document.Succeed(o.ID(), user, next, s.now)
	if err != nil {
		return nil, err
	}
	transcript := s.transcripts[0]
	return []any{
		user, user.Public(), cert, cert.Serial(), root, o, o.Contents(), aor, people[0], invite, invite.Code, invite.Code.Hash(), ask,
		ask.Slots[0], request, succession, transcript, pair, id, s.auth, identity.Want{Seed: pair}, o.Service(),
	}, nil
}
