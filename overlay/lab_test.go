// The lab of the tests: an overlay with an authority that needs no RSA, relays and nodes without a name on an internet in
// memory, in a bubble of fake time.

package overlay

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
	"sotto/overlay/link"
	"sotto/overlay/peer"
)

// labAuthority signs with a hash that only the test can make; revoked peers are on its list.
type labAuthority struct{ revoked []peer.NodeID }

var errUnsigned = errors.New("lab authority: not signed")

func (labAuthority) sign(message []byte) []byte {
	var signature []byte
	for i := range byte(peer.AdmissionSignatureLen / 32) {
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

func (a labAuthority) NodeRevoked(id peer.NodeID) bool {
	for _, r := range a.revoked {
		if r == id {
			return true
		}
	}
	return false
}

// memoryDays keeps days as a disk would: they survive a node, not the test.
type memoryDays struct {
	mu   sync.Mutex
	days map[uint32]Day
}

func (m *memoryDays) Day(period uint32) (Day, bool, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	d, ok := m.days[period]
	return d, ok, nil
}

func (m *memoryDays) KeepDay(d Day) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.days == nil {
		m.days = make(map[uint32]Day)
	}
	m.days[d.Daily().Period()] = d
	return nil
}

// lab is one overlay on one internet.
type lab struct {
	t        *testing.T
	net      *simnet.Net
	overlay  peer.OverlayID
	calendar peer.Calendar
	seeds    []*peer.Descriptor
	relays   []*labNode
	made     int
}

// labNode is one node and what belongs to it. Stop and start make another process of it.
type labNode struct {
	*Node
	lab    *lab
	host   *simnet.Host
	cfg    Config
	cells  chan labCell
	before func(*Node) // called before Run; may be nil
	cancel context.CancelFunc
	done   chan error
}

type labCell struct {
	from link.Neighbor
	text string
}

// inLab runs a test in a bubble, with a network of the given faults.
func inLab(t *testing.T, cfg simnet.Config, f func(l *lab)) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		cfg.Logf = t.Logf
		l := &lab{t: t, net: simnet.New(cfg)}
		id := sha256.Sum256([]byte("overlay of the lab"))
		var err error
		l.overlay, err = peer.ParseOverlayID(id[:])
		l.must(err)
		l.calendar, err = labCalendar(time.Now().Add(-132*time.Hour), 24*time.Hour) // it is noon of day 5
		l.must(err)
		f(l)
		for _, r := range l.relays {
			r.stop()
		}
		l.net.Close()
	})
}

func labCalendar(genesis time.Time, day time.Duration) (peer.Calendar, error) {
	return peer.NewCalendar(genesis.Unix(), day, 60*day)
}

// today is the number of the period.
func (l *lab) today() uint32 {
	l.t.Helper()
	p, err := l.calendar.PeriodAt(time.Now())
	l.must(err)
	return p
}

func labAddr(s string) netip.Addr { return netip.MustParseAddr(s) }

func (l *lab) must(err error) {
	l.t.Helper()
	if err != nil {
		l.t.Fatal(err)
	}
}

// identity makes the credentials of the n-th peer: the same for the same number.
func (l *lab) identity(n int, addr netip.AddrPort) *Identity {
	l.t.Helper()
	seed := sha256.Sum256(binary.BigEndian.AppendUint32([]byte("lab peer"), uint32(n)))
	key, err := peer.SigningKeyFromSeed(seed[:])
	l.must(err)
	signature := labAuthority{}.sign(peer.AdmissionMessage(l.overlay, 0, key.Public()))
	static, err := peer.NewStatic(l.overlay, 0, key.Public(), signature)
	l.must(err)
	secret, err := noise.GenerateStaticKey(rand.NewChaCha8(seed))
	l.must(err)
	a, err := peer.NewAddress(addr)
	l.must(err)
	return &Identity{
		Static: static, Signing: key, Link: secret, FreshLink: true, Days: &memoryDays{},
		Roles: peer.RoleRelay | peer.RoleGuard, Capacity: 10, Addresses: []peer.Address{a},
	}
}

// relay makes the next relay, with an address of its own network, and does not start it.
func (l *lab) relay() *labNode {
	l.made++
	ip := netip.AddrFrom4([4]byte{45, byte(l.made), 0, 1})
	n := l.node(l.net.Host(ip), Relay)
	n.cfg.Identity = l.identity(l.made, netip.AddrPortFrom(ip, 4433))
	l.relays = append(l.relays, n)
	return n
}

// seed makes a relay whose descriptor everybody has from the beginning.
func (l *lab) seed() *labNode {
	n := l.relay()
	l.seeds = append(l.seeds, n.descriptor(l.today()))
	return n
}

