// A small overlay for the tests: an authority that needs no RSA, and peers numbered from 0.

package peer

import (
	"bytes"
	"crypto/sha256"
	"encoding/binary"
	"errors"
	"net/netip"
	"testing"
	"time"
)

const testGenesis = 1_800_000_000

// fakeAuthority signs with a hash that only the test knows how to make: like the real signature, it is
// deterministic, has 256 bytes, and changes with every bit of the message.
type fakeAuthority struct{}

var errFake = errors.New("fake authority: not signed")

func (fakeAuthority) sign(message []byte) []byte {
	var signature []byte
	for i := range byte(AdmissionSignatureLen / 32) {
		part := sha256.Sum256(append([]byte{i}, message...))
		signature = append(signature, part[:]...)
	}
	return signature
}

func (f fakeAuthority) VerifyAdmission(_ uint32, message, signature []byte) error {
	if !bytes.Equal(f.sign(message), signature) {
		return errFake
	}
	return nil
}

func testOverlay(t testing.TB) OverlayID {
	t.Helper()
	id := sha256.Sum256([]byte("overlay of the tests"))
	o, err := ParseOverlayID(id[:])
	must(t, err)
	return o
}

func testCalendar(t testing.TB) Calendar {
	t.Helper()
	c, err := NewCalendar(testGenesis, 24*time.Hour, 60*24*time.Hour)
	must(t, err)
	return c
}

func must(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// testPeer is everything that belongs to one peer.
type testPeer struct {
	key    SigningKey
	static Static
}

func newTestPeer(t testing.TB, number uint32, keyEpoch uint32) testPeer {
	t.Helper()
	seed := sha256.Sum256(binary.BigEndian.AppendUint32([]byte("peer"), number))
	key, err := SigningKeyFromSeed(seed[:])
	must(t, err)
	overlay := testOverlay(t)
	signature := fakeAuthority{}.sign(AdmissionMessage(overlay, keyEpoch, key.Public()))
	static, err := NewStatic(overlay, keyEpoch, key.Public(), signature)
	must(t, err)
	return testPeer{key, static}
}

// x25519 makes bytes that are a canonical key, since the packages that make real ones lie above.
func x25519(label string) []byte {
	k := sha256.Sum256([]byte(label))
	k[31] &= 0x7f
	return k[:]
}

func testAddress(t testing.TB, s string) Address {
	t.Helper()
	a, err := NewAddress(netip.MustParseAddrPort(s))
	must(t, err)
	return a
}

func relayFields(t testing.TB, period uint32) DailyFields {
	t.Helper()
	link, err := ParseLinkPublic(x25519("link"))
	must(t, err)
	onion, err := ParseOnionPublic(x25519("onion"))
	must(t, err)
	return DailyFields{
		Period: period, Document: DocumentHash(sha256.Sum256([]byte("document"))),
		Roles: RoleRelay | RoleStorer | RoleGuard, Capacity: CapacityOf(20_000),
		Family: FamilyOf(testOverlay(t), "three peers of mine"),
		Link:   link, Onion: onion,
		Addresses: []Address{testAddress(t, "[2001:db8::7]:4433"), testAddress(t, "192.0.2.7:4433")},
	}
}

func anonymousFields(t testing.TB, period uint32) DailyFields {
	t.Helper()
	lease, err := ParseLeasePublic(x25519("lease"))
	must(t, err)
	r1, err := ParseIDPrefix([]byte("relay  1"))
	must(t, err)
	r2, err := ParseIDPrefix([]byte("relay  2"))
	must(t, err)
	return DailyFields{
		Period: period, Document: DocumentHash(sha256.Sum256([]byte("document"))),
		Roles: RoleStorer, Capacity: 9, Lease: lease, LeaseRelays: []IDPrefix{r2, r1},
	}
}

// describe signs fields and verifies the descriptor in the period of the fields.
func (p testPeer) describe(t testing.TB, f DailyFields) *Descriptor {
	t.Helper()
	daily, err := SignDaily(p.static, f, p.key)
	must(t, err)
	admitted, err := Admit(p.static, testOverlay(t), fakeAuthority{})
	must(t, err)
	d, err := admitted.Verify(daily, testCalendar(t), f.Period)
	must(t, err)
	return d
}

// unsigned makes a descriptor without signatures and with any NodeID, for what no honest authority hands out.
func unsigned(t testing.TB, id NodeID, f DailyFields) *Descriptor {
	t.Helper()
	daily, err := encodeDaily(id, f)
	must(t, err)
	block := &staticBlock{id: id}
	overlay := testOverlay(t)
	copy(block.wire[offOverlay:], overlay.b[:])
	return &Descriptor{Admitted{Static{block}}, daily}
}
