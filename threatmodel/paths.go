package threatmodel

import (
	"context"
	"errors"
	"slices"
	"time"

	"sotto/onion/path"
	"sotto/overlay/peer"
	"sotto/threatmodel/lab"
)

// P19: the rules of paths, in many directories; guards over months; what killing circuits shows.

const pathSeed = 19

// pathFlaw is what a control breaks; the zero value is right.
type pathFlaw struct {
	forgetful bool // guards are sampled anew at every start
}

// measurePaths is the measurement of P19.
func measurePaths(ctx context.Context, s Scale) (Measurement, error) {
	return choosePaths(ctx, s, pathFlaw{})
}

// controlForgetful loses the state at every restart and goes on as if nothing had been kept.
func controlForgetful(ctx context.Context, s Scale) (Measurement, error) {
	m := Measurement{Seed: pathSeed}
	err := pathMonths(ctx, s, pathFlaw{forgetful: true}, &m)
	return m, err
}

// measurePathRules, measurePathWalk are its parts, for the controls that break one mechanism.
func measurePathRules(ctx context.Context, s Scale) (Measurement, error) {
	m := Measurement{Seed: pathSeed}
	err := pathRules(ctx, s, &m)
	return m, err
}

func measurePathWalk(ctx context.Context, _ Scale) (Measurement, error) {
	m := Measurement{Seed: pathSeed}
	err := pathWalks(ctx, 6, &m)
	return m, err
}

func choosePaths(ctx context.Context, s Scale, flaw pathFlaw) (Measurement, error) {
	m := Measurement{Seed: pathSeed}
	if err := pathRules(ctx, s, &m); err != nil {
		return m, err
	}
	if err := pathMonths(ctx, s, flaw, &m); err != nil {
		return m, err
	}
	err := pathWalks(ctx, s.pick(24, 400), &m)
	return m, err
}

// pathFaults counts what must not happen.
type pathFaults struct {
	paths, refused                       int
	twice, networks, families, own, role int
	guards                               int // hops between that are guards of the node
	seconds, shared                      int // of nodes and purposes: more than two seconds, a second of two purposes
	pinned                               int // nodes and purposes looked at
}

// pathRules makes paths of all purposes and profiles to random far nodes, and looks at every one.
func pathRules(ctx context.Context, s Scale, m *Measurement) error {
	random := lab.NewSource(pathSeed, "rules")
	const nodePaths = 500
	total := s.pick(100_000, 1_000_000)
	for _, plan := range pathPlans() {
		town, err := newPathTown(random, plan)
		if err != nil {
			return err
		}
		var f pathFaults
		for f.paths+f.refused < total/len(pathPlans()) && ctx.Err() == nil {
			own := town.all[random.IntN(len(town.all))].ID
			n, err := newPathNode(town, town.table, random, own, pathBegin())
			if err != nil {
				return err
			}
			if err := f.walk(n, own, nodePaths); err != nil {
				return err
			}
		}
		f.report(m, town)
	}
	m.remark("far nodes are random ones of all peers; a path that the rules forbid must be refused with its reason, which is counted as refused")
	return ctx.Err()
}

// walk makes so many paths with one node.
func (f *pathFaults) walk(n *pathNode, own peer.NodeID, paths int) error {
	seconds := make(map[peer.NodeID]map[path.Purpose]bool)
	now := pathBegin()
	for i := range paths {
		purpose, profile := path.Purpose(n.random.IntN(path.Purposes)), path.Profile(n.random.IntN(2))
		far := n.town.all[n.random.IntN(len(n.town.all))].ID
		now = now.Add(time.Second)
		if i%100 == 0 {
			now = now.Add(time.Hour)
		}
		p, err := n.Path(now, purpose, profile, far)
		if errors.Is(err, path.ErrNoPath) {
			f.refused++
			continue
		}
		if err != nil {
			return err
		}
		f.paths++
		f.judge(n.town, p.Hops(), own)
		guards := n.Guards()
		if slices.ContainsFunc(p.Stem().Hops()[1:], func(h peer.NodeID) bool { return slices.Contains(guards, h) }) {
			f.guards++
		}
		second := p.Hops()[1]
		if seconds[second] == nil {
			seconds[second] = make(map[path.Purpose]bool)
		}
		seconds[second][purpose] = true
	}
	of := make(map[path.Purpose]int)
	for _, purposes := range seconds {
		if len(purposes) > 1 {
			f.shared++
		}
		for p := range purposes {
			of[p]++
		}
	}
	for _, k := range of {
		f.pinned++
		if k > 2 {
			f.seconds++
		}
	}
	return nil
}

// judge looks at one path by what the town declares.
func (f *pathFaults) judge(t *pathTown, hops []peer.NodeID, own peer.NodeID) {
	if slices.Contains(hops, own) {
		f.own++
	}
	for i, a := range hops {
		x := t.all[t.byID[a]]
		if i == 0 && !x.Roles.Has(peer.RoleGuard) || i > 0 && i < len(hops)-1 && !x.Roles.Has(peer.RoleRelay) {
			f.role++
		}
		for _, b := range hops[:i] {
			y := t.all[t.byID[b]]
			if a == b {
				f.twice++
			}
			if !x.Family.IsZero() && x.Family == y.Family {
				f.families++
			}
			if slices.ContainsFunc(x.Networks, func(n peer.NetPrefix) bool { return slices.Contains(y.Networks, n) }) {
				f.networks++
			}
		}
	}
}

