package lab

import (
	"net/netip"
	"time"

	"sotto/onion/cell"
	"sotto/onion/circuit"
)

// What a node sees of circuits: who is next to it, which cell came out as which, and what it opened. Counts and sets
// are kept; contents are searched for canaries and let go.

// Sight is what one node saw.
type Sight struct {
	Peers    map[circuit.Neighbor]Met // who was linked to it
	Circuits map[Wire]*Passage        // that came over a link, by their number there
	Canaries map[string]int           // cells and messages in which each canary was read
	Cells    int                      // cells that left these hands
	Opened   int                      // messages that were opened for this node
}

// Met is a neighbour: the lab's name for it, and the address that it showed.
type Met struct {
	Name    string
	Address netip.AddrPort
}

// Wire is a circuit on a link.
type Wire struct {
	Neighbor circuit.Neighbor
	ID       cell.ID
}

// Passage is one circuit through a node.
type Passage struct {
	Number      circuit.Circuit // at the node's machine; 0 until something was opened
	Next        Wire            // zero while it ends here
	First, Last time.Time
	Forward     int // cells passed on, away from the origin
	Back        int // cells sent towards it
	Early       int // openings and requests that came in the create
	Messages    map[cell.Message]int
	Operations  map[cell.Operation]int
	Spliced     map[Wire]int // cells that came over this circuit and left over another
}

func newSight() Sight {
	return Sight{
		Peers: make(map[circuit.Neighbor]Met), Circuits: make(map[Wire]*Passage), Canaries: make(map[string]int),
	}
}

func (s *Sight) meet(n circuit.Neighbor, name string, a netip.AddrPort) { s.Peers[n] = Met{name, a} }

// maxPassages bounds what is kept of a flood of circuits; those beyond are not noted.
const maxPassages = 1 << 16

func (s *Sight) passage(now time.Time, w Wire) *Passage {
	p := s.Circuits[w]
	if p == nil {
		p = &Passage{First: now, Messages: make(map[cell.Message]int), Operations: make(map[cell.Operation]int), Spliced: make(map[Wire]int)}
		if len(s.Circuits) < maxPassages {
			s.Circuits[w] = p
		}
	}
	p.Last = now
	return p
}

// seenCell is what a node reads in the header of a cell that came.
type seenCell struct {
	Wire
	command cell.Command
}

func (c *seenCell) read(from circuit.Neighbor, frame []byte) {
	id, command := cell.Header(frame)
	*c = seenCell{Wire{from, id}, command}
}

// step notes which cells left a node because of which one came, as the node itself could. What left on its own account
// has none; a create that was answered later follows its answer.
func (s *Sight) step(sieve *Sieve, now time.Time, in *seenCell, out []circuit.Out) {
	s.Cells += len(out)
	for _, o := range out {
		s.search(sieve, o.Frame)
		var c seenCell
		c.read(o.To, o.Frame)
		switch c.command {
		case cell.Create, cell.Forward:
			if in != nil && (in.command == cell.Create || in.command == cell.Forward) {
				p := s.passage(now, in.Wire)
				p.Next = c.Wire
				p.Forward++
			}
		case cell.Created, cell.Backward:
			s.passage(now, c.Wire).Back++
			switch {
			case in == nil && c.command == cell.Created:
				in = &seenCell{c.Wire, cell.Create}
			case in != nil && in.command == cell.Forward && c.command == cell.Backward && in.Wire != c.Wire:
				s.passage(now, in.Wire).Spliced[c.Wire]++
			}
		}
	}
}

// opened notes a message or early data that the node read.
func (s *Sight) opened(sieve *Sieve, now time.Time, w Wire, text []byte) *Passage {
	s.Opened++
	s.search(sieve, text)
	return s.passage(now, w)
}

// search looks for canaries in what the node read.
func (s *Sight) search(sieve *Sieve, text []byte) {
	for _, name := range sieve.Search(text) {
		s.Canaries[name]++
	}
}
