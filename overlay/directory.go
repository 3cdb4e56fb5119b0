// The descriptors that a node holds: who may enter, what is given out.

package overlay

import (
	"bytes"
	"errors"
	"time"

	"sotto/noise"
	"sotto/overlay/link"
	"sotto/overlay/peer"
)

// pathPeriod is the period whose descriptors paths are made of in another: peer.UsableForPaths.
func pathPeriod(now uint32) uint32 {
	if now == 0 {
		return 0
	}
	return now - 1
}

// errNotAdmitted is why a descriptor is refused here; it goes nowhere but into a count.
var errNotAdmitted = errors.New("overlay: descriptor refused")

// library holds descriptors, verified, and cuts the sets that others fetch. It is part of the steward's core.
type library struct {
	overlay  peer.OverlayID
	calendar peer.Calendar
	trust    Trust
	gather   *peer.Gather
	editions map[uint32]*edition
	lastTag  uint32
	keys     *familiar
}

// edition is a set as it is given out.
type edition struct {
	link.Edition
	made  time.Time
	stale bool
}

// editionAge is how long an edition is given out although there is a newer set, per descriptor in it: cutting a set of
// 30 000 takes some 50 ms, which one in a minute may cost.
const editionAge = 2 * time.Millisecond

func newLibrary(c *Config, period uint32) *library {
	return &library{
		overlay: c.Overlay, calendar: c.Calendar, trust: c.Trust,
		gather:   peer.NewGather(c.Overlay, period, c.DirectorySize),
		editions: make(map[uint32]*edition),
		keys:     &familiar{keys: make(map[noise.PublicKey]struct{})},
	}
}

// Admit implements link.Gate.
func (l *library) Admit(now time.Time, s peer.Static, d peer.Daily) (*peer.Descriptor, error) {
	period, err := l.calendar.PeriodAt(now)
	if err != nil {
		return nil, err
	}
	id := s.NodeID()
	if s.Overlay() != l.overlay || !peer.UsableForLinks(d.Period(), period) || l.gather.IsExcluded(id) || l.trust.NodeRevoked(id) {
		return nil, errNotAdmitted
	}
	a, known := l.gather.Admitted(id)
	if !known || !bytes.Equal(a.Static().Append(nil), s.Append(nil)) {
		if a, err = peer.Admit(s, l.overlay, l.trust); err != nil {
			return nil, err
		}
	}
	return a.Verify(d, l.calendar, period)
}

// add takes a verified descriptor.
func (l *library) add(d *peer.Descriptor) peer.Outcome {
	out := l.gather.Add(d)
	switch out {
	case peer.Added, peer.Collided:
		l.keys.add(d)
		l.spoil(d.Period())
	case peer.Equivocated:
		l.spoilAll()
	}
	return out
}

// exclude takes out a peer that is revoked.
func (l *library) exclude(id peer.NodeID) {
	// At the bound the peer is out, and kept out by Trust.
	_ = l.gather.Exclude(id)
	l.spoilAll()
}

// advance moves to a period.
func (l *library) advance(period uint32) {
	l.gather.Advance(period)
	for p := range l.editions {
		if !peer.UsableForLinks(p, period) {
			delete(l.editions, p)
		}
	}
	l.keys.replace(l.usable(period))
}

func (l *library) spoil(period uint32) {
	if e := l.editions[period]; e != nil {
		e.stale = true
	}
}

// spoilAll is for when a peer is excluded: that does not wait.
func (l *library) spoilAll() {
	for _, e := range l.editions {
		e.stale, e.made = true, time.Time{}
	}
}

// held returns the set of a period that others may fetch, which may be empty.
func (l *library) held(now time.Time, period uint32) link.Edition {
	e := l.Edition(now, period)
	if e.Directory == nil {
		e.Directory = l.gather.Directory(period)
	}
	return e
}

// Edition implements link.Shelf.
func (l *library) Edition(now time.Time, period uint32) link.Edition {
	if l.gather.Len(period) == 0 {
		return link.Edition{} // and no entry for whatever number somebody asks for
	}
	e := l.editions[period]
	if e == nil || e.stale && now.Sub(e.made) >= time.Duration(e.Directory.Len())*editionAge {
		l.lastTag++
		e = &edition{Edition: link.Edition{Tag: l.lastTag, Directory: l.gather.Directory(period)}, made: now}
		l.editions[period] = e
	}
	return e.Edition
}

// usable returns the newest descriptor of every peer that is held.
func (l *library) usable(period uint32) map[peer.NodeID]*peer.Descriptor {
	all := make(map[peer.NodeID]*peer.Descriptor)
	for _, p := range []uint32{period - 1, period, period + 1} { // a number that wraps is held by nobody
		if l.gather.Len(p) == 0 {
			continue
		}
		for d := range l.gather.Directory(p).All() {
			all[d.NodeID()] = d
		}
	}
	return all
}