func (f *pathFaults) report(m *Measurement, t *pathTown) {
	m.add(t.name,
		never("paths with a peer twice", f.twice, f.paths),
		never("with two of one /16 or /32", f.networks, f.paths),
		never("with two of one family", f.families, f.paths),
		never("through the own node", f.own, f.paths),
		never("with a hop that does not offer its role", f.role, f.paths),
		never("with a guard of the node behind another one", f.guards, f.paths),
		never("purposes of a node with more than 2 second positions within hours", f.seconds, f.pinned),
		Figure{Name: "refused, with the reason", Value: float64(f.refused), N: f.paths + f.refused})
	if len(t.all) >= 100 { // 12 different ones are not to be had among a handful
		m.add(t.name, never("relays that are second for two purposes of a node", f.shared, f.pinned))
	}
}

// pathMonths runs nodes for 400 days: restarts, relays that are away for a day, guards that do not answer, and key
// epochs that change every NodeID.
func pathMonths(ctx context.Context, s Scale, flaw pathFlaw, m *Measurement) error {
	random := lab.NewSource(pathSeed, "months")
	town, err := newPathTown(random, pathPlan{name: "months", peers: 200, networks: 200, even: true})
	if err != nil {
		return err
	}
	nodes := make([]*pathLife, s.pick(10, 100))
	for i := range nodes {
		n, err := newPathNode(town, town.table, random, peer.NodeID{}, pathBegin())
		if err != nil {
			return err
		}
		nodes[i] = &pathLife{node: n, known: make(map[peer.Address]bool)}
	}
	const days = 400
	for day := range days {
		if ctx.Err() != nil {
			return ctx.Err()
		}
		now := pathBegin().Add(time.Duration(day) * 24 * time.Hour)
		if day%60 == 59 {
			if err := town.epoch(random); err != nil {
				return err
			}
		}
		away := make([]bool, len(town.all))
		for i := range away {
			away[i] = random.IntN(20) == 0
		}
		table := town.without(func(i int) bool { return away[i] })
		for _, l := range nodes {
			if err := l.live(now, table, flaw); err != nil {
				return err
			}
		}
	}
	var most, changed, starts int
	for _, l := range nodes {
		most, changed, starts = max(most, l.most), changed+l.changed, starts+l.starts
	}
	m.add("400 days",
		never("restarts after which the guards were others", changed, starts),
		atMost("relays that became guards of one node within 120 days, at most", float64(most), 6, "guards"))
	m.remark("in these 400 days every twentieth relay is away on a day and every twentieth guard does not answer, nodes restart daily, and every 60 days all NodeIDs change")
	return nil
}

// pathLife is a node and what became of its guards.
type pathLife struct {
	node                  *pathNode
	known                 map[peer.Address]bool // by addresses, which outlive NodeIDs
	terms                 []pathTerm
	most, changed, starts int
}

// pathTerm is a relay and when it became guard.
type pathTerm struct {
	relay peer.Address
	begin time.Time
}

// live is one day of a node: the directory, some guards that do not answer, a restart.
func (l *pathLife) live(now time.Time, table *path.Table, flaw pathFlaw) error {
	n := l.node
	if err := n.day(now, table); err != nil {
		return err
	}
	for hour := range 8 {
		at := now.Add(time.Duration(3*hour) * time.Hour)
		for _, g := range n.Guards() {
			if n.random.IntN(20) == 0 {
				n.GuardDown(at, g)
			} else {
				n.GuardUp(at, g)
			}
		}
		if err := n.Advance(at); err != nil {
			return err
		}
		l.note(at)
	}
	at := now.Add(23 * time.Hour)
	if err := n.link(at); err != nil {
		return err
	}
	before := n.Guards()
	if err := n.restart(at, table, flaw.forgetful); err != nil {
		return err
	}
	l.note(at)
	l.starts++
	if after := n.Guards(); len(before) >= 2 && len(after) >= 2 && !slices.Equal(before[:2], after[:2]) {
		l.changed++
	}
	return nil
}

// note counts the relays that became guards within the last 120 days.
func (l *pathLife) note(now time.Time) {
	l.terms = slices.DeleteFunc(l.terms, func(t pathTerm) bool {
		if now.Sub(t.begin) < 120*24*time.Hour {
			return false
		}
		delete(l.known, t.relay) // who is guard still begins another term
		return true
	})
	town := l.node.town
	for _, g := range l.node.Guards() {
		if a := town.all[town.byID[g]].Addresses[0]; !l.known[a] {
			l.known[a] = true
			l.terms = append(l.terms, pathTerm{a, now})
		}
	}
	l.most = max(l.most, len(l.terms))
}
