// Package overlay is one node among its peers: a socket, the links on it, the descriptors of everybody (protocol §6). It
// assembles overlay/link, overlay/peer and noise; what travels over the links is the layer above.
//
// A node goes through states that its operator sees:
//
//	seeds ──a first link──▶ directory ──a whole snapshot──▶ linked
//
// A relay answers and dials with its name. It signs one descriptor per period and shows it to its neighbours, links to
// every relay it knows up to a bound, and gives snapshots of the descriptors to whoever asks. A client or an anonymous
// node answers nobody and has no name: it dials guards, gets its snapshot through them, and keeps the links alive
// through NATs. It goes by the seeds until the layer above has chosen guards from the directory.
//
// # For circuits
//
// Cells come in the batches in which datagrams came, and what is queued while a batch is looked at leaves in one train for
// each neighbour: Config.Cells, Config.CellsDone, Node.Queue; Node.SendAll does the same from any goroutine. Node.Link
// makes a link that a circuit needs, Node.SetGuards chooses those of a node without a name, Config.Links tells how they
// fare. Node.PathDirectory has whom paths are made of, and Config.OnionKeys which keys creates are sealed to.
//
// Node is the shell; the steward inside is a core without I/O around a link.Pool.
package overlay
