package noise

// This file tests both paths over real sockets on loopback: what goes in comes out, and nothing else does.

import (
	"bytes"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"testing"
	"time"
)

// patience turns a lost datagram into a failure instead of a test that hangs.
const patience = 5 * time.Second

// paths are the two ways a UDPPipe can go; each test of this file takes both.
var paths = []struct {
	name string
	opt  UDPOptions
}{{"plain", UDPOptions{Plain: true}}, {"batch", UDPOptions{}}}

// listen opens a pipe that ends with the test.
func listen(t testing.TB, addr string, opt UDPOptions) *UDPPipe {
	t.Helper()
	p, err := ListenUDP(netip.MustParseAddrPort(addr), opt)
	if err != nil {
		if netip.MustParseAddrPort(addr).Addr().Is6() && errors.Is(err, ErrNoLocalAddress) {
			t.Skip("no IPv6 on this machine")
		}
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = p.Close() })
	if err := p.conn.SetReadDeadline(time.Now().Add(patience)); err != nil {
		t.Fatal(err)
	}
	return p
}

// receive reads n datagrams.
func receive(t testing.TB, p Pipe, n int) (got [][]byte, from []netip.AddrPort) {
	t.Helper()
	var b Batch
	for len(got) < n {
		if err := p.Receive(&b); err != nil {
			t.Fatalf("%v after %d of %d datagrams", err, len(got), n)
		}
		if b.Len() == 0 {
			t.Fatal("received nothing, without an error")
		}
		for i := range b.Len() {
			a, d := b.At(i)
			got, from = append(got, bytes.Clone(d)), append(from, a)
		}
	}
	if len(got) > n {
		t.Fatalf("%d datagrams of %d", len(got), n)
	}
	return got, from
}

// expect checks for datagrams of these numbers in this order.
func expect(t testing.TB, p Pipe, from netip.AddrPort, numbers ...int) {
	t.Helper()
	got, froms := receive(t, p, len(numbers))
	for i, n := range numbers {
		if !bytes.Equal(got[i], numbered(n)) {
			t.Fatalf("datagram %d is not number %d", i, n)
		}
		if froms[i] != from {
			t.Fatalf("datagram %d comes from somewhere else", i)
		}
	}
}

func TestDatagramsArriveWholeInOrderAndWithTheirSender(t *testing.T) {
	for _, family := range []string{"127.0.0.1:0", "[::1]:0"} {
		for _, out := range paths {
			for _, in := range paths {
				t.Run(fmt.Sprintf("%s/%s to %s", family, out.name, in.name), func(t *testing.T) {
					src := listen(t, family, out.opt)
					a, b := listen(t, family, in.opt), listen(t, family, in.opt)
					to := map[*UDPPipe][]int{}
					var batch Batch
					for i := range BatchLen {
						dst := a
						if i%7 > 3 || i == 20 {
							dst = b
						}
						fill(batch.Next(dst.LocalAddrPort()), i)
						to[dst] = append(to[dst], i)
					}
					for range 3 { // the pipe leaves the batch as it is
						if err := src.Send(&batch); err != nil {
							t.Fatal(err)
						}
						expect(t, a, src.LocalAddrPort(), to[a]...)
						expect(t, b, src.LocalAddrPort(), to[b]...)
					}
					if s := src.Stats(); s.Sent != 3*BatchLen || s.DroppedSend != 0 {
						t.Fatalf("sender counted %+v", s)
					}
					if s := a.Stats(); s.Received != uint64(3*len(to[a])) || s.DroppedSize != 0 {
						t.Fatalf("receiver counted %+v", s)
					}
				})
			}
		}
	}
}

func TestForeignSizesAreSkippedAndCounted(t *testing.T) {
	for _, path := range paths {
		t.Run(path.name, func(t *testing.T) {
			p := listen(t, "127.0.0.1:0", path.opt)
			src := stranger(t)
			sizes := []int{0, 1, DatagramLen - 1, DatagramLen + 1, 2 * DatagramLen, 3 * DatagramLen, 1400, 60000}
			for i, size := range sizes {
				write(t, src, make([]byte, size), p)
				write(t, src, numbered(i), p)
				expect(t, p, src.LocalAddr().(*net.UDPAddr).AddrPort(), i)
			}
			if s := p.Stats(); s.DroppedSize != uint64(len(sizes)) || s.Received != uint64(len(sizes)) {
				t.Fatalf("counted %+v", s)
			}
		})
	}
}

// stranger is a socket that sends whatever it likes.
func stranger(t testing.TB) *net.UDPConn {
	t.Helper()
	c, err := net.ListenUDP("udp4", &net.UDPAddr{IP: net.IPv4(127, 0, 0, 1)})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = c.Close() })
	return c
}

