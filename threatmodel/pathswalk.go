package threatmodel

import (
	"context"
	"errors"
	"fmt"
	"math"
	"slices"
	"time"

	"sotto/onion/path"
	"sotto/overlay/peer"
	"sotto/threatmodel/lab"
	"sotto/threatmodel/stat"
)

// How long it takes until whoever makes circuits fail has a relay of his behind the guard: he is the far node or the
// relay of a lease, has all the circuits made that he can get, and recognises his own by their times.

const (
	walkBound = 120 * 24 * time.Hour
	walkStep  = 6 * time.Hour
	// walkGreed is how often he makes a circuit fail within a step, and walkHalts how often a stem: more than he is
	// granted.
	walkGreed = 40
	walkHalts = 12
	walkSets  = 25 // sets of bad relays that one course of seconds is judged by
)

// walkKind is what the attacker does.
type walkKind struct {
	name     string
	purposes []path.Purpose
	halts    bool // he also keeps every second that he sees from working
	limit    time.Duration
}

func walkKinds() []walkKind {
	return []walkKind{
		{name: "kills circuits at the far node", purposes: []path.Purpose{path.Calls}, limit: 28 * 24 * time.Hour},
		{name: "kills circuits as the relay of a lease", purposes: []path.Purpose{path.UserLeases}, limit: 28 * 24 * time.Hour},
		{name: "also halts every second that he sees", purposes: []path.Purpose{path.Calls}, halts: true, limit: 5 * 24 * time.Hour},
		{name: "far node of all six purposes at once", purposes: []path.Purpose{
			path.Lookups, path.Publishing, path.UserLeases, path.StoringLeases, path.Replication, path.Calls,
		}},
	}
}

// sighting is a relay that stood in second position, and when that was first seen.
type sighting struct {
	after time.Duration
	relay int
}

// pathWalks measures all kinds.
func pathWalks(ctx context.Context, nodes int, m *Measurement) error {
	for _, kind := range walkKinds() {
		random := lab.NewSource(pathSeed, "walk "+kind.name)
		town, err := newPathTown(random, pathPlan{peers: 400, networks: 400, even: true})
		if err != nil {
			return err
		}
		var courses [][]sighting
		most := 0 // circuits that he got within a step
		for range max(4, nodes/len(kind.purposes)) {
			if ctx.Err() != nil {
				return ctx.Err()
			}
			c, got, err := pathWalk(random, town, kind)
			if err != nil {
				return err
			}
			most = max(most, got)
			courses = append(courses, c)
		}
		judgeWalks(m, random, town, kind, courses)
		if !kind.halts {
			m.add(kind.name, atMost("circuits that he gets within an hour and purpose, at most", float64(most), 12, "circuits"))
		}
	}
	m.remark("a guard counts as known when a circuit that ends at the attacker has a second of his; 50 %% points of %g days were not reached", walkBound.Hours()/24)
	m.remark("after %g days all NodeIDs change", walkBound.Hours()/48)
	m.remark("f is the chance of each relay to be his, whatever its capacity: 5 %% of the relays by weight")
	return nil
}

// pathWalk is the course of one node under attack, and the most circuits of one purpose that the attacker got at once.
func pathWalk(random *lab.Source, town *pathTown, kind walkKind) (seen []sighting, most int, err error) {
	n, err := newPathNode(town, town.table, random, peer.NodeID{}, pathBegin())
	if err != nil {
		return nil, 0, err
	}
	far := random.IntN(len(town.all))
	for slices.Contains(n.Guards(), town.all[far].ID) {
		far = random.IntN(len(town.all))
	}
	known := make(map[int]bool)
	for after := time.Duration(0); after < walkBound; after += walkStep {
		now := pathBegin().Add(after)
		if after == walkBound/2 { // as at the end of a key epoch
			if err = town.epoch(random); err != nil {
				return nil, 0, err
			}
			err = n.day(now, town.table)
		} else {
			err = n.link(now)
		}
		if err != nil {
			return nil, 0, err
		}
		greed := walkGreed
		if kind.halts {
			greed = walkHalts
		}
		for _, purpose := range kind.purposes {
			for got := range greed {
				second, err := walkOnce(n, now, purpose, town.all[far].ID, kind.halts)
				if errors.Is(err, path.ErrNoPath) {
					break
				}
				if err != nil {
					return nil, 0, err
				}
				most = max(most, got+1)
				if r := town.byID[second]; !known[r] {
					known[r] = true
					seen = append(seen, sighting{after, r})
				}
			}
		}
	}
	return seen, most, nil
}

// walkOnce is one circuit that the attacker makes fail: at his end, or at the second, which then is said to have failed.
func walkOnce(n *pathNode, now time.Time, purpose path.Purpose, far peer.NodeID, halts bool) (peer.NodeID, error) {
	if !halts {
		p, err := n.Path(now, purpose, path.Standard, far)
		if err != nil {
			return peer.NodeID{}, err
		}
		return p.Hops()[1], nil
	}
	stem, err := n.Stem(now, purpose, path.Standard, far)
	if err != nil {
		return peer.NodeID{}, err
	}
	n.Failed(now, stem)
	return stem.Hops()[1], n.Advance(now)
}

// judgeWalks draws sets of bad relays and asks when the first of them was seen.
func judgeWalks(m *Measurement, random *lab.Source, town *pathTown, kind walkKind, courses [][]sighting) {
	shares := []float64{0.01, 0.05, 0.10, 0.20}
	found := make([][]time.Duration, len(shares))
	for _, c := range courses {
		for range walkSets {
			luck := badLuck(random, len(town.all))
			for i, f := range shares {
				at := time.Duration(math.MaxInt64)
				if j := slices.IndexFunc(c, func(g sighting) bool { return luck[g.relay] < f }); j >= 0 {
					at = c[j].after
				}
				found[i] = append(found[i], at)
			}
		}
	}
	for i, f := range shares {
		slices.Sort(found[i])
		half := min(walkBound, found[i][len(found[i])/2])
		m.add(kind.name, Figure{
			Name: fmt.Sprintf("f = %g %%: half of the guards known after", 100*f), Value: half.Hours() / 24, Unit: "days", N: len(found[i]),
		})
		if f != 0.05 {
			continue
		}
		if kind.limit > 0 {
			m.add(kind.name, walkedBy(found[i], f, kind.limit, 0.5))
		} else {
			m.add(kind.name, walkedBy(found[i], f, 24*time.Hour, 0))
		}
	}
}

// walkedBy is the share of guards known by a time; it must be below the limit, by its interval. Without a limit it is
// only shown.
func walkedBy(found []time.Duration, f float64, by time.Duration, limit float64) Figure {
	k, _ := slices.BinarySearch(found, by)
	i := stat.ClopperPearson(k, len(found), confidence)
	figure := Figure{
		Name:  fmt.Sprintf("f = %g %%: guards known within %g days", 100*f, by.Hours()/24),
		Value: float64(k) / float64(len(found)), Unit: "share", N: len(found), Low: i.Low, High: i.High, Interval: true,
	}
	if limit > 0 {
		figure.Limit, figure.Violated = fmt.Sprintf("≤ %g, by its interval", limit), i.High > limit
	}
	return figure
}

// badLuck gives each relay a number in [0, 1): it is bad at every f above it.
func badLuck(random *lab.Source, n int) []float64 {
	luck := make([]float64, n)
	for i := range luck {
		luck[i] = float64(random.Uint64()>>11) / (1 << 53)
	}
	return luck
}
