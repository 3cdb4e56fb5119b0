package loopback

// Who saw what: read from what was recorded, role by role, at the end.

import (
	"context"
	"log/slog"
	"maps"
	"net/netip"
	"slices"
	"sync"

	"sotto/overlay/enroll/authority"
	"sotto/overlay/enroll/document"
	"sotto/overlay/peer"
)

// visits are what the authority was asked, as its adversary keeps it. It is safe for concurrent use.
type visits struct {
	mu   sync.Mutex
	list []authority.Transcript
}

func (v *visits) add(t authority.Transcript) {
	v.mu.Lock()
	defer v.mu.Unlock()
	v.list = append(v.list, t)
}

func (v *visits) all() []authority.Transcript {
	v.mu.Lock()
	defer v.mu.Unlock()
	return slices.Clone(v.list)
}

// Saw is what each role learned: numbers of different things.
type Saw struct {
	Authority AuthoritySaw `json:"authority"`
	Relay     RelaySaw     `json:"relay"`
	Guard     GuardSaw     `json:"guard"`
	Second    SecondSaw    `json:"second"`
	Lease     LeaseSaw     `json:"lease"`
	Alice     UserSaw      `json:"alice"`
	Bob       UserSaw      `json:"bob"`
	Wire      WireSaw      `json:"wire"`
	Logs      LogsSaw      `json:"logs"`
}

// AuthoritySaw is what was in the requests to the authority and around them.
type AuthoritySaw struct {
	Requests   int `json:"requests"`
	Names      int `json:"names"`
	Addresses  int `json:"addresses"`  // that requests came from
	Admissions int `json:"admissions"` // signed blindly
	Peers      int `json:"peers"`      // requests with a NodeID, a key or an address of a relay in them
}

// RelaySaw is the most that any relay learned that is neither a guard nor named by the document as a seed.
type RelaySaw struct {
	Relays             int `json:"relays"`              // whose descriptors it holds, its own among them
	Names              int `json:"names"`               // in these descriptors
	AnonymousAddresses int `json:"anonymous_addresses"` // of nodes without a name, that it got datagrams from
	Read               int `json:"read"`                // names, addresses, words or keys in cells that it opened
}

// GuardSaw is the most that any guard of the nodes without a name learned of them.
type GuardSaw struct {
	Guards             int `json:"guards"`              // how many there were
	AnonymousAddresses int `json:"anonymous_addresses"` // two if it is a guard of both
	AnonymousIDs       int `json:"anonymous_ids"`       // NodeIDs that came with their links
	Names              int `json:"names"`               // in the descriptors that the guard holds
	Cells              int `json:"cells"`               // opened, from when the call was made
	Read               int `json:"read"`                // names, addresses, words or keys in them
}

// SecondSaw is the most that any relay learned which carried the conversation behind a guard.
type SecondSaw struct {
	Relays             int `json:"relays"` // how many there were
	AnonymousAddresses int `json:"anonymous_addresses"`
	Cells              int `json:"cells"`
	Read               int `json:"read"`
}

// LeaseSaw is what the relay learned at which Bob listened.
type LeaseSaw struct {
	Leases             int `json:"leases"`              // that it kept, during the conversation
	Calls              int `json:"calls"`               // that it passed on to Bob
	AnonymousAddresses int `json:"anonymous_addresses"` // it may have been a guard or a seed by chance
	Cells              int `json:"cells"`
	Read               int `json:"read"`
}

// UserSaw is what the node of Alice or Bob learned, and whom it let know of itself.
type UserSaw struct {
	Relays    int `json:"relays"`    // whose descriptors it holds
	TalksTo   int `json:"talks_to"`  // addresses that it sent anything
	Guards    int `json:"guards"`    // …that are its guards
	Seeds     int `json:"seeds"`     // …that are seeds and no guards, from which it had its first directory
	Lines     int `json:"lines"`     // that the other one said
	Datagrams int `json:"datagrams"` // …and sent
	Read      int `json:"read"`      // names, or addresses of the other, in all that it got by the call
}

// WireSaw is what an observer of all wires got.
type WireSaw struct {
	Addresses  int `json:"addresses"`
	Sizes      int `json:"sizes"`      // different sizes of datagrams
	Recognised int `json:"recognised"` // names, keys and addresses in datagrams
}

// LogsSaw is what a reader of all logs got.
type LogsSaw struct {
	Lines      int `json:"lines"`
	Recognised int `json:"recognised"` // names, keys and addresses in lines
}

// Leak is something that was found where it must not be.
type Leak struct {
	Where, What string
	Times       int
}

// Finish takes down what everybody has learned, ends all nodes, and tells who saw what and what leaked. It waits for
// the farewells, so that they are searched too.
func (n *Network) Finish(ctx context.Context) (Saw, []Leak, error) {
	ctx, end := n.join(ctx)
	defer end()
	if err := ctx.Err(); err != nil {
		return Saw{}, nil, context.Cause(ctx)
	}
	f := n.newFinding()
	for _, d := range n.nodes() {
		n.logs.logger().Debug("status", slog.Any("status", d.live.Status()))
		f.directory(d)
	}
	for _, r := range n.relays {
		f.relay(r)
	}
	if err := n.stop(); err != nil {
		return Saw{}, nil, err
	}
	if err := context.Cause(n.ctx); err != nil {
		return Saw{}, nil, err
	}
	f.saw.Alice, f.saw.Bob = f.user(n.alice, 0, f.saw.Alice), f.user(n.bob, 1, f.saw.Bob)
	f.authority()
	f.outside()
	return f.saw, f.leaks, nil
}

// finding is what is being put together.
type finding struct {
	n      *Network
	saw    Saw
	leaks  []Leak
	seeds  map[peer.NodeID]bool
	guards map[peer.NodeID]bool
	named  map[*node]int // canaries in the descriptors that a node holds
	clear  interface{ Search(text []byte) []string }
}

