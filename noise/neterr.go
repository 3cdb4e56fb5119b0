package noise

// This file turns what the operating system says about sockets into sentinels. The errors of package net print both
// ends of a conversation, so none of them leaves this package, not even wrapped.

import (
	"errors"
	"fmt"
	"net"
	"syscall"
)

// Errors of sockets and pipes, matched with errors.Is. None names an address. A fault of a kind not listed here is
// ErrSocket, followed by the operating system's number for it.
var (
	// ErrClosed says that the pipe was closed on this side; it is net.ErrClosed too.
	ErrClosed = fmt.Errorf("noise: closed pipe: %w", net.ErrClosed)
	// ErrPortInUse says that another process has the UDP port.
	ErrPortInUse = errors.New("noise: port in use")
	// ErrNoPermission says that the system forbids the port, or a firewall the datagram.
	ErrNoPermission = errors.New("noise: not permitted")
	// ErrNoLocalAddress says that the address to listen on is not one of this machine.
	ErrNoLocalAddress = errors.New("noise: address is not on this machine")
	// ErrUnreachable says that the network has no way to the other side, or that nobody listens there.
	ErrUnreachable = errors.New("noise: unreachable")
	// ErrSocket is any other fault of the local socket.
	ErrSocket = errors.New("noise: socket fault")

	// errMessageSize is a datagram that was too large for the path, or for the buffer it was read into.
	errMessageSize = errors.New("noise: datagram size")
)

// errnoKinds gives the meaning of the systems' error numbers. Those from 10000 on are Winsock's (Microsoft, "Windows
// Sockets Error Codes"): syscall has no names for most of them, and its E… names on Windows are other numbers, so
// both kinds stand in one table for all systems.
var errnoKinds = map[syscall.Errno]error{
	syscall.EADDRINUSE: ErrPortInUse, 10048: ErrPortInUse,
	syscall.EACCES: ErrNoPermission, syscall.EPERM: ErrNoPermission, 10013: ErrNoPermission,
	syscall.EADDRNOTAVAIL: ErrNoLocalAddress, 10049: ErrNoLocalAddress,
	syscall.EAFNOSUPPORT: ErrNoLocalAddress, 10047: ErrNoLocalAddress,
	syscall.ECONNREFUSED: ErrUnreachable, 10061: ErrUnreachable,
	syscall.ECONNRESET: ErrUnreachable, 10054: ErrUnreachable,
	syscall.ENETUNREACH: ErrUnreachable, 10051: ErrUnreachable,
	syscall.EHOSTUNREACH: ErrUnreachable, 10065: ErrUnreachable,
	syscall.ENETDOWN: ErrUnreachable, 10050: ErrUnreachable,
	syscall.ENETRESET: ErrUnreachable, 10052: ErrUnreachable,
	syscall.EHOSTDOWN: ErrUnreachable, 10064: ErrUnreachable,
	syscall.EMSGSIZE: errMessageSize, 10040: errMessageSize,
}

// netError gives the sentinel for an error of package net or syscall, and nil for nil.
func netError(err error) error {
	if err == nil {
		return nil
	}
	if errors.Is(err, net.ErrClosed) {
		return ErrClosed
	}
	var no syscall.Errno
	if !errors.As(err, &no) {
		return ErrSocket // its text may hold an address
	}
	if kind, ok := errnoKinds[no]; ok {
		return kind
	}
	return fmt.Errorf("%w: %w", ErrSocket, no)
}
