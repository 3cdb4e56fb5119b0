// First in, first out, growing only as far as it is used.

package simnet

// queue is a ring that doubles when it is full. Its users bound it: they ask len before they push.
type queue[T any] struct {
	ring  []T
	head  int
	count int
}

func (q *queue[T]) len() int { return q.count }

func (q *queue[T]) push(v T) {
	if q.count == len(q.ring) {
		grown := make([]T, max(8, 2*len(q.ring)))
		n := copy(grown, q.ring[q.head:])
		copy(grown[n:], q.ring[:q.head])
		q.ring, q.head = grown, 0
	}
	q.ring[(q.head+q.count)&(len(q.ring)-1)] = v
	q.count++
}

// pop takes the oldest. The queue must not be empty.
func (q *queue[T]) pop() T {
	var zero T
	v := q.ring[q.head]
	q.ring[q.head] = zero
	q.head = (q.head + 1) & (len(q.ring) - 1)
	q.count--
	return v
}
