package noise

// This file is UDP as only Linux has it: trains of datagrams that cross into the kernel and back in one call.

import (
	"encoding/binary"
	"errors"
	"net"
	"net/netip"
	"syscall"

	"golang.org/x/sys/unix"
)

// controlLen is room in bytes for the control messages of one read: UDP_GRO's takes 24.
const controlLen = 64

// trainConn is the part of *net.UDPConn that takes control messages.
type trainConn interface {
	ReadMsgUDPAddrPort(b, oob []byte) (n, oobn, flags int, from netip.AddrPort, err error)
	WriteMsgUDPAddrPort(b, oob []byte, to netip.AddrPort) (n, oobn int, err error)
}

// trainPipe is a Pipe with UDP_SEGMENT and UDP_GRO (udp(7)). All of its counters are those of plain.
type trainPipe struct {
	conn    trainConn
	plain   *PacketPipe
	segment []byte           // the control message of every train sent; never written after the start
	control [controlLen]byte // the receiver's
}

// batching gives the pipe that makes the most of what the kernel has: UDP_SEGMENT since Linux 4.18, UDP_GRO since 5.0.
func batching(conn *net.UDPConn, plain *PacketPipe) Pipe {
	raw, err := conn.SyscallConn()
	if err != nil {
		return plain
	}
	var segErr, groErr error
	if err := raw.Control(func(fd uintptr) {
		_, segErr = unix.GetsockoptInt(int(fd), unix.SOL_UDP, unix.UDP_SEGMENT)
		groErr = unix.SetsockoptInt(int(fd), unix.SOL_UDP, unix.UDP_GRO, 1)
	}); err != nil {
		return plain
	}
	plain.count.segmenting.Store(segErr == nil)
	plain.count.coalescing.Store(groErr == nil)
	if segErr != nil && groErr != nil {
		return plain
	}
	return &trainPipe{conn: conn, plain: plain, segment: appendSegmentSize(nil, DatagramLen)}
}

// Send implements Pipe: every run of datagrams to one address is one call.
func (p *trainPipe) Send(b *Batch) error {
	for i := 0; i < b.n; {
		end, data := b.run(i)
		if err := p.sendRun(b, i, end, data); err != nil {
			return err
		}
		i = end
	}
	return nil
}

// sendRun sends datagrams i ≤ j < end of b, whose bytes are data, and which all go to one address.
func (p *trainPipe) sendRun(b *Batch, i, end int, data []byte) error {
	if end-i == 1 || !p.plain.count.segmenting.Load() {
		_, err := p.plain.sendRange(b, i, end)
		return err
	}
	_, _, err := p.conn.WriteMsgUDPAddrPort(data, p.segment, b.addrs[i])
	if err == nil {
		p.plain.count.sent.Add(uint64(end - i))
		return nil
	}
	if fault := sendFault(err); fault != nil {
		return fault
	}
	// The kernel takes a train whole or not at all. One by one the datagrams either go, or show that the address is
	// at fault: a peer that announces port 0 (EINVAL) must not cost everybody else the batching.
	taken, fault := p.plain.sendRange(b, i, end)
	if taken > 0 && segmentFault(err) {
		p.plain.count.segmenting.Store(false)
	}
	return fault
}

// segmentFault reports whether an error may mean that this kernel or device can't segment: EIO comes from devices
// without checksum offload and from IPsec.
func segmentFault(err error) bool {
	for _, no := range []syscall.Errno{unix.EIO, unix.EINVAL, unix.ENOPROTOOPT, unix.EOPNOTSUPP} {
		if errors.Is(err, no) {
			return true
		}
	}
	return false
}

