// Package circuit has the two machines of circuits: Transit at a relay, Origin at whoever uses them (protocol §2). Both are
// cores without I/O: they take cells and moments, and give out cells, events and their next deadline. What is in a cell
// is for packages cell and layer.
//
// # A circuit at a relay
//
//	create ──▶ queued ──answered──▶ open ──next hop named──▶ extending ──created──▶ extended
//	             │ not authentic, seen before, too old, no room             │ destroyed, link lost, no such peer
//	             ▼                                                          ▼
//	          destroyed                                                 truncated (says so to the origin, once)
//
// A relay answers a create that names a next hop at once, and creates on. The answer of the next hop goes back as a message
// of this one. What is wrong with a create, or why there is no next hop, nobody is told: a destroy or a truncated is all. A
// create over a client's rate, with an ID in use, or with an ephemeral key that was seen is met with silence: an answer would
// be taken for one to the circuit that is there. A circuit is extended once, never to where it came from, and never to this
// relay; one whose create carried an operation ends here and is never extended.
//
// Creates are good for their expiry bucket of five minutes and its two neighbours, and each ephemeral key once within. After
// a restart with a key that was in use, the bucket of the start and the next are refused too: what was taken in them is not
// known any more.
//
// # A circuit at its origin
//
//	Build ──▶ building, hop by hop ──all answered──▶ built ──Extend──▶ extending ──▶ extended, …
//
// Whatever fails to open closes the circuit: a cell was altered or repeated on the way.
package circuit
