// Who is not let in, and who is shown the door.

package overlay

import (
	"testing"
	"time"

	"sotto/internal/simnet"
	"sotto/overlay/peer"
)

// refused lets a relay try to link to a seed for five minutes, and expects that nothing comes of it.
func (l *lab) refused(seed, relay *labNode) {
	l.t.Helper()
	time.Sleep(5 * time.Minute)
	s, r := seed.Status(), relay.Status()
	if s.Links.Links != 0 || r.Links.Links != 0 || s.Datagrams.Links != 0 || r.State != Seeds {
		l.t.Errorf("linked: the seed has %d neighbours over %d links, the relay %d", s.Links.Links, s.Datagrams.Links, r.Links.Links)
	}
	if s.Links.HellosRefused == 0 {
		l.t.Error("no hello was refused: the test shows nothing")
	}
	if n := r.Links.Dialed; n < 5 || n > 12 {
		l.t.Errorf("dialled %d times in five minutes; pauses that double give 8 or 9", n)
	}
}

func TestRevokedRelayIsRefused(t *testing.T) {
	inLab(t, simnet.Config{Seed: 1, Link: simnet.Link{Latency: ms(40)}}, func(l *lab) {
		seed, relay := l.seed(), l.relay()
		seed.cfg.Trust = labAuthority{revoked: []peer.NodeID{relay.cfg.Identity.Static.NodeID()}}
		seed.start()
		relay.start()
		l.refused(seed, relay)
	})
}

func TestRelayWithADescriptorOfAnotherTimeIsRefused(t *testing.T) {
	for _, days := range []int{-2, 2} {
		inLab(t, simnet.Config{Seed: 2, Link: simnet.Link{Latency: ms(40)}}, func(l *lab) {
			seed, relay := l.seed(), l.relay()
			var err error
			genesis := l.calendar.PeriodStart(0).Add(time.Duration(days) * 24 * time.Hour)
			relay.cfg.Calendar, err = labCalendar(genesis, 24*time.Hour)
			l.must(err)
			seed.start()
			relay.start()
			l.refused(seed, relay)
		})
	}
}

func TestRelayOfAnotherOverlayHearsNothing(t *testing.T) {
	inLab(t, simnet.Config{Seed: 3, Link: simnet.Link{Latency: ms(40)}}, func(l *lab) {
		seed := l.seed().start()
		// The other overlay knows the seed's address and key, and even its name.
		elsewhere := &lab{t: l.t, net: l.net, calendar: l.calendar, made: 50}
		other := make([]byte, peer.OverlayIDLen)
		other[0] = 1
		var err error
		elsewhere.overlay, err = peer.ParseOverlayID(other)
		l.must(err)
		elsewhere.seeds = l.seeds
		relay := elsewhere.relay().start()
		defer relay.stop()
		time.Sleep(time.Minute)
		if s := seed.Status(); s.Datagrams.Sent != 0 || s.Datagrams.Received == 0 {
			l.t.Errorf("the seed got %d datagrams and answered with %d", s.Datagrams.Received, s.Datagrams.Sent)
		}
	})
}

func TestRevocationEndsLinksAtOnceAndForGood(t *testing.T) {
	inLab(t, simnet.Config{Seed: 4, Link: simnet.Link{Latency: ms(40)}}, func(l *lab) {
		l.crowd(4)
		l.allLinked(20 * time.Second)
		out := l.relays[2]
		trust := labAuthority{revoked: []peer.NodeID{out.cfg.Identity.Static.NodeID()}}
		for _, r := range l.relays {
			if r != out {
				r.Adopt(trust, peer.DocumentHash{2})
			}
		}
		time.Sleep(time.Hour)
		for i, r := range l.relays {
			want := 2
			if r == out {
				want = 0
			}
			if n := r.links(); n != want {
				l.t.Errorf("relay %d has %d links, want %d", i, n, want)
			}
			if s := r.Status(); r != out && s.Peers != 3 {
				l.t.Errorf("relay %d holds %d descriptors, want 3", i, s.Peers)
			}
		}
	})
}

func TestRelayThatShowsTwoDescriptorsOfADayIsLeft(t *testing.T) {
	inLab(t, simnet.Config{Seed: 5, Link: simnet.Link{Latency: ms(40)}}, func(l *lab) {
		l.crowd(4)
		l.allLinked(20 * time.Second)
		liar := l.relays[2]
		liar.kill()
		liar.cfg.Identity.Days = &memoryDays{} // the disk is lost, and another descriptor signed
		liar.start()
		time.Sleep(time.Hour)
		for i, r := range l.relays {
			if s := r.Status(); r != liar && (s.Peers != 3 || s.Links.Links != 2) {
				l.t.Errorf("relay %d holds %d descriptors and has %d links, want 3 and 2", i, s.Peers, s.Links.Links)
			}
			if r == liar && r.links() != 0 {
				l.t.Errorf("the liar has %d links", r.links())
			}
		}
	})
}
