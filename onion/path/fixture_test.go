package path

// Directories for the tests: relays with addresses where the test wants them, and directories at random.

import (
	"crypto/sha256"
	"encoding/binary"
	"math/rand/v2"
	"net/netip"
	"testing"
	"time"

	"sotto/overlay/peer"
)

const day = 24 * time.Hour

func start() time.Time { return time.Unix(1_800_000_000, 0) }

// seeded is a reader that repeats itself.
func seeded(seed uint64) *rand.ChaCha8 {
	var key [32]byte
	binary.BigEndian.PutUint64(key[:], seed)
	return rand.NewChaCha8(key)
}

func overlayID(t testing.TB) peer.OverlayID {
	t.Helper()
	o, err := peer.ParseOverlayID(append(make([]byte, 31), 7))
	must(t, err)
	return o
}

func must(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// node makes NodeID number n of a key epoch.
func node(t testing.TB, n, epoch int) peer.NodeID {
	t.Helper()
	h := sha256.Sum256(binary.BigEndian.AppendUint64(nil, uint64(n)<<16|uint64(epoch)))
	id, err := peer.ParseNodeID(h[:])
	must(t, err)
	return id
}

func address(t testing.TB, ip netip.Addr) peer.Address {
	t.Helper()
	a, err := peer.NewAddress(netip.AddrPortFrom(ip, 443))
	must(t, err)
	return a
}

// in4 is host h of the n-th /16.
func in4(n, h int) netip.Addr {
	return netip.AddrFrom4([4]byte{byte(1 + n>>8), byte(n), byte(h >> 8), byte(h)})
}

// in6 is host h of the n-th /32.
func in6(n, h int) netip.Addr {
	b := [16]byte{0x20, 0x40, byte(n >> 8), byte(n)}
	binary.BigEndian.PutUint64(b[8:], uint64(h+1))
	return netip.AddrFrom16(b)
}

// relay makes a guard with one address of a /16 of its own number.
func relay(t testing.TB, n int) Candidate { return relayAt(t, n, in4(n, n)) }

func relayAt(t testing.TB, n int, ips ...netip.Addr) Candidate {
	t.Helper()
	c := Candidate{ID: node(t, n, 0), Roles: peer.RoleRelay | peer.RoleGuard | peer.RoleStorer, Capacity: 11}
	for _, ip := range ips {
		a := address(t, ip)
		c.Addresses = append(c.Addresses, a)
		c.Networks = append(c.Networks, a.Prefix())
	}
	return c
}

func relays(t testing.TB, n int) []Candidate {
	t.Helper()
	var all []Candidate
	for i := range n {
		all = append(all, relay(t, i))
	}
	return all
}

// anyDirectory is n peers with everything at random: some of two addresses, some of a family, some no guards, some no
// relays, networks crowded.
func anyDirectory(t testing.TB, r *rand.Rand, n int) []Candidate {
	t.Helper()
	networks := 2 + r.IntN(n)
	var all []Candidate
	for i := range n {
		ips := []netip.Addr{in4(r.IntN(networks), i)}
		switch r.IntN(4) {
		case 0:
			ips = append(ips, in6(r.IntN(networks), i))
		case 1:
			ips = []netip.Addr{in6(r.IntN(networks), i)}
		}
		c := relayAt(t, i, ips...)
		c.Capacity = peer.Capacity(r.IntN(25))
		if r.IntN(3) == 0 {
			c.Family = peer.FamilyOf(overlayID(t), string(rune('a'+r.IntN(8))))
		}
		switch r.IntN(6) {
		case 0:
			c.Roles = peer.RoleStorer
		case 1, 2:
			c.Roles = peer.RoleRelay
		}
		all = append(all, c)
	}
	return all
}

// disk is a keeper.
type disk struct {
	bytes []byte
	times int
	err   error
}

func (d *disk) Keep(b []byte) error {
	if d.err != nil {
		return d.err
	}
	d.bytes, d.times = append([]byte(nil), b...), d.times+1
	return nil
}

// newNode is a selector at its first start, without a directory.
func newNode(t testing.TB, seed uint64, own peer.NodeID) (*Selector, *disk) {
	t.Helper()
	d := &disk{}
	s, err := New(Config{Overlay: overlayID(t), Own: own, Random: seeded(seed), Keeper: d, First: true})
	must(t, err)
	return s, d
}

// restart is the node after its process ended.
func restart(t testing.TB, seed uint64, d *disk) *Selector {
	t.Helper()
	s, err := New(Config{Overlay: overlayID(t), Random: seeded(seed), Keeper: d, State: d.bytes})
	must(t, err)
	return s
}

// linked is a node with a directory and its guards up.
func linked(t testing.TB, seed uint64, all []Candidate) (*Selector, *disk) {
	t.Helper()
	s, d := newNode(t, seed, peer.NodeID{})
	must(t, s.Update(start(), TableOf(overlayID(t), all)))
	up(t, s, start())
	return s, d
}

// up brings up every link that the selector wants.
func up(t testing.TB, s *Selector, now time.Time) {
	t.Helper()
	for _, g := range s.Guards() {
		s.GuardUp(now, g)
	}
	must(t, s.Advance(now))
}

// truth looks candidates up by their ID, for checks that do not use the code under test.
type truth map[peer.NodeID]Candidate

func truthOf(all []Candidate) truth {
	tr := truth{}
	for _, c := range all {
		tr[c.ID] = c
	}
	return tr
}

// apart checks the rules for one path by what the candidates declare.
func (tr truth) apart(t testing.TB, hops []peer.NodeID) {
	t.Helper()
	for i, a := range hops {
		for _, b := range hops[:i] {
			x, y := tr[a], tr[b]
			if a == b {
				t.Fatal("one peer stands twice in a path")
			}
			if !x.Family.IsZero() && x.Family == y.Family {
				t.Fatal("two of one family in a path")
			}
			for _, n := range x.Networks {
				for _, m := range y.Networks {
					if n == m {
						t.Fatal("two of one network in a path")
					}
				}
			}
		}
	}
	if len(hops) < 2 || !tr[hops[0]].Roles.Has(peer.RoleGuard) {
		t.Fatal("the first hop is no guard")
	}
	for _, h := range hops[1 : len(hops)-1] {
		if !tr[h].Roles.Has(peer.RoleRelay) {
			t.Fatal("a hop forwards for nobody")
		}
	}
}
