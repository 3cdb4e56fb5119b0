// Package path says which relays a circuit goes through (protocol §3): guards that stay, second positions that are
// pinned and rotate slowly, one set of them for each purpose, and stems kept ready. It asks nobody anything: it knows
// the directory of the period, a clock that it is handed, and random bytes.
//
// # Paths
//
//	standard  guard, second, far node
//	high      guard, second, random, far node
//
// Who stands in the last place is chosen by a key, a record or somebody else; all others are chosen here. In one path
// no peer stands twice, and no two of one network (/16 of IPv4, /32 of IPv6, each of a peer's two counts) or of one
// declared family. What these rules leave nobody for is an error that says so; no rule is relaxed.
//
// # Choosing
//
// Relays are drawn by the capacity they declare, which nobody checks: a relay counts for at most 4 times the median
// relay, and a network for at most 4 times the median network. Both medians stay where honest relays put them until
// somebody holds half of the networks.
//
// # What stays
//
// The sample of guards and the second positions outlive the process as one string of bytes, big endian, which is handed
// to a Keeper before anything in it is used:
//
//	 0    1  version, 1
//	 1   32  overlay id
//	33    1  number of guards g, at most 6
//	34  79g  guards, oldest first: NodeID 32, time of sampling 8 (unix seconds), two addresses of 19
//	         (kind 4 or 6, 16 bytes with IPv4 in front of 12 zeros, port; zero for none), 1 if bound to them 1
//	     …   for each of the 6 purposes: time of the last early replacement 8, number of second positions s 1 (at
//	         most 2), and s times 79 bytes as for a guard, with the time of expiry
//	     32  SHA-256 over "sotto path state v1" (one byte of length in front) and everything before
//
// Relays are found again by NodeID, and where that is gone, by address: NodeIDs end with the key epoch, every 60 days.
//
// Bytes that are not that are refused, and a state that was kept once and is missing is an error too: whoever can make
// a node forget its guards has it choose new ones until they are his.
package path
