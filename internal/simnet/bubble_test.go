// Sockets in a bubble: exact times, bounds, and nothing left behind.

package simnet

import (
	"errors"
	"net"
	"net/netip"
	"os"
	"runtime"
	"sync"
	"testing"
	"testing/synctest"
	"time"
)

// What a link needs of a socket: a Conn can stand in for a *net.UDPConn.
type packetConn interface {
	ReadFromUDPAddrPort([]byte) (int, netip.AddrPort, error)
	WriteToUDPAddrPort([]byte, netip.AddrPort) (int, error)
	SetReadDeadline(time.Time) error
	Close() error
}

var (
	_ packetConn     = (*Conn)(nil)
	_ packetConn     = (*net.UDPConn)(nil)
	_ net.PacketConn = (*Conn)(nil)
)

func listen(t *testing.T, h *Host, port uint16) *Conn {
	t.Helper()
	c, err := h.Listen(port)
	if err != nil {
		t.Fatalf("Listen: %v", err)
	}
	return c
}

func TestASocketDeliversAfterExactlyTheLatency(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		n := New(Config{Seed: 1, Link: Link{Latency: 37 * time.Millisecond}, Logf: t.Logf})
		defer n.Close()
		a, b := listen(t, n.Host(addr("192.0.2.1")), 4000), listen(t, n.Host(addr("192.0.2.2")), 4000)
		start := time.Now()
		if _, err := a.WriteToUDPAddrPort([]byte("hello"), b.LocalAddrPort()); err != nil {
			t.Fatal(err)
		}
		buf := make([]byte, 3)
		size, from, err := b.ReadFromUDPAddrPort(buf)
		if err != nil || from != a.LocalAddrPort() || string(buf[:size]) != "hel" {
			t.Errorf("read %q from %v, %v; want the first 3 bytes", buf[:size], from, err)
		}
		if d := time.Since(start); d != 37*time.Millisecond {
			t.Errorf("arrived after %v", d)
		}
	})
}

func TestWhatTakesNoTimeHasArrivedWhenTheBubbleIsIdle(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		n := New(Config{})
		defer n.Close()
		a, b := listen(t, n.Host(addr("192.0.2.1")), 1), listen(t, n.Host(addr("192.0.2.2")), 2)
		a.WriteToUDPAddrPort([]byte("x"), b.LocalAddrPort())
		synctest.Wait()
		if n.Count(Delivered) != 1 {
			t.Error("not there yet")
		}
	})
}

func TestAnAnswerInTheSameInstantArrives(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		n := New(Config{})
		defer n.Close()
		a, b := listen(t, n.Host(addr("192.0.2.1")), 1), listen(t, n.Host(addr("192.0.2.2")), 2)
		start := time.Now()
		for range 3 {
			a.WriteToUDPAddrPort([]byte("ask"), b.LocalAddrPort())
			b.ReadFromUDPAddrPort(make([]byte, 3))
			b.WriteToUDPAddrPort([]byte("answer"), a.LocalAddrPort())
			a.SetReadDeadline(start.Add(time.Second))
			if _, _, err := a.ReadFromUDPAddrPort(make([]byte, 6)); err != nil {
				t.Fatal(err)
			}
		}
		if time.Since(start) != 0 {
			t.Error("it took time")
		}
	})
}

func TestANearDatagramOvertakesAFarOne(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		n := New(Config{Link: Link{Latency: time.Second}})
		defer n.Close()
		far, near, c := n.Host(addr("192.0.2.1")), n.Host(addr("192.0.2.2")), listen(t, n.Host(addr("192.0.2.3")), 3)
		n.SetLink(near, c.host, Link{Latency: time.Millisecond})
		listen(t, far, 1).WriteToUDPAddrPort([]byte("far"), c.LocalAddrPort())
		listen(t, near, 1).WriteToUDPAddrPort([]byte("near"), c.LocalAddrPort())
		start, buf := time.Now(), make([]byte, 9)
		for _, want := range []struct {
			text string
			at   time.Duration
		}{{"near", time.Millisecond}, {"far", time.Second}} {
			size, _, err := c.ReadFromUDPAddrPort(buf)
			if err != nil || string(buf[:size]) != want.text || time.Since(start) != want.at {
				t.Errorf("%q at %v, %v; want %q at %v", buf[:size], time.Since(start), err, want.text, want.at)
			}
		}
	})
}

func TestReadDeadlineAndCloseEndAWait(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		n := New(Config{})
		defer n.Close()
		c := listen(t, n.Host(addr("192.0.2.1")), 0)
		start := time.Now()
		c.SetReadDeadline(start.Add(time.Second))
		if _, _, err := c.ReadFromUDPAddrPort(nil); !errors.Is(err, os.ErrDeadlineExceeded) {
			t.Errorf("at the deadline: %v", err)
		}
		if d := time.Since(start); d != time.Second {
			t.Errorf("deadline after %v", d)
		}

		c.SetReadDeadline(time.Time{})
		failed := make(chan error, 2)
		wait := func() {
			_, _, err := c.ReadFromUDPAddrPort(nil)
			failed <- err
		}
		go wait()
		synctest.Wait()
		c.SetReadDeadline(time.Now())
		if err := <-failed; !errors.Is(err, os.ErrDeadlineExceeded) {
			t.Errorf("a deadline set during the wait: %v", err)
		}

		c.SetReadDeadline(time.Time{})
		go wait()
		go wait()
		synctest.Wait()
		c.Close()
		c.Close()
		for range 2 {
			if err := <-failed; !errors.Is(err, net.ErrClosed) {
				t.Errorf("after Close: %v", err)
			}
		}
		if _, err := c.WriteToUDPAddrPort(nil, addrPort("192.0.2.1:1")); !errors.Is(err, net.ErrClosed) {
			t.Errorf("write after Close: %v", err)
		}
	})
}

