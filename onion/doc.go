// Package onion carries what is said about users: by circuits, so that nobody who carries it knows both ends (protocol §2 to
// §4). It assembles its sub-packages on a node of the overlay.
//
//	Relay   what a relay does for others: forwards circuits, keeps leases and splices, answers requests
//	Client  what a node does for its user: holds guards and stems, makes requests, listens at leases, talks in sessions
//	Node    the shell that runs both on an overlay.Node
//
// Relay and Client are cores without I/O: a network in memory drives the same ones.
//
// # What a cell goes through
//
//	link ──▶ Relay ──▶ circuit.Transit ──▶ next link
//	                        │ messages for this hop
//	                        ├──▶ lease.Registry    listen, open, splice
//	                        └──▶ request.Server    ask
//
//	link ──▶ Client ──▶ circuit.Origin
//	                        ├──▶ path.Pool         stems built in advance
//	                        ├──▶ request.Client    answers
//	                        ├──▶ lease.Owner       openings and cells of callers
//	                        └──▶ session           messages and datagrams of both
//
// A circuit belongs to one thing from when it leaves the pool to its end: one request, one lease, or one leg that this node
// opened.
package onion

import (
	"sotto/onion/cell"
	"sotto/overlay/link"
)

// What a frame of a link holds and what a cell is are the same length and begin with the same byte: a difference does not
// convert.
const (
	_ = uint(cell.Len - link.CellLen)
	_ = uint(link.CellLen - cell.Len)
	_ = uint(link.Kind(cell.Kind) - link.KindCell)
	_ = uint(link.KindCell - link.Kind(cell.Kind))
)
