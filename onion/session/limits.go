// Every length, time and bound of sessions, each with its source. What is "on the wire" must be equal at both ends.

package session

import (
	"time"

	"sotto/onion/cell"
)

// On the wire: lengths.
const (
	keyLen   = 32 // X25519, AES-256, SHA-256
	tagLen   = 16 // AES-GCM
	fieldLen = 8  // the masked counter
	maskLen  = 16 // an AES block

	// plainLen is what one cell of a session holds.
	plainLen = cell.SessionLen - fieldLen - tagLen

	hintLen    = 16
	payloadLen = cell.OpeningLen - hintLen - keyLen - tagLen
	callLen    = 16
	answerLen  = keyLen + tagLen // Noise message 2 without payload

	pieceHeader    = 6
	pieceLen       = plainLen - pieceHeader // the largest piece of a message
	datagramHeader = 8
	fragmentLen    = plainLen - datagramHeader // the largest part of a datagram
	ackHeader      = 12
	ackMost        = 120 // bytes of bitmap in one acknowledgement: what the window remembers
	ackBeside      = 16  // …when it rides beside something else

	// MaxMessage is the longest message in bytes. Ours: the largest INVITE seen in the field is a third of it.
	MaxMessage = 64 << 10
	// MaxDatagram is the longest datagram in bytes: four cells; an RTP packet of 20 ms is one.
	MaxDatagram  = 1300
	maxFragments = 4

	// blockLen is how many pieces of a message share two pieces of parity. Ours: at 5.85 % loss a block of 16 survives
	// in 91 of 100 cases and costs an eighth more.
	blockLen = 16
	maxBlock = blockLen + 2
)

// On the wire: windows and times.
const (
	// MaxQueued and MaxQueuedBytes bound what one end has sent and the other has not acknowledged. SendMessage refuses
	// beyond; an end that receives more drops it, unacknowledged.
	MaxQueued      = 64
	MaxQueuedBytes = 256 << 10

	// BucketLen is that of the expiry buckets of openings, as for links and creates.
	BucketLen = 5 * time.Minute

	// counterBits of the masked field count cells; the generation of the key stands above them. At 2⁴⁴ cells or 2²⁰
	// generations, four years, a session can seal no more.
	counterBits = 44
	maxCounter  = 1 << counterBits
	maxGen      = 1 << (64 - counterBits)
	// rekeyAfter and rekeyCells are how long a generation seals. The first is that of links; the second only bounds
	// how much one key opens.
	rekeyAfter = 120 * time.Second
	rekeyCells = 1 << 16
	// generationMost ends what a key may seal when the other end has acknowledged nothing of its generation: far below
	// what AES-GCM bears.
	generationMost = 1 << 20
	// rekeyAsks: from so many cells on the sender asks for the acknowledgement that lets it go on, if none has come by
	// itself. Fewer were no content.
	rekeyAsks = 64
)

// This end's own business: times.
const (
	firstRTT       = 600 * time.Millisecond // until one is measured or told; 7 links of 40 ms and some
	ackDelay       = 5 * time.Millisecond   // how long an acknowledgement waits for more to acknowledge
	ackDelayMost   = 50 * time.Millisecond  // what another end may claim to have waited
	ptoFloor       = 10 * time.Millisecond
	ptoMost        = 4 * time.Second
	quiet          = 200 * time.Millisecond // datagrams flow and nothing is heard for so long: ask
	previousLife   = 15 * time.Second       // the key before still opens what was under way
	handshakeWait  = 10 * time.Second       // for message 2, and for its confirmation
	acceptWait     = 40 * time.Second       // for somebody to accept
	legWait        = 30 * time.Second       // for a new leg that works when all are gone
	needPause      = time.Second            // between the first two of them, doubled each time
	keepaliveAfter = 25 * time.Second       // the dialling end asks on a leg where nothing was heard for so long
	legSilent      = 80 * time.Second       // …and the other end drops a leg that was silent for three of these
	// Linger is how long a session outlives its last user in a Table (protocol §4).
	Linger = 60 * time.Second
)

// This end's own business: bounds. What happens at each stands where it is used.
const (
	maxLegs     = 4
	maxAttempts = 4
	maxHeld     = 8        // cells that came before message 2
	maxOut      = 128      // cells that wait for the caller to take them: beyond, they are dropped as a network would
	maxEvents   = 128      // events that wait, twice what a batch of a link brings: beyond, datagrams are lost and messages wait
	maxArena    = 32 << 10 // bytes of datagrams among them, half as much again as such a batch holds
	maxWaiting  = 64 << 10 // bytes of messages among them, and one message
	maxLedger   = 512      // cells whose fate is unknown
	maxPartial  = 8        // places for datagrams under reassembly
	maxAnswers  = 8        // repetitions of message 2
	maxCloses   = 4
	unconfirmed = 64 // cells that the answering end sends before it has heard the other's new key

	windowCells = 256 // of congestion, at most
	windowLeast = 12  // …at least: a message of 3 KB is 11
	windowFirst = 24
	lossSample  = 48 // at 6 % loss, more than a sixth of so many is lost once in 2 000 times
	burst       = 12 // cells that leave at once

	reorder      = 3 // so many later cells acknowledged on one leg mean that a cell is lost (RFC 9002 §6.1.1)
	legFailed    = 2 // timeouts in a row after which another leg is tried; one is enough where nothing was heard
	legGone      = 6 // …after which a leg is given up
	maxContacts  = 1024
	maxLeaseKeys = 64                     // 16 leases with up to 3 circuits each
	openingEvery = 250 * time.Millisecond // openings that one relay makes this end compute for: four times what it should
	openingBurst = 80                     // let through, in rate and burst
	maxSeen      = 4096                   // openings of one bucket: four leases at 1/s fill a half, with their calls
	maxBuckets   = 8                      // of them: four, and what is left of four when a clock was set back
)

// MemoryBound is what one session may hold in bytes, at the worst behaviour of the other end and of its own caller:
// 256 KiB queued, as much under assembly with its parity, 128 KiB delivered and not taken, cells, datagrams, and what
// Go rounds up. A test fills one and measures 900 KiB; one that is idle holds 8.
const MemoryBound = 1 << 20

// Relations that the wire stands on: a negative constant does not convert.
const (
	_ = uint(payloadLen - openingPayload)
	_ = uint(9*pieceLen - 3<<10)                     // 3 KiB and two pieces of parity…
	_ = uint(cell.MaxEarly - 9 - 2)                  // …ride in the opening's train
	_ = uint(maxFragments*fragmentLen - MaxDatagram) //
	_ = uint(windowLen - 8*ackMost)
	_ = uint(MaxQueuedBytes - MaxMessage)
	_ = uint(windowLeast - maxBlock + blockLen/2)
)
