package loopback

// What a relay can read of cells: each one as it lies there when the relay has opened its layer of it.

import (
	"maps"
	"sync"

	"sotto/threatmodel/lab"
)

// sight is what one relay has read, in all of its starts. It is safe for concurrent use.
type sight struct {
	mu    sync.Mutex
	cells int
	found map[string]int
}

// see takes a cell; without a sieve nothing is looked for yet.
func (s *sight) see(sieve *lab.Sieve, frame []byte) {
	if sieve == nil {
		return
	}
	found := sieve.Search(frame)
	s.mu.Lock()
	defer s.mu.Unlock()
	s.cells++
	for _, what := range found {
		if s.found == nil {
			s.found = make(map[string]int)
		}
		s.found[what]++
	}
}

func (s *sight) all() (cells int, found map[string]int) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.cells, maps.Clone(s.found)
}
