package threatmodel

import (
	"context"
	"fmt"
	"io"
	"net/netip"
	"os"
	"path/filepath"
	"slices"
	"time"

	"sotto/overlay/enroll/authority"
	"sotto/overlay/enroll/document"
	"sotto/overlay/enroll/identity"
	"sotto/overlay/peer"
	"sotto/threatmodel/lab"
)

// P17: people join, and on a later day their anonymous peers are admitted. The authority keeps every transcript and reads
// the directory; matchers guess whose peer is whose. All goes through the code that people and authority run.

const blindSeed = 17

// joins says how people join and their peers appear; the zero value is right.
type joins struct {
	random io.Reader // blinds; nil: the system's
	// tagged has the authority change its document between visits, and peers sign with the one they were given.
	tagged bool
	// named has peers appear as relays, at the address from which their owner enrolled.
	named bool
}

// day is what the authority has of one day: who asked, and which peers are new in the next period's directory.
type day struct {
	asked []authority.Transcript
	peers []document.Pair // in the order of the directory
	truth []int           // of each transcript: its peer; not for matchers
}

// enrolment is the scene.
type enrolment struct {
	joins
	dir         string
	random      *lab.Source
	genesis     time.Time
	auth        *authority.Authority
	transcripts []authority.Transcript
}

// measureBlindness is the measurement of P17.
func measureBlindness(ctx context.Context, s Scale) (Measurement, error) {
	return matchJoiners(ctx, s, joins{})
}

// Its controls.
func controlConstantFactor(ctx context.Context, s Scale) (Measurement, error) {
	return matchJoiners(ctx, s, joins{random: constantReader{}})
}

func controlTaggedDocument(ctx context.Context, s Scale) (Measurement, error) {
	return matchJoiners(ctx, s, joins{tagged: true})
}

func controlNamedPeers(ctx context.Context, s Scale) (Measurement, error) {
	return matchJoiners(ctx, s, joins{named: true})
}

// constantReader is a broken source of randomness.
type constantReader struct{}

func (constantReader) Read(p []byte) (int, error) {
	for i := range p {
		p[i] = 0x5a
	}
	return len(p), nil
}

// matchJoiners lets so many people join a day and sets the matchers on what the authority has.
func matchJoiners(ctx context.Context, s Scale, j joins) (m Measurement, err error) {
	m.Seed = blindSeed
	const aDay = 16
	days := s.pick(8, 40)
	if j != (joins{}) {
		days = 2 // what is broken shows at once
	}
	dir, err := os.MkdirTemp("", "sotto-claims-")
	if err != nil {
		return m, errNoRoom
	}
	defer os.RemoveAll(dir)
	e, err := newEnrolment(dir, j, time.Unix(1_800_000_000, 0))
	if err != nil {
		return m, err
	}
	defer e.auth.Close()
	var seen []day
	for d := range days {
		one, err := e.day(ctx, d, aDay)
		if err != nil {
			return m, err
		}
		seen = append(seen, one)
	}
	if err := judgeMatchers(&m, seen, aDay); err != nil {
		return m, err
	}
	m.remark("keys and blinding factors come from the system's randomness; the seed repeats moments, names and addresses")
	return m, nil
}

func newEnrolment(dir string, j joins, genesis time.Time) (*enrolment, error) {
	e := &enrolment{joins: j, dir: dir, random: lab.NewSource(blindSeed, "enrolment"), genesis: genesis}
	o := authority.Options{Observe: func(t authority.Transcript) { e.transcripts = append(e.transcripts, t) }}
	at := filepath.Join(dir, "authority")
	if err := authority.Create(at, authority.Config{Name: "lab", Genesis: e.genesis}, o, e.genesis); err != nil {
		return nil, err
	}
	var err error
	e.auth, err = authority.Open(at, o)
	return e, err
}

