package noise

// This file is the pipe over a UDP socket, with whatever batching the system offers.

import (
	"net"
	"net/netip"
)

// socketBufLen is the size in bytes asked for each socket buffer (measured on Linux: it holds 6 500 datagrams, or
// 15 900 in trains, which is 13 ms at half a million a second; the usual 208 KiB hold 166).
const socketBufLen = 4 << 20

// UDPOptions are what a caller may choose about a UDPPipe. The zero value is right for a node.
type UDPOptions struct {
	// Plain keeps the pipe at one datagram a call even where the system could do more, to compare the two.
	Plain bool
}

// UDPPipe is a Pipe over one unconnected UDP socket. On Linux consecutive datagrams to one address leave in one
// system call, and datagrams that came in a train are read in one.
type UDPPipe struct {
	conn        *net.UDPConn
	plain       *PacketPipe
	pipe        Pipe // plain, or the system's batching over it
	readBuffer  int
	writeBuffer int
}

// ListenUDP opens a socket at an address of this machine; port 0 takes a free one. 0.0.0.0 receives IPv4 only, [::]
// both families. It fails with ErrPortInUse, ErrNoPermission, ErrNoLocalAddress or ErrSocket.
func ListenUDP(addr netip.AddrPort, opt UDPOptions) (*UDPPipe, error) {
	if !addr.IsValid() {
		return nil, ErrNoLocalAddress // package net would take it for all addresses
	}
	addr = unmap(addr)
	network := "udp6"
	switch {
	case addr.Addr().Is4():
		network = "udp4"
	case addr.Addr().IsUnspecified():
		network = "udp" // package net makes this socket a dual-stack one
	}
	conn, err := net.ListenUDP(network, net.UDPAddrFromAddrPort(addr))
	if err != nil {
		return nil, netError(err)
	}
	p := &UDPPipe{conn: conn, plain: NewPacketPipe(conn)}
	p.readBuffer, p.writeBuffer = growBuffers(conn)
	p.pipe = p.plain
	if !opt.Plain {
		p.pipe = batching(conn, p.plain)
	}
	return p, nil
}

// Receive implements Pipe.
func (p *UDPPipe) Receive(b *Batch) error { return p.pipe.Receive(b) }

// Send implements Pipe. It blocks while the socket's buffer is full.
func (p *UDPPipe) Send(b *Batch) error { return p.pipe.Send(b) }

// Close closes the socket, which ends a blocked Receive or Send. Twice is fine.
func (p *UDPPipe) Close() error { return p.plain.Close() }

// LocalAddrPort is the address the socket is bound to, never a 4-in-6 one.
func (p *UDPPipe) LocalAddrPort() netip.AddrPort {
	a, ok := p.conn.LocalAddr().(*net.UDPAddr)
	if !ok {
		return netip.AddrPort{}
	}
	return unmap(a.AddrPort())
}

// Stats returns the counters, which kinds of batching are in use, and the socket buffers that the system granted.
func (p *UDPPipe) Stats() PipeStats {
	s := p.plain.Stats()
	s.ReadBuffer, s.WriteBuffer = p.readBuffer, p.writeBuffer
	return s
}
