package threatmodel

import (
	"cmp"
	"context"
	"math"
	"slices"
	"time"

	"sotto/onion/path"
	"sotto/overlay/peer"
	"sotto/threatmodel/lab"
)

// P03 for paths: readers and writers over 120 days. Their paths are made by the code that makes them for users, at the
// times at which users would need them.

const linkSeed = 3

const (
	linkDays  = 120
	linkPeers = 1000
	// linkNodes is among how many somebody who is linked is told from the others: log2 of it is what a link gives away.
	linkNodes = 10_000

	readerContacts  = 4  // whose records a reader keeps fresh…
	readerRefreshes = 2  // …so often a day…
	readerStorers   = 3  // …from so many storers, the same for a day
	writerRounds    = 48 // how often a day a writer publishes, every 30 minutes ± 50 %…
	writerFirst     = 2  // …to the same receivers for a day, reading back from one of the others
	writerOthers    = 6
	writerLeases    = 2 // relays at which he listens, others every day
)

// linkFlaw is what a control breaks; the zero value is right.
type linkFlaw struct {
	guardless bool // guards are chosen anew for each path
}

// measureLinks is the measurement of P03.
func measureLinks(ctx context.Context, s Scale) (Measurement, error) {
	return linkEverybody(ctx, s.pick(20, 240), linkDays, linkFlaw{})
}

// measureLinkDay is its first day, for the controls.
func measureLinkDay(ctx context.Context, _ Scale) (Measurement, error) {
	return linkEverybody(ctx, 24, 1, linkFlaw{})
}

// controlGuardless forgets the guards after each path.
func controlGuardless(ctx context.Context, _ Scale) (Measurement, error) {
	return linkEverybody(ctx, 24, 1, linkFlaw{guardless: true})
}

// trace is one path as the adversary counts it, relays by their number in the town.
type trace struct {
	after                      time.Duration
	guard, second, before, far int
	purpose                    path.Purpose
}

// linkErrand is a path that somebody will need.
type linkErrand struct {
	after   time.Duration
	purpose path.Purpose
	far     int // -1: a relay that the node draws
}

// linkRole is who makes paths.
type linkRole struct {
	name string
	// day appends what is needed on a day.
	day func(random *lab.Source, day int, due []linkErrand) []linkErrand
	// load is what the paths of so many whole days amount to.
	load func(days float64) linkLoad
}

func linkRoles() []linkRole {
	return []linkRole{{"reader", readerDay, readerLoad}, {"writer", writerDay, writerLoad}}
}

func readerDay(random *lab.Source, day int, due []linkErrand) []linkErrand {
	for range readerContacts {
		storers := random.Perm(linkPeers)[:readerStorers]
		for range readerRefreshes {
			at := linkMoment(random, day)
			for _, far := range storers {
				due = append(due, linkErrand{at, path.Lookups, far})
			}
		}
	}
	return due
}

func readerLoad(days float64) linkLoad {
	fars := readerContacts * readerStorers * days
	return linkLoad{
		fars:    []linkGroup{{fars, readerRefreshes}},
		seconds: []linkGroup{secondsOf(days, fars*readerRefreshes)},
	}
}

func writerDay(random *lab.Source, day int, due []linkErrand) []linkErrand {
	storers := random.Perm(linkPeers)[:writerFirst+writerOthers]
	const pause = 24 * time.Hour / writerRounds
	for round := range writerRounds {
		at := time.Duration(day)*24*time.Hour + time.Duration(round)*pause + time.Duration(random.IntN(int(pause)))
		for _, far := range storers[:writerFirst] {
			due = append(due, linkErrand{at, path.Publishing, far})
		}
		due = append(due, linkErrand{at, path.Publishing, storers[writerFirst+random.IntN(writerOthers)]})
	}
	for range writerLeases {
		due = append(due, linkErrand{linkMoment(random, day), path.UserLeases, -1})
	}
	return due
}

func writerLoad(days float64) linkLoad {
	return linkLoad{
		fars: []linkGroup{
			{writerFirst * days, writerRounds}, {writerOthers * days, float64(writerRounds) / writerOthers}, {writerLeases * days, 1},
		},
		seconds: []linkGroup{secondsOf(days, (writerFirst+1)*writerRounds*days), secondsOf(days, writerLeases*days)},
	}
}

