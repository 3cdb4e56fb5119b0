package threatmodel

import (
	"context"
	"fmt"
	"io"
	"log/slog"
	"net/netip"
	"sync"
	"time"

	"sotto/internal/simnet"
	"sotto/noise"
	"sotto/overlay"
	"sotto/overlay/enroll/document"
	"sotto/overlay/link"
	"sotto/overlay/peer"
	"sotto/threatmodel/lab"
)

// Nodes of the scene of P18 in operation, with a log at the most verbose level and no net under it: two relays and an
// anonymous node that link up, talk, lose each other and end. It takes real time, a second or two.

// keptDays is a store of days that lasts as long as the scene.
type keptDays struct {
	mu   sync.Mutex
	days map[uint32]overlay.Day
}

// Day implements overlay.Days.
func (k *keptDays) Day(period uint32) (overlay.Day, bool, error) {
	k.mu.Lock()
	defer k.mu.Unlock()
	d, ok := k.days[period]
	return d, ok, nil
}

// KeepDay implements overlay.Days.
func (k *keptDays) KeepDay(d overlay.Day) error {
	k.mu.Lock()
	defer k.mu.Unlock()
	k.days[d.Daily().Period()] = d
	return nil
}

// Format prints a fixed text: what it keeps is not for logs.
func (*keptDays) Format(f fmt.State, _ rune) { io.WriteString(f, "[days]") }

// runNodes runs the nodes and hears what they log and show.
func (s *leakScene) runNodes(ctx context.Context) error {
	o, err := s.people[0].Document()
	if err != nil {
		return err
	}
	seed, err := o.Descriptor(s.pairs[0])
	if err != nil {
		return err
	}
	n := simnet.New(simnet.Config{Seed: leakSeed, Link: simnet.Link{Latency: time.Millisecond}})
	defer n.Close()
	third := netip.MustParseAddrPort("45.77.9.9:41979")
	s.plant(lab.PlantAddr("address of an anonymous node", third.Addr()))
	hosts := []*simnet.Host{
		n.Host(s.addrs[0].Addr(), netip.MustParseAddr("2001:470:c0de:78::cb")),
		n.Host(netip.MustParseAddr("45.78.1.202"), s.addrs[1].Addr()),
		n.Host(third.Addr()),
	}
	ctx, cancel := context.WithTimeout(ctx, 10*time.Second)
	defer cancel()
	var nodes []*overlay.Node
	var running sync.WaitGroup
	defer running.Wait()
	defer cancel()
	for i, port := range []uint16{s.addrs[0].Port(), s.addrs[1].Port(), third.Port()} {
		node, err := s.node(hosts[i], port, i, o, seed)
		if err != nil {
			return err
		}
		nodes = append(nodes, node)
		running.Go(func() {
			if err := node.Run(ctx); err != nil {
				s.hear("errors", "a node that ended", []byte(err.Error()))
			}
		})
	}
	for _, node := range nodes {
		if err := linkedSoon(ctx, node); err != nil {
			return err
		}
	}
	for _, node := range nodes {
		cell := make([]byte, noise.FrameLen)
		cell[0] = byte(link.KindCell)
		copy(cell[1:], s.names[0])
		for _, i := range node.Neighbors() {
			if err := node.Send(i.Neighbor, cell); err != nil {
				return err
			}
			s.print(i)
		}
		s.print(node.Status())
		s.print(node)
	}
	hosts[0].Unplug()
	nodes[1].Measure(ctx, 1, 0)
	return nil
}

// linkedSoon waits for a node's first link.
func linkedSoon(ctx context.Context, n *overlay.Node) error {
	tick := time.NewTicker(10 * time.Millisecond)
	defer tick.Stop()
	for len(n.Neighbors()) == 0 {
		select {
		case <-ctx.Done():
			return errNoLink
		case <-tick.C:
		}
	}
	return nil
}

// node makes relay 0, relay 1, or the anonymous node.
func (s *leakScene) node(host *simnet.Host, port uint16, i int, o document.Overlay, seed *peer.Descriptor) (*overlay.Node, error) {
	conn, err := host.Listen(port)
	if err != nil {
		return nil, err
	}
	pipe := noise.NewPacketPipe(conn)
	log := slog.NewTextHandler(s.writer("logs", "a node's log"), &slog.HandlerOptions{AddSource: true, Level: slog.Level(-100)})
	cfg := overlay.Config{
		Role: overlay.Anonymous, Overlay: o.ID(), Calendar: o.Calendar(), Trust: o, Document: o.Hash(), Seeds: []*peer.Descriptor{seed},
		Pipe: pipe, ClosePipe: pipe.Close, Log: slog.New(log), Cells: func(link.Neighbor, bool, []byte) {},
	}
	if i < len(s.pairs) {
		cfg.Role = overlay.Relay
		signing, static, err := s.people[i].Peer(0)
		if err != nil {
			return nil, err
		}
		key, err := s.people[i].LinkKey()
		if err != nil {
			return nil, err
		}
		daily := s.pairs[i].Daily
		cfg.Identity = &overlay.Identity{
			Static: static, Signing: signing, Link: key, FreshLink: true, Roles: daily.Roles(), Addresses: daily.Addresses(),
			Days: &keptDays{days: map[uint32]overlay.Day{0: overlay.NewDay(daily, [32]byte{1})}},
		}
		cfg.MaxClients = 10
		s.print(*cfg.Identity)
	}
	s.print(cfg)
	return overlay.New(cfg)
}
