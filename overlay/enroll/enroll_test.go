// Whole enrolments: people with states on disk, an authority, and what carries requests between them.

package enroll_test

import (
	"context"
	"crypto/rand"
	"errors"
	"net/netip"
	"path/filepath"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"sotto/overlay/enroll"
	"sotto/overlay/enroll/authority"
	"sotto/overlay/enroll/blind"
	"sotto/overlay/enroll/document"
	"sotto/overlay/enroll/identity"
	"sotto/overlay/peer"
	"sotto/overlay/slot"
)

// blindKeys are made once: each takes a tenth of a second and they do not matter to any test.
var blindKeys = sync.OnceValue(func() []blind.PrivateKey {
	var list []blind.PrivateKey
	for range 3 {
		k, err := blind.GenerateKey()
		if err != nil {
			panic(err)
		}
		list = append(list, k)
	}
	return list
})

func options() authority.Options {
	n := 0
	return authority.Options{GenerateBlind: func() (blind.PrivateKey, error) {
		n++
		return blindKeys()[n%len(blindKeys())], nil
	}}
}

// direct is a Sender without a network.
type direct struct{ a *authority.Authority }

func (d direct) Send(_ context.Context, request []byte) ([]byte, error) {
	answer, err := d.a.Answer(time.Now(), request)
	return answer.Bytes(), err
}

func newAuthority(t *testing.T, c authority.Config) *authority.Authority {
	t.Helper()
	return newAuthorityWith(t, c, options())
}

func newAuthorityWith(t *testing.T, c authority.Config, o authority.Options) *authority.Authority {
	t.Helper()
	dir := filepath.Join(t.TempDir(), "authority")
	c.Name = "example"
	if err := authority.Create(dir, c, o, time.Now()); err != nil {
		t.Fatal(err)
	}
	a, err := authority.Open(dir, o)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { a.Close() })
	return a
}

func invite(t *testing.T, a *authority.Authority, name string, o authority.InviteOptions) document.Invite {
	t.Helper()
	aor, err := document.ParseAoR(name)
	if err != nil {
		t.Fatal(err)
	}
	i, err := a.Invite(time.Now(), aor, o)
	if err != nil {
		t.Fatal(err)
	}
	i, err = document.ReadInvite(i.File())
	if err != nil {
		t.Fatal(err)
	}
	return i
}

// join enrols without asking for slots, which take both sides 65 ms.
func join(t *testing.T, a *authority.Authority, name string, role enroll.Role, o authority.InviteOptions) *identity.Identity {
	t.Helper()
	id, err := identity.Begin(filepath.Join(t.TempDir(), "state"), invite(t, a, name, o), time.Now())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { id.Close() })
	if err := enroll.Visit(context.Background(), id, identity.Want{Admit: role == enroll.Relay}, direct{a}); err != nil {
		t.Fatal(err)
	}
	return id
}

// daily signs and keeps a relay's daily part at a loopback port.
func daily(t *testing.T, id *identity.Identity, period uint32, port uint16) document.Pair {
	t.Helper()
	o, err := id.Document()
	if err != nil {
		t.Fatal(err)
	}
	key, static, err := id.Peer(o.Calendar().KeyEpochOf(period))
	if err != nil {
		t.Fatal(err)
	}
	link, err := id.LinkKey()
	if err != nil {
		t.Fatal(err)
	}
	address, err := peer.NewAddress(netip.AddrPortFrom(netip.AddrFrom4([4]byte{127, 0, 0, 1}), port))
	if err != nil {
		t.Fatal(err)
	}
	public, other := link.Public().Bytes(), make([]byte, 32)
	rand.Read(other)
	other[31] &= 0x7f
	linkKey, err1 := peer.ParseLinkPublic(public[:])
	onionKey, err2 := peer.ParseOnionPublic(other)
	if err := errors.Join(err1, err2); err != nil {
		t.Fatal(err)
	}
	d, err := peer.SignDaily(static, peer.DailyFields{Period: period, Document: o.Hash(), Roles: peer.RoleRelay, Link: linkKey,
		Onion: onionKey, Addresses: []peer.Address{address}}, key)
	if err != nil {
		t.Fatal(err)
	}
	if err := id.KeepDaily(d); err != nil {
		t.Fatal(err)
	}
	return document.Pair{Static: static, Daily: d}
}

// firstEpoch finds the current slot epoch of an identity by trying, as it alone knows its phase.
func firstEpoch(id *identity.Identity) (slot.Epoch, error) {
	for e := range slot.Epoch(slot.Phases) {
		if _, _, err := id.Writer(e); err == nil {
			return e, nil
		}
	}
	return 0, identity.ErrNone
}

func TestRelaysJoinAreListedAndFoundTheOverlay(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		a := newAuthority(t, authority.Config{})
		i := invite(t, a, "sip:relay@example.org", authority.InviteOptions{Seed: true})
		id, err := enroll.Join(context.Background(), filepath.Join(t.TempDir(), "state"), i, enroll.Relay, direct{a})
		if err != nil {
			t.Fatal(err)
		}
		defer id.Close()
		pair := daily(t, id, 0, 4433)
		if err := a.Found(time.Now(), []document.Pair{pair}); err != nil {
			t.Fatal(err)
		}
		if err := enroll.Visit(context.Background(), id, identity.Want{Seed: pair}, direct{a}); err != nil {
			t.Fatal(err)
		}
		o, err := id.Document()
		if err != nil {
			t.Fatal(err)
		}
		if n := len(o.Seeds()); n != 1 || o.Seeds()[0].NodeID() != pair.NodeID() {
			t.Errorf("%d seeds listed, want the one that asked", n)
		}
		list, err := o.FoundingDescriptors()
		if err != nil || len(list) != 1 || list[0].NodeID() != pair.NodeID() {
			t.Errorf("founding peers: %d, %v", len(list), err)
		}
		until, err := id.SlotsUntil(time.Now())
		if err != nil || until.Before(time.Now().Add(72*time.Hour)) {
			t.Errorf("slots are certified until %v from now, want three days: %v", time.Until(until), err)
		}
	})
}
