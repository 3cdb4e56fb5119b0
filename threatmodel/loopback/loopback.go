// Package loopback is a whole overlay in one process, over real sockets of this machine, under observation: an
// authority whom people join by HTTPS, relays that find and trust each other, and Alice and Bob, whose nodes have no name.
//
// What lab is in virtual time, this is in real time: nothing is simulated but the distance, if asked for. Every
// datagram is counted and searched for canaries where it enters the kernel, every line of every node's log and every
// request to the authority where it arrives; what each role learned is read from these records, not from constants.
//
// The methods of a Network are the chapters of one story, told in this order by one goroutine: Open, Found, Join,
// Link, Guard, Measure, Talk, Restart, Finish, Close.
package loopback

import (
	"context"
	"errors"
	"net"
	"net/netip"
	"os"
	"sync"
	"sync/atomic"
	"time"

	"sotto/overlay/enroll/authority"
	"sotto/threatmodel/lab"
)

// Bounds of a network. Two guards, two second hops and one relay more are what any path needs; above 64 the sockets of one
// process and two processors are what is measured.
const (
	MinPeers = 5
	MaxPeers = 64
)

// Port is the UDP port of relays.
const Port = 4433

// Errors of a network. Those of enrolment and of nodes are wrapped beside them.
var (
	ErrConfig  = errors.New("loopback: peers, delay or loss outside of what it takes")
	ErrSockets = errors.New("loopback: no socket on this machine's own addresses")
	ErrDisk    = errors.New("loopback: no place for temporary files")
	ErrLinks   = errors.New("loopback: not every link came up in time")
	ErrStems   = errors.New("loopback: nodes without a name found no paths in time")
	ErrTalk    = errors.New("loopback: no conversation came about")
)

// Config is what a network is made from.
type Config struct {
	Peers int           // relays, MinPeers to MaxPeers
	Seed  uint64        // decides which datagrams are lost, which relays are seeds, who is killed; keys are always fresh
	Delay time.Duration // per link, one way
	Loss  float64       // share of datagrams lost per link, one way
	Dir   string        // where the directory of temporary files is made; empty: the system's place
	// Brief makes Measure probe every link once only.
	Brief bool
	// CPU, if set, is the processor time that the process has used.
	CPU func() time.Duration
	// OneAddress is for machines that have no loopback address but 127.0.0.1; such machines are recognised, too.
	OneAddress bool
}

// Network is the overlay. It belongs to one goroutine.
type Network struct {
	cfg     Config
	dir     string
	many    bool // every relay has an address of its own
	service net.Listener
	random  *lab.Source

	authority *authority.Authority
	relays    []*node
	alice     *node // without a name, as…
	bob       *node
	persons   []person

	ctx     context.Context // of everything that runs; its cause says what broke
	cancel  context.CancelCauseFunc
	work    sync.WaitGroup // the service
	wire    *wire
	logs    *logbook
	visits  visits
	planted planted
	cells   atomic.Pointer[lab.Sieve] // what is looked for in the cells that relays have opened; nil before the talk
	talk    talk
	closed  bool
}

// Open takes the sockets and makes the directory. It fails with ErrConfig, ErrSockets or ErrDisk.
func Open(cfg Config) (*Network, error) {
	if cfg.Peers < MinPeers || cfg.Peers > MaxPeers || cfg.Delay < 0 || cfg.Loss < 0 || cfg.Loss > 1 {
		return nil, ErrConfig
	}
	n := &Network{cfg: cfg, wire: newWire(), logs: &logbook{}, random: lab.NewSource(cfg.Seed, "loopback")}
	n.ctx, n.cancel = context.WithCancelCause(context.Background())
	if err := n.open(); err != nil {
		return nil, errors.Join(err, n.Close())
	}
	return n, nil
}

func (n *Network) open() error {
	var err error
	if n.dir, err = os.MkdirTemp(n.cfg.Dir, "sotto-demo-"); err != nil {
		return ErrDisk
	}
	if n.service, err = net.Listen("tcp", netip.AddrPortFrom(loopbackAddr, 0).String()); err != nil {
		return ErrSockets
	}
	return n.openSockets()
}

// Close ends everything that still runs and removes the directory. Closing twice is fine.
func (n *Network) Close() error {
	if n.closed {
		return nil
	}
	n.closed = true
	n.cancel(nil)
	err := n.stop()
	n.work.Wait()
	if n.service != nil {
		n.service.Close() // the service has closed it, if it ever ran
	}
	for _, p := range n.persons {
		p.identity.Close()
	}
	if n.authority != nil {
		err = errors.Join(err, n.authority.Close())
	}
	if n.dir != "" && os.RemoveAll(n.dir) != nil {
		err = errors.Join(err, ErrDisk)
	}
	return err
}

// Sockets is how the relays are reached.
type Sockets struct {
	First, Last netip.AddrPort // of the relays; a network of this machine alone has nothing to hide
	OneAddress  bool           // all relays share 127.0.0.1
	Moved       int            // relays whose port was taken, and which got a free one
}

// Sockets tells where the relays are.
func (n *Network) Sockets() Sockets {
	s := Sockets{First: n.relays[0].place, Last: n.relays[len(n.relays)-1].place, OneAddress: !n.many}
	for _, r := range n.relays {
		if r.moved {
			s.Moved++
		}
	}
	return s
}

// cpu is the processor time used so far, or 0.
func (n *Network) cpu() time.Duration {
	if n.cfg.CPU == nil {
		return 0
	}
	return n.cfg.CPU()
}

// join makes ctx end with whatever runs in the network, so that a node that broke ends the waiting.
func (n *Network) join(ctx context.Context) (context.Context, context.CancelFunc) {
	joined, cancel := context.WithCancelCause(ctx)
	stop := context.AfterFunc(n.ctx, func() { cancel(context.Cause(n.ctx)) })
	return joined, func() { stop(); cancel(nil) }
}

// wait reports whether the time went by before ctx ended.
func wait(ctx context.Context, d time.Duration) bool {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-ctx.Done():
		return false
	case <-timer.C:
		return true
	}
}
