// The agenda of a core: what is due when.

package link

import (
	"container/heap"
	"time"
)

// timer is one thing that may be due. It belongs to one agenda.
type timer struct {
	due  time.Time
	fire func(now time.Time)
	slot int // place in the agenda + 1; 0 when it is not set
}

// agenda orders timers by when they are due.
type agenda []*timer

func (a agenda) Len() int           { return len(a) }
func (a agenda) Less(i, j int) bool { return a[i].due.Before(a[j].due) }
func (a agenda) Swap(i, j int) {
	a[i], a[j] = a[j], a[i]
	a[i].slot, a[j].slot = i+1, j+1
}

// Push is for container/heap.
func (a *agenda) Push(x any) {
	t := x.(*timer)
	*a = append(*a, t)
	t.slot = len(*a)
}

// Pop is for container/heap.
func (a *agenda) Pop() any {
	old := *a
	t := old[len(old)-1]
	old[len(old)-1] = nil
	*a = old[:len(old)-1]
	t.slot = 0
	return t
}

// set makes a timer due at a time, in place of whatever it was set to.
func (a *agenda) set(t *timer, due time.Time) {
	t.due = due
	if t.slot == 0 {
		heap.Push(a, t)
		return
	}
	heap.Fix(a, t.slot-1)
}

// stop takes a timer out.
func (a *agenda) stop(t *timer) {
	if t.slot != 0 {
		heap.Remove(a, t.slot-1)
	}
}

// next is when the first timer is due; zero means never.
func (a agenda) next() time.Time {
	if len(a) == 0 {
		return time.Time{}
	}
	return a[0].due
}

// run fires what is due, and what that makes due.
func (a *agenda) run(now time.Time) {
	for len(*a) > 0 && !(*a)[0].due.After(now) {
		heap.Pop(a).(*timer).fire(now)
	}
}
