package path

import (
	"io"
	"slices"
	"time"
)

// Stems kept ready, so that a request costs one round trip of its path and the guard sees stems come and go at times
// that have nothing to do with what is asked.

const (
	// maxStems bounds how many stems a pool keeps or builds, of the 512 circuits that a guard grants.
	maxStems = 32
	// startSpread, for a place that is empty without having been used.
	startSpread = 500 * time.Millisecond
	// refillMin and refillMax: after a use the next stem is begun at a moment that does not tell when the use was. What
	// is asked in a burst beyond what is ready is built on demand.
	refillMin = time.Second
	refillMax = 8 * time.Second
	// lifeMin and lifeMax of a stem that nobody uses, random so that those built together do not end together.
	lifeMin = 10 * time.Minute
	lifeMax = 20 * time.Minute
	// backoffMax is the longest pause after failures; it begins with backoffMin and doubles, half of it random.
	backoffMin = time.Second
	backoffMax = 5 * time.Minute
	// buildTime is after how long a stem that was begun counts as failed: several times what a slow one takes.
	buildTime = 20 * time.Second
)

// StemID names a stem of a pool, from its order to its end. It is used once.
type StemID uint64

// Order is a stem to be built: ask the Selector for one of this purpose and profile.
type Order struct {
	ID      StemID
	Purpose Purpose
	Profile Profile
}

// Ready is how many stems of which profile to keep for a purpose.
type Ready struct {
	Stems   int
	Profile Profile
}

// PoolConfig is what NewPool takes; all stems together are at most 32.
type PoolConfig struct {
	Random io.Reader
	Ready  [Purposes]Ready
}

// Pool keeps stems ready. It is a pure core, for one goroutine; the shell builds what it orders and tells what became of
// it. A stem serves the purpose that it was built for, once, and then is the shell's.
type Pool struct {
	random source
	places []place
	last   StemID
}

// place is room for one stem.
type place struct {
	Order
	stage    stage
	stem     Stem
	at       time.Time // when it is begun, given up, or over, by stage
	failures int       // in a row
}

type stage uint8

const (
	empty stage = iota
	building
	ready
)

// NewPool makes a pool at a moment; it fails with ErrConfig.
func NewPool(now time.Time, c PoolConfig) (*Pool, error) {
	if c.Random == nil {
		return nil, ErrConfig
	}
	p := &Pool{random: source{r: c.Random}}
	for purpose, r := range c.Ready {
		if r.Stems < 0 || r.Stems > maxStems || r.Profile > High {
			return nil, ErrConfig
		}
		for range r.Stems {
			p.places = append(p.places, place{
				Order: Order{Purpose: Purpose(purpose), Profile: r.Profile}, at: now.Add(p.random.between(0, startSpread)),
			})
		}
	}
	if len(p.places) > maxStems {
		return nil, ErrConfig
	}
	return p, p.random.err
}

// Want returns the stems to begin now. Each is to be answered by Built or Failed.
func (p *Pool) Want(now time.Time) []Order {
	var orders []Order
	for i := range p.places {
		one := &p.places[i]
		if one.stage == building && !one.at.After(now) {
			p.fail(now, one)
		}
		if one.stage != empty || one.at.After(now) {
			continue
		}
		p.last++
		one.ID, one.stage, one.at = p.last, building, now.Add(buildTime)
		orders = append(orders, one.Order)
	}
	return orders
}

// Built says that a stem stands. If it says no, nobody waits for it any more, and the shell ends the circuit.
func (p *Pool) Built(now time.Time, id StemID, stem Stem) bool {
	one := p.find(id)
	if one == nil || one.stage != building || stem.purpose != one.Purpose || stem.n != one.Profile.hops() {
		return false
	}
	one.stage, one.stem, one.failures = ready, stem, 0
	one.at = now.Add(p.random.between(lifeMin, lifeMax))
	return true
}

// Failed says that a stem could not be built.
func (p *Pool) Failed(now time.Time, id StemID) {
	if one := p.find(id); one != nil && one.stage == building {
		p.fail(now, one)
	}
}

func (p *Pool) fail(now time.Time, one *place) {
	pause := min(backoffMax, backoffMin<<min(one.failures, 10))
	one.failures++
	p.clear(one, now.Add(p.random.between(pause/2, pause)))
}

// Gone says that a stem that stood has ended without being used, whoever ended it.
func (p *Pool) Gone(now time.Time, id StemID) {
	if one := p.find(id); one != nil && one.stage == ready {
		// As after a failure: a second that ends what it is given must not get one after the other.
		p.fail(now, one)
	}
}

// Take hands out a stem of this purpose that fits, at random among those that do, and forgets it: from now on it is the
// shell's to use and end.
func (p *Pool) Take(now time.Time, purpose Purpose, fits func(Stem) bool) (StemID, Stem, bool) {
	var fitting []*place
	for i := range p.places {
		if one := &p.places[i]; one.stage == ready && one.Purpose == purpose && now.Before(one.at) && fits(one.stem) {
			fitting = append(fitting, one)
		}
	}
	if len(fitting) == 0 {
		return 0, Stem{}, false
	}
	one := fitting[p.random.below(uint64(len(fitting)))]
	id, stem := one.ID, one.stem
	p.clear(one, now.Add(p.random.between(refillMin, refillMax)))
	return id, stem, true
}

// Expired returns the stems that have stood long enough, to be ended by the shell; the pool has forgotten them.
func (p *Pool) Expired(now time.Time) []StemID {
	var ids []StemID
	for i := range p.places {
		if one := &p.places[i]; one.stage == ready && !one.at.After(now) {
			ids = append(ids, one.ID)
			p.clear(one, now.Add(p.random.between(0, startSpread)))
		}
	}
	return ids
}

// Drop takes out all stems that do not pass, as when a guard is no longer in use or a new directory lacks a relay. The
// shell ends them.
func (p *Pool) Drop(now time.Time, keep func(Stem) bool) []StemID {
	var ids []StemID
	for i := range p.places {
		if one := &p.places[i]; one.stage == ready && !keep(one.stem) {
			ids = append(ids, one.ID)
			p.clear(one, now.Add(p.random.between(0, startSpread)))
		}
	}
	return ids
}

// Next returns when Want or Expired have something to say, if nothing else happens; zero for never.
func (p *Pool) Next() time.Time {
	if len(p.places) == 0 {
		return time.Time{}
	}
	return slices.MinFunc(p.places, func(a, b place) int { return a.at.Compare(b.at) }).at
}

// Len returns how many stems stand ready for a purpose.
func (p *Pool) Len(purpose Purpose) int {
	n := 0
	for i := range p.places {
		if p.places[i].stage == ready && p.places[i].Purpose == purpose {
			n++
		}
	}
	return n
}

// Remake puts every place that waits after failures back to the start, as when a link to a guard came up.
func (p *Pool) Remake(now time.Time) {
	for i := range p.places {
		if one := &p.places[i]; one.stage == empty && one.failures > 0 {
			one.failures = 0
			one.at = now.Add(p.random.between(0, startSpread))
		}
	}
}

func (p *Pool) clear(one *place, at time.Time) {
	one.stage, one.stem, one.ID, one.at = empty, Stem{}, 0, at
}

func (p *Pool) find(id StemID) *place {
	for i := range p.places {
		if id != 0 && p.places[i].ID == id {
			return &p.places[i]
		}
	}
	return nil
}
