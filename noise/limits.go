package noise

import "time"

// Every length, time and bound of the link protocol, each with its source.
// Specification constants are on the wire or must be equal at both ends;
// implementation constants are this end's own business.

// Specification.
const (
	// DatagramLen is the UDP payload of every datagram in bytes, handshakes and
	// cookies included. Ours: one size says nothing (P06), and 512 leaves room
	// below any path MTU for the tunnels that people run.
	DatagramLen = 512

	// FrameLen is the payload that one established link datagram carries.
	FrameLen = DatagramLen - dataHeaderLen - tagLen - frameTypeLen

	// Version is the wire version. It stands in prologues and in the keys of the
	// handshake envelopes, never on the wire: peers of two versions are silent
	// to each other.
	Version = 1

	// BucketLen is the length of the time buckets in which first messages count
	// as fresh. Ours: one value for everyone, so it marks nobody.
	BucketLen = 5 * time.Minute

	keyLen        = 32 // X25519 keys (RFC 7748 §5), AES-256 keys
	tagLen        = 16 // AES-GCM tag (NIST SP 800-38D §5.2.1.2)
	saltLen       = 16 // random front of an envelope, used as the GCM nonce
	indexLen      = 8  // receiver indexes
	dataHeaderLen = 16 // masked index and masked counter
	frameTypeLen  = 1
	cookieLen     = 16
	headerKeyLen  = 16 // AES-128 key that masks receiver indexes

	// RekeyAfter is the age at which the initiator of a link makes new keys.
	RekeyAfter = 120 * time.Second
	// RejectAfter is the age at which keys are refused: a rekey that failed for
	// a minute means that the other end is gone.
	RejectAfter = 180 * time.Second
	// rejectAfterCounter stops a key long before AES-GCM's own limit of 2³²
	// blocks a message matters; at 10⁶ datagrams a second it is never reached
	// before RejectAfter.
	rejectAfterCounter = 1 << 40
)

// Implementation: times.
const (
	// tryInterval and tryLimit: at most five first messages in five seconds.
	tryInterval = time.Second
	tryLimit    = 5

	cookieLife     = 120 * time.Second // one generation of the cookie secret; two are accepted
	halfOpenLife   = 8 * time.Second   // an answered initiation waits so long for its confirmation
	confirmLife    = 6 * time.Second   // …which the initiator repeats for so long, every tryInterval
	assemblyLife   = 2 * time.Second   // pieces of one first message arrive within this
	pingAfter      = 5 * time.Second   // something sent and nothing heard for so long asks for a pong
	silentAfter    = 20 * time.Second  // …and for so long ends the link
	namelessSilent = 60 * time.Second  // …at the end that answered an initiator without a name, which may sit behind a
	// NAT that has just forgotten it: two keepalives of 25 s bring it back, and only it can
	responderIdle = 5 * time.Minute // an answered link that nobody uses ends
	rekeyRetry    = time.Second
	keysOverlap   = 15 * time.Second // old keys still open what was under way
)

// Implementation: bounds. What happens at each bound stands where it is used.
const (
	maxPieces       = 4       // pieces of one handshake message; ML-KEM-768 needs 3
	maxAssemblies   = 64      // first messages of several pieces under assembly
	maxHalfOpen     = 4096    // answered initiations that wait for their confirmation
	maxLinks        = 8192    // default of Config.MaxLinks
	maxDialing      = 1024    // own attempts under way
	maxSources      = 1 << 13 // source prefixes counted in one second
	maxOut          = 64      // batches waiting for the pipe; beyond, datagrams are dropped as UDP would
	unprovenRate    = 200     // first messages a second answered without a cookie
	unprovenBurst   = 100
	provenRate      = 2000 // …and with one, under load: a third of what a core of today can answer, and all links in 4 s
	provenPerSource = 20   // …of these from one source prefix
	dialHeaders     = 64   // own NK links that have header keys of their own

	assembliesPerAddress = 4
	maxPerPeer           = 2  // answered links of one static key: a restart leaves one behind
	strangersShare       = 8  // one in so many of MaxLinks is kept for own dials
	moveCredit           = 3  // datagrams that go to a new address for each that came from there
	moveCreditMost       = 64 // …saved up
	pingsKept            = 8  // unanswered pings whose pongs still count
	remakes              = 4  // forged answers that one attempt bears, and cookies that one try follows

	// What the memory of first messages takes in before it is dropped, at the
	// metered rates: a bucket is open for three times its length, a generation
	// of cookies for its life.
	maxFirstSeen  = unprovenRate*3*int(BucketLen/time.Second) + unprovenBurst
	maxProvenSeen = (unprovenRate+provenRate)*int(cookieLife/time.Second) + unprovenBurst + provenRate
)

// FloodMemoryBound is what a flood of first messages may add to the memory of a
// core in bytes, with every table that strangers can fill full: the memory of
// first messages (180 100 without and twice 266 100 with a cookie), sources
// (2¹³), half-open links (4096), assemblies (64), and the batches that wait for
// the pipe (64). A test fills them all and measures 25 MiB.
const FloodMemoryBound = 32 << 20

// Relations that must hold for the wire to fit, checked at compile time.
const (
	_ = uint64(FrameLen - 479)                                   // what overlay and onion build on
	_ = uint64(479 - FrameLen)                                   //
	_ = uint64(maxPieces*initiationPieceLen - (1184 + 48 + 200)) // a hybrid first message fits
	_ = uint64(halfOpenLife - confirmLife)                       // a confirmation finds what it confirms
	_ = uint64(RejectAfter - RekeyAfter - 20*rekeyRetry)         // a rekey has time to be retried
)
