package loopback

// Who saw what: read from what was recorded, role by role, at the end.

import (
	"context"
	"log/slog"
	"maps"
	"net/netip"
	"slices"
	"sync"

	"sotto/overlay"
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
	Anonymous AnonymousSaw `json:"anonymous"`
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

// RelaySaw is the most that any relay learned that the document does not name as a seed.
type RelaySaw struct {
	Relays             int `json:"relays"`              // whose descriptors it holds, its own among them
	Names              int `json:"names"`               // in these descriptors
	AnonymousAddresses int `json:"anonymous_addresses"` // of nodes without a name, that it got datagrams from
}

// GuardSaw is the most that any guard of the node without a name learned of it.
type GuardSaw struct {
	AnonymousAddresses int `json:"anonymous_addresses"`
	AnonymousIDs       int `json:"anonymous_ids"` // NodeIDs that came with its link
	Names              int `json:"names"`         // in the descriptors that the guard holds
}

// AnonymousSaw is what the node without a name learned, and whom it let know of itself.
type AnonymousSaw struct {
	Relays  int `json:"relays"`   // whose descriptors it holds
	TalksTo int `json:"talks_to"` // addresses that it sent anything
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
	f.anonymous()
	if err := n.stop(); err != nil {
		return Saw{}, nil, err
	}
	if err := context.Cause(n.ctx); err != nil {
		return Saw{}, nil, err
	}
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
		n: n, seeds: make(map[peer.NodeID]bool), guards: make(map[peer.NodeID]bool), named: make(map[*node]int),
		clear: n.planted.directories(),
	}
	for _, d := range n.alice.cfg.Seeds {
		f.seeds[d.NodeID()] = true
	}
	for _, i := range n.alice.live.Neighbors() {
		f.guards[i.Node] = true
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
	if d.cfg.Role == overlay.Anonymous {
		f.saw.Anonymous.Relays = all.Len()
	} else {
		f.saw.Relay.Relays = max(f.saw.Relay.Relays, all.Len())
	}
}

// relay takes down what one relay learned of the node without a name.
func (f *finding) relay(r *node) {
	heard, _ := r.record.partners()
	addresses, ids := 0, 0
	if heard[f.n.alice.place] > 0 {
		addresses = 1
	}
	for _, i := range r.live.Neighbors() {
		if i.Client && i.Node != (peer.NodeID{}) {
			ids++
		}
	}
	f.leak("links without a name", "a NodeID", ids)
	id := r.cfg.Identity.Static.NodeID()
	switch {
	case f.guards[id]:
		g := &f.saw.Guard
		g.AnonymousAddresses, g.AnonymousIDs, g.Names = max(g.AnonymousAddresses, addresses), max(g.AnonymousIDs, ids), max(g.Names, f.named[r])
	case !f.seeds[id]: // a seed may have been a guard that did not answer in time
		f.leak("relays that are no guards", "an address", addresses)
		s := &f.saw.Relay
		s.AnonymousAddresses, s.Names = max(s.AnonymousAddresses, addresses), max(s.Names, f.named[r])
	}
}

func (f *finding) anonymous() {
	_, told := f.n.alice.record.partners()
	f.saw.Anonymous.TalksTo = len(told)
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