// Receive implements Pipe: the batch gets one train, as long as the kernel made it.
func (p *trainPipe) Receive(b *Batch) error {
	b.Reset()
	for faults := 0; b.n == 0; {
		n, oobn, flags, from, err := p.conn.ReadMsgUDPAddrPort(b.buf[:], p.control[:])
		if err != nil {
			if err := p.plain.readFault(err, &faults); err != nil {
				return err
			}
			continue
		}
		faults = 0
		size, ok := parseSegmentSize(p.control[:oobn])
		switch {
		case !ok || flags&(unix.MSG_TRUNC|unix.MSG_CTRUNC) != 0:
			p.plain.count.droppedSize.Add(1) // where its datagrams begin and end is unknown
			continue
		case size == 0:
			size = max(n, 1)
		}
		p.plain.count.droppedSize.Add(uint64(b.split(n, size, unmap(from))))
	}
	p.plain.count.received.Add(uint64(b.n))
	return nil
}

// split makes b's datagrams of the n bytes at the start of its buffer, which came from one address as segments of
// size bytes, the last perhaps shorter. Only segments of DatagramLen are datagrams of ours, and that may be the last
// one behind strangers that were larger. It returns how many it dropped: the others, and those behind BatchLen,
// which no train of ours has.
func (b *Batch) split(n, size int, from netip.AddrPort) (dropped int) {
	if n == 0 {
		return 1
	}
	for at := 0; at < n; at += size {
		segment := b.buf[at:min(at+size, n)]
		if len(segment) != DatagramLen || b.Full() {
			dropped++
			continue
		}
		if d := b.Next(from); at != (b.n-1)*DatagramLen {
			copy(d, segment) // never overtakes at: slots so far ≤ segments so far, and an odd one is the last
		}
	}
	return dropped
}

// appendSegmentSize appends the control message that asks the kernel to cut a payload into datagrams of size bytes.
func appendSegmentSize(b []byte, size uint16) []byte {
	msg := make([]byte, unix.CmsgSpace(2))
	h := unix.Cmsghdr{Level: unix.SOL_UDP, Type: unix.UDP_SEGMENT}
	h.SetLen(unix.CmsgLen(2))
	_, _ = binary.Encode(msg, binary.NativeEndian, h) // fails only without room
	binary.NativeEndian.PutUint16(msg[unix.CmsgLen(0):], size)
	return append(b, msg...)
}

// parseSegmentSize reads the control messages that came with a read. The size is 0 when the kernel says nothing of
// segments: the payload is one datagram then. It is false for messages that can't be understood.
func parseSegmentSize(b []byte) (size int, ok bool) {
	for len(b) > 0 {
		if len(b) < unix.SizeofCmsghdr {
			return 0, false // the parser below would read past the end
		}
		h, data, rest, err := unix.ParseOneSocketControlMessage(b)
		if err != nil {
			return 0, false
		}
		if h.Level == unix.SOL_UDP && h.Type == unix.UDP_GRO {
			if size != 0 || len(data) != 4 {
				return 0, false
			}
			v := int32(binary.NativeEndian.Uint32(data))
			if v <= 0 || v > batchBufLen {
				return 0, false
			}
			size = int(v)
		}
		b = rest
	}
	return size, true
}

// growBuffers asks for larger socket buffers, past the system's limit where the process may, and returns what was
// granted. The kernel doubles the figure for its own bookkeeping and reports it so; here it is halved again.
func growBuffers(conn *net.UDPConn) (read, write int) {
	raw, err := conn.SyscallConn()
	if err != nil {
		return 0, 0
	}
	grow := func(fd int, force, plain int) int {
		if unix.SetsockoptInt(fd, unix.SOL_SOCKET, force, socketBufLen) != nil {
			// Cut to the system's limit without an error, so the result says more than this call's.
			_ = unix.SetsockoptInt(fd, unix.SOL_SOCKET, plain, socketBufLen)
		}
		granted, err := unix.GetsockoptInt(fd, unix.SOL_SOCKET, plain)
		if err != nil {
			return 0
		}
		return granted / 2
	}
	if err := raw.Control(func(fd uintptr) {
		read = grow(int(fd), unix.SO_RCVBUFFORCE, unix.SO_RCVBUF)
		write = grow(int(fd), unix.SO_SNDBUFFORCE, unix.SO_SNDBUF)
	}); err != nil {
		return 0, 0
	}
	return read, write
}
