// Fetching a period's descriptors from a neighbour page by page, and giving them out.

package link

import (
	"time"
)

// fetch is one that is under way. It has one ask outstanding and room for one page.
type fetch struct {
	ask
	number uint32
	tries  int
	begun  time.Time
	most   uint32 // pages beyond which the other end is not believed
	in     assembly
	repeat timer
}

// Fetch asks a neighbour for all descriptors of a period. Page events follow, then Fetched. limit is how many there can
// be at most; who claims more is not believed. It fails with ErrNeighbor, ErrDown or ErrBusy.
func (p *Pool) Fetch(now time.Time, n Neighbor, period uint32, limit int) error {
	c := p.contacts[n]
	switch {
	case c == nil:
		return ErrNeighbor
	case c.active == nil:
		return ErrDown
	case c.fetch != nil:
		return ErrBusy
	}
	f := &fetch{ask: ask{period: period}, begun: now, most: countPages(limit)}
	f.repeat.fire = func(now time.Time) { p.repeatAsk(now, c) }
	c.fetch = f
	p.nextAsk(now, c, 0)
	return nil
}

// nextAsk asks for a page.
func (p *Pool) nextAsk(now time.Time, c *contact, number uint32) {
	c.asks++
	f := c.fetch
	f.page, f.number, f.tries = number, c.asks, 0
	f.in = assembly{}
	p.repeatAsk(now, c)
}

// repeatAsk asks once more or gives up. What has come of the page is kept.
func (p *Pool) repeatAsk(now time.Time, c *contact) {
	f := c.fetch
	if f.tries >= askTries || now.Sub(f.begun) > fetchGrace+time.Duration(f.page)*fetchPace {
		p.endFetch(now, c, ErrNoPage)
		return
	}
	c.used = now
	p.emitMessage(now, c.active, typeAsk, f.number, 0, f.ask.append(nil))
	p.agenda.set(&f.repeat, now.Add(askFirst<<f.tries))
	f.tries++
}

// hearPage takes a piece of a page.
func (p *Pool) hearPage(now time.Time, l *conn, m piece) {
	c := l.contact
	f := c.fetch
	if f == nil || m.number != f.number {
		return // the answer to an ask that was answered already
	}
	message, complete := f.in.add(m)
	if !complete {
		return
	}
	got, ok := parsePage(message)
	if !ok || got.ask != f.ask || got.pages > f.most {
		p.counters.FramesRefused++
		p.endFetch(now, c, ErrRefused)
		return
	}
	p.counters.PagesFetched++
	if len(got.entries) > 0 {
		p.events = append(p.events, Event{Kind: Page, Neighbor: c.number, Period: f.period, Entries: got.entries})
	}
	if f.page+1 >= got.pages {
		p.endFetch(now, c, nil)
		return
	}
	p.nextAsk(now, c, f.page+1)
}

// endFetch ends a fetch, if there is one.
func (p *Pool) endFetch(now time.Time, c *contact, why error) {
	f := c.fetch
	if f == nil {
		return
	}
	c.fetch = nil
	p.agenda.stop(&f.repeat)
	p.events = append(p.events, Event{Kind: Fetched, Neighbor: c.number, Period: f.period, Err: why})
}

// pagesKept is how much of the pages for all a link must leave behind: half of them for others once it has asked for
// many, so that a few who never stop keep nobody from a first snapshot.
func (p *Pool) pagesKept(l *conn) float64 {
	if l.pages.tokens < pageLinkRate().burst/2 {
		return p.serve.burst / 2
	}
	return 0
}

// answerAsk sends a page, within the rates. It keeps nothing: who misses pieces asks again.
func (p *Pool) answerAsk(now time.Time, l *conn, m piece) {
	a, ok := parseAsk(m.body)
	if !ok || p.cfg.Shelf == nil {
		p.counters.FramesRefused++
		return
	}
	shared := &p.pages[0]
	if !l.contact.client {
		shared = &p.pages[1]
	}
	if !l.pages.take(now, pageLinkRate(), 1, 0) || !shared.take(now, p.serve, 1, p.pagesKept(l)) {
		p.counters.PagesLimited++
		return
	}
	l.contact.used = now
	e := p.cfg.Shelf.Edition(now, a.period)
	p.emitMessage(now, l, typePage, m.number, e.Tag, pageOf(a, e.Directory).append(make([]byte, 0, pageLen)))
	p.counters.PagesServed++
}
