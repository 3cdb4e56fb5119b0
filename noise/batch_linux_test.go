package noise

// This file tests trains: that they are used, that strangers' trains are taken apart rightly, and the way back.

import (
	"bytes"
	"encoding/binary"
	"net"
	"net/netip"
	"syscall"
	"testing"

	"golang.org/x/sys/unix"
)

func TestATrainCrossesTheKernelInOneCall(t *testing.T) {
	src, dst := listen(t, "127.0.0.1:0", UDPOptions{}), listen(t, "127.0.0.1:0", UDPOptions{})
	if s := dst.Stats(); !s.Segmenting || !s.Coalescing {
		t.Skip("this kernel has no UDP_SEGMENT or no UDP_GRO")
	}
	var out, in Batch
	for i := range BatchLen {
		fill(out.Next(dst.LocalAddrPort()), i)
	}
	if err := src.Send(&out); err != nil {
		t.Fatal(err)
	}
	if err := dst.Receive(&in); err != nil || in.Len() != BatchLen {
		t.Fatalf("one call received %d of %d datagrams, %v", in.Len(), BatchLen, err)
	}
	for i := range BatchLen {
		if a, d := in.At(i); a != src.LocalAddrPort() || !bytes.Equal(d, numbered(i)) {
			t.Fatalf("datagram %d changed", i)
		}
	}
}

func TestThePlainOptionUsesNoTrains(t *testing.T) {
	p := listen(t, "127.0.0.1:0", UDPOptions{Plain: true})
	if s := p.Stats(); s.Segmenting || s.Coalescing {
		t.Fatalf("in use: %+v", s)
	}
}

func TestSocketBuffersAreReported(t *testing.T) {
	if s := listen(t, "127.0.0.1:0", UDPOptions{}).Stats(); s.ReadBuffer <= 0 || s.WriteBuffer <= 0 ||
		s.ReadBuffer > socketBufLen || s.WriteBuffer > socketBufLen {
		t.Fatalf("granted %d and %d bytes", s.ReadBuffer, s.WriteBuffer)
	}
}

func TestStrangersTrainsAreTakenApart(t *testing.T) {
	for _, c := range []struct {
		what                   string
		size, total            int
		received, droppedCount int
	}{
		{"ours with a short end", DatagramLen, 3*DatagramLen + 100, 3, 1},
		{"ours with an empty-looking end", DatagramLen, 3*DatagramLen + 1, 3, 1},
		{"halves", DatagramLen / 2, 8 * DatagramLen / 2, 0, 8},
		{"doubles", 2 * DatagramLen, 8 * DatagramLen, 0, 4},
		{"larger ones before one of ours", 1400, 3*1400 + DatagramLen, 1, 3},
		{"a long train before one of ours", 1400, 45*1400 + DatagramLen, 1, 45},
		{"smaller ones", 100, 50*100 + 12, 0, 51},
	} {
		for _, path := range paths {
			t.Run(c.what+"/"+path.name, func(t *testing.T) {
				p, src := listen(t, "127.0.0.1:0", path.opt), stranger(t)
				from := src.LocalAddr().(*net.UDPAddr).AddrPort()
				payload := make([]byte, c.total)
				want := make([]int, 0, c.received+1)
				for i := range c.received {
					at := i * DatagramLen
					if c.size != DatagramLen {
						at = c.total - DatagramLen
					}
					fill(payload[at:], i+1)
					want = append(want, i+1)
				}
				if _, _, err := src.WriteMsgUDPAddrPort(payload, appendSegmentSize(nil, uint16(c.size)), p.LocalAddrPort()); err != nil {
					t.Skip("this kernel does not send such trains")
				}
				write(t, src, numbered(999), p)
				expect(t, p, from, append(want, 999)...)
				if s := p.Stats(); s.DroppedSize != uint64(c.droppedCount) {
					t.Fatalf("%d dropped, not %d", s.DroppedSize, c.droppedCount)
				}
			})
		}
	}
}

func TestSplitBoundsWhatOneTrainBrings(t *testing.T) {
	for _, c := range []struct{ n, size, received, dropped int }{
		{0, 1, 0, 1},
		{DatagramLen, DatagramLen, 1, 0},
		{127 * DatagramLen, DatagramLen, BatchLen, 127 - BatchLen},
		{batchBufLen, DatagramLen, BatchLen, 128 - BatchLen},
		{batchBufLen, 1, 0, batchBufLen},
		{batchBufLen, batchBufLen, 0, 1},
		{DatagramLen, batchBufLen, 1, 0},
	} {
		var b Batch
		if dropped := b.split(c.n, c.size, canary); dropped != c.dropped || b.Len() != c.received {
			t.Errorf("%d bytes by %d: %d received, %d dropped", c.n, c.size, b.Len(), dropped)
		}
	}
}

// refusing is a trainConn that refuses trains, as kernels and devices may, and counts the tries.
type refusing struct {
	trainConn
	err   error
	tries int
}

func (c *refusing) WriteMsgUDPAddrPort([]byte, []byte, netip.AddrPort) (int, int, error) {
	c.tries++
	return 0, 0, opError(c.err)
}

