// The driver for tests in a testing/synctest bubble: sockets that block, and the program's own clock.

package simnet

import (
	"errors"
	"math"
	"net"
	"net/netip"
	"os"
	"time"
)

// Errors of sockets. A closed socket gives net.ErrClosed and a passed deadline os.ErrDeadlineExceeded, as those of package net do.
var (
	ErrPortInUse = errors.New("simnet: port in use")                                  // Listen
	ErrNoPort    = errors.New("simnet: no free port")                                 // Listen with port 0
	ErrLoop      = errors.New("simnet: the network is driven by a loop")              // Listen; use Loop.Machine
	ErrIdle      = errors.New("simnet: no loop and no socket drives the network yet") // Forge
	ErrAddress   = errors.New("simnet: no address and port to send to")               // whatever sends
	ErrTooLong   = errors.New("simnet: longer than a UDP datagram can be")            // whatever sends more than 65 507 bytes
)

const (
	firstEphemeralPort = 49152 // RFC 6335 §6
	maxDatagram        = 65507 // bytes of UDP payload in IPv4, RFC 768 and RFC 791
)

// clock rings when the next flight arrives. It has no goroutine of its own between two rings.
type clock struct {
	started bool
	closed  bool
	bell    *time.Timer
	set     bool // the bell is to ring at due
	due     time.Duration
	conns   []*Conn
}

// Conn is a UDP socket on a host's addresses. It has what a *net.UDPConn has that portable code uses, and is a net.PacketConn. It is
// safe for concurrent use.
type Conn struct {
	host     *Host
	port     uint16
	waiting  queue[*flight] // guarded by the network's lock, bounded by Config.SocketQueue
	arrived  chan struct{}  // holds a token while something may be waiting
	done     chan struct{}  // closed by Close
	closed   bool
	deadline time.Time
	moved    chan struct{} // closed when the deadline changes
}

// Listen opens a UDP port on all addresses of the host; port 0 takes the next free one from 49152 on. In a bubble it must be called
// inside it, because channels and timers belong to the bubble they are made in. Errors: ErrPortInUse, ErrNoPort, ErrLoop, net.ErrClosed.
func (h *Host) Listen(port uint16) (*Conn, error) {
	n := h.net
	n.mu.Lock()
	defer n.mu.Unlock()
	if n.loop != nil {
		return nil, ErrLoop
	}
	if n.clock.closed {
		return nil, net.ErrClosed
	}
	if !n.clock.started {
		n.clock.started = true
		n.epoch = time.Now()
	}
	for p := firstEphemeralPort; port == 0 && p <= math.MaxUint16; p++ {
		if h.socket(uint16(p)) == nil {
			port = uint16(p)
		}
	}
	if port == 0 {
		return nil, ErrNoPort
	}
	if h.socket(port) != nil {
		return nil, ErrPortInUse
	}
	c := &Conn{host: h, port: port, arrived: make(chan struct{}, 1), done: make(chan struct{}), moved: make(chan struct{})}
	h.sockets = append(h.sockets, binding{port, c})
	n.clock.conns = append(n.clock.conns, c)
	return c, nil
}

// Close closes every socket and drops what is in flight, uncounted. Close twice is fine. In a bubble it must be called inside it:
// stopping a bubble's timer from outside is fatal.
func (n *Net) Close() error {
	n.mu.Lock()
	defer n.mu.Unlock()
	n.clock.closed = true
	if n.clock.bell != nil {
		n.clock.bell.Stop()
	}
	for len(n.clock.conns) > 0 {
		n.clock.conns[0].shut()
	}
	if n.loop == nil {
		n.agenda = agenda{}
	}
	return nil
}

// wind sets the bell to the next arrival.
func (n *Net) wind() {
	at, ok := n.agenda.first()
	if !ok || n.clock.set && n.clock.due == at {
		return
	}
	n.clock.set, n.clock.due = true, at
	in := max(0, at-n.elapsed())
	if n.clock.bell == nil {
		n.clock.bell = time.AfterFunc(in, n.ring)
		return
	}
	n.clock.bell.Reset(in)
}

// ring hands over everything that is due.
func (n *Net) ring() {
	n.mu.Lock()
	defer n.mu.Unlock()
	if n.clock.closed {
		return
	}
	n.clock.set = false
	now := n.elapsed()
	for at, ok := n.agenda.first(); ok && at <= now; at, ok = n.agenda.first() {
		n.arrive(at, n.agenda.pop().owner.(*flight))
	}
	n.wind()
}

func (n *Net) elapsed() time.Duration { return time.Since(n.epoch) }

// accept queues a datagram for a reader; with a full queue the newest is the one dropped, as a kernel does.
func (c *Conn) accept(f *flight) Verdict {
	if c.waiting.len() >= c.host.net.cfg.SocketQueue {
		return SocketFull
	}
	c.waiting.push(f)
	c.wake()
	return Delivered
}

func (c *Conn) wake() {
	select {
	case c.arrived <- struct{}{}:
	default:
	}
}