// day lets k people who joined before ask for their peers' admission at random moments, from their own addresses: the
// worst case, until renewals go through circuits.
func (e *enrolment) day(ctx context.Context, d, k int) (one day, err error) {
	start := e.genesis.Add(time.Duration(d) * peer.DefaultPeriod)
	if _, err := e.auth.Maintain(start); err != nil {
		return one, err
	}
	moments := make([]time.Duration, k)
	for i := range moments {
		moments[i] = time.Duration(e.random.IntN(int(20*time.Hour/time.Second))) * time.Second
	}
	slices.Sort(moments)
	var people []*identity.Identity
	defer func() {
		for _, id := range people {
			id.Close()
		}
	}()
	var sources []netip.AddrPort
	for i := range k {
		if ctx.Err() != nil {
			return one, ctx.Err()
		}
		source := netip.AddrPortFrom(netip.AddrFrom4([4]byte{100, 64, byte(d), byte(e.random.IntN(256))}), uint16(1024+i))
		id, err := e.join(fmt.Sprintf("sip:u%x@lab.example", e.random.Uint64()), source, start)
		if err != nil {
			return one, err
		}
		people, sources = append(people, id), append(sources, source)
	}
	documents := make([]peer.DocumentHash, k)
	e.transcripts = nil
	for i, id := range people {
		now := start.Add(moments[i]).Add(time.Minute)
		if e.tagged {
			if err := e.auth.SetSize(now, uint32(100*d+i+1)); err != nil {
				return one, err
			}
		}
		if err := e.visit(id, sources[i], now, identity.Want{Admit: true, Random: e.joins.random}); err != nil {
			return one, err
		}
		o, err := id.Document()
		if err != nil {
			return one, err
		}
		documents[i] = o.Hash()
	}
	one.asked = e.transcripts
	return one, e.publish(&one, d, people, sources, documents)
}

// join enrols a person.
func (e *enrolment) join(name string, source netip.AddrPort, now time.Time) (*identity.Identity, error) {
	aor, err := document.ParseAoR(name)
	if err != nil {
		return nil, err
	}
	invite, err := e.auth.Invite(now, aor, authority.InviteOptions{})
	if err != nil {
		return nil, err
	}
	id, err := identity.Begin(filepath.Join(e.dir, aor.Canonical()[4:]), invite, now)
	if err != nil {
		return nil, err
	}
	if err := e.visit(id, source, now, identity.Want{}); err != nil {
		id.Close()
		return nil, err
	}
	return id, nil
}

// visit carries one request to the authority and its answer back.
func (e *enrolment) visit(id *identity.Identity, source netip.AddrPort, now time.Time, want identity.Want) error {
	q, err := id.Request(now, want)
	if err != nil {
		return err
	}
	response, err := e.auth.Handle(now, source.String(), q.Bytes())
	if err != nil {
		return err
	}
	raw, err := document.Unpad(response)
	if err != nil {
		return err
	}
	answer, err := document.ParseAnswer(raw)
	if err != nil {
		return err
	}
	return id.Accept(now, answer)
}

// publish makes the descriptors of the next period and sorts them as the directory does.
func (e *enrolment) publish(one *day, d int, people []*identity.Identity, sources []netip.AddrPort, documents []peer.DocumentHash) error {
	newest, err := e.auth.Document()
	if err != nil {
		return err
	}
	for i, id := range people {
		signing, static, err := id.Peer(0)
		if err != nil {
			return err
		}
		f := peer.DailyFields{Period: uint32(d + 1), Document: newest.Hash()}
		if e.tagged {
			f.Document = documents[i]
		}
		if err := e.reach(&f, sources[i]); err != nil {
			return err
		}
		daily, err := peer.SignDaily(static, f, signing)
		if err != nil {
			return err
		}
		one.peers = append(one.peers, document.Pair{Static: static, Daily: daily})
	}
	order := make([]int, len(people))
	for i := range order {
		order[i] = i
	}
	slices.SortFunc(order, func(a, b int) int { return one.peers[a].NodeID().Compare(one.peers[b].NodeID()) })
	sorted := make([]document.Pair, len(order))
	one.truth = make([]int, len(order))
	for place, i := range order {
		sorted[place], one.truth[i] = one.peers[i], place
	}
	one.peers = sorted
	return nil
}

// reach says how a peer is reached: by two leases at random relays, or at its owner's address.
func (e *enrolment) reach(f *peer.DailyFields, source netip.AddrPort) error {
	key := func() []byte {
		b := make([]byte, peer.PublicKeyLen)
		e.random.Read(b)
		b[31] &= 0x7f
		return b
	}
	var err error
	if e.named {
		f.Roles = peer.RoleRelay
		if f.Link, err = peer.ParseLinkPublic(key()); err != nil {
			return err
		}
		if f.Onion, err = peer.ParseOnionPublic(key()); err != nil {
			return err
		}
		a, err := peer.NewAddress(source)
		f.Addresses = []peer.Address{a}
		return err
	}
	f.Roles = peer.RoleStorer
	for range peer.MaxLeases {
		r, err := peer.ParseIDPrefix(key()[:peer.IDPrefixLen])
		if err != nil {
			return err
		}
		f.LeaseRelays = append(f.LeaseRelays, r)
	}
	slices.SortFunc(f.LeaseRelays, peer.IDPrefix.Compare)
	f.Lease, err = peer.ParseLeasePublic(key())
	return err
}