// write sends one payload to p.
func write(t testing.TB, c *net.UDPConn, payload []byte, p *UDPPipe) {
	t.Helper()
	if _, err := c.WriteToUDPAddrPort(payload, p.LocalAddrPort()); err != nil {
		t.Fatal(err)
	}
}

func TestCloseEndsReceive(t *testing.T) {
	for _, path := range paths {
		t.Run(path.name, func(t *testing.T) {
			p := listen(t, "127.0.0.1:0", path.opt)
			ended := make(chan error)
			go func() {
				var b Batch
				ended <- p.Receive(&b)
			}()
			for range 2 {
				if err := p.Close(); err != nil {
					t.Fatal(err)
				}
			}
			if err := <-ended; !errors.Is(err, ErrClosed) || !errors.Is(err, net.ErrClosed) {
				t.Fatalf("receive ended with %v", err)
			}
			a := netip.MustParseAddrPort("127.0.0.1:9")
			for _, b := range []*Batch{filled(a), filled(a, a)} {
				if err := p.Send(b); !errors.Is(err, ErrClosed) {
					t.Fatalf("send ended with %v", err)
				}
			}
		})
	}
}

func TestDatagramsWithoutAWayDoNotEndThePipe(t *testing.T) {
	for _, path := range paths {
		t.Run(path.name, func(t *testing.T) {
			src, dst := listen(t, "127.0.0.1:0", path.opt), listen(t, "127.0.0.1:0", path.opt)
			gone := listen(t, "127.0.0.1:0", path.opt)
			var b Batch
			for i, to := range []netip.AddrPort{
				gone.LocalAddrPort(),                   // answered with port unreachable
				netip.MustParseAddrPort("127.0.0.1:0"), // no port
				netip.MustParseAddrPort("[::1]:9"),     // a family that the socket hasn't
				{},                                     // none
				dst.LocalAddrPort(),
			} {
				fill(b.Next(to), 2*i)
				fill(b.Next(to), 2*i+1)
			}
			if err := gone.Close(); err != nil {
				t.Fatal(err)
			}
			before := src.Stats().Segmenting
			for range 2 {
				if err := src.Send(&b); err != nil {
					t.Fatal(err)
				}
				expect(t, dst, src.LocalAddrPort(), 8, 9)
			}
			if s := src.Stats(); s.Sent != 8 || s.DroppedSend != 12 || s.Segmenting != before {
				t.Fatalf("counted %+v", s)
			}
			if err := dst.Send(filled(src.LocalAddrPort())); err != nil {
				t.Fatal(err)
			}
			expect(t, src, dst.LocalAddrPort(), 0)
		})
	}
}

func TestADualStackSocketSpeaksIPv4UnderItsOwnName(t *testing.T) {
	for _, path := range paths {
		t.Run(path.name, func(t *testing.T) {
			dual, four := listen(t, "[::]:0", path.opt), listen(t, "127.0.0.1:0", path.opt)
			at := netip.AddrPortFrom(four.LocalAddrPort().Addr(), dual.LocalAddrPort().Port())
			if err := four.Send(filled(at, at, at)); err != nil {
				t.Fatal(err)
			}
			expect(t, dual, four.LocalAddrPort(), 0, 1, 2)
			if err := dual.Send(filled(four.LocalAddrPort(), four.LocalAddrPort())); err != nil {
				t.Fatal(err)
			}
			expect(t, four, at, 0, 1)
		})
	}
}

func TestAMappedListenAddressIsIPv4(t *testing.T) {
	p := listen(t, "[::ffff:127.0.0.1]:0", UDPOptions{})
	if a := p.LocalAddrPort(); !a.Addr().Is4() || a.Port() == 0 {
		t.Fatal("the local address is no IPv4 address with a port")
	}
}

func TestPipesAllocateNothing(t *testing.T) {
	for _, path := range paths {
		for _, train := range []int{1, 16, BatchLen} {
			src, dst := listen(t, "127.0.0.1:0", path.opt), listen(t, "127.0.0.1:0", path.opt)
			var out, in Batch
			for range train {
				out.Next(dst.LocalAddrPort())
			}
			allocs := testing.AllocsPerRun(50, func() {
				if err := src.Send(&out); err != nil {
					t.Fatal(err)
				}
				for got := 0; got < train; got += in.Len() {
					if err := dst.Receive(&in); err != nil {
						t.Fatal(err)
					}
				}
			})
			if allocs != 0 {
				t.Errorf("%s, trains of %d: %v allocations", path.name, train, allocs)
			}
		}
	}
}
