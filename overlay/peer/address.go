// Socket addresses of peers, in one encoding, without those nobody can be dialled at.

package peer

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"log/slog"
	"net/netip"
	"slices"
)

// ErrAddress is returned for a socket address that no peer can be dialled at.
var ErrAddress = errors.New("peer: unusable socket address")

const (
	// addressLen is kind, 16 bytes of address, port. A fixed length keeps one form per address and tells no
	// reader of lengths which kind a peer has.
	addressLen  = 1 + 16 + 2
	addressIPv4 = 4
	addressIPv6 = 6
)

// Address is the socket address of a peer: unicast, IPv4 or IPv6, with a port, without a zone. It does not
// print itself.
type Address struct{ b [addressLen]byte }

// NewAddress fails with ErrAddress for port 0, a zone, and addresses that are unspecified, multicast, link-local,
// reserved (0/8 and 240/4, ::/8 but for ::1), or IPv4 written as IPv6: the last would let one host count as two.
func NewAddress(ap netip.AddrPort) (Address, error) {
	ip := ap.Addr()
	if !ap.IsValid() || ap.Port() == 0 || ip.Zone() != "" || !dialable(ip) {
		return Address{}, ErrAddress
	}
	var a Address
	if ip.Is4() {
		a.b[0] = addressIPv4
	} else {
		a.b[0] = addressIPv6
	}
	copy(a.b[1:17], ip.AsSlice())
	binary.BigEndian.PutUint16(a.b[17:], ap.Port())
	return a, nil
}

// dialable is the table of NewAddress, by RFC 6890 and RFC 4291.
func dialable(ip netip.Addr) bool {
	// Is4In6 is more than ::/8, since netip takes ::ffff:127.0.0.1 for loopback.
	if ip.IsUnspecified() || ip.IsMulticast() || ip.IsLinkLocalUnicast() || ip.Is4In6() {
		return false
	}
	first := ip.AsSlice()[0]
	if ip.Is4() {
		return first != 0 && first < 240
	}
	return first != 0 || ip.IsLoopback()
}

// parseAddress reads addressLen bytes; what does not come back from NewAddress the same is refused.
func parseAddress(b []byte) (Address, error) {
	var ip netip.Addr
	switch b[0] {
	case addressIPv4:
		ip = netip.AddrFrom4([4]byte(b[1:5]))
	case addressIPv6:
		ip = netip.AddrFrom16([16]byte(b[1:17]))
	default:
		return Address{}, ErrAddress
	}
	a, err := NewAddress(netip.AddrPortFrom(ip, binary.BigEndian.Uint16(b[17:])))
	if err != nil || !bytes.Equal(a.b[:], b) {
		return Address{}, ErrAddress
	}
	return a, nil
}

// AddrPort returns the address for the socket; its type prints itself, so it stays away from errors and logs.
func (a Address) AddrPort() netip.AddrPort {
	port := binary.BigEndian.Uint16(a.b[17:])
	switch a.b[0] {
	case addressIPv4:
		return netip.AddrPortFrom(netip.AddrFrom4([4]byte(a.b[1:5])), port)
	case addressIPv6:
		return netip.AddrPortFrom(netip.AddrFrom16([16]byte(a.b[1:17])), port)
	}
	return netip.AddrPort{}
}

// notPublic are networks of the registries of special addresses (RFC 6890) that hosts are dialled in, and IPv6 that
// has an IPv4 address inside, which may be any.
var notPublic = []netip.Prefix{
	netip.MustParsePrefix("100.64.0.0/10"), netip.MustParsePrefix("192.0.0.0/24"), netip.MustParsePrefix("198.18.0.0/15"),
	netip.MustParsePrefix("fec0::/10"), netip.MustParsePrefix("2001::/32"), netip.MustParsePrefix("2002::/16"),
}

// IsPublic reports whether the address can be one of the public internet: not loopback, private (RFC 1918, RFC
// 4193) or behind a carrier's NAT (RFC 6598). A node on the internet dials no other, or a descriptor could send
// its datagrams into its own network.
func (a Address) IsPublic() bool {
	ip := a.AddrPort().Addr()
	if !ip.IsValid() || ip.IsLoopback() || ip.IsPrivate() {
		return false
	}
	return !slices.ContainsFunc(notPublic, func(p netip.Prefix) bool { return p.Contains(ip) })
}

// IsLoopback reports whether the address is one of this machine.
func (a Address) IsLoopback() bool { return a.AddrPort().Addr().IsLoopback() }

// Compare orders addresses by kind, address, port: -1, 0 or +1.
func (a Address) Compare(b Address) int { return bytes.Compare(a.b[:], b.b[:]) }

// Prefix returns the network that counts as one place in a path: /16 of IPv4, /32 of IPv6 (protocol §3).
func (a Address) Prefix() NetPrefix {
	p := NetPrefix{kind: a.b[0]}
	if a.b[0] == addressIPv4 {
		copy(p.b[:2], a.b[1:3])
	} else {
		copy(p.b[:], a.b[1:5])
	}
	return p
}

// Format prints a fixed text for every verb.
func (a Address) Format(s fmt.State, _ rune) { redact(s, "[address]") }

// LogValue logs a fixed text.
func (a Address) LogValue() slog.Value { return slog.StringValue("[address]") }

// NetPrefix names a network, for comparing with == and for counting. Two peers of one NetPrefix never stand in
// one path.
type NetPrefix struct {
	kind byte // 4, 6, or 1 for a declared one
	b    [4]byte
}

const declaredKind = 1

// DeclaredPrefix stands in for the network of a peer where all peers have the address of one machine. It counts
// only with loopback addresses: elsewhere it would be a way around the rule that NetPrefix serves.
type DeclaredPrefix [4]byte

// Format prints a fixed text for every verb.
func (p NetPrefix) Format(s fmt.State, _ rune) { redact(s, "[network prefix]") }

// LogValue logs a fixed text.
func (p NetPrefix) LogValue() slog.Value { return slog.StringValue("[network prefix]") }
