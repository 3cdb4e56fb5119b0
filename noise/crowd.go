package noise

import "net/netip"

// Who makes room when there is none: crowds are the answered links that may be
// evicted, by where they come from.

// crowdOf is what counts as one place: an IPv4 address, or an IPv6 /48, which is
// the most that one customer gets. Whoever has more of either counts as many, and
// many people behind one address as one.
func crowdOf(a netip.Addr) netip.Prefix {
	bits := 32
	if a.Is6() {
		bits = 48
	}
	p, err := a.Prefix(bits)
	if err != nil {
		return netip.Prefix{}
	}
	return p
}

// crowds knows at any time from where most links come, without looking at all of
// them: a newcomer at a full table must cost little.
type crowds struct {
	groups map[netip.Prefix][]*link
	bySize []map[netip.Prefix]struct{} // index is the size of the group
	most   int
	n      int
}

// add counts a link under its place.
func (c *crowds) add(l *link) {
	if c.groups == nil {
		c.groups = make(map[netip.Prefix][]*link)
	}
	g := c.groups[l.prefix]
	l.place = len(g)
	c.groups[l.prefix] = append(g, l)
	c.move(l.prefix, len(g), len(g)+1)
	c.n++
}

// drop is the undoing of add.
func (c *crowds) drop(l *link) {
	g := c.groups[l.prefix]
	last := len(g) - 1
	g[l.place] = g[last]
	g[l.place].place = l.place
	g[last] = nil
	if last == 0 {
		delete(c.groups, l.prefix)
	} else {
		c.groups[l.prefix] = g[:last]
	}
	c.move(l.prefix, last+1, last)
	c.n--
}

// move notes that a group has changed its size by one.
func (c *crowds) move(p netip.Prefix, from, to int) {
	for len(c.bySize) <= max(from, to) {
		c.bySize = append(c.bySize, nil)
	}
	delete(c.bySize[from], p)
	if to > 0 {
		if c.bySize[to] == nil {
			c.bySize[to] = make(map[netip.Prefix]struct{})
		}
		c.bySize[to][p] = struct{}{}
	}
	c.most = max(c.most, to)
	for c.most > 0 && len(c.bySize[c.most]) == 0 {
		c.most--
	}
}

// pick returns the most silent of a sample of the links that come from the most
// crowded places, leaving out those that spare says; nil if there is none.
func (c *crowds) pick(spare func(*link) bool) *link {
	if c.most == 0 {
		return nil
	}
	const sample = 32
	var found *link
	n := 0
	for p := range c.bySize[c.most] {
		g := c.groups[p]
		for i := range min(len(g), sample) {
			if l := g[i]; !spare(l) && (found == nil || l.heard.Before(found.heard)) {
				found = l
			}
			if n++; n >= sample {
				return found
			}
		}
	}
	return found
}
