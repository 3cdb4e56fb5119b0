// What a node promises to who runs it.

package overlay

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"sotto/internal/simnet"
	"sotto/noise"
	"sotto/overlay/link"
	"sotto/overlay/peer"
)

func TestNodeGoesThroughItsStates(t *testing.T) {
	for _, role := range []Role{Relay, Anonymous, Client} {
		inLab(t, simnet.Config{Seed: 1, Link: simnet.Link{Latency: ms(40)}}, func(l *lab) {
			seed := l.seed()
			n := l.node(l.net.Host(labAddr("203.0.113.9")), role)
			if role == Relay {
				n = l.relay()
			}
			var states []State
			n.cfg.Changed = func(s State) { states = append(states, s) }
			n.start()
			time.Sleep(time.Minute)
			if s := n.Status(); s.State != Seeds || s.Uptime != time.Minute || s.Role != role || s.Period != l.today() {
				l.t.Errorf("%v, nobody there: %v", role, s.State)
			}
			seed.start()
			time.Sleep(2 * time.Minute)
			seed.stop()
			time.Sleep(time.Minute)
			n.stop()
			if !slices.Equal(states, []State{Directory, Linked, Seeds}) {
				l.t.Errorf("%v went through %v", role, states)
			}
		})
	}
}

func TestMeasureCountsDatagramsAndRoundTrips(t *testing.T) {
	inLab(t, simnet.Config{Seed: 2, Link: simnet.Link{Latency: ms(40), Loss: 0.1}}, func(l *lab) {
		l.crowd(4)
		l.allLinked(time.Minute)
		m := l.relays[1].Measure(l.t.Context(), 100, ms(20))
		if m.Neighbors != 3 || m.Sent != 300 || m.Echoed < 200 || m.Echoed > 280 {
			l.t.Errorf("%+v: a fifth of 300 should be lost", m)
		}
		if m.RTT.Count != m.Echoed || m.RTT.Min != ms(80) || m.RTT.Median != ms(80) || m.RTT.Max != ms(80) {
			l.t.Errorf("round trips %+v, want 80 ms", m.RTT)
		}
		if s := l.relays[1].Status(); s.RTT.Count != 3 || s.RTT.Median != ms(80) {
			l.t.Errorf("status shows round trips %+v", s.RTT)
		}
		ctx, cancel := context.WithCancel(l.t.Context())
		cancel()
		if m := l.relays[0].Measure(ctx, 100, time.Hour); m.Sent != 3 {
			l.t.Errorf("cancelled after %d probes", m.Sent)
		}
	})
}

func TestNodeWithoutANameTriesTheNextSeed(t *testing.T) {
	inLab(t, simnet.Config{Seed: 3, Link: simnet.Link{Latency: ms(40)}}, func(l *lab) {
		for range 4 {
			l.seed()
		}
		l.relays[2].start() // two are gone, and a third
		n := l.node(l.net.Host(labAddr("203.0.113.9")), Anonymous).start()
		defer n.stop()
		l.within(2*time.Minute, "the node found the seed that is there", func() bool { return n.links() == 1 })
		if got := n.Status().Links.Wanted; got != 2 {
			l.t.Errorf("%d guards are wanted, want 2", got)
		}
	})
}

func TestNodeWithoutANameSpeaksToGuardsOnly(t *testing.T) {
	inLab(t, simnet.Config{Seed: 4, Link: simnet.Link{Latency: ms(40)}}, func(l *lab) {
		rec := &simnet.Recorder{}
		l.crowd(5)
		l.allLinked(time.Minute)
		own := labAddr("203.0.113.9")
		host := l.net.Host(own)
		l.net.Tap(func(c simnet.Capture) {
			if c.Src.Addr() == own || c.Dst.Addr() == own {
				rec.Record(c)
			}
		})
		n := l.node(host, Anonymous).start()
		defer n.stop()
		time.Sleep(10 * time.Minute)
		if s := n.Status(); s.Peers != 5 || s.State != Linked {
			l.t.Fatalf("%d descriptors of 5", s.Peers)
		}
		guard := l.relays[0].host.Addrs()[0]
		for _, c := range rec.Captures() {
			if c.Src.Addr() != guard && c.Dst.Addr() != guard {
				l.t.Fatal("a datagram went elsewhere")
			}
			if c.Size != noise.DatagramLen {
				l.t.Fatalf("a datagram of %d bytes", c.Size)
			}
		}
		if len(rec.Captures()) == 0 || rec.Missed() != 0 {
			l.t.Error("nothing was recorded, or too much")
		}
	})
}

