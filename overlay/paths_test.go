// The directory that paths are made of.

package overlay

import (
	"testing"
	"time"

	"sotto/internal/simnet"
	"sotto/overlay/peer"
)

func TestThePathDirectoryIsThatOfThePeriodBefore(t *testing.T) {
	inLab(t, simnet.Config{Seed: 81, Link: simnet.Link{Latency: ms(40)}}, func(l *lab) {
		l.crowd(4)
		l.allLinked(time.Minute)
		r := l.relays[2]
		d, none := r.PathDirectory()
		if d == nil || d.Period() != l.today()-1 || d.Len() != 0 {
			l.t.Error("on the first day there is a directory of the day before")
		}
		time.Sleep(13 * time.Hour) // it was noon
		d, edition := r.PathDirectory()
		if d.Period() != l.today()-1 || d.Len() != 4 || edition == none {
			l.t.Errorf("%d peers of period %d, edition %d", d.Len(), d.Period(), edition)
		}
		time.Sleep(time.Hour)
		again, same := r.PathDirectory()
		if again != d || same != edition {
			l.t.Error("it was made anew although nothing changed")
		}
		r.Adopt(labAuthority{revoked: []peer.NodeID{l.relays[1].id()}}, peer.DocumentHash{})
		if d, other := r.PathDirectory(); d.Len() != 3 || other == edition {
			l.t.Errorf("a revoked peer stays in it: %d", d.Len())
		}
	})
}

func TestInPeriodZeroPathsAreMadeOfIt(t *testing.T) {
	inLab(t, simnet.Config{Seed: 82, Link: simnet.Link{Latency: ms(40)}}, func(l *lab) {
		var err error
		l.calendar, err = labCalendar(time.Now().Add(-time.Hour), 24*time.Hour)
		l.must(err)
		l.crowd(3)
		l.allLinked(time.Minute)
		if d, _ := l.relays[1].PathDirectory(); d.Period() != 0 || d.Len() != 3 {
			l.t.Errorf("%d peers of period %d", d.Len(), d.Period())
		}
	})
}
