// A node with its identity on disk, as the other side of an authority in tests.

package authority

import (
	"net/netip"
	"path/filepath"
	"testing"
	"time"

	"sotto/overlay/enroll/identity"
	"sotto/overlay/peer"
)

var (
	pass = []byte("correct horse battery")
	addr = netip.MustParseAddrPort("127.0.0.1:4433")
)

func begin(t *testing.T, a *Authority, name string, now time.Time, o InviteOptions) *identity.Identity {
	i, err := a.Invite(now, aorOf(t, name), o)
	if err != nil {
		t.Fatal(err)
	}
	id, err := identity.Begin(filepath.Join(t.TempDir(), "id"), i, now)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { id.Close() })
	return id
}

func visitNow(t *testing.T, a *Authority, id *identity.Identity, want identity.Want, now time.Time) error {
	q, err := id.Request(now, want)
	if err != nil {
		return err
	}
	answer, err := a.Answer(now, q.Bytes())
	if err != nil {
		t.Fatal(err)
	}
	return id.Accept(now, answer)
}

func keep(t *testing.T, id *identity.Identity, period uint32, capacity peer.Capacity) error {
	key, static, err := id.Peer(0)
	if err != nil {
		t.Fatal(err)
	}
	link, _ := id.LinkKey()
	pub := link.Public().Bytes()
	lk, _ := peer.ParseLinkPublic(pub[:])
	on, _ := peer.ParseOnionPublic([]byte("\x09abcdefghijklmnopqrstuvwxyz012345")[:32])
	ad, _ := peer.NewAddress(addr)
	d, err := peer.SignDaily(static, peer.DailyFields{Period: period, Roles: peer.RoleRelay, Capacity: capacity, Link: lk, Onion: on, Addresses: []peer.Address{ad}}, key)
	if err != nil {
		t.Fatal(err)
	}
	return id.KeepDaily(d)
}
