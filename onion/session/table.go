// One session for each pair: whoever needs one takes it from the table, and it closes a minute after the last has gone.

package session

import "time"

// Pair names two ends, or whatever shares a session, in 32 bytes that the caller makes: a hash, since it is a key of a
// map and never leaves it.
type Pair struct{ b [32]byte }

// PairOf takes the bytes.
func PairOf(b [32]byte) Pair { return Pair{b} }

// Table holds at most a fixed number of sessions by pair and counts their users. It does not drive them: what Tick and
// Receive are called on is the caller's. It is not safe for concurrent use.
type Table struct {
	most    int
	entries map[Pair]*entry
}

type entry struct {
	session *Session
	users   int
	empty   time.Time // since when there is no user
}

// NewTable makes a table for at most so many sessions. At the bound Put refuses.
func NewTable(most int) *Table { return &Table{most: most, entries: make(map[Pair]*entry)} }

// Use returns the session of a pair and counts a user more, or nil if there is none that lives.
func (t *Table) Use(p Pair) *Session {
	e := t.entries[p]
	if e == nil || e.session.state >= closing {
		return nil
	}
	e.users++
	return e.session
}

// Put makes s the session of a pair, with one user. It is ErrFull at the bound, and ErrLeg, so that there is one only,
// while another lives.
func (t *Table) Put(p Pair, s *Session) error {
	if e := t.entries[p]; e != nil && e.session.state < closing {
		return ErrLeg
	} else if e == nil && len(t.entries) >= t.most {
		return ErrFull
	}
	t.entries[p] = &entry{session: s, users: 1}
	return nil
}

// Leave counts a user less. One too many is a fault of the caller and does nothing.
func (t *Table) Leave(now time.Time, p Pair, s *Session) {
	if e := t.entries[p]; e != nil && e.session == s && e.users > 0 {
		if e.users--; e.users == 0 {
			e.empty = now
		}
	}
}

// Tick closes what nobody has used for Linger, forgets what is over, and returns when to call it again; zero if there
// is nothing to wait for. A closed session has cells to send: it is still the caller's to drive.
func (t *Table) Tick(now time.Time) (next time.Time) {
	for p, e := range t.entries {
		if e.session.Over() {
			delete(t.entries, p)
			continue
		}
		if e.users > 0 {
			continue
		}
		if end := e.empty.Add(Linger); now.Before(end) {
			if next.IsZero() || end.Before(next) {
				next = end
			}
			continue
		}
		e.session.Close(now)
		delete(t.entries, p)
	}
	return next
}

// Len is how many sessions there are.
func (t *Table) Len() int { return len(t.entries) }
