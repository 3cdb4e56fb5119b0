package lab

import (
	"cmp"
	"fmt"
	"maps"
	"slices"

	"sotto/onion/cell"
)

// Who saw what: the knowledge of every node of a world, one row each, from what was recorded.

// Row is what one node got to know.
type Row struct {
	Name string
	// Addresses are the users, by name, whose address it heard from: none where there are no links.
	Addresses []string
	// Before and Behind are the nodes, by name, that circuits came to it from and went on to.
	Before, Behind []string
	// Passed are cells of others that went through its hands; Opened are messages for itself.
	Passed, Opened int
	// Read says what those were, by kind.
	Read map[string]int
	// Found are the canaries that it read in anything.
	Found []string
}

// Table returns a row for each node, in the order in which they were made: relays first.
func (w *World) Table() []Row {
	rows := make([]Row, len(w.hands))
	for i, h := range w.hands {
		rows[i] = w.row(h)
	}
	return rows
}

func (w *World) row(h *Hands) Row {
	r := Row{Name: h.name, Opened: h.Saw.Opened, Read: make(map[string]int)}
	found := maps.Clone(h.Saw.Canaries)
	if h.node != nil {
		maps.Copy(found, h.node.Knows.Canaries)
		for _, u := range w.hands {
			if u.client && u != h && h.node.Knows.Addresses[u.node.Addr()] > 0 {
				r.Addresses = append(r.Addresses, u.name)
			}
		}
	}
	r.Found = slices.Sorted(maps.Keys(found))
	before, behind := make(map[string]bool), make(map[string]bool)
	for wire, p := range h.Saw.Circuits {
		r.Passed += p.Forward + p.Back
		w.name(before, h, wire)
		if p.Next != (Wire{}) {
			w.name(behind, h, p.Next)
		}
		for o, n := range p.Operations {
			r.Read[operationName(o)] += n
		}
		for m, n := range p.Messages {
			r.Read[messageName(m)] += n
		}
	}
	r.Before, r.Behind = slices.Sorted(maps.Keys(before)), slices.Sorted(maps.Keys(behind))
	return r
}

// name notes the other end of a wire.
func (w *World) name(names map[string]bool, h *Hands, wire Wire) {
	if to := h.neighbor(wire.Neighbor); to != nil {
		names[to.name] = true
	}
}

// operationName and messageName are what a reader of the table calls them.
func operationName(o cell.Operation) string {
	return cmp.Or(map[cell.Operation]string{cell.Open: "opening for a lease", cell.Ask: "request"}[o], fmt.Sprintf("operation %d", o))
}

func messageName(m cell.Message) string {
	return cmp.Or(map[cell.Message]string{
		cell.Request: "piece of a request", cell.Again: "asked again", cell.Listen: "wish to listen", cell.Splice: "sealed cell of a session",
		cell.Cut: "end of a session",
	}[m], fmt.Sprintf("message %d", m))
}
