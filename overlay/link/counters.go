// What a pool has counted. Nothing in it names a peer.

package link

import "log/slog"

// Counters counts what a pool has done and refused since it was made.
type Counters struct {
	Links    int // neighbours that take frames and have a NodeID
	Clients  int // …and have none
	Greeting int // links without both hellos
	Dialing  int // peers being dialled
	Wanted   int // peers that somebody holds

	Dialed      uint64 // dials begun
	DialsFailed uint64 // dials without an answer, per address
	Doubles     uint64 // second links to a neighbour that were given up
	IdleClosed  uint64 // links closed because nobody held or used them

	HellosAccepted uint64
	HellosRefused  uint64 // not valid; the link was closed
	HellosLate     uint64 // links closed because the hellos took too long
	HellosEvicted  uint64 // links closed for newer ones at the bound of links without hello
	HellosLimited  uint64 // not looked at, over the rate
	LinksRefused   uint64 // answered links closed because the pool is full or serves no clients

	CellsSent      uint64
	CellsReceived  uint64
	QueueDropped   uint64 // frames beyond the queue of a link that is coming up, and in one that never did
	ForwardRefused uint64 // frames to forward that were none to send, or to nobody
	CapDropped     uint64 // cells and messages dropped by the bandwidth cap
	CapDroppedFill uint64 // padding, probes and echoes dropped by it

	FramesRefused uint64 // unknown or wrong
	FramesEarly   uint64 // before the hello

	ProbesSent    uint64
	EchoesSent    uint64
	Echoes        uint64 // probes answered
	ProbesLimited uint64 // of others, over the rate

	PagesServed  uint64
	PagesLimited uint64
	PagesFetched uint64
}

// LogValue logs the counts that tell how a node is doing.
func (c Counters) LogValue() slog.Value {
	return slog.GroupValue(
		slog.Int("links", c.Links), slog.Int("clients", c.Clients), slog.Int("dialing", c.Dialing),
		slog.Uint64("dialed", c.Dialed), slog.Uint64("failed", c.DialsFailed),
		slog.Uint64("refused", c.HellosRefused+c.LinksRefused), slog.Uint64("dropped", c.QueueDropped+c.CapDropped),
	)
}
