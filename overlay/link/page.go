// Asks and pages: a period's descriptors, cut the same for everybody.

package link

import (
	"encoding/binary"

	"sotto/overlay/peer"
)

// PageDescriptors is how many descriptors a full page has: as many as 16 frames hold, one train of datagrams.
const PageDescriptors = 13

const (
	askLen = 4 + 4

	offPagePeriod = 0
	offPageNumber = 4
	offPages      = 8
	offPageCount  = 12
	offPageBody   = 13
	pageLen       = offPageBody + PageDescriptors*describedLen
)

type ask struct{ period, page uint32 }

func parseAsk(b []byte) (ask, bool) {
	if len(b) != askLen {
		return ask{}, false
	}
	return ask{binary.BigEndian.Uint32(b), binary.BigEndian.Uint32(b[4:])}, true
}

func (a ask) append(dst []byte) []byte {
	return binary.BigEndian.AppendUint32(binary.BigEndian.AppendUint32(dst, a.period), a.page)
}

type page struct {
	ask
	pages   uint32
	entries []Described
}

// parsePage reads a page. Every page but the last is full, so that a set has one way to be cut.
func parsePage(b []byte) (page, bool) {
	if len(b) != pageLen {
		return page{}, false
	}
	p := page{
		ask:   ask{binary.BigEndian.Uint32(b[offPagePeriod:]), binary.BigEndian.Uint32(b[offPageNumber:])},
		pages: binary.BigEndian.Uint32(b[offPages:]),
	}
	n := int(b[offPageCount])
	inside, last := p.page < p.pages, p.page+1 == p.pages
	if n > PageDescriptors || inside != (n > 0) || inside && !last && n != PageDescriptors {
		return page{}, false
	}
	used := offPageBody + n*describedLen
	if !allZero(b[used:]) {
		return page{}, false
	}
	for at := offPageBody; at < used; at += describedLen {
		d, ok := parseDescribed(b[at : at+describedLen])
		if !ok || d.Daily.Period() != p.period {
			return page{}, false
		}
		if k := len(p.entries); k > 0 && p.entries[k-1].Static.NodeID().Compare(d.Static.NodeID()) >= 0 {
			return page{}, false
		}
		p.entries = append(p.entries, d)
	}
	return p, true
}

func (p page) append(dst []byte) []byte {
	start := len(dst)
	dst = p.ask.append(dst)
	dst = binary.BigEndian.AppendUint32(dst, p.pages)
	dst = append(dst, byte(len(p.entries)))
	for _, d := range p.entries {
		dst = d.append(dst)
	}
	return append(dst, make([]byte, pageLen-(len(dst)-start))...)
}

// countPages is how many pages so many descriptors take.
func countPages(descriptors int) uint32 {
	return uint32((descriptors + PageDescriptors - 1) / PageDescriptors)
}

// pageOf cuts one page out of a directory.
func pageOf(a ask, dir *peer.Directory) page {
	p := page{ask: a}
	if dir == nil {
		return p
	}
	p.pages = countPages(dir.Len())
	if a.page >= p.pages {
		return p
	}
	first := int(a.page) * PageDescriptors
	for i := first; i < min(first+PageDescriptors, dir.Len()); i++ {
		p.entries = append(p.entries, describe(dir.At(i)))
	}
	return p
}