func TestEachOfTwoReadersGetsADatagram(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		n := New(Config{Link: Link{Latency: time.Millisecond}})
		defer n.Close()
		a, b := listen(t, n.Host(addr("192.0.2.1")), 1), listen(t, n.Host(addr("192.0.2.2")), 2)
		read := 0
		var lock sync.Mutex
		var readers sync.WaitGroup
		for range 2 {
			readers.Go(func() {
				if _, _, err := b.ReadFromUDPAddrPort(make([]byte, 1)); err == nil {
					lock.Lock()
					defer lock.Unlock()
					read++
				}
			})
		}
		synctest.Wait()
		a.WriteToUDPAddrPort([]byte("x"), b.LocalAddrPort())
		a.WriteToUDPAddrPort([]byte("y"), b.LocalAddrPort())
		time.Sleep(time.Second)
		b.Close()
		readers.Wait()
		if read != 2 {
			t.Errorf("%d readers got a datagram", read)
		}
	})
}

func TestAFullSocketDropsTheNewestAndCounts(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		n := New(Config{SocketQueue: 3})
		defer n.Close()
		a, b := listen(t, n.Host(addr("192.0.2.1")), 1), listen(t, n.Host(addr("192.0.2.2")), 2)
		for i := range 5 {
			a.WriteToUDPAddrPort([]byte{byte(i)}, b.LocalAddrPort())
		}
		time.Sleep(time.Millisecond)
		if n.Count(Delivered) != 3 || n.Count(SocketFull) != 2 {
			t.Errorf("%d delivered, %d dropped", n.Count(Delivered), n.Count(SocketFull))
		}
		buf := make([]byte, 1)
		for i := range 3 {
			if _, _, err := b.ReadFromUDPAddrPort(buf); err != nil || buf[0] != byte(i) {
				t.Errorf("read %d, %v; want %d", buf[0], err, i)
			}
		}
	})
}

// synctest.Test itself fails if a goroutine of the bubble outlives it.
func TestNetworkCloseLeavesNothingRunning(t *testing.T) {
	before := runtime.NumGoroutine()
	synctest.Test(t, func(t *testing.T) {
		n := New(Config{Link: Link{Latency: time.Hour}})
		a, b := listen(t, n.Host(addr("192.0.2.1")), 1), listen(t, n.Host(addr("192.0.2.2")), 2)
		var readers sync.WaitGroup
		for _, c := range []*Conn{a, b, b} {
			readers.Go(func() {
				if _, _, err := c.ReadFromUDPAddrPort(make([]byte, 9)); !errors.Is(err, net.ErrClosed) {
					t.Errorf("read: %v", err)
				}
			})
		}
		a.WriteToUDPAddrPort([]byte("in flight"), b.LocalAddrPort())
		synctest.Wait()
		n.Close()
		n.Close()
		readers.Wait()
		if _, err := a.host.Listen(9); !errors.Is(err, net.ErrClosed) {
			t.Errorf("Listen after Close: %v", err)
		}
		time.Sleep(2 * time.Hour)
		if n.Count(Delivered) != 0 {
			t.Error("a datagram arrived after Close")
		}
	})
	if after := runtime.NumGoroutine(); after > before {
		t.Errorf("%d goroutines, %d before", after, before)
	}
}

func TestPortsAreTakenOnceAndFreedByClose(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		n := New(Config{})
		defer n.Close()
		h := n.Host(addr("192.0.2.1"))
		c := listen(t, h, 4000)
		if _, err := h.Listen(4000); !errors.Is(err, ErrPortInUse) {
			t.Errorf("second Listen: %v", err)
		}
		c.Close()
		listen(t, h, 4000)
		if p, q := listen(t, h, 0), listen(t, h, 0); p.LocalAddrPort().Port() == q.LocalAddrPort().Port() {
			t.Error("two sockets on one ephemeral port")
		}
	})
}

func TestTheSocketsWorkInRealTimeOutsideABubble(t *testing.T) {
	n := New(Config{Link: Link{Latency: time.Millisecond}})
	defer n.Close()
	a, b := listen(t, n.Host(addr("192.0.2.1")), 1), listen(t, n.Host(addr("2001:db8::1")), 2)
	n.Attach(a.host, addr("2001:db8::2"))
	start := time.Now()
	if _, err := a.WriteTo([]byte("x"), b.LocalAddr()); err != nil {
		t.Fatal(err)
	}
	b.SetReadDeadline(start.Add(10 * time.Second))
	_, from, err := b.ReadFrom(make([]byte, 9))
	if err != nil || from.String() != "[2001:db8::2]:1" {
		t.Fatalf("from %v, %v", from, err)
	}
	if time.Since(start) < time.Millisecond {
		t.Error("faster than the link")
	}
}

func TestASocketRefusesWhatUDPCannotSend(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		n := New(Config{})
		defer n.Close()
		c := listen(t, n.Host(addr("192.0.2.1")), 1)
		for _, to := range []netip.AddrPort{{}, addrPort("192.0.2.2:0")} {
			if _, err := c.WriteToUDPAddrPort(nil, to); !errors.Is(err, ErrAddress) {
				t.Errorf("to nobody: %v", err)
			}
		}
		if _, err := c.WriteToUDPAddrPort(make([]byte, maxDatagram+1), addrPort("192.0.2.2:1")); !errors.Is(err, ErrTooLong) {
			t.Errorf("too long: %v", err)
		}
	})
}
