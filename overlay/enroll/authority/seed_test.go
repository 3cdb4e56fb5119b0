// Seeds are of one kind of network, so that none leads others into their own.

package authority

import (
	"errors"
	"net/netip"
	"testing"

	"sotto/overlay/enroll/document"
	"sotto/overlay/enroll/identity"
	"sotto/overlay/peer"
)

// seedAt is an admitted relay's descriptor at an address.
func seedAt(t *testing.T, id *identity.Identity, at string) document.Pair {
	t.Helper()
	key, static, err := id.Peer(0)
	if err != nil {
		t.Fatal(err)
	}
	link, err := id.LinkKey()
	if err != nil {
		t.Fatal(err)
	}
	pub := link.Public().Bytes()
	f := peer.DailyFields{Roles: peer.RoleRelay}
	var err1, err2, err3 error
	f.Link, err1 = peer.ParseLinkPublic(pub[:])
	f.Onion, err2 = peer.ParseOnionPublic([]byte("\x09abcdefghijklmnopqrstuvwxyz01234"))
	ad, err3 := peer.NewAddress(netip.MustParseAddrPort(at))
	f.Addresses = []peer.Address{ad}
	d, err := peer.SignDaily(static, f, key)
	if err := errors.Join(err1, err2, err3, err); err != nil {
		t.Fatal(err)
	}
	return document.Pair{Static: static, Daily: d}
}

func TestSeedsArePublicAllOrNone(t *testing.T) {
	for _, kind := range [][2]string{{"203.0.113.7:4433", "192.168.1.1:53"}, {"192.168.1.1:53", "203.0.113.7:4433"}} {
		a := newAuthority(t)
		var ids [2]*identity.Identity
		for n, name := range []string{"sip:relay@example.org", "sip:other@example.org"} {
			ids[n] = begin(t, a, name, genesis, InviteOptions{Seed: true})
			if err := visitNow(t, a, ids[n], identity.Want{Admit: true}, genesis); err != nil {
				t.Fatal(err)
			}
		}
		if err := visitNow(t, a, ids[0], identity.Want{Seed: seedAt(t, ids[0], kind[0])}, genesis); err != nil {
			t.Fatal(err)
		}
		mixed := seedAt(t, ids[1], kind[1])
		if err := visitNow(t, a, ids[1], identity.Want{Seed: mixed}, genesis); !errors.Is(err, document.RefusedSeed) {
			t.Errorf("a person's seed at %s beside one at %s: %v", kind[1], kind[0], err)
		}
		if err := a.AddSeed(genesis, mixed); !errors.Is(err, ErrMixed) {
			t.Errorf("the operator's: %v", err)
		}
		if err := visitNow(t, a, ids[1], identity.Want{Seed: seedAt(t, ids[1], kind[0])}, genesis); err != nil {
			t.Errorf("one of the same kind: %v", err)
		}
	}
}