// descriptor signs the descriptor of a period, and keeps it as the node itself would.
func (n *labNode) descriptor(period uint32) *peer.Descriptor {
	n.lab.t.Helper()
	cfg := n.lab.config(n.cfg)
	o, err := newOwn(&cfg)
	n.lab.must(err)
	d, err := o.descriptor(period, peer.DocumentHash{}, nil)
	n.lab.must(err)
	return d
}

// node makes a node on a host, and does not start it.
func (l *lab) node(host *simnet.Host, role Role) *labNode {
	return &labNode{lab: l, host: host, cfg: Config{Role: role}, cells: make(chan labCell, 1000)}
}

// config fills in what all nodes of the lab have alike.
func (l *lab) config(c Config) Config {
	l.made++
	c.Overlay = l.overlay
	if c.Calendar == (peer.Calendar{}) {
		c.Calendar = l.calendar
	}
	if c.Trust == nil {
		c.Trust = labAuthority{}
	}
	if c.Seeds == nil {
		c.Seeds = l.seeds
	}
	c.Rand = rand.NewChaCha8(sha256.Sum256([]byte(fmt.Sprint(l.net.Seed(), l.made))))
	return c
}

// start runs the node as a new process with the same credentials.
func (n *labNode) start() *labNode {
	n.lab.t.Helper()
	conn, err := n.host.Listen(4433)
	n.lab.must(err)
	pipe := noise.NewPacketPipe(conn)
	cfg := n.lab.config(n.cfg)
	cfg.Pipe, cfg.ClosePipe = pipe, pipe.Close
	if cfg.Cells == nil {
		cfg.Cells = func(from link.Neighbor, _ bool, frame []byte) {
			select {
			case n.cells <- labCell{from, string(bytes.TrimRight(frame[1:], "\x00"))}:
			default: // nobody asks
			}
		}
	}
	n.Node, err = New(cfg)
	n.lab.must(err)
	ctx, cancel := context.WithCancel(n.lab.t.Context())
	done := make(chan error, 1)
	node := n.Node
	if n.before != nil {
		n.before(node)
	}
	go func() { done <- node.Run(ctx) }()
	n.cancel, n.done = cancel, done
	return n
}

// start runs some nodes.
func (l *lab) start(nodes ...*labNode) {
	l.t.Helper()
	for _, n := range nodes {
		n.start()
	}
}

// stop ends the node in an orderly way.
func (n *labNode) stop() {
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

// kill ends the node without a word to anybody.
func (n *labNode) kill() {
	n.host.Unplug()
	n.stop()
	n.host.Plug()
}

// links is how many neighbours with a name take frames.
func (n *labNode) links() int { return n.Status().Links.Links }

// to finds the neighbour that a node has as another node.
func (n *labNode) to(other *labNode) link.Neighbor {
	n.lab.t.Helper()
	id := other.cfg.Identity.Static.NodeID()
	for _, i := range n.Neighbors() {
		if !i.Client && i.Node == id {
			return i.Neighbor
		}
	}
	n.lab.t.Fatal("no link between the two")
	return 0
}

// client finds the one client of a guard.
func (n *labNode) client() link.Neighbor {
	n.lab.t.Helper()
	var found []link.Neighbor
	for _, i := range n.Neighbors() {
		if i.Client {
			found = append(found, i.Neighbor)
		}
	}
	if len(found) != 1 {
		n.lab.t.Fatalf("%d clients, want 1", len(found))
	}
	return found[0]
}

// cell is a frame with a text.
func cell(text string) []byte {
	f := make([]byte, noise.FrameLen)
	f[0] = byte(link.KindCell)
	copy(f[1:], text)
	return f
}

// say sends a text to a neighbour.
func (n *labNode) say(to link.Neighbor, text string) {
	n.lab.t.Helper()
	n.lab.must(n.Send(to, cell(text)))
}

// hears waits a little for a text and returns who sent it.
func (n *labNode) hears(text string) (link.Neighbor, bool) {
	timeout := time.After(2 * time.Second)
	for {
		select {
		case c := <-n.cells:
			if c.text == text {
				return c.from, true
			}
		case <-timeout:
			return 0, false
		}
	}
}

// within lets time go by until ok, and fails after d.
func (l *lab) within(d time.Duration, what string, ok func() bool) {
	l.t.Helper()
	start := time.Now()
	for !ok() {
		if time.Since(start) >= d {
			l.t.Fatalf("not after %v: %s", d, what)
		}
		time.Sleep(100 * time.Millisecond)
	}
}
