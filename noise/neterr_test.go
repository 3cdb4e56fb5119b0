package noise

// This file tests that errors keep their meaning and lose their addresses.

import (
	"errors"
	"fmt"
	"net"
	"net/netip"
	"os"
	"strings"
	"syscall"
	"testing"
)

// opError is an error as package net makes them, with the canary on both ends.
func opError(err error) error {
	a := net.UDPAddrFromAddrPort(canary)
	return &net.OpError{Op: "write", Net: "udp", Source: a, Addr: a, Err: err}
}

func TestNetErrorKeepsTheMeaningWithoutTheAddress(t *testing.T) {
	for _, c := range []struct {
		in   error
		want error
	}{
		{net.ErrClosed, ErrClosed},
		{net.ErrClosed, net.ErrClosed},
		{os.NewSyscallError("bind", syscall.EADDRINUSE), ErrPortInUse},
		{os.NewSyscallError("bind", syscall.Errno(10048)), ErrPortInUse},
		{os.NewSyscallError("bind", syscall.EACCES), ErrNoPermission},
		{os.NewSyscallError("sendto", syscall.EPERM), ErrNoPermission},
		{os.NewSyscallError("bind", syscall.EADDRNOTAVAIL), ErrNoLocalAddress},
		{os.NewSyscallError("socket", syscall.EAFNOSUPPORT), ErrNoLocalAddress},
		{os.NewSyscallError("recvfrom", syscall.ECONNREFUSED), ErrUnreachable},
		{os.NewSyscallError("wsarecvfrom", syscall.Errno(10054)), ErrUnreachable},
		{os.NewSyscallError("sendto", syscall.ENETUNREACH), ErrUnreachable},
		{os.NewSyscallError("sendmsg", syscall.EIO), ErrSocket},
		{os.NewSyscallError("sendmsg", syscall.EIO), syscall.EIO},
		{&net.AddrError{Err: "non-IPv4 address", Addr: canary.String()}, ErrSocket},
		{errors.New("dial " + canary.String()), ErrSocket},
		{&net.DNSError{Err: "none", Name: canary.String(), Server: canary.String()}, ErrSocket},
	} {
		err := netError(opError(c.in))
		if !errors.Is(err, c.want) {
			t.Errorf("%T became %v, not %v", c.in, err, c.want)
		}
		text := fmt.Sprintf("%v %+v %#v %s", err, err, err, err)
		if strings.Contains(text, canary.Addr().String()) || strings.Contains(text, "47777") {
			t.Errorf("the address is in %q", text)
		}
	}
	if netError(nil) != nil {
		t.Error("no error became one")
	}
}

func TestListenUDPSaysPlainlyWhatIsWrong(t *testing.T) {
	taken := listen(t, "127.0.0.1:0", UDPOptions{})
	for _, c := range []struct {
		what string
		addr netip.AddrPort
		want error
	}{
		{"a port in use", taken.LocalAddrPort(), ErrPortInUse},
		{"an address of documentation", canary, ErrNoLocalAddress},
		{"no address", netip.AddrPort{}, ErrNoLocalAddress},
	} {
		p, err := ListenUDP(c.addr, UDPOptions{})
		if err == nil {
			_ = p.Close()
			t.Errorf("%s: listening", c.what)
			continue
		}
		if !errors.Is(err, c.want) || strings.Contains(err.Error(), c.addr.Addr().String()) {
			t.Errorf("%s: %v", c.what, err)
		}
	}
}