func (n *Network) newFinding() *finding {
	f := &finding{
		n: n, seeds: make(map[peer.NodeID]bool), guards: n.guardsOf(n.users()...), named: make(map[*node]int),
		clear: n.planted.directories(),
	}
	for _, d := range n.alice.cfg.Seeds {
		f.seeds[d.NodeID()] = true
	}
	return f
}

func (f *finding) leak(where, what string, times int) {
	if times > 0 {
		f.leaks = append(f.leaks, Leak{where, what, times})
	}
}

// directory reads the descriptors that a node holds.
func (f *finding) directory(d *node) {
	all := d.live.Directory(0)
	for descriptor := range all.All() {
		b := descriptor.Daily().Append(descriptor.Static().Append(nil))
		for _, what := range f.clear.Search(b) {
			f.named[d]++
			f.leak("descriptors", what, 1)
		}
	}
	switch d {
	case f.n.alice:
		f.saw.Alice.Relays = all.Len()
	case f.n.bob:
		f.saw.Bob.Relays = all.Len()
	default:
		f.saw.Relay.Relays = max(f.saw.Relay.Relays, all.Len())
	}
}

// relay takes down what one relay learned of the nodes without a name.
func (f *finding) relay(r *node) {
	heard, _ := r.record.partners()
	addresses, ids := 0, 0
	for _, d := range f.n.users() {
		if heard[d.place] > 0 {
			addresses++
		}
	}
	for _, i := range r.live.Neighbors() {
		if i.Client && i.Node != (peer.NodeID{}) {
			ids++
		}
	}
	f.leak("links without a name", "a NodeID", ids)
	cells, found := r.sight.all()
	read := sum(found)
	for _, what := range slices.Sorted(maps.Keys(found)) {
		f.leak("cells that relays opened", what, found[what])
	}
	id := r.id()
	switch {
	case f.guards[id]:
		g := &f.saw.Guard
		g.Guards++
		g.AnonymousAddresses, g.AnonymousIDs, g.Names = max(g.AnonymousAddresses, addresses), max(g.AnonymousIDs, ids), max(g.Names, f.named[r])
		g.Cells, g.Read = max(g.Cells, cells), max(g.Read, read)
	case !f.seeds[id]: // which the first directory came from
		f.leak("relays that are no guards", "an address", addresses)
		s := &f.saw.Relay
		s.AnonymousAddresses, s.Names, s.Read = max(s.AnonymousAddresses, addresses), max(s.Names, f.named[r]), max(s.Read, read)
	}
	t := &f.n.talk
	switch {
	case r == t.listens:
		f.saw.Lease = LeaseSaw{Leases: t.leases, Calls: t.splices, AnonymousAddresses: addresses, Cells: cells, Read: read}
	case t.carried[r] && !f.guards[id]:
		s := &f.saw.Second
		s.Relays++
		s.AnonymousAddresses, s.Cells, s.Read = max(s.AnonymousAddresses, addresses), max(s.Cells, cells), max(s.Read, read)
	}
}

// user takes down what came to a node without a name, and whom it ever sent anything.
func (f *finding) user(d *node, i int, s UserSaw) UserSaw {
	_, told := d.record.partners()
	s.TalksTo = len(told)
	own := f.n.guardsOf(d)
	for _, r := range f.n.relays {
		switch {
		case told[r.place] == 0:
		case own[r.id()]:
			s.Guards++
		case f.seeds[r.id()]:
			s.Seeds++
		}
	}
	f.leak("datagrams to others than guards and seeds", "an address", s.TalksTo-s.Guards-s.Seeds)
	h := &f.n.talk.heard[i]
	h.mu.Lock()
	defer h.mu.Unlock()
	s.Lines, s.Datagrams = len(h.lines), len(h.datagrams)
	for _, b := range h.came {
		for _, what := range f.clear.Search(b) {
			s.Read++
			f.leak("what a call brings", what, 1)
		}
	}
	return s
}

// authority reads the requests again.
func (f *finding) authority() {
	s := f.n.planted.requests()
	names, addresses := make(map[document.AoR]bool), make(map[netip.Addr]bool)
	for _, t := range f.n.visits.all() {
		f.saw.Authority.Requests++
		if name, ok := t.Name(); ok {
			names[name] = true
		}
		if from, err := netip.ParseAddrPort(t.Source()); err == nil {
			addresses[from.Addr()] = true
		}
		if _, _, _, given := t.Blind(); given {
			f.saw.Authority.Admissions++
		}
		found := s.Search(t.Request())
		if len(found) > 0 {
			f.saw.Authority.Peers++
		}
		for _, what := range found {
			f.leak("requests to the authority", what, 1)
		}
	}
	f.saw.Authority.Names, f.saw.Authority.Addresses = len(names), len(addresses)
}

// outside takes over what was found in datagrams and logs.
func (f *finding) outside() {
	w, l := f.n.wire, f.n.logs
	w.mu.Lock()
	defer w.mu.Unlock()
	l.mu.Lock()
	defer l.mu.Unlock()
	f.saw.Wire = WireSaw{Addresses: len(w.senders), Sizes: len(w.sizes), Recognised: sum(w.found)}
	f.saw.Logs = LogsSaw{Lines: l.lines, Recognised: sum(l.found)}
	for _, what := range slices.Sorted(maps.Keys(w.found)) {
		f.leak("datagrams", what, w.found[what])
	}
	for _, what := range slices.Sorted(maps.Keys(l.found)) {
		f.leak("logs", what, l.found[what])
	}
}

func sum(counts map[string]int) int {
	n := 0
	for _, c := range counts {
		n += c
	}
	return n
}