func TestNodeThatWasOfflineLearnsWhatItMissed(t *testing.T) {
	inLab(t, simnet.Config{Seed: 13, Link: simnet.Link{Latency: ms(40)}}, func(l *lab) {
		l.crowd(3)
		n := l.node(l.net.Host(labAddr("203.0.113.9")), Anonymous).start()
		defer n.stop()
		time.Sleep(10 * time.Minute)
		n.host.Unplug()
		l.relay().start()
		time.Sleep(5 * time.Hour)
		n.host.Plug()
		l.within(12*time.Minute, "it is linked, and has four descriptors", func() bool {
			s := n.Status()
			return s.State == Linked && s.Peers == 4
		})
	})
}

func TestLinksStayWithinTheirBound(t *testing.T) {
	inLab(t, simnet.Config{Seed: 5, Link: simnet.Link{Latency: ms(40)}}, func(l *lab) {
		l.seed()
		for range 7 {
			l.relay().cfg.MaxLinks = 3
		}
		for _, r := range l.relays {
			r.start()
		}
		time.Sleep(5 * time.Minute)
		for i, r := range l.relays[1:] {
			if n := r.links(); n == 0 || n > 3 {
				l.t.Errorf("relay %d has %d links, want 1 to 3", i+1, n)
			}
		}
	})
}

func TestRestartOnTheSameDayShowsTheSameDescriptor(t *testing.T) {
	inLab(t, simnet.Config{Seed: 6}, func(l *lab) {
		r := l.seed().start()
		time.Sleep(time.Second) // until it has signed
		before := r.Directory(l.today()).Root()
		r.stop()
		r.cfg.Identity.Addresses = l.relay().cfg.Identity.Addresses // a change waits for tomorrow
		r.start()
		time.Sleep(time.Second)
		if r.Directory(l.today()).Root() != before {
			l.t.Error("another descriptor was signed")
		}
	})
}

// brokenDays is a disk that fails.
type brokenDays struct{ read, write error }

func (b brokenDays) Day(uint32) (Day, bool, error) { return Day{}, false, b.read }
func (b brokenDays) KeepDay(Day) error             { return b.write }

func TestNothingIsShownThatIsNotOnDisk(t *testing.T) {
	errDisk := errors.New("disk on fire")
	for _, days := range []brokenDays{{read: errDisk}, {write: errDisk}} {
		inLab(t, simnet.Config{Seed: 7}, func(l *lab) {
			l.seed()
			r := l.relay()
			r.cfg.Identity.Days = days
			r.start()
			if err := <-r.done; !errors.Is(err, errDisk) {
				l.t.Errorf("Run ended with %v", err)
			}
			r.cancel()
			r.cancel = nil
			if l.net.Sent() != 0 {
				l.t.Error("something was sent")
			}
		})
	}
}

func TestDescriptorWhoseKeysAreLostIsNotSignedAgain(t *testing.T) {
	inLab(t, simnet.Config{Seed: 8}, func(l *lab) {
		r := l.relay()
		r.cfg.Known = []*peer.Descriptor{r.descriptor(l.today())} // the founding document has it
		r.cfg.Identity.Days = &memoryDays{}
		r.start()
		if err := <-r.done; !errors.Is(err, ErrDay) {
			l.t.Errorf("Run ended with %v, want ErrDay", err)
		}
		r.cancel()
		r.cancel = nil
	})
}

func TestRevokedNodeIsToldSo(t *testing.T) {
	inLab(t, simnet.Config{Seed: 9}, func(l *lab) {
		r := l.relay().start()
		time.Sleep(time.Second)
		trust := labAuthority{revoked: []peer.NodeID{r.cfg.Identity.Static.NodeID()}}
		r.Adopt(trust, peer.DocumentHash{})
		if err := <-r.done; !errors.Is(err, ErrRevoked) {
			l.t.Errorf("Run ended with %v, want ErrRevoked", err)
		}
		r.cancel()
		r.cancel = nil
		cfg := l.config(r.cfg)
		cfg.Trust, cfg.Pipe, cfg.ClosePipe = trust, noPipe{}, func() error { return nil }
		if _, err := New(cfg); !errors.Is(err, ErrRevoked) {
			l.t.Errorf("New: %v, want ErrRevoked", err)
		}
	})
}

// noPipe is one that nothing comes out of.
type noPipe struct{}

func (noPipe) Receive(*noise.Batch) error { return noise.ErrClosed }
func (noPipe) Send(*noise.Batch) error    { return nil }

