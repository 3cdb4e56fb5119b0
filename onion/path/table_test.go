package path

import (
	"crypto/sha256"
	"net/netip"
	"testing"
	"time"

	"sotto/overlay/peer"
)

// signs admits whoever asks, deterministically: what an authority does is not looked at here.
type signs struct{}

func (signs) VerifyAdmission(uint32, []byte, []byte) error { return nil }

// described makes a verified descriptor of period 0.
func described(t *testing.T, n byte, spoil func(*peer.DailyFields)) *peer.Descriptor {
	t.Helper()
	seed := sha256.Sum256([]byte{n})
	key, err := peer.SigningKeyFromSeed(seed[:])
	must(t, err)
	signature := make([]byte, peer.AdmissionSignatureLen)
	signature[0] = n
	static, err := peer.NewStatic(overlayID(t), 0, key.Public(), signature)
	must(t, err)
	link, err := peer.ParseLinkPublic(append(make([]byte, 31), 1))
	must(t, err)
	onion, err := peer.ParseOnionPublic(append(make([]byte, 31), 2))
	must(t, err)
	f := peer.DailyFields{
		Roles: peer.RoleRelay | peer.RoleGuard, Capacity: 9, Link: link, Onion: onion,
		Addresses: []peer.Address{address(t, netip.AddrFrom4([4]byte{9, n, 0, 1}))},
	}
	spoil(&f)
	daily, err := peer.SignDaily(static, f, key)
	must(t, err)
	admitted, err := peer.Admit(static, overlayID(t), signs{})
	must(t, err)
	calendar, err := peer.NewCalendar(1_800_000_000, 24*time.Hour, 60*24*time.Hour)
	must(t, err)
	d, err := admitted.Verify(daily, calendar, 0)
	must(t, err)
	return d
}

func TestATableHoldsWhoeverCanBeDialled(t *testing.T) {
	relay := described(t, 1, func(*peer.DailyFields) {})
	storer := described(t, 2, func(f *peer.DailyFields) { f.Roles = peer.RoleStorer })
	local := described(t, 3, func(f *peer.DailyFields) {
		f.Addresses = []peer.Address{address(t, netip.MustParseAddr("127.0.0.1"))}
		f.Declared = peer.DeclaredPrefix{1, 2, 3, 4}
	})
	anonymous := described(t, 4, func(f *peer.DailyFields) {
		lease, err := peer.ParseLeasePublic(append(make([]byte, 31), 3))
		must(t, err)
		*f = peer.DailyFields{Roles: peer.RoleStorer, Lease: lease, LeaseRelays: []peer.IDPrefix{relay.NodeID().Prefix()}}
	})
	dir, err := peer.NewDirectory(overlayID(t), 0, []*peer.Descriptor{relay, storer, local, anonymous}, nil)
	must(t, err)
	table := NewTable(dir)
	if table.Len() != 3 || table.Overlay() != overlayID(t) {
		t.Errorf("%d members", table.Len())
	}
	for _, c := range []struct {
		d            *peer.Descriptor
		in, ofRelays bool
	}{{relay, true, true}, {storer, true, false}, {local, true, true}, {anonymous, false, false}} {
		m, ok := table.find(c.d.NodeID())
		if ok != c.in || ok && (table.members[m].relay != c.ofRelays || table.members[m].networks[0] == 0) {
			t.Error("a peer is not what its descriptor says")
		}
	}
}

func TestAPeerWithoutANetworkForwardsForNobody(t *testing.T) {
	c := relay(t, 1)
	c.Networks = nil
	if table := TableOf(overlayID(t), []Candidate{c}); len(table.relays.members) != 0 || len(table.guards.members) != 0 {
		t.Error("it is a relay")
	}
}

func TestOneNodeIDCountsOnce(t *testing.T) {
	if table := TableOf(overlayID(t), []Candidate{relay(t, 1), relay(t, 1), relay(t, 2)}); table.Len() != 2 {
		t.Errorf("%d members", table.Len())
	}
}