// ReadFromUDPAddrPort waits for a datagram, copies as much of it as fits and returns its length there and its sender. What does not
// fit is lost. Errors: net.ErrClosed, os.ErrDeadlineExceeded.
func (c *Conn) ReadFromUDPAddrPort(b []byte) (int, netip.AddrPort, error) {
	for {
		n, from, wait, err := c.poll(b)
		if wait == nil {
			return n, from, err
		}
		var timeout <-chan time.Time
		stop := func() bool { return false }
		if !wait.deadline.IsZero() {
			timer := time.NewTimer(time.Until(wait.deadline))
			timeout, stop = timer.C, timer.Stop
		}
		select {
		case <-c.arrived:
		case <-c.done:
		case <-wait.moved:
		case <-timeout:
		}
		stop()
	}
}

// pause is what ends the wait of a reader besides a datagram and Close.
type pause struct {
	deadline time.Time
	moved    <-chan struct{}
}

// poll reads without waiting. A pause instead of nil means that there is nothing to read yet.
func (c *Conn) poll(b []byte) (int, netip.AddrPort, *pause, error) {
	world := c.host.net
	world.mu.Lock()
	defer world.mu.Unlock()
	if c.closed {
		return 0, netip.AddrPort{}, nil, net.ErrClosed
	}
	if !c.deadline.IsZero() && !time.Now().Before(c.deadline) {
		return 0, netip.AddrPort{}, nil, os.ErrDeadlineExceeded
	}
	if c.waiting.len() == 0 {
		return 0, netip.AddrPort{}, &pause{c.deadline, c.moved}, nil
	}
	f := c.waiting.pop()
	if c.waiting.len() > 0 {
		c.wake()
	}
	n, from := copy(b, f.payload), f.src
	world.release(f)
	return n, from, nil, nil
}

// WriteToUDPAddrPort sends one datagram and never waits. As with UDP, success says nothing about what becomes of it. Errors:
// net.ErrClosed, ErrAddress, ErrTooLong.
func (c *Conn) WriteToUDPAddrPort(b []byte, to netip.AddrPort) (int, error) {
	n := c.host.net
	n.mu.Lock()
	defer n.mu.Unlock()
	if c.closed {
		return 0, net.ErrClosed
	}
	if err := sendable(b, to); err != nil {
		return 0, err
	}
	n.depart(n.elapsed(), n.prepare(c.host, c.port, to, b))
	n.wind()
	return len(b), nil
}

// Close closes the socket and ends waiting reads with net.ErrClosed. What waits to be read is lost. Close twice is fine.
func (c *Conn) Close() error {
	c.host.net.mu.Lock()
	defer c.host.net.mu.Unlock()
	c.shut()
	return nil
}

// shut is Close with the network locked.
func (c *Conn) shut() {
	if c.closed {
		return
	}
	c.closed = true
	close(c.done)
	n := c.host.net
	for c.waiting.len() > 0 {
		n.release(c.waiting.pop())
	}
	for i, b := range c.host.sockets {
		if b.port == c.port {
			c.host.sockets = append(c.host.sockets[:i], c.host.sockets[i+1:]...)
			break
		}
	}
	for i, o := range n.clock.conns {
		if o == c {
			n.clock.conns = append(n.clock.conns[:i], n.clock.conns[i+1:]...)
			break
		}
	}
}

// SetReadDeadline makes reads, those that wait now as well, fail with os.ErrDeadlineExceeded from t on; the zero time takes it away.
func (c *Conn) SetReadDeadline(t time.Time) error {
	c.host.net.mu.Lock()
	defer c.host.net.mu.Unlock()
	if c.closed {
		return net.ErrClosed
	}
	c.deadline = t
	close(c.moved)
	c.moved = make(chan struct{})
	return nil
}

// LocalAddrPort is the host's first address, and the port.
func (c *Conn) LocalAddrPort() netip.AddrPort {
	c.host.net.mu.Lock()
	defer c.host.net.mu.Unlock()
	if len(c.host.addrs) == 0 {
		return netip.AddrPortFrom(netip.IPv6Unspecified(), c.port)
	}
	return netip.AddrPortFrom(c.host.addrs[0].addr, c.port)
}

// The rest of net.PacketConn, for code that knows only that.

// ReadFrom is ReadFromUDPAddrPort with the sender as a *net.UDPAddr.
func (c *Conn) ReadFrom(b []byte) (int, net.Addr, error) {
	n, from, err := c.ReadFromUDPAddrPort(b)
	if err != nil {
		return n, nil, err
	}
	return n, net.UDPAddrFromAddrPort(from), nil
}

// WriteTo is WriteToUDPAddrPort; any other address than a *net.UDPAddr is ErrAddress.
func (c *Conn) WriteTo(b []byte, to net.Addr) (int, error) {
	u, ok := to.(*net.UDPAddr)
	if !ok {
		return 0, ErrAddress
	}
	return c.WriteToUDPAddrPort(b, u.AddrPort())
}

// LocalAddr is LocalAddrPort as a *net.UDPAddr.
func (c *Conn) LocalAddr() net.Addr { return net.UDPAddrFromAddrPort(c.LocalAddrPort()) }

// SetDeadline is SetReadDeadline: writing never waits.
func (c *Conn) SetDeadline(t time.Time) error { return c.SetReadDeadline(t) }

// SetWriteDeadline does nothing: writing never waits.
func (c *Conn) SetWriteDeadline(time.Time) error { return nil }
