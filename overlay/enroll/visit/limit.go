// How much the service takes: connections at a time, visits per source and in all.

package visit

import (
	"net"
	"net/netip"
	"sync"
	"time"
)

// Rates. Sources: ours. A person needs a handful of visits a day; a hundred of one address (a company, a school)
// within minutes of each other still get through.
const (
	sourceRate  = 1.0 / 3 // visits per second and source
	sourceBurst = 30.0
	// strangerRate is for all sources together of which nobody was granted anything yet: many addresses keep other
	// newcomers waiting, never those whose code or key was good, who come out of the same addresses day by day.
	strangerRate  = 10.0
	strangerBurst = 100.0
	// maxSources bounds the table. At the bound idle sources go, which are full again and so the same as unknown, and
	// known ones that did not come for knownLife; when there are none, unknown sources share one bucket.
	maxSources = 4096
	// knownLife is longer than a relay stays away, which fetches slot certificates every day.
	knownLife = 48 * time.Hour
)

// bucket is a token bucket. A known one belongs to a source of which somebody was granted what he asked for.
type bucket struct {
	tokens float64
	at     time.Time
	known  bool
}

func (b *bucket) take(now time.Time, rate, burst float64) bool {
	if passed := now.Sub(b.at).Seconds(); passed > 0 {
		b.tokens = min(burst, b.tokens+passed*rate)
		b.at = now
	}
	if b.tokens < 1 {
		return false
	}
	b.tokens--
	return true
}

// idle reports whether a source may be forgotten.
func (b *bucket) idle(now time.Time) bool {
	away := now.Sub(b.at)
	return b.tokens+away.Seconds()*sourceRate >= sourceBurst && (!b.known || away >= knownLife)
}

// limiter counts visits. Sources are /32 of IPv4 and /64 of IPv6, which is what one subscriber has.
type limiter struct {
	mu        sync.Mutex
	strangers bucket
	others    bucket
	sources   map[netip.Prefix]*bucket
	swept     time.Time
}

func newLimiter() *limiter {
	return &limiter{strangers: bucket{tokens: strangerBurst}, others: bucket{tokens: sourceBurst}, sources: map[netip.Prefix]*bucket{}}
}

// allow takes one visit of a remote address off its source's allowance and, of an unknown source, off that of all
// strangers. The source comes first, so that one that asks too much takes nothing from the others. What known sources
// take in all is bounded by their number, and by maxWork at any time.
func (l *limiter) allow(remote string, now time.Time) bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	b := l.source(remote, now)
	return b.take(now, sourceRate, sourceBurst) && (b.known || l.strangers.take(now, strangerRate, strangerBurst))
}

// granted notes that somebody at a remote address proved a code or a key of this overlay.
func (l *limiter) granted(remote string) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if source, ok := sourceOf(remote); ok && l.sources[source] != nil {
		l.sources[source].known = true
	}
}

func (l *limiter) source(remote string, now time.Time) *bucket {
	source, ok := sourceOf(remote)
	if !ok {
		return &l.others
	}
	if b := l.sources[source]; b != nil {
		return b
	}
	if len(l.sources) >= maxSources {
		l.sweep(now)
	}
	if len(l.sources) >= maxSources {
		return &l.others
	}
	b := &bucket{tokens: sourceBurst, at: now}
	l.sources[source] = b
	return b
}

// sourceOf returns the subscriber that a remote address belongs to.
func sourceOf(remote string) (netip.Prefix, bool) {
	ap, err := netip.ParseAddrPort(remote)
	if err != nil {
		return netip.Prefix{}, false
	}
	ip := ap.Addr().Unmap().WithZone("")
	bits := 64
	if ip.Is4() {
		bits = 32
	}
	source, err := ip.Prefix(bits)
	return source, err == nil
}

// sweep forgets idle sources, at most once a second: it walks the whole table.
func (l *limiter) sweep(now time.Time) {
	if now.Sub(l.swept) < time.Second {
		return
	}
	l.swept = now
	for source, b := range l.sources {
		if b.idle(now) {
			delete(l.sources, source)
		}
	}
}

// maxPerSource bounds the connections of one source at a time, so that one machine cannot take all places.
const maxPerSource = 16

// gate lets a bounded number of connections in at a time.
type gate struct {
	net.Listener
	places chan struct{}
	done   chan struct{}
	once   sync.Once

	mu   sync.Mutex
	from map[netip.Prefix]int // at most one entry a place
}

func newGate(l net.Listener, n int) *gate {
	return &gate{Listener: l, places: make(chan struct{}, n), done: make(chan struct{}), from: map[netip.Prefix]int{}}
}

// Accept waits for a free place first, so that at the bound connections stay in the kernel. A source with too
// many connections is hung up on.
func (g *gate) Accept() (net.Conn, error) {
	for {
		select {
		case g.places <- struct{}{}:
		case <-g.done:
			return nil, net.ErrClosed
		}
		c, err := g.Listener.Accept()
		if err != nil {
			<-g.places
			return nil, err
		}
		source, _ := sourceOf(c.RemoteAddr().String())
		if g.count(source, 1) <= maxPerSource {
			return &gated{Conn: c, leave: sync.OnceFunc(func() { g.count(source, -1); <-g.places })}, nil
		}
		g.count(source, -1)
		c.Close()
		<-g.places
	}
}

func (g *gate) count(source netip.Prefix, n int) int {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.from[source] += n
	have := g.from[source]
	if have == 0 {
		delete(g.from, source)
	}
	return have
}

// Close ends waiting too.
func (g *gate) Close() error {
	g.once.Do(func() { close(g.done) })
	return g.Listener.Close()
}

// gated gives its place back when it is closed.
type gated struct {
	net.Conn
	leave func()
}

func (c *gated) Close() error {
	defer c.leave()
	return c.Conn.Close()
}
