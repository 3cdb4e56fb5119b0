// Every time, rate and bound of a pool, with its source. All are this end's own business, except that both ends of a
// link must give a hello about the same time.

package link

import (
	"time"

	"sotto/noise"
)

const (
	// helloTime is how long a link may stay without valid hellos of both ends, tries included (ours: ten round trips of
	// a second; an honest hello takes one).
	helloTime = 10 * time.Second
	// helloFirst is when a hello is repeated first; the pause doubles. helloTries bounds a hello on a link that is up.
	helloFirst = 500 * time.Millisecond
	helloTries = 8

	// linger is how long the link that lost against another one is kept for what is under way on it. It is longer than
	// helloTime, so that the other link is up at both ends by then, or gone.
	linger = 15 * time.Second

	// idleAfter closes a link that nobody holds and nobody uses.
	idleAfter = 2 * time.Minute

	// backoffFirst and backoffMost bound the pause after a failed dial; it doubles (issue: 1 s to 10 min).
	backoffFirst = time.Second
	backoffMost  = 10 * time.Minute
	// steadyAfter is how long a link must have lasted to count as a success. A peer that closes at once would be
	// dialled again at once otherwise.
	steadyAfter = time.Minute
	// fullRetry is the pause after noise refused to dial for lack of room.
	fullRetry = time.Second

	// askFirst is when an ask is repeated first; the pause doubles. After askTries a fetch has failed (63 s).
	askFirst = time.Second
	askTries = 6
	// fetchGrace and fetchPace are how long a fetch may take in all, and for each page that came. Who is slower is given
	// up, or he would hold the only fetch for a minute a page (ours: three round trips of a second, under loss).
	fetchGrace = 2 * time.Minute
	fetchPace  = 3 * time.Second

	// probeLife is how long the echo of a probe is waited for.
	probeLife = 10 * time.Second
)

// A loser outlives the greeting of the link that it lost against.
const _ = uint(linger - helloTime - 1)

const (
	// maxDials is how many peers are dialled at once; the others wait their turn.
	maxDials = 32
	// maxGreeting is how many answered links may be without a valid hello, about 2 KB each. At the bound the oldest
	// is closed: it had the longest time. An honest one stands here for a round trip and a half; to push it out within
	// 120 ms takes 2 000 handshakes a second, more than a core answers.
	maxGreeting = 256
	// maxQueue is how many frames wait for a link that is coming up, per peer. The newest is dropped.
	maxQueue = 64
	// maxProbes is how many probes of one link may be without echo. The oldest is forgotten.
	maxProbes = 64
	// extraContacts is how many contacts beyond MaxLinks may be wanted or remembered for their back-off.
	extraContacts = 1024
)

// MaxLinksDefault bounds the links to peers where Config.MaxLinks is 0 (ours: a link's keys take 4.5 KB below, measured,
// so as many again for clients make 37 MB when all places are taken).
const MaxLinksDefault = 4096

// helloRate bounds the verifications of all links together: 100 a second take about 2 % of a core (0.15 ms each). A
// hello beyond it counts as lost, and is repeated by its sender.
func helloRate() rate { return rate{100, 200} }

// helloLinkRate bounds what one link may have verified: a new daily part comes once a period.
func helloLinkRate() rate { return rate{0.1, 4} }

// echoRate bounds the probes of one link that are answered.
func echoRate() rate { return rate{100, 200} }

// pageLinkRate bounds the pages that one link gets; pageRate those of all clients, and again those of all peers. A page
// is 8 KB, and 16 a second are more than one request at a time can take over 63 ms.
func pageLinkRate() rate { return rate{16, 32} }

// Under a bandwidth cap each of the two gets an eighth of it at most: pages stand above cells, and who asks is nobody.
func pageRate(bytesPerSecond uint64) rate {
	const most, page = 128, 16 * noise.DatagramLen
	if bytesPerSecond == 0 {
		return rate{most, 2 * most}
	}
	perSecond := min(most, float64(bytesPerSecond)/8/page)
	return rate{perSecond, max(1, 2*perSecond)}
}
