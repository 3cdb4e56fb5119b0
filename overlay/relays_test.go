// What relays promise each other.

package overlay

import (
	"errors"
	"fmt"
	"testing"
	"time"

	"sotto/internal/simnet"
	"sotto/overlay/peer"
)

func ms(n int) time.Duration { return time.Duration(n) * time.Millisecond }

// allLinked waits until every relay is linked to every other.
func (l *lab) allLinked(d time.Duration) {
	l.t.Helper()
	l.within(d, "every relay linked to every other", func() bool {
		for _, r := range l.relays {
			if r.links() != len(l.relays)-1 || r.Status().State != Linked {
				return false
			}
		}
		return true
	})
}

// crowd starts a seed and relays that know nobody else.
func (l *lab) crowd(n int) {
	l.seed().start()
	for range n - 1 {
		l.relay().start()
	}
}

func TestEightRelaysLinkAllToAllWithinSeconds(t *testing.T) {
	inLab(t, simnet.Config{Seed: 1, Link: simnet.Link{Latency: ms(40)}}, func(l *lab) {
		l.crowd(8)
		l.allLinked(10 * time.Second)
		for _, r := range l.relays {
			if s := r.Status(); s.Peers != 8 || !s.Named {
				l.t.Errorf("%d descriptors of today, want 8; named %v", s.Peers, s.Named)
			}
		}
	})
}

func TestRelaysLinkOverABadNetwork(t *testing.T) {
	bad := simnet.Link{
		Latency: ms(40), Jitter: ms(20), Loss: 0.05, Duplicate: 0.05, Reorder: 0.1, ReorderBy: ms(60),
	}
	for seed := range uint64(3) {
		inLab(t, simnet.Config{Seed: seed, Link: bad}, func(l *lab) {
			l.crowd(6)
			l.allLinked(2 * time.Minute)
		})
	}
}

func TestRelaysThatAllDialAtOnceKeepOneLinkAPairAndLoseNothing(t *testing.T) {
	inLab(t, simnet.Config{Seed: 3, Link: simnet.Link{Latency: ms(40), Jitter: ms(30)}}, func(l *lab) {
		const n = 6
		var known []*peer.Descriptor
		for range n {
			known = append(known, l.relay().descriptor(l.today()))
		}
		for _, r := range l.relays {
			r.cfg.Known = known
			r.start()
		}
		sent := make([]int, n)
		for i := range 1000 { // through the choice, and until the last link is given up
			for from, r := range l.relays {
				for _, to := range r.Neighbors() {
					if r.Send(to.Neighbor, cell(fmt.Sprint(i))) == nil {
						sent[from]++
					}
				}
			}
			time.Sleep(ms(40))
		}
		time.Sleep(time.Second)
		doubles, total, arrived := uint64(0), 0, uint64(0)
		for i, r := range l.relays {
			s := r.Status()
			if s.Links.Links != n-1 || s.Datagrams.Links != n-1 {
				l.t.Errorf("relay %d: %d neighbours over %d links, want %d", i, s.Links.Links, s.Datagrams.Links, n-1)
			}
			doubles += s.Links.Doubles
			total += sent[i]
			arrived += s.Links.CellsReceived
		}
		if doubles == 0 {
			l.t.Error("no two relays dialled each other: the test shows nothing")
		}
		if uint64(total) != arrived || total < 1000*n {
			l.t.Errorf("%d cells accepted, %d arrived", total, arrived)
		}
	})
}

func TestKilledRelayComesBackWithTheSameKeys(t *testing.T) {
	for _, c := range []struct {
		which int
		known bool // what it knew when it was killed is on its disk
		soon  time.Duration
	}{
		{which: 3, soon: 20 * time.Second},
		{which: 0, known: true, soon: 20 * time.Second},
		{which: 0, soon: 5 * time.Minute}, // the seed knows nobody: the others must notice
	} {
		inLab(t, simnet.Config{Seed: 4, Link: simnet.Link{Latency: ms(40)}}, func(l *lab) {
			l.crowd(5)
			l.allLinked(20 * time.Second)
			time.Sleep(10 * time.Minute)
			l.comesBack(l.relays[c.which], c.known, c.soon)
		})
	}
}

func (l *lab) comesBack(again *labNode, known bool, soon time.Duration) {
	l.t.Helper()
	if known {
		for d := range again.Directory(l.today()).All() {
			again.cfg.Known = append(again.cfg.Known, d)
		}
	}
	again.kill()
	again.cfg.Identity.FreshLink = false
	time.Sleep(3 * time.Second)
	again.start()
	l.allLinked(soon)
	time.Sleep(5 * time.Second)
	for i, r := range l.relays {
		if r == again {
			continue
		}
		text := fmt.Sprint("welcome back from ", i)
		r.say(r.to(again), text)
		if _, ok := again.hears(text); !ok {
			l.t.Errorf("a frame from relay %d to the one that came back is lost", i)
		}
		if r.Status().Peers != len(l.relays) {
			l.t.Error("a relay that came back was taken for an equivocator")
		}
	}
}

func TestEverybodyIsDescribedAnewEveryDay(t *testing.T) {
	inLab(t, simnet.Config{Seed: 5, Link: simnet.Link{Latency: ms(40)}}, func(l *lab) {
		const day = 2 * time.Hour // what there is to see happens once a day, new keys every two minutes
		var err error
		l.calendar, err = labCalendar(time.Now().Add(-11*time.Hour), day)
		l.must(err)
		l.crowd(5)
		node := l.node(l.net.Host(labAddr("203.0.113.9")), Anonymous).start()
		defer node.stop()
		l.allLinked(20 * time.Second)
		first := l.today()
		time.Sleep(3*day + day/4)
		today := l.today()
		for i, r := range append(l.relays, node) {
			s := r.Status()
			if s.Period != today || today != first+3 || s.Peers != 5 || s.PeersPast != 5 {
				l.t.Errorf("node %d, period %d of %d: %d descriptors of today, %d of yesterday, want 5", i, s.Period, today, s.Peers, s.PeersPast)
			}
		}
		late := l.node(l.net.Host(labAddr("203.0.113.10")), Client).start()
		defer late.stop()
		l.within(time.Minute, "who comes late has the sets of two days", func() bool {
			s := late.Status()
			return s.Peers == 5 && s.PeersPast == 5
		})
		root := node.Directory(today - 1).Root()
		for i, r := range l.relays {
			if r.Directory(today-1).Root() != root {
				l.t.Errorf("relay %d holds another set of yesterday", i)
			}
			a, b := r.own.id.Days.(*memoryDays).days[today].onion, r.own.id.Days.(*memoryDays).days[today-1].onion
			if a == b {
				l.t.Errorf("relay %d has the same onion key on two days", i)
			}
		}
		if n := node.Status().Links.Dialed; n != 1 {
			l.t.Errorf("the anonymous node dialled %d times in three days, want once", n)
		}
	})
}

func TestRunEndsWhenTheAdmissionDoes(t *testing.T) {
	inLab(t, simnet.Config{Seed: 6}, func(l *lab) {
		r := l.seed().start()
		time.Sleep(54 * 24 * time.Hour)
		select {
		case err := <-r.done:
			l.t.Fatalf("ended in the key epoch: %v", err)
		default:
		}
		time.Sleep(24 * time.Hour)
		if err := <-r.done; !errors.Is(err, ErrAdmission) {
			l.t.Errorf("ended with %v, want ErrAdmission", err)
		}
		r.cancel()
		r.cancel = nil
	})
}
