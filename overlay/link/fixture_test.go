// Peers of the tests, with an authority that needs no RSA.

package link

import (
	"bytes"
	"crypto/sha256"
	"encoding/binary"
	"errors"
	"math/rand/v2"
	"net/netip"
	"testing"
	"time"

	"sotto/noise"
	"sotto/overlay/peer"
)

func must(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// start is noon of period 5.
func start() time.Time { return time.Unix(1_800_000_000, 0).Add(132 * time.Hour) }

func testCalendar(t testing.TB) peer.Calendar {
	t.Helper()
	c, err := peer.NewCalendar(1_800_000_000, 24*time.Hour, 60*24*time.Hour)
	must(t, err)
	return c
}

func testOverlay(t testing.TB) peer.OverlayID {
	t.Helper()
	id := sha256.Sum256([]byte("overlay of the links"))
	o, err := peer.ParseOverlayID(id[:])
	must(t, err)
	return o
}

// testGate admits what the test signed, and counts how often it was asked.
type testGate struct {
	t       testing.TB
	asked   int
	revoked map[peer.NodeID]bool
}

var errUnsigned = errors.New("test gate: refused")

func signAdmission(message []byte) []byte {
	var signature []byte
	for i := range byte(peer.AdmissionSignatureLen / 32) {
		part := sha256.Sum256(append([]byte{i}, message...))
		signature = append(signature, part[:]...)
	}
	return signature
}

func (g *testGate) VerifyAdmission(_ uint32, message, signature []byte) error {
	if !bytes.Equal(signAdmission(message), signature) {
		return errUnsigned
	}
	return nil
}

func (g *testGate) Admit(now time.Time, s peer.Static, d peer.Daily) (*peer.Descriptor, error) {
	g.asked++
	if g.revoked[s.NodeID()] {
		return nil, errUnsigned
	}
	a, err := peer.Admit(s, testOverlay(g.t), g)
	if err != nil {
		return nil, err
	}
	period, err := testCalendar(g.t).PeriodAt(now)
	must(g.t, err)
	return a.Verify(d, testCalendar(g.t), period)
}

// testPeer is what belongs to one relay.
type testPeer struct {
	t      testing.TB
	static peer.Static
	key    peer.SigningKey
	link   *noise.StaticKey
	addrs  []netip.AddrPort
}

func newTestPeer(t testing.TB, number int, addrs ...string) *testPeer {
	t.Helper()
	seed := sha256.Sum256(binary.BigEndian.AppendUint32([]byte("link peer"), uint32(number)))
	key, err := peer.SigningKeyFromSeed(seed[:])
	must(t, err)
	message := peer.AdmissionMessage(testOverlay(t), 0, key.Public())
	static, err := peer.NewStatic(testOverlay(t), 0, key.Public(), signAdmission(message))
	must(t, err)
	secret, err := noise.GenerateStaticKey(rand.NewChaCha8(seed))
	must(t, err)
	p := &testPeer{t: t, static: static, key: key, link: secret}
	if len(addrs) == 0 {
		p.addrs = []netip.AddrPort{netip.AddrPortFrom(netip.AddrFrom4([4]byte{46, byte(number >> 8), byte(number), 1}), 4433)}
	}
	for _, a := range addrs {
		p.addrs = append(p.addrs, netip.MustParseAddrPort(a))
	}
	return p
}

func (p *testPeer) id() peer.NodeID { return p.static.NodeID() }

// daily signs the daily part of a period.
func (p *testPeer) daily(period uint32) peer.Daily {
	p.t.Helper()
	public := p.link.Public().Bytes()
	key, err := peer.ParseLinkPublic(public[:])
	must(p.t, err)
	onion := sha256.Sum256(public[:])
	onion[31] &= 0x7f
	second, err := peer.ParseOnionPublic(onion[:])
	must(p.t, err)
	f := peer.DailyFields{Period: period, Roles: peer.RoleRelay | peer.RoleGuard, Capacity: 10, Link: key, Onion: second}
	for _, a := range p.addrs {
		address, err := peer.NewAddress(a)
		must(p.t, err)
		f.Addresses = append(f.Addresses, address)
	}
	d, err := peer.SignDaily(p.static, f, p.key)
	must(p.t, err)
	return d
}

func (p *testPeer) described(period uint32) Described { return Described{p.static, p.daily(period)} }

// descriptor is the verified one of a period.
func (p *testPeer) descriptor(period uint32) *peer.Descriptor {
	p.t.Helper()
	g := &testGate{t: p.t}
	a, err := peer.Admit(p.static, testOverlay(p.t), g)
	must(p.t, err)
	d, err := a.Verify(p.daily(period), testCalendar(p.t), period)
	must(p.t, err)
	return d
}

// testDirectory is that of period 5 with so many peers.
func testDirectory(t testing.TB, first, n int) *peer.Directory {
	t.Helper()
	var list []*peer.Descriptor
	for i := range n {
		list = append(list, newTestPeer(t, first+i).descriptor(5))
	}
	dir, err := peer.NewDirectory(testOverlay(t), 5, list, nil)
	must(t, err)
	return dir
}
