package noise

// This file tests the plain path against a socket that fails in every way the network and the system know.

import (
	"bytes"
	"errors"
	"net"
	"net/netip"
	"os"
	"strings"
	"syscall"
	"testing"
)

// scriptConn is a PacketConn that plays reads and write errors from a script and keeps what was written.
type scriptConn struct {
	reads     []read  // then net.ErrClosed
	writeErrs []error // then nil
	written   [][]byte
	tos       []netip.AddrPort
}

// read is one result of reading: a payload of so many bytes, or an error.
type read struct {
	n   int
	err error
}

func (c *scriptConn) ReadFromUDPAddrPort(b []byte) (int, netip.AddrPort, error) {
	if len(c.reads) == 0 {
		return 0, netip.AddrPort{}, opError(net.ErrClosed)
	}
	r := c.reads[0]
	c.reads = c.reads[1:]
	if r.err != nil {
		return 0, netip.AddrPort{}, opError(r.err)
	}
	return copy(b, bytes.Repeat([]byte{byte(r.n)}, r.n)), canary, nil
}

func (c *scriptConn) WriteToUDPAddrPort(b []byte, to netip.AddrPort) (int, error) {
	var err error
	if len(c.writeErrs) > 0 {
		err, c.writeErrs = c.writeErrs[0], c.writeErrs[1:]
	}
	if err != nil {
		return 0, opError(err)
	}
	c.written, c.tos = append(c.written, bytes.Clone(b)), append(c.tos, to)
	return len(b), nil
}

func (c *scriptConn) Close() error { return opError(net.ErrClosed) }

// errno is an error of a system call as package net wraps it.
func errno(no syscall.Errno) error { return os.NewSyscallError("call", no) }

func TestNothingTheNetworkSaysEndsReceive(t *testing.T) {
	conn := &scriptConn{}
	for range 10 * maxReadFaults {
		for _, no := range []syscall.Errno{
			syscall.ECONNREFUSED, syscall.ENETUNREACH, syscall.EHOSTUNREACH, syscall.EMSGSIZE, 10054, 10040,
		} {
			conn.reads = append(conn.reads, read{err: errno(no)})
		}
	}
	conn.reads = append(conn.reads, read{n: DatagramLen})
	var b Batch
	p := NewPacketPipe(conn)
	if err := p.Receive(&b); err != nil || b.Len() != 1 {
		t.Fatalf("%d datagrams, %v", b.Len(), err)
	}
	if a, d := b.At(0); a != canary || !bytes.Equal(d, bytes.Repeat([]byte{0}, DatagramLen)) {
		t.Fatal("another datagram than was sent")
	}
	if err := p.Receive(&b); !errors.Is(err, net.ErrClosed) || !errors.Is(err, ErrClosed) || b.Len() != 0 {
		t.Fatalf("%d datagrams, %v after closing", b.Len(), err)
	}
}

func TestPlainReceiveSkipsAndCountsForeignSizes(t *testing.T) {
	conn := &scriptConn{}
	for _, n := range []int{0, 1, DatagramLen - 1, DatagramLen + 1, 2 * DatagramLen, DatagramLen} {
		conn.reads = append(conn.reads, read{n: n})
	}
	var b Batch
	p := NewPacketPipe(conn)
	if err := p.Receive(&b); err != nil || b.Len() != 1 || len(conn.reads) != 0 {
		t.Fatalf("%d datagrams, %d reads left, %v", b.Len(), len(conn.reads), err)
	}
	if s := p.Stats(); s.DroppedSize != 5 || s.Received != 1 {
		t.Fatalf("counted %+v", s)
	}
}

func TestReceiveGivesUpOnABrokenSocketOnly(t *testing.T) {
	fault := read{err: errno(syscall.ENOMEM)}
	conn := &scriptConn{}
	for range maxReadFaults - 1 {
		conn.reads = append(conn.reads, fault)
	}
	conn.reads = append(conn.reads, read{n: DatagramLen})
	for range maxReadFaults {
		conn.reads = append(conn.reads, fault)
	}
	var b Batch
	p := NewPacketPipe(conn)
	if err := p.Receive(&b); err != nil || b.Len() != 1 {
		t.Fatalf("%d datagrams, %v after a passing fault", b.Len(), err)
	}
	err := p.Receive(&b)
	if !errors.Is(err, ErrSocket) || errors.Is(err, ErrClosed) || strings.Contains(err.Error(), "198.51") {
		t.Fatalf("%v from a broken socket", err)
	}
}

func TestSendLosesOnlyTheDatagramsThatCantGo(t *testing.T) {
	lost := []error{
		errno(syscall.ENETUNREACH), nil, errno(syscall.EMSGSIZE), errno(syscall.EPERM), errno(syscall.ECONNREFUSED),
		errno(syscall.EINVAL), &net.AddrError{Err: "non-IPv4 address", Addr: canary.String()}, errno(syscall.ENOBUFS), nil,
	}
	conn := &scriptConn{writeErrs: lost}
	p := NewPacketPipe(conn)
	var to []netip.AddrPort
	for range lost {
		to = append(to, canary)
	}
	if err := p.Send(filled(to...)); err != nil {
		t.Fatal(err)
	}
	if len(conn.written) != 2 || !bytes.Equal(conn.written[0], numbered(1)) || !bytes.Equal(conn.written[1], numbered(8)) {
		t.Fatalf("%d datagrams went", len(conn.written))
	}
	if s := p.Stats(); s.Sent != 2 || s.DroppedSend != 7 {
		t.Fatalf("counted %+v", s)
	}
}

func TestSendEndsWithTheSocket(t *testing.T) {
	for _, c := range []struct{ in, want error }{{net.ErrClosed, ErrClosed}, {errno(syscall.EBADF), ErrSocket}} {
		conn := &scriptConn{writeErrs: []error{nil, c.in}}
		p := NewPacketPipe(conn)
		err := p.Send(filled(canary, canary, canary))
		if !errors.Is(err, c.want) || strings.Contains(err.Error(), "198.51") {
			t.Errorf("%v became %v", c.in, err)
		}
		if s := p.Stats(); len(conn.written) != 1 || s.Sent != 1 {
			t.Errorf("%d written, counted %+v", len(conn.written), s)
		}
	}
}

func TestClosingAClosedPipeIsFine(t *testing.T) {
	if err := NewPacketPipe(&scriptConn{}).Close(); err != nil {
		t.Fatal(err)
	}
}
