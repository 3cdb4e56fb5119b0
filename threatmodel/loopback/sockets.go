package loopback

// The sockets: one address and so one network for every relay where the machine has many loopback addresses, one port
// for every relay where it has one.

import (
	"context"
	"net"
	"net/netip"
	"time"

	"sotto/overlay/peer"
)

var (
	loopbackAddr = netip.AddrFrom4([4]byte{127, 0, 0, 1})
	// Alice and Bob are in no relay's network.
	aliceAddr = netip.AddrFrom4([4]byte{127, 200, 0, 1})
	bobAddr   = netip.AddrFrom4([4]byte{127, 201, 0, 1})
)

// openSockets makes the relays and the anonymous nodes with their sockets.
func (n *Network) openSockets() error {
	n.many = !n.cfg.OneAddress && manyAddresses()
	for i := 1; i <= n.cfg.Peers; i++ {
		r := &node{number: i, record: newRecord(), sight: &sight{}}
		wanted := netip.AddrPortFrom(netip.AddrFrom4([4]byte{127, byte(i), 0, 1}), Port)
		if !n.many {
			wanted = netip.AddrPortFrom(loopbackAddr, Port+uint16(i))
			r.declared = peer.DeclaredPrefix{127, byte(i)}
		}
		if err := r.listen(wanted); err != nil {
			return err
		}
		n.relays = append(n.relays, r)
	}
	for _, user := range []struct {
		made    **node
		address netip.Addr
	}{{&n.alice, aliceAddr}, {&n.bob, bobAddr}} {
		address := user.address
		if !n.many {
			address = loopbackAddr
		}
		d := &node{record: newRecord(), keeper: &keeper{}}
		if err := d.listen(netip.AddrPortFrom(address, 0)); err != nil {
			return err
		}
		*user.made = d
	}
	return nil
}

// manyAddresses reports whether all of 127.0.0.0/8 is this machine's, as on Linux and Windows.
func manyAddresses() bool {
	for _, a := range []netip.Addr{netip.AddrFrom4([4]byte{127, MaxPeers, 0, 1}), aliceAddr, bobAddr} {
		conn, err := net.ListenUDP("udp4", net.UDPAddrFromAddrPort(netip.AddrPortFrom(a, 0)))
		if err != nil {
			return false
		}
		conn.Close()
	}
	return true
}

// listen opens the socket where it is wanted, or else at a free port of the same address.
func (d *node) listen(wanted netip.AddrPort) error {
	conn, err := net.ListenUDP("udp4", net.UDPAddrFromAddrPort(wanted))
	if err != nil {
		conn, err = net.ListenUDP("udp4", net.UDPAddrFromAddrPort(netip.AddrPortFrom(wanted.Addr(), 0)))
		d.moved = true
	}
	if err != nil {
		return ErrSockets
	}
	return d.take(conn)
}

// listenAgain opens the socket of a node that has ended, at the same address. Another program may have taken the port
// meanwhile, for a moment.
func (d *node) listenAgain(ctx context.Context) error {
	for limit := time.Now().Add(linkTime); ; {
		conn, err := net.ListenUDP("udp4", net.UDPAddrFromAddrPort(d.place))
		if err == nil {
			return d.take(conn)
		}
		if time.Now().After(limit) || !wait(ctx, look) {
			return ErrSockets
		}
	}
}

func (d *node) take(conn *net.UDPConn) error {
	local, ok := conn.LocalAddr().(*net.UDPAddr)
	if !ok {
		conn.Close()
		return ErrSockets
	}
	a := local.AddrPort()
	d.place, d.conn = netip.AddrPortFrom(a.Addr().Unmap(), a.Port()), conn
	return nil
}
