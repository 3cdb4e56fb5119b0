package noise

// This file is the plain pipe: one datagram a call, over anything that sends and receives packets.

import (
	"errors"
	"net"
	"net/netip"
	"sync/atomic"
	"syscall"
)

// PacketConn is what the plain path needs of a socket: *net.UDPConn has it, and so has any stand-in that keeps the
// same contract (one packet a call, the rest of a packet longer than the buffer is lost, net.ErrClosed after Close).
type PacketConn interface {
	ReadFromUDPAddrPort(b []byte) (int, netip.AddrPort, error)
	WriteToUDPAddrPort(b []byte, to netip.AddrPort) (int, error)
	Close() error
}

// maxReadFaults is how many errors in a row that the network did not cause Receive takes before it calls the socket
// broken (ours: enough to outlive a moment without memory, too few to spin).
const maxReadFaults = 64

// PipeStats counts the datagrams of a pipe since it was made.
type PipeStats struct {
	Received    uint64 // given to Receive's caller
	Sent        uint64 // taken by the system
	DroppedSize uint64 // came in with a size other than DatagramLen, or behind the BatchLen-th of one train
	DroppedSend uint64 // refused by the system
	Segmenting  bool   // whether trains leave in one call (UDP_SEGMENT)
	Coalescing  bool   // whether trains may come in one call (UDP_GRO)
	ReadBuffer  int    // granted socket buffer in bytes; 0 if unknown
	WriteBuffer int    // likewise
}

// counters are the moving part of PipeStats. Receiver, senders and whoever reads the figures share them.
type counters struct {
	received, sent, droppedSize, droppedSend atomic.Uint64
	segmenting, coalescing                   atomic.Bool
}

// stats takes a reading; the figures are each exact but not of one instant.
func (c *counters) stats() PipeStats {
	return PipeStats{
		Received:    c.received.Load(),
		Sent:        c.sent.Load(),
		DroppedSize: c.droppedSize.Load(),
		DroppedSend: c.droppedSend.Load(),
		Segmenting:  c.segmenting.Load(),
		Coalescing:  c.coalescing.Load(),
	}
}

// PacketPipe is a Pipe over a PacketConn with one datagram a call. It works everywhere and is fast enough for a
// thousand calls; a relay on Linux gains from UDPPipe.
type PacketPipe struct {
	conn  PacketConn
	count counters
}

// NewPacketPipe makes a pipe of conn, which is the pipe's from now on.
func NewPacketPipe(conn PacketConn) *PacketPipe { return &PacketPipe{conn: conn} }

// Receive implements Pipe: the batch gets one datagram.
func (p *PacketPipe) Receive(b *Batch) error {
	b.Reset()
	for faults := 0; ; {
		// One byte more than a datagram shows those that are too long.
		n, from, err := p.conn.ReadFromUDPAddrPort(b.buf[:DatagramLen+1])
		switch {
		case err != nil:
			if err := p.readFault(err, &faults); err != nil {
				return err
			}
		case n != DatagramLen:
			faults = 0
			p.count.droppedSize.Add(1)
		default:
			b.addrs[0], b.n = unmap(from), 1
			p.count.received.Add(1)
			return nil
		}
	}
}

// Send implements Pipe.
func (p *PacketPipe) Send(b *Batch) error {
	_, err := p.sendRange(b, 0, b.n)
	return err
}

// sendRange sends datagrams i ≤ j < end of b one by one and says how many the system took.
func (p *PacketPipe) sendRange(b *Batch, i, end int) (taken int, err error) {
	for ; i < end; i++ {
		to, d := b.At(i)
		if _, werr := p.conn.WriteToUDPAddrPort(d, to); werr != nil {
			if err = sendFault(werr); err != nil {
				break
			}
			p.count.droppedSend.Add(1)
			continue
		}
		taken++
	}
	p.count.sent.Add(uint64(taken))
	return taken, err
}

// Close closes the conn, which ends a blocked Receive. Twice is fine.
func (p *PacketPipe) Close() error {
	if err := p.conn.Close(); err != nil && !errors.Is(err, net.ErrClosed) {
		return netError(err)
	}
	return nil
}

// Stats returns the counters.
func (p *PacketPipe) Stats() PipeStats { return p.count.stats() }

// readFault judges an error of reading: nil means to go on. Whatever the network can cause must never end a pipe, or
// a stranger could end it: Windows, for one, reports a port unreachable as a reset connection on the next read.
func (p *PacketPipe) readFault(err error, faults *int) error {
	switch e := netError(err); e {
	case ErrUnreachable:
		return nil
	case errMessageSize: // how Windows tells of a datagram longer than the buffer
		p.count.droppedSize.Add(1)
		return nil
	case ErrClosed:
		return e
	default:
		if *faults++; *faults < maxReadFaults {
			return nil
		}
		return e
	}
}

// sendFault judges an error of writing: nil means that this datagram is lost and the next may do better.
func sendFault(err error) error {
	if errors.Is(err, net.ErrClosed) {
		return ErrClosed
	}
	var no syscall.Errno
	if errors.As(err, &no) && brokenSocket(no) {
		return netError(err)
	}
	return nil
}

// brokenSocket reports whether no later call on the socket can succeed.
func brokenSocket(no syscall.Errno) bool {
	const wsaNotSock = 10038
	return no == syscall.EBADF || no == syscall.ENOTSOCK || no == syscall.EPIPE || no == wsaNotSock
}