// secondsOf is the second positions of a purpose with so many paths.
func secondsOf(days, paths float64) linkGroup {
	relays := 2 * pinnedSeconds(days)
	return linkGroup{relays, paths / relays}
}

func linkMoment(random *lab.Source, day int) time.Duration {
	return time.Duration(day)*24*time.Hour + time.Duration(random.IntN(int(24*time.Hour)))
}

// linkEverybody measures every role with every profile.
func linkEverybody(ctx context.Context, nodes, days int, flaw linkFlaw) (Measurement, error) {
	m := Measurement{Seed: linkSeed}
	random := lab.NewSource(linkSeed, "links")
	town, err := newPathTown(random, pathPlan{peers: linkPeers, networks: linkPeers, even: true})
	if err != nil {
		return m, err
	}
	for _, role := range linkRoles() {
		for _, profile := range []path.Profile{path.Standard, path.High} {
			tally := newLinkTally(role, profile, days)
			for range nodes {
				if ctx.Err() != nil {
					return m, ctx.Err()
				}
				traces, err := traceNode(random, town, role, profile, days, flaw)
				if err != nil {
					return m, err
				}
				tally.judge(random, traces)
			}
			tally.report(&m)
		}
	}
	m.remark("readers: %d contacts refreshed %d times a day from %d storers, others every day", readerContacts, readerRefreshes, readerStorers)
	m.remark("writers: published to %d storers every 30 min ± 50 %%, read back from one of %d others, others every day; %d leases, others every day", writerFirst, writerOthers, writerLeases)
	m.remark("%d relays of one capacity, each bad with chance f; nobody is away and NodeIDs stay; bad relays of one path recognise it by its times, always", linkPeers)
	m.remark("formula: 2f(1−f)(1−h(½)) + f²(1−h(1)), h(j): no bad far node, nor hop before it, on a path through a bad guard; it tends to 1−(1−f)²")
	m.remark("leak: chance × log2(%d nodes) = %.1f bits; what is learnt of nodes that are not linked is not in it", linkNodes, math.Log2(linkNodes))
	return m, nil
}

// traceNode makes all the paths of one node.
func traceNode(random *lab.Source, town *pathTown, role linkRole, profile path.Profile, days int, flaw linkFlaw) ([]trace, error) {
	n, err := newPathNode(town, town.table, random, peer.NodeID{}, pathBegin())
	if err != nil {
		return nil, err
	}
	var traces []trace
	for day := range days {
		due := role.day(random, day, nil)
		slices.SortStableFunc(due, func(a, b linkErrand) int { return cmp.Compare(a.after, b.after) })
		upkeep := time.Duration(day) * 24 * time.Hour
		for _, e := range due {
			for ; upkeep <= e.after; upkeep += 2 * time.Hour {
				if err := n.link(pathBegin().Add(upkeep)); err != nil {
					return nil, err
				}
			}
			if flaw.guardless {
				if n, err = newPathNode(town, town.table, random, peer.NodeID{}, pathBegin().Add(e.after)); err != nil {
					return nil, err
				}
			}
			t, err := n.trace(e, profile)
			if err != nil {
				return nil, err
			}
			traces = append(traces, t)
		}
	}
	return traces, nil
}

// trace makes one path.
func (n *pathNode) trace(e linkErrand, profile path.Profile) (trace, error) {
	now := pathBegin().Add(e.after)
	var far []peer.NodeID
	if e.far >= 0 {
		far = append(far, n.town.all[e.far].ID)
	}
	stem, err := n.Stem(now, e.purpose, profile, far...)
	if err != nil {
		return trace{}, err
	}
	if e.far < 0 {
		relay, err := n.Choose(stem)
		if err != nil {
			return trace{}, err
		}
		far = append(far, relay)
	}
	p, err := n.Complete(now, stem, far[0])
	if err != nil {
		return trace{}, err
	}
	hops := p.Hops()
	at := func(i int) int { return n.town.byID[hops[i]] }
	return trace{e.after, at(0), at(1), at(len(hops) - 2), at(len(hops) - 1), e.purpose}, nil
}
