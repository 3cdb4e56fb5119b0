package threatmodel

import (
	"fmt"
	"math"
	"time"

	"sotto/onion/path"
	"sotto/threatmodel/lab"
	"sotto/threatmodel/stat"
)

// Who is linked: traces of paths against sets of bad relays, and the figures beside the formula.

// linkSets is by how many sets of bad relays the traces of one node are judged.
const linkSets = 50

// linkTally counts for one role and profile.
type linkTally struct {
	role    linkRole
	profile path.Profile
	spans   []float64 // days; 0 is one path
	shares  []float64
	linked  [][]int // by share and span
	given   [][]int // likewise, where exactly one guard is bad
	trials  int

	paths, purposes, crowded, shared int
}

func newLinkTally(role linkRole, profile path.Profile, days int) *linkTally {
	t := &linkTally{role: role, profile: profile, shares: []float64{0, 0.05, 0.10, 0.20, 0.30}}
	for _, span := range []float64{0, 1, 7, 30, 120} {
		if span <= float64(days) {
			t.spans = append(t.spans, span)
		}
	}
	for range t.shares {
		t.linked, t.given = append(t.linked, make([]int, len(t.spans))), append(t.given, make([]int, len(t.spans)))
	}
	return t
}

// judge draws sets of bad relays for the paths of one node.
func (t *linkTally) judge(random *lab.Source, traces []trace) {
	t.look(traces)
	t.paths += len(traces)
	guards := guardsOf(traces)
	for range linkSets {
		t.trials++
		luck := badLuck(random, linkPeers)
		t.count(t.linked, traces, luck)
		// The same with one bad guard, where the formula can be held to more.
		bad := random.IntN(2)
		luck[guards[bad]], luck[guards[1-bad]] = -1, 2
		t.count(t.given, traces, luck)
	}
}

// guardsOf returns the first two guards, which are all there should be.
func guardsOf(traces []trace) [2]int {
	for _, tr := range traces {
		if tr.guard != traces[0].guard {
			return [2]int{traces[0].guard, tr.guard}
		}
	}
	return [2]int{traces[0].guard, traces[0].guard}
}

// count finds, for each span, the smallest share of bad relays at which one of its paths is linked.
func (t *linkTally) count(into [][]int, traces []trace, luck []float64) {
	least, next := math.Inf(1), 0
	for i, span := range t.spans {
		end := len(traces)
		if span == 0 {
			end = 1
		}
		for ; next < end && (span == 0 || traces[next].after < time.Duration(span*24)*time.Hour); next++ {
			tr := &traces[next]
			least = min(least, max(luck[tr.guard], min(luck[tr.before], luck[tr.far])))
		}
		for j, f := range t.shares {
			if least < f {
				into[j][i]++
			}
		}
	}
}

// look counts what should not be seen of one node's first day: more than two seconds of a purpose, seconds of two.
func (t *linkTally) look(traces []trace) {
	of := make(map[path.Purpose]map[int]bool)
	for _, tr := range traces {
		if tr.after >= 24*time.Hour {
			break
		}
		if of[tr.purpose] == nil {
			of[tr.purpose] = make(map[int]bool)
		}
		of[tr.purpose][tr.second] = true
	}
	times := make(map[int]int)
	for _, seconds := range of {
		t.purposes++
		if len(seconds) > 2 {
			t.crowded++
		}
		for s := range seconds {
			times[s]++
		}
	}
	for _, n := range times {
		if n > 1 {
			t.shared++
		}
	}
}

// report compares with the formula: at 10 % for every span, for every share after the longest.
func (t *linkTally) report(m *Measurement) {
	heading := t.role.name + ", " + t.profile.String()
	last := len(t.spans) - 1
	for j, f := range t.shares {
		if f == 0 {
			m.add(heading, never("f = 0: linked", t.linked[j][last], t.trials))
			continue
		}
		for i, span := range t.spans {
			if f != 0.10 && i != last {
				continue
			}
			m.add(heading, t.compare(fmt.Sprintf("f = %g %%: linked %s", 100*f, spanName(span)), t.linked[j][i], t.expected(f, span)))
			if f == 0.10 {
				given := t.expectedGiven(f, span)
				m.add(heading, t.compare(fmt.Sprintf("f = %g %%, one guard bad: linked %s", 100*f, spanName(span)), t.given[j][i], given))
				m.add(heading, shown(fmt.Sprintf("f = %g %%: leak %s", 100*f, spanName(span)),
					math.Log2(linkNodes)*float64(t.linked[j][i])/float64(t.trials), "bits"))
			}
		}
	}
	m.add(heading,
		never("purposes with more than 2 second positions on a day", t.crowded, t.purposes),
		never("second positions that serve two purposes of a node", t.shared, t.purposes))
	m.add(heading, shown("paths of a node within a day", float64(t.paths)/float64(t.trials/linkSets)/max(1, t.spans[last]), ""))
}

func spanName(days float64) string {
	if days == 0 {
		return "by one path"
	}
	return fmt.Sprintf("within %g days", days)
}

// expected is the formula's chance. A single path has a far node and a hop before it, as in profile high.
func (t *linkTally) expected(f, span float64) float64 {
	high, load := t.formula(span)
	return linkFormula(f, high, load)
}

func (t *linkTally) expectedGiven(f, span float64) float64 {
	high, load := t.formula(span)
	return linkGivenGuard(f, 0.5, high, load)
}

func (t *linkTally) formula(span float64) (bool, linkLoad) {
	if span == 0 {
		return true, linkLoad{fars: []linkGroup{{1, 1}}}
	}
	return t.profile == path.High, t.role.load(span)
}

// compare holds a count against the formula. Seeds are fixed; see alarm.
func (t *linkTally) compare(name string, k int, expected float64) Figure {
	i := stat.ClopperPearson(k, t.trials, confidence)
	return Figure{
		Name: name, Value: float64(k) / float64(t.trials), Unit: "share", N: t.trials, Low: i.Low, High: i.High, Interval: true,
		Limit:    fmt.Sprintf("%.2f %% by the formula", 100*expected),
		Violated: stat.BinomialTwoSided(k, t.trials, expected) < alarm,
	}
}
