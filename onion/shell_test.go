// The lab of the tests of Node: relays and nodes without a name on an internet in memory, in a bubble of fake time. The
// shell, the overlay and the links below are the real ones.

package onion

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/binary"
	"errors"
	"fmt"
	"math/rand/v2"
	"net/netip"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"sotto/internal/simnet"
	"sotto/noise"
	"sotto/onion/lease"
	"sotto/onion/path"
	"sotto/overlay"
	"sotto/overlay/peer"
)

// labAuthority signs with a hash that only the tests make.
type labAuthority struct{}

var errUnsigned = errors.New("lab authority: not signed")

func (labAuthority) sign(message []byte) []byte {
	var signature []byte
	for i := range byte(peer.AdmissionSignatureLen / sha256.Size) {
		part := sha256.Sum256(append([]byte{i}, message...))
		signature = append(signature, part[:]...)
	}
	return signature
}

func (a labAuthority) VerifyAdmission(_ uint32, message, signature []byte) error {
	if !bytes.Equal(a.sign(message), signature) {
		return errUnsigned
	}
	return nil
}

func (labAuthority) NodeRevoked(peer.NodeID) bool { return false }

// memoryDays keeps days as a disk would.
type memoryDays struct {
	mu   sync.Mutex
	days map[uint32]overlay.Day
}

func (m *memoryDays) Day(period uint32) (overlay.Day, bool, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	d, ok := m.days[period]
	return d, ok, nil
}

func (m *memoryDays) KeepDay(d overlay.Day) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.days == nil {
		m.days = make(map[uint32]overlay.Day)
	}
	m.days[d.Daily().Period()] = d
	return nil
}

// memoryKeeper implements path.Keeper; told to fail, it does.
type memoryKeeper struct {
	mu    sync.Mutex
	state []byte
	fail  error
}

func (m *memoryKeeper) Keep(state []byte) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.fail == nil {
		m.state = bytes.Clone(state)
	}
	return m.fail
}

func (m *memoryKeeper) set(err error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.fail = err
}

// shellLab is one overlay.
type shellLab struct {
	t        *testing.T
	net      *simnet.Net
	over     peer.OverlayID
	calendar peer.Calendar
	seeds    []*peer.Descriptor
	relays   []*shellNode
	users    []*shellNode
	made     int
}

// shellNode is a node through all of its lives.
type shellNode struct {
	*Node
	lab    *shellLab
	host   *simnet.Host
	cfg    NodeConfig
	keeper *memoryKeeper // of a node without a name
	cancel context.CancelFunc
	done   chan error
}

// inShellLab runs a test in a bubble with so many relays of the first period, which know and trust each other; a period
// lasts two hours. Nothing has been started.
func inShellLab(t *testing.T, relays int, f func(l *shellLab)) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		l := &shellLab{t: t, net: simnet.New(simnet.Config{Seed: 1, Link: simnet.Link{Latency: 5 * time.Millisecond}, Logf: t.Logf})}
		id := sha256.Sum256([]byte("overlay of the shell's lab"))
		var err error
		l.over, err = peer.ParseOverlayID(id[:])
		l.must(err)
		l.calendar, err = peer.NewCalendar(time.Now().Add(-time.Minute).Unix(), 2*time.Hour, 120*time.Hour)
		l.must(err)
		for range relays {
			l.relay()
		}
		defer func() { // also of a test that has failed
			for _, n := range append(l.users, l.relays...) {
				n.stop()
			}
			l.net.Close()
		}()
		f(l)
	})
}

func (l *shellLab) must(err error) {
	l.t.Helper()
	if err != nil {
		l.t.Fatal(err)
	}
}

// relay makes a relay of the directory of the first period.
func (l *shellLab) relay() {
	l.t.Helper()
	i := len(l.relays) + 1
	seed := sha256.Sum256(binary.BigEndian.AppendUint32([]byte("shell relay"), uint32(i)))
	random := rand.NewChaCha8(seed)
	signing, err := peer.SigningKeyFromSeed(seed[:])
	l.must(err)
	static, err := peer.NewStatic(l.over, 0, signing.Public(), labAuthority{}.sign(peer.AdmissionMessage(l.over, 0, signing.Public())))
	l.must(err)
	secret, err := noise.GenerateStaticKey(random)
	l.must(err)
	at := netip.AddrFrom4([4]byte{45, byte(i), 0, 1})
	address, err := peer.NewAddress(netip.AddrPortFrom(at, 4433))
	l.must(err)
	identity := &overlay.Identity{
		Static: static, Signing: signing, Link: secret, FreshLink: true, Days: &memoryDays{},
		Roles: peer.RoleRelay | peer.RoleGuard, Capacity: 10, Addresses: []peer.Address{address},
	}
	n := &shellNode{lab: l, host: l.net.Host(at), cfg: NodeConfig{Overlay: overlay.Config{Role: overlay.Relay, Identity: identity}}}
	l.relays = append(l.relays, n)
	l.seeds = append(l.seeds, l.describe(identity, random))
}

