// Package link keeps the links of a node to its neighbours: at most one in use per peer, dialled by descriptor, closed
// when nobody needs it, dialled again with growing pauses, within bounds and under a bandwidth cap (protocol §1, §6).
//
// Pool is a core without I/O: it takes moments and the events of package noise, and gives out actions, events and its
// next deadline. Shell joins it, or a core around it, to a noise.Endpoint.
//
// # Frames
//
// A frame is what one datagram of an established link carries, 479 bytes. Integers are big endian. What a kind does not
// use is zero, and a frame with anything else there is refused: nobody marks a link unnoticed.
//
//	0    1  kind: 0 padding, 1 cell, 2 message, 3 probe, 4 echo
//	1  478  by kind
//
// Padding is ignored, whatever is in it. A cell belongs to whoever uses the pool, all 478 bytes. Other kinds are refused.
//
// # Probe and echo
//
//	0    1  kind, 3 or 4
//	1    8  number, chosen by who probes; the echo repeats it
//	9  470  zero
//
// A probe is answered at once with an echo of the same size, within a rate; beyond it, not at all.
//
// # Message
//
// Neighbours talk in messages of fixed lengths, cut into pieces of 468 bytes, each in a frame:
//
//	 0    1  kind, 2
//	 1    1  type: 1 hello, 2 got, 3 ask, 4 page
//	 2    4  number: counts hellos or asks from 1 on a link; got and page repeat the one they answer
//	 6    1  number of the piece, from 0
//	 7    4  edition of a page, otherwise zero
//	11  468  bytes [piece·468, piece·468+468) of the message, then zero
//
// Who waits for an answer repeats all pieces until it is there. At most one hello in each direction and one ask are
// under way on a link.
//
// # Hello, 560 bytes, answered by got (no bytes)
//
// After an IK handshake both ends send a hello, and another one when they have a new daily part. An end takes cells,
// probes and asks once it has found a hello valid, and sends them once its own was answered too. A link without both
// within 10 s is closed, and so is one with a hello that is not valid. There is no answer that says why.
//
//	 0    1  version, 1
//	 1    8  random number of the sender's process: tells a restart from a second link
//	 9  325  static part of the sender's descriptor
//	334  226  daily part, of the current period or its neighbours; its link key is the one proven by the handshake
//
// Of two links between two peers, made when both dial, the one dialled by the peer with the lower NodeID stays; of two
// dialled by one, the newer. A link to an earlier process goes at once. The other is closed by its dialler when nothing
// can be under way on it any more.
//
// After an NK handshake nobody sends a hello: the answering end has proven its key, the other has no name.
//
// # Ask, 8 bytes, and page, 7176 bytes in 16 pieces
//
// Whoever wants the descriptors of a period asks for its pages in order, from 0 to the last: the same requests from
// everybody. A page that is not full, or does not exist, is as long as any other.
//
//	ask   0     4  period
//	      4     4  number of the page
//
//	page  0     4  period
//	      4     4  number of the page
//	      8     4  how many pages the period has
//	     12     1  how many descriptors are in this one, 0 to 13
//	     13  7163  descriptors of 551 bytes (static, daily part), ascending by NodeID; then zero
//
// The edition changes with the set of descriptors; pieces of different editions do not belong together.
package link