func TestWrongConfigurationsAreRefused(t *testing.T) {
	inLab(t, simnet.Config{}, func(l *lab) {
		r := l.relay()
		good := l.config(r.cfg)
		good.Pipe, good.ClosePipe = noPipe{}, func() error { return nil }
		if _, err := New(good); err != nil {
			l.t.Fatalf("the right one: %v", err)
		}
		for name, c := range map[string]struct {
			change func(c *Config)
			want   error
		}{
			"no role":            {func(c *Config) { c.Role = 0 }, ErrConfig},
			"another role":       {func(c *Config) { c.Role = 9 }, ErrConfig},
			"a name not wanted":  {func(c *Config) { c.Role = Client }, ErrConfig},
			"no name":            {func(c *Config) { c.Identity = nil }, ErrConfig},
			"no trust":           {func(c *Config) { c.Trust = nil }, ErrConfig},
			"no pipe":            {func(c *Config) { c.Pipe = nil }, ErrConfig},
			"no end of the pipe": {func(c *Config) { c.ClosePipe = nil }, ErrConfig},
			"a negative bound":   {func(c *Config) { c.MaxLinks = -1 }, ErrConfig},
			"no link key":        {func(c *Config) { i := *c.Identity; i.Link = nil; c.Identity = &i }, ErrConfig},
			"nowhere to keep":    {func(c *Config) { i := *c.Identity; i.Days = nil; c.Identity = &i }, ErrConfig},
			"another overlay":    {func(c *Config) { c.Overlay = peer.OverlayID{} }, ErrConfig},
			"not admitted":       {func(c *Config) { c.Trust = nobody{} }, ErrAdmission},
			"before the genesis": {func(c *Config) { c.Calendar, _ = labCalendar(time.Now().Add(time.Hour), time.Hour) }, ErrClock},
		} {
			cfg := good
			c.change(&cfg)
			if _, err := New(cfg); !errors.Is(err, c.want) {
				l.t.Errorf("%s: %v, want %v", name, err, c.want)
			}
		}
	})
}

// nobody trusts nobody.
type nobody struct{ labAuthority }

func (nobody) VerifyAdmission(uint32, []byte, []byte) error { return errUnsigned }

func TestRunIsForOnce(t *testing.T) {
	inLab(t, simnet.Config{}, func(l *lab) {
		r := l.relay().start()
		time.Sleep(time.Second)
		if err := r.Run(l.t.Context()); !errors.Is(err, ErrConfig) {
			l.t.Errorf("a second Run: %v", err)
		}
	})
}

func TestRunEndsWithThePipe(t *testing.T) {
	inLab(t, simnet.Config{Seed: 10}, func(l *lab) {
		r := l.relay().start()
		time.Sleep(time.Second)
		l.net.Close()
		<-r.done
		r.cancel()
		r.cancel = nil
	})
}

func TestStatusAndErrorsNameNobody(t *testing.T) {
	inLab(t, simnet.Config{Seed: 11, Link: simnet.Link{Latency: ms(40)}}, func(l *lab) {
		l.crowd(3)
		l.allLinked(time.Minute)
		for _, r := range l.relays {
			text := fmt.Sprintf("%+v %v %+v %v", r.Status(), r.Neighbors(), r.cfg, r.Node)
			id := r.cfg.Identity.Static.NodeID().Bytes()
			for _, secret := range []string{"45.", fmt.Sprintf("%x", id[:6]), fmt.Sprint(id[:6])} {
				if strings.Contains(text, secret) {
					l.t.Errorf("%q is shown", secret)
				}
			}
		}
	})
}

func TestFramesPassBothWaysBetweenNeighbours(t *testing.T) {
	inLab(t, simnet.Config{Seed: 12, Link: simnet.Link{Latency: ms(40)}}, func(l *lab) {
		l.crowd(3)
		l.allLinked(time.Minute)
		a, b := l.relays[1], l.relays[2]
		a.say(a.to(b), "hello")
		if from, ok := b.hears("hello"); !ok || from != b.to(a) {
			l.t.Error("not heard, or from somebody else")
		}
		if err := a.Send(a.to(b), cell("x")[1:]); !errors.Is(err, link.ErrFrame) {
			l.t.Errorf("a short frame: %v", err)
		}
		if err := a.Send(link.Neighbor(99), cell("x")); !errors.Is(err, link.ErrNeighbor) {
			l.t.Errorf("to nobody: %v", err)
		}
	})
}
