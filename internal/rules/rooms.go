// The architecture as tables: the rooms and which way imports point, the doors of foreign libraries, the modules.

package rules

// room is a package and what it may import of this module. A path that ends in "/..." stands for everything below
// that directory, without the directory itself.
type room struct {
	path string
	may  []string
	why  string // completes "… may not import …: "
}

// rooms is the picture:
//
//	cmd/sotto → threatmodel → sipauth → onion → overlay → noise
//
// inside onion: cell ← layer ← circuit; path, lease, request, session beside them; the root assembles them.
//
// inside overlay: peer, slot ← enroll; link on noise and peer; the root assembles them. A façade's parts never
// import it.
var rooms = []room{
	{path: "noise", may: []string{"internal/mutation", "internal/replay"}, why: "it carries bytes to one neighbour and knows no overlay"},
	{path: "overlay/peer", why: "it is a leaf that everything above builds on"},
	{path: "overlay/slot", why: "it is a leaf that everything above builds on"},
	{
		path: "overlay/enroll/...",
		may:  []string{"noise", "overlay/peer", "overlay/slot", "overlay/enroll/..."},
		why:  "enrolment stands on peer and slot, keeps the key of links, and its parts do not import their root",
	},
	{
		path: "overlay/enroll",
		may:  []string{"overlay/peer", "overlay/slot", "overlay/enroll/..."},
		why:  "enrolment stands on peer and slot alone",
	},
	{path: "overlay/link", may: []string{"noise", "overlay/peer"}, why: "a pool of links knows keys and peers, nothing of what runs over them"},
	{path: "overlay", may: []string{"noise", "overlay/..."}, why: "it assembles its parts and imports nothing above"},
	{path: "onion/cell", why: "every length of a circuit is derived there, from nothing"},
	{path: "onion/layer", may: []string{"noise", "onion/cell", "internal/mutation", "internal/replay"}, why: "it is cryptography: keys and bodies, nothing of circuits or peers"},
	{path: "onion/circuit", may: []string{"onion/cell", "onion/layer", "internal/mutation"}, why: "its machines know hops and neighbours by numbers alone"},
	{path: "onion/path", may: []string{"overlay/peer", "internal/mutation"}, why: "choosing a path asks the directory and nobody else"},
	{path: "onion/lease", may: []string{"onion/cell", "internal/mutation"}, why: "it sees circuits through the shapes that it declares"},
	{path: "onion/request", may: []string{"onion/cell"}, why: "it sees circuits through the shapes that it declares"},
	{path: "onion/session", may: []string{"noise", "onion/cell", "internal/mutation", "internal/replay"}, why: "two ends talk over whatever carries their cells"},
	{path: "onion", may: []string{"noise", "overlay", "overlay/peer", "overlay/link", "onion/..."}, why: "it assembles its parts on a node of the overlay and imports nothing above"},
	{
		path: "threatmodel/...",
		may:  []string{"noise", "overlay", "overlay/...", "onion", "onion/...", "threatmodel/...", "internal/simnet", "internal/shaper"},
		why:  "the parts of the threat model do not import their root, and nothing imports the command",
	},
	{
		path: "threatmodel",
		may:  []string{"noise", "overlay", "overlay/...", "onion", "onion/...", "threatmodel/...", "internal/simnet"},
		why:  "it observes all layers, and nothing imports the command",
	},
	{
		path: "cmd/sotto",
		may:  []string{"noise", "overlay", "overlay/...", "onion", "onion/...", "threatmodel", "threatmodel/...", "internal/simnet", "internal/linkbench", "internal/netbench", "internal/relaybench", "internal/shaper"},
		why:  "it wires the layers, and the rules are for tests",
	},
	{path: "internal/mutation", why: "it is a leaf: one function"},
	{path: "internal/replay", why: "it is a leaf: one window of counters"},
	{path: "internal/simnet", why: "the internet in memory is the standard library alone, so that every layer can be tested on it"},
	{path: "internal/linkbench", may: []string{"noise"}, why: "it measures links and nothing above them"},
	{
		path: "internal/relaybench", may: []string{"noise", "overlay", "overlay/link", "overlay/peer", "internal/linkbench"},
		why: "it measures what a relay does with cells, whatever is done to them",
	},
	{
		path: "internal/netbench",
		may:  []string{"noise", "overlay", "overlay/...", "onion", "onion/...", "threatmodel/loopback", "internal/linkbench", "internal/relaybench", "internal/shaper"},
		why:  "it measures circuits in a network of one process",
	},
	{path: "internal/shaper", may: []string{"noise"}, why: "it wraps a pipe and knows nothing above it"},
	{path: "internal/rules", why: "rules depend on nothing that they judge"},
}

// testsMay is what the tests of every room may import besides what the room itself may.
var testsMay = []string{"internal/simnet"}

// door is a foreign package, with all below it, and the rooms that may import it.
type door struct {
	path  string
	rooms []string
	why   string
}

// doors is every foreign library. One library, one door; a second room needs its reason here.
var doors = []door{
	{"github.com/flynn/noise", []string{"noise"}, "handshakes of links; its traps are closed there"},
	{"github.com/cloudflare/circl/dh/x25519", []string{"noise"}, "the DHFunc of the handshakes"},
	{"github.com/cloudflare/circl/blindsign", []string{"overlay/enroll/blind"}, "blind admission, RFC 9474"},
	{"go.etcd.io/bbolt", []string{"overlay/enroll/store"}, "the state of authority and identity"},
	{"github.com/BurntSushi/toml", []string{"cmd/sotto"}, "the configuration file"},
	{"golang.org/x/sys", []string{"noise"}, "UDP segmentation offload, which the standard library has not"},
	{"golang.org/x/crypto/argon2", []string{"overlay/slot", "overlay/enroll/store"}, "guessing a name, or the passphrase of a backup, must cost time and memory"},
	{"golang.org/x/crypto/chacha20poly1305", []string{"overlay/enroll/store"}, "backups are sealed with XChaCha20-Poly1305"},
	{"golang.org/x/crypto/chacha20", []string{"noise", "overlay/enroll/blind"}, "a keystream where no seal is wanted"},
	{"golang.org/x/crypto/cryptobyte", []string{"overlay/enroll/document"}, "strict parsing of length-prefixed layouts"},
}

// module is an entry of go.mod.
type module struct {
	path string
	why  string
}

// modules is every module that go.mod may name, our own needs and what these need in turn.
var modules = []module{
	{"github.com/BurntSushi/toml", "the configuration file"},
	{"github.com/cloudflare/circl", "X25519 for links, blind RSA for admission"},
	{"github.com/flynn/noise", "the Noise handshakes"},
	{"go.etcd.io/bbolt", "state that survives a kill at any point"},
	{"golang.org/x/crypto", "ciphers and encodings beside the standard library"},
	{"golang.org/x/sys", "socket options of Linux"},
}
