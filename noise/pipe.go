package noise

// This file says what a link needs from the world below it: batches of equal datagrams in and out.

import (
	"fmt"
	"log/slog"
	"net/netip"
)

// BatchLen is how many datagrams one Batch holds (ours: the number of segments every Linux kernel with UDP_SEGMENT
// takes in one call; newer ones take 128, which gains nothing measurable).
const BatchLen = 64

// batchBufLen is the largest UDP payload that a kernel can hand over at once, rounded up, in bytes. It is twice what
// BatchLen datagrams need: a coalesced train of foreign sizes can be that long, and were it cut off, a stranger
// could make an honest datagram at its end disappear.
const batchBufLen = 64 << 10

// A batch is read into at its start and must have room for all of its slots.
const _ = uint(batchBufLen - BatchLen*DatagramLen)

// Batch is a run of up to BatchLen datagrams of DatagramLen bytes in one contiguous buffer, each with the address it
// came from or goes to. The zero value is empty and ready. It is 66 KiB: allocate it once, pass it by pointer, use
// it again. It is not safe for concurrent use.
type Batch struct {
	n     int
	addrs [BatchLen]netip.AddrPort
	buf   [batchBufLen]byte
}

// Len is the number of datagrams in the batch.
func (b *Batch) Len() int { return b.n }

// Reset empties the batch. The old bytes stay in the buffer until they are overwritten.
func (b *Batch) Reset() { b.n = 0 }

// Full reports whether Next has no slot left.
func (b *Batch) Full() bool { return b.n == BatchLen }

// Next appends a datagram that goes to an address and returns its DatagramLen bytes, or nil when the batch is full.
// The bytes hold whatever the slot held before, so the caller writes every one of them. A 4-in-6 address is unmapped.
func (b *Batch) Next(to netip.AddrPort) []byte {
	if b.Full() {
		return nil
	}
	b.addrs[b.n] = unmap(to)
	b.n++
	_, d := b.At(b.n - 1)
	return d
}

// At returns the address and the DatagramLen bytes of datagram i, 0 ≤ i < Len. The bytes belong to the batch and
// change when it is used again.
func (b *Batch) At(i int) (netip.AddrPort, []byte) {
	return b.addrs[:b.n][i], b.buf[i*DatagramLen : (i+1)*DatagramLen : (i+1)*DatagramLen]
}

// run returns the end of the longest run of datagrams from i on that go to one address, with their bytes.
func (b *Batch) run(i int) (end int, data []byte) {
	for end = i + 1; end < b.n && b.addrs[end] == b.addrs[i]; end++ {
	}
	return end, b.buf[i*DatagramLen : end*DatagramLen]
}

// Format prints how many datagrams there are: addresses and bytes stay out of logs.
func (b Batch) Format(f fmt.State, _ rune) { fmt.Fprintf(f, "[batch of %d]", b.n) }

// LogValue is as silent as Format.
func (b Batch) LogValue() slog.Value { return slog.StringValue(fmt.Sprintf("[batch of %d]", b.n)) }

// Pipe carries datagrams to and from many addresses, as unreliably as UDP does. One goroutine may Receive while
// others Send; a batch belongs to the pipe during the call only.
type Pipe interface {
	// Receive resets b and blocks until at least one datagram of exactly DatagramLen bytes has come, in order of
	// arrival. Datagrams of any other size are skipped and counted. What the network says about earlier sends (port
	// unreachable, no route, too big) is skipped too. The error is one of the sentinels of this package and names no
	// address: ErrClosed, which is also net.ErrClosed, after the pipe was closed; any other means that the local
	// socket no longer works.
	Receive(b *Batch) error

	// Send hands all datagrams of b to the network in order and leaves b as it is. A datagram that can't be sent
	// (no route, refused by a firewall, no such address family) is dropped and counted, as the network itself could
	// have dropped it. The error says only that nothing can be sent any more, as with Receive.
	Send(b *Batch) error
}

// unmap gives an IPv4 address one form, whether an IPv4 or a dual-stack socket saw it, so that addresses compare.
func unmap(a netip.AddrPort) netip.AddrPort {
	return netip.AddrPortFrom(a.Addr().Unmap(), a.Port())
}
