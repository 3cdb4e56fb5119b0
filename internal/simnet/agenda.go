// What will happen, ordered by time: a 4-ary heap whose entries can be moved.

package simnet

import "time"

// item is embedded in everything that can stand on an agenda: a flight, a timer, a machine that is busy.
type item struct {
	place int // position in the heap plus one; zero: not on the agenda
	owner any
}

// entry keeps the time beside the pointer, so that comparing touches no other memory.
type entry struct {
	at    time.Duration
	order uint64
	it    *item
}

// agenda is a heap of items by time. Items of one instant come out in the order in which they were put in: without that rule equal
// seeds would not give equal runs. It has no bound of its own: it holds one entry per datagram in flight, armed timer and busy machine.
type agenda struct {
	entries []entry
	order   uint64
}

const arity = 4

func (e entry) before(o entry) bool {
	return e.at < o.at || e.at == o.at && e.order < o.order
}

// set puts the item at a time, or moves it there if it is on the agenda already.
func (a *agenda) set(it *item, at time.Duration) {
	a.order++
	e := entry{at, a.order, it}
	if it.place == 0 {
		a.entries = append(a.entries, e)
		it.place = len(a.entries)
		a.up(it.place - 1)
		return
	}
	i := it.place - 1
	earlier := e.before(a.entries[i])
	a.entries[i] = e
	if earlier {
		a.up(i)
	} else {
		a.down(i)
	}
}

// remove takes the item off; an item that is not on the agenda is left as it is.
func (a *agenda) remove(it *item) {
	if it.place == 0 {
		return
	}
	i := it.place - 1
	last := len(a.entries) - 1
	moved := a.entries[last]
	a.entries[last] = entry{}
	a.entries = a.entries[:last]
	it.place = 0
	if i == last {
		return
	}
	a.entries[i] = moved
	moved.it.place = i + 1
	a.up(i)
	a.down(moved.it.place - 1)
}

// first says when the next item is due.
func (a *agenda) first() (time.Duration, bool) {
	if len(a.entries) == 0 {
		return 0, false
	}
	return a.entries[0].at, true
}

// pop takes the next item off. The agenda must not be empty.
func (a *agenda) pop() *item {
	it := a.entries[0].it
	a.remove(it)
	return it
}

func (a *agenda) up(i int) {
	e := a.entries[i]
	for i > 0 {
		parent := (i - 1) / arity
		if !e.before(a.entries[parent]) {
			break
		}
		a.put(i, a.entries[parent])
		i = parent
	}
	a.put(i, e)
}

func (a *agenda) down(i int) {
	e := a.entries[i]
	for {
		child := arity*i + 1
		if child >= len(a.entries) {
			break
		}
		least := child
		for c := child + 1; c < min(child+arity, len(a.entries)); c++ {
			if a.entries[c].before(a.entries[least]) {
				least = c
			}
		}
		if !a.entries[least].before(e) {
			break
		}
		a.put(i, a.entries[least])
		i = least
	}
	a.put(i, e)
}

func (a *agenda) put(i int, e entry) {
	a.entries[i] = e
	e.it.place = i + 1
}
