// What relays promise each other.

package overlay

import (
	"testing"
	"time"

	"sotto/internal/simnet"
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

func TestEightRelaysLinkAllToAllWithinSeconds(t *testing.T) {
	inLab(t, simnet.Config{Seed: 1, Link: simnet.Link{Latency: ms(40)}}, func(l *lab) {
		l.seed().start()
		for range 7 {
			l.relay().start()
		}
		l.allLinked(10 * time.Second)
		for _, r := range l.relays {
			if s := r.Status(); s.Peers != 8 || !s.Named {
				t.Errorf("%d descriptors of today, want 8; named %v", s.Peers, s.Named)
			}
		}
	})
}