func TestARefusedTrainGoesOneByOne(t *testing.T) {
	for _, c := range []struct {
		what     string
		err      error
		alone    error // what each datagram meets alone
		forGood  bool
		delivers bool
	}{
		{"no checksum offload", errno(unix.EIO), nil, true, true},
		{"no such option", errno(unix.ENOPROTOOPT), nil, true, true},
		{"an old kernel", errno(unix.EINVAL), nil, true, true},
		{"a port 0", errno(unix.EINVAL), errno(unix.EINVAL), false, false},
		{"a small path", errno(unix.EMSGSIZE), nil, false, true},
		{"an earlier answer", errno(unix.ECONNREFUSED), nil, false, true},
	} {
		t.Run(c.what, func(t *testing.T) {
			slow := &scriptConn{writeErrs: []error{c.alone, c.alone, c.alone}}
			fast := &refusing{err: c.err}
			p := &trainPipe{conn: fast, plain: NewPacketPipe(slow), segment: appendSegmentSize(nil, DatagramLen)}
			p.plain.count.segmenting.Store(true)
			b := filled(canary, canary, canary)
			if err := p.Send(b); err != nil {
				t.Fatal(err)
			}
			if c.delivers {
				if len(slow.written) != 3 {
					t.Fatalf("%d of 3 datagrams went", len(slow.written))
				}
				for i, d := range slow.written {
					if !bytes.Equal(d, numbered(i)) {
						t.Fatalf("datagram %d is another", i)
					}
				}
			}
			if got := !p.plain.Stats().Segmenting; got != c.forGood {
				t.Fatalf("trains given up: %v", got)
			}
			if err := p.Send(b); err != nil {
				t.Fatal(err)
			}
			if again := fast.tries == 2; again == c.forGood {
				t.Fatalf("%d tries in two calls", fast.tries)
			}
		})
	}
}

// coalesced is a trainConn whose reads bring scripted control messages.
type coalesced struct {
	trainConn
	reads []coalescedRead
}

// coalescedRead is one result of recvmsg(2).
type coalescedRead struct {
	n, flags int
	control  []byte
	err      error
}

func (c *coalesced) ReadMsgUDPAddrPort(_, oob []byte) (n, oobn, flags int, from netip.AddrPort, err error) {
	if len(c.reads) == 0 {
		return 0, 0, 0, netip.AddrPort{}, opError(net.ErrClosed)
	}
	r := c.reads[0]
	c.reads = c.reads[1:]
	return r.n, copy(oob, r.control), r.flags, canary, r.err
}

func TestReceiveNeverGuessesWhereDatagramsBegin(t *testing.T) {
	ours := appendGRO(nil, DatagramLen)
	conn := &coalesced{reads: []coalescedRead{
		{n: 2 * DatagramLen}, // one datagram, no train
		{n: 2 * DatagramLen, control: ours, flags: unix.MSG_TRUNC},                 // cut off
		{n: 2 * DatagramLen, control: ours[:8], flags: unix.MSG_CTRUNC},            // half a control message
		{n: 2 * DatagramLen, control: append(ours[:len(ours):len(ours)], ours...)}, // two sizes
		{err: opError(errno(syscall.ECONNREFUSED))},
		{n: 2 * DatagramLen, control: ours},
	}}
	p := &trainPipe{conn: conn, plain: NewPacketPipe(&scriptConn{})}
	var b Batch
	if err := p.Receive(&b); err != nil || b.Len() != 2 || len(conn.reads) != 0 {
		t.Fatalf("%d datagrams, %d reads left, %v", b.Len(), len(conn.reads), err)
	}
	if s := p.plain.Stats(); s.DroppedSize != 4 || s.Received != 2 {
		t.Fatalf("counted %+v", s)
	}
	if err := p.Receive(&b); err != ErrClosed || b.Len() != 0 {
		t.Fatalf("%d datagrams, %v after closing", b.Len(), err)
	}
}

// appendGRO appends the control message by which the kernel tells the segment size of a train.
func appendGRO(b []byte, size int32) []byte {
	msg := appendSegmentSize(nil, 0) // the same room: both are padded to a word
	h := unix.Cmsghdr{Level: unix.SOL_UDP, Type: unix.UDP_GRO}
	h.SetLen(unix.CmsgLen(4))
	if _, err := binary.Encode(msg, binary.NativeEndian, h); err != nil {
		panic(err)
	}
	binary.NativeEndian.PutUint32(msg[unix.CmsgLen(0):], uint32(size))
	return append(b, msg...)
}

func TestParseSegmentSizeTakesWholeMessagesOnly(t *testing.T) {
	whole := appendGRO(nil, 1400)
	for n := range unix.CmsgLen(4) {
		if _, ok := parseSegmentSize(whole[:n:n]); ok != (n == 0) {
			t.Errorf("%d bytes of a message: %v", n, ok)
		}
	}
	other := appendSegmentSize(nil, 1) // some other message of UDP's
	for _, c := range []struct {
		what string
		in   []byte
		size int
		ok   bool
	}{
		{"a size", whole, 1400, true},
		{"a size behind another message", append(bytes.Clone(other), whole...), 1400, true},
		{"another message", other, 0, true},
		{"none", nil, 0, true},
		{"a negative size", appendGRO(nil, -1), 0, false},
		{"size 0", appendGRO(nil, 0), 0, false},
		{"a size no payload has", appendGRO(nil, batchBufLen+1), 0, false},
	} {
		if size, ok := parseSegmentSize(c.in); size != c.size || ok != c.ok {
			t.Errorf("%s: %d, %v", c.what, size, ok)
		}
	}
}

func FuzzParseSegmentSize(f *testing.F) {
	f.Add(appendGRO(nil, DatagramLen))
	f.Add(appendSegmentSize(appendGRO(nil, 1400), 7))
	f.Add([]byte{1})
	f.Add(make([]byte, 64))
	f.Fuzz(func(t *testing.T, in []byte) {
		size, ok := parseSegmentSize(in)
		if size < 0 || size > batchBufLen || !ok && size != 0 {
			t.Fatalf("size %d, %v", size, ok)
		}
		if again := appendGRO(bytes.Clone(in), 9); ok && size == 0 && len(in)%8 == 0 {
			if got, ok := parseSegmentSize(again); ok && got != 9 && got != 0 {
				t.Fatalf("size %d, not 9", got)
			}
		}
	})
}
