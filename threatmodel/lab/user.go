package lab

import (
	"bytes"
	"fmt"
	"net/netip"
	"slices"
	"time"

	"sotto/internal/simnet"
	"sotto/onion"
	"sotto/onion/circuit"
	"sotto/onion/path"
	"sotto/onion/session"
	"sotto/overlay/peer"
)

// An anonymous node of a world: onion.Client on links to the guards that it names.

// redialAfter is how long after a guard was lost it is tried again.
const redialAfter = 10 * time.Second

// UserConfig is what an anonymous node is made from.
type UserConfig struct {
	Name    string
	Address netip.Addr // none in a world of bare hands
	Profile path.Profile
	// Change, if set, changes the configuration of the client.
	Change func(*onion.ClientConfig)
}

// User is an anonymous node and what it was told.
type User struct {
	*Hands
	Heard  Heard
	cfg    UserConfig
	client *onion.Client
	kept   []byte // what the client keeps over a restart
	life   int
	guards map[peer.NodeID]bool // named so far, in all lives
	inUse  []peer.NodeID
	redial *simnet.Timer
	paused map[circuit.Neighbor]time.Time
}

// Heard is what came to a user, from all sessions.
type Heard struct {
	Talks     []*onion.Talk // that others have opened, accepted
	Accepted  int           // sessions of the user's own that the other end accepted
	Messages  [][]byte
	Datagrams [][]byte
	Closed    []error
}

// NewUser makes an anonymous node, and lets it begin.
func (w *World) NewUser(c UserConfig) (*User, error) {
	u := &User{cfg: c, guards: make(map[peer.NodeID]bool), paused: make(map[circuit.Neighbor]time.Time)}
	var node *Node
	if !w.bare {
		var err error
		if node, err = w.Node(NodeConfig{Name: c.Name, Addrs: []netip.Addr{c.Address}, Anonymous: true}); err != nil {
			return nil, err
		}
	}
	u.Hands = w.newHands(c.Name, node, true)
	u.machine = u
	u.redial = w.Loop.Timer(func(time.Time) { u.hold() })
	w.byName[c.Name] = u.Hands
	w.users = append(w.users, u)
	return u, u.start(true)
}

// start begins a life; first says that nothing is remembered of another.
func (u *User) start(first bool) error {
	u.life++
	cfg := onion.ClientConfig{
		Overlay: u.world.ID, Rand: u.world.Source(fmt.Sprintf("life %d of %s", u.life, u.name)), Profile: u.cfg.Profile,
		Keeper: u, First: first, Incoming: u.incoming,
	}
	if !first {
		cfg.State = u.kept
	}
	if u.cfg.Change != nil {
		u.cfg.Change(&cfg)
	}
	client, err := onion.NewClient(u.now(), cfg)
	if err != nil {
		return fmt.Errorf("lab: a user: %w", err)
	}
	u.client = client
	return u.learn(u.world.dir)
}

// Restart ends the user's life without a word and begins the next one. forget loses what was kept, which is a fault to
// be measured.
func (u *User) Restart(forget bool) error {
	if u.node != nil {
		if err := u.node.Restart(false); err != nil {
			return err
		}
	}
	clear(u.links)
	clear(u.byLink)
	clear(u.paused)
	return u.start(forget)
}

// Keep implements path.Keeper.
func (u *User) Keep(state []byte) error {
	u.kept = bytes.Clone(state)
	return nil
}

// learn implements learner.
func (u *User) learn(dir *peer.Directory) (err error) {
	u.Do(func(now time.Time, c *onion.Client) { err = c.SetDirectory(now, dir) })
	return err
}

// Do has the client do something, and sends what comes of it.
func (u *User) Do(f func(now time.Time, c *onion.Client)) {
	f(u.now(), u.client)
	u.hold()
	u.flush(nil)
}

// Status is that of the client.
func (u *User) Status() onion.ClientStatus { return u.client.Status() }

// GuardsNamed are the relays that the client ever named as guards, and those that it names now.
func (u *User) GuardsNamed() (ever map[peer.NodeID]bool, now []peer.NodeID) { return u.guards, u.inUse }

// hold holds links to exactly the guards that the client names.
func (u *User) hold() {
	guards := u.client.Guards()
	u.inUse = slices.Clone(guards)
	for _, id := range guards {
		u.guards[id] = true
		r := u.world.ByID(id)
		if r == nil || u.links[r.place] != nil {
			continue
		}
		if until := u.paused[r.place]; until.After(u.world.Now()) {
			u.redial.Reset(until)
			continue
		}
		u.dial(r)
	}
	for n := range u.links {
		if id := u.world.relays[n-1].ID(); !slices.Contains(guards, id) {
			u.hangUp(n)
		}
	}
}

// receive implements machine.
func (u *User) receive(now time.Time, from circuit.Neighbor, _ bool, frame []byte) {
	u.client.Receive(now, from, frame)
	u.hold()
}

// linkUp implements machine.
func (u *User) linkUp(now time.Time, n circuit.Neighbor) {
	delete(u.paused, n)
	u.client.GuardUp(now, u.world.relays[n-1].ID(), n)
	u.hold()
}

// linkDown implements machine.
func (u *User) linkDown(now time.Time, n circuit.Neighbor) {
	u.paused[n] = u.world.Now().Add(redialAfter)
	u.client.GuardDown(now, u.world.relays[n-1].ID())
	u.hold()
}

// tick implements machine.
func (u *User) tick(now time.Time) {
	u.client.Tick(now)
	u.hold()
}

// deadline implements machine.
func (u *User) deadline() time.Time { return u.client.Deadline() }

// outgoing implements machine.
func (u *User) outgoing(dst []circuit.Out) []circuit.Out { return u.client.Outgoing(dst) }

// recycle implements machine.
func (u *User) recycle(sent []circuit.Out) { u.client.Recycle(sent) }

// incoming accepts every session, once it is told of.
func (u *User) incoming(t *onion.Talk) func(session.Event) {
	u.Heard.Talks = append(u.Heard.Talks, t)
	u.world.Loop.At(u.world.Now(), func() {
		u.Do(func(now time.Time, _ *onion.Client) { t.Session(now, func(s *session.Session) { s.Accept(now) }) })
	})
	return u.Heard.tell
}

// tell notes an event of a session.
func (h *Heard) tell(e session.Event) {
	switch e.Kind {
	case session.Accepted:
		h.Accepted++
	case session.Message:
		h.Messages = append(h.Messages, bytes.Clone(e.Bytes))
	case session.Datagram:
		h.Datagrams = append(h.Datagrams, bytes.Clone(e.Bytes))
	case session.Closed:
		h.Closed = append(h.Closed, e.Err)
	}
}

// ByID is the relay with a NodeID, or nil.
func (w *World) ByID(id peer.NodeID) *Relay {
	for _, r := range w.relays {
		if r.ID() == id {
			return r
		}
	}
	return nil
}

// Reach dials a relay whatever the client says: a fault to be measured.
func (u *User) Reach(r *Relay) { u.dial(r) }