// describe signs the descriptor of the first period, as at a founding.
func (l *shellLab) describe(i *overlay.Identity, random *rand.ChaCha8) *peer.Descriptor {
	l.t.Helper()
	key, err := lease.GenerateKey(random) // X25519, as an onion key
	l.must(err)
	public, secret, link := key.Public().Bytes(), key.Bytes(), i.Link.Public().Bytes()
	fields := peer.DailyFields{Roles: i.Roles, Capacity: i.Capacity, Addresses: i.Addresses}
	fields.Onion, err = peer.ParseOnionPublic(public[:])
	l.must(err)
	fields.Link, err = peer.ParseLinkPublic(link[:])
	l.must(err)
	daily, err := peer.SignDaily(i.Static, fields, i.Signing)
	l.must(err)
	l.must(i.Days.KeepDay(overlay.NewDay(daily, secret)))
	admitted, err := peer.Admit(i.Static, l.over, labAuthority{})
	l.must(err)
	d, err := admitted.Verify(daily, l.calendar, 0)
	l.must(err)
	return d
}

// user makes a node without a name and does not start it.
func (l *shellLab) user() *shellNode {
	n := &shellNode{lab: l, host: l.net.Host(netip.AddrFrom4([4]byte{46, byte(len(l.users) + 1), 0, 1})), keeper: &memoryKeeper{}}
	n.cfg = NodeConfig{Overlay: overlay.Config{Role: overlay.Anonymous}, Client: &ClientConfig{Keeper: n.keeper, First: true}}
	l.users = append(l.users, n)
	return n
}

// start begins a life of each node.
func (l *shellLab) start(nodes ...*shellNode) {
	l.t.Helper()
	for _, n := range nodes {
		conn, err := n.host.Listen(4433)
		l.must(err)
		pipe := noise.NewPacketPipe(conn)
		l.made++
		c := n.cfg
		o := &c.Overlay
		o.Overlay, o.Calendar, o.Trust, o.Seeds = l.over, l.calendar, labAuthority{}, l.seeds[:min(3, len(l.seeds))]
		o.Pipe, o.ClosePipe = pipe, pipe.Close
		o.Rand = rand.NewChaCha8(sha256.Sum256([]byte(fmt.Sprint("shell", l.made))))
		if o.Role == overlay.Relay {
			o.Known = l.seeds
		}
		n.Node, err = NewNode(c)
		l.must(err)
		ctx, cancel := context.WithCancel(l.t.Context())
		n.cancel, n.done = cancel, make(chan error, 1)
		go func() { n.done <- n.Run(ctx) }()
	}
}

func (n *shellNode) stop() {
	n.lab.t.Helper()
	if n.cancel == nil {
		return
	}
	n.cancel()
	if err := <-n.done; err != nil {
		n.lab.t.Errorf("Run ended with %v", err)
	}
	n.cancel = nil
}

// within lets time go by until ok, and fails after d.
func (l *shellLab) within(d time.Duration, what string, ok func() bool) {
	l.t.Helper()
	for begun := time.Now(); !ok(); time.Sleep(10 * time.Millisecond) {
		if time.Since(begun) >= d {
			l.t.Fatalf("not after %v: %s", d, what)
		}
	}
}

// ready waits until a user has stems for all that he keeps some for.
func (n *shellNode) ready() {
	n.lab.t.Helper()
	n.lab.within(20*time.Second, "stems stand", func() bool {
		s := n.Circuits().Client.Stems
		return s[path.Lookups] == 2 && s[path.UserLeases] == 1 && s[path.Calls] == 2
	})
}

// id is a relay's name.
func (n *shellNode) id() peer.NodeID { return n.cfg.Overlay.Identity.Static.NodeID() }
