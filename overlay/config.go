// What a node is made from.

package overlay

import (
	"crypto/rand"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"slices"

	"sotto/noise"
	"sotto/overlay/link"
	"sotto/overlay/peer"
)

// Role says what a node does for others and what it shows of itself.
type Role uint8

// The roles (privacy.md). This layer treats anonymous nodes and clients alike: neither has a name on a link.
const (
	Relay Role = iota + 1
	Anonymous
	Client
)

// String is for people.
func (r Role) String() string {
	switch r {
	case Relay:
		return "relay"
	case Anonymous:
		return "anonymous"
	case Client:
		return "client"
	}
	return "none"
}

// Trust is whose word a node takes: the overlay document says who is admitted and who no longer.
type Trust interface {
	peer.AdmissionVerifier
	NodeRevoked(peer.NodeID) bool
}

// Days keeps the own daily parts with their onion keys. What KeepDay has been given must survive a kill at any moment
// after it returned: to sign a period twice is to be excluded. Creates are accepted for two days after the period of an
// onion key; what is older may be deleted.
type Days interface {
	// Day returns the day of a period, and whether there is one.
	Day(period uint32) (Day, bool, error)
	KeepDay(Day) error
}

// Day is an own daily part and the private half of its onion key, an X25519 scalar.
type Day struct {
	daily peer.Daily
	onion [32]byte
}

// NewDay puts a day together, as a store reads it.
func NewDay(daily peer.Daily, onion [32]byte) Day { return Day{daily, onion} }

// Daily returns the signed daily part.
func (d Day) Daily() peer.Daily { return d.daily }

// OnionKey returns the 32 private bytes, for storing with mode 0600 only.
func (d Day) OnionKey() [32]byte { return d.onion }

// Format prints a fixed text for every verb.
func (Day) Format(s fmt.State, _ rune) { _, _ = io.WriteString(s, "[day]") }

// LogValue logs a fixed text.
func (Day) LogValue() slog.Value { return slog.StringValue("[day]") }

// Identity is what a relay is known by. It stays for one key epoch.
type Identity struct {
	Static  peer.Static
	Signing peer.SigningKey
	Link    *noise.StaticKey
	// FreshLink says that the link key was never used before this start: noise.Config.FreshKey.
	FreshLink bool
	Days      Days

	// What the descriptors say. Changes show in the descriptor of the next period.
	Roles     peer.Roles
	Capacity  peer.Capacity
	Family    peer.Family
	Declared  peer.DeclaredPrefix
	Addresses []peer.Address
}

// Config are the inputs of a Node.
type Config struct {
	Role     Role
	Overlay  peer.OverlayID
	Calendar peer.Calendar
	Trust    Trust
	Document peer.DocumentHash  // of the overlay document, shown in descriptors
	Seeds    []*peer.Descriptor // of any period: whom to dial first
	Known    []*peer.Descriptor // founding peers, or what was known at the last stop
	Identity *Identity          // of a relay, nil otherwise

	DirectorySize  int    // peers in the overlay at most; 0: 30 000
	Guards         int    // links of a node without a name; 0: 2
	MaxLinks       int    // to peers; 0: link.MaxLinksDefault
	MaxClients     int    // of a relay that is a guard; 0: 4 096
	BytesPerSecond uint64 // of datagrams sent on links; 0: no bound

	Pipe      noise.Pipe
	ClosePipe func() error
	Rand      io.Reader // nil: crypto/rand

	// Cells takes frames of link.KindCell, in order, from a client or from a peer; it may be nil. CellsDone is called when
	// all cells of a batch of datagrams have been given to Cells; it may be nil. Until it returns the frames are the
	// receiver's, to be changed in place and to be given to Node.Queue.
	Cells     func(n link.Neighbor, client bool, frame []byte)
	CellsDone func()
	// Links is told of link.Up, link.Down and link.Failed, in order with Cells and from the same goroutine; may be nil.
	Links func(link.Event)
	// OnionKeys is told which onion keys creates are to be taken for, the newest first, before the first link of a relay
	// and when a period brings another one; may be nil. A list replaces the one before, whose keys are wiped when the
	// function has returned; those of the last list are when Run ends.
	OnionKeys func([]OnionKey)
	Changed   func(State)  // told of every change of state; may be nil
	Log       *slog.Logger // nil: no log

	silent bool // no keepalive: what a test compares with
}

// Errors of a node.
var (
	ErrConfig    = errors.New("overlay: wrong configuration")
	ErrClock     = errors.New("overlay: the clock shows a time outside of the overlay's calendar: set it, then start again")
	ErrAdmission = errors.New("overlay: the admission is not for this key epoch: get the one that is, then start again")
	ErrRevoked   = errors.New("overlay: the authority has revoked this node: ask it why, then join again")
	ErrDay       = errors.New("overlay: today's descriptor was signed elsewhere or its keys are lost: start again tomorrow")
)

// Defaults.
const (
	// defaultDirectory is up to where every node holds all descriptors (protocol §6).
	defaultDirectory  = 30_000
	defaultGuards     = 2 // protocol §3
	defaultMaxClients = 4096
)

// fill checks the configuration and puts defaults in.
func (c Config) fill() (Config, error) {
	if c.Role < Relay || c.Role > Client || (c.Role == Relay) != (c.Identity != nil) || c.Trust == nil || c.Pipe == nil || c.ClosePipe == nil {
		return c, ErrConfig
	}
	if c.DirectorySize < 0 || c.Guards < 0 || c.MaxLinks < 0 || c.MaxClients < 0 {
		return c, ErrConfig
	}
	if i := c.Identity; i != nil && (i.Link == nil || i.Days == nil || i.Static.IsZero() || i.Static.Overlay() != c.Overlay) {
		return c, ErrConfig
	}
	setDefault(&c.DirectorySize, defaultDirectory)
	setDefault(&c.Guards, defaultGuards)
	setDefault(&c.MaxLinks, link.MaxLinksDefault)
	switch {
	case c.Role != Relay || !c.Identity.Roles.Has(peer.RoleGuard):
		c.MaxClients = 0
	default:
		setDefault(&c.MaxClients, defaultMaxClients)
	}
	if c.Rand == nil {
		c.Rand = rand.Reader
	}
	if c.Log == nil {
		c.Log = slog.New(slog.DiscardHandler)
	}
	return c, nil
}

func setDefault(n *int, value int) {
	if *n == 0 {
		*n = value
	}
}

// private reports whether the overlay lives on addresses that are not public, as a lab or one machine does: no seed and not
// this node has a public one. A private address beside a public one is no reason to dial into one's own network.
func (c Config) private() bool {
	var all []peer.Address
	for _, d := range c.Seeds {
		all = append(all, d.Daily().Addresses()...)
	}
	if c.Identity != nil {
		all = append(all, c.Identity.Addresses...)
	}
	return len(all) > 0 && !slices.ContainsFunc(all, peer.Address.IsPublic)
}
