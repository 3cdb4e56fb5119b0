package threatmodel

import (
	"encoding/binary"
	"fmt"
	"net/netip"
	"time"

	"sotto/onion/path"
	"sotto/overlay/peer"
	"sotto/threatmodel/lab"
)

// Directories to choose paths from, generated: what peers declare, without the signatures that only say who declares it.

// pathTown is a directory and what is true of it. It is asked about peers by its own tables, not by those of the code
// that chooses.
type pathTown struct {
	name    string
	overlay peer.OverlayID
	all     []path.Candidate
	table   *path.Table
	byID    map[peer.NodeID]int
}

// pathBegin is when the runs begin.
func pathBegin() time.Time { return time.Unix(1_800_000_000, 0) }

// pathPlan is how a town is built.
type pathPlan struct {
	name     string
	peers    int
	networks int  // of each kind, IPv4 and IPv6
	crowd    int  // in percent: peers in the first network
	clan     int  // in percent: peers of one family
	even     bool // all are guards of one capacity and one address: for comparing with formulas
}

// pathPlans are the towns in which the rules must hold.
func pathPlans() []pathPlan {
	return []pathPlan{
		{name: "3 000 peers of 900 networks", peers: 3000, networks: 900},
		{name: "1 000 peers, 90 % of them in one network", peers: 1000, networks: 200, crowd: 90},
		{name: "1 000 peers, 60 % of them of one family", peers: 1000, networks: 600, clan: 60},
		{name: "14 peers of 10 networks", peers: 14, networks: 10},
	}
}

// newPathTown generates a town.
func newPathTown(random *lab.Source, plan pathPlan) (*pathTown, error) {
	var id [32]byte
	id[0] = 3
	overlay, err := peer.ParseOverlayID(id[:])
	if err != nil {
		return nil, err
	}
	t := &pathTown{name: plan.name, overlay: overlay}
	for i := range plan.peers {
		c, err := pathPeer(random, plan, overlay, i)
		if err != nil {
			return nil, err
		}
		t.all = append(t.all, c)
	}
	t.index()
	return t, nil
}

// index makes the tables after the peers changed.
func (t *pathTown) index() {
	t.table = path.TableOf(t.overlay, t.all)
	t.byID = make(map[peer.NodeID]int, len(t.all))
	for i, c := range t.all {
		t.byID[c.ID] = i
	}
}

func pathPeer(random *lab.Source, plan pathPlan, overlay peer.OverlayID, i int) (path.Candidate, error) {
	id, err := pathID(random)
	if err != nil {
		return path.Candidate{}, err
	}
	c := path.Candidate{ID: id, Roles: peer.RoleRelay | peer.RoleStorer | peer.RoleGuard, Capacity: 11}
	network := random.IntN(plan.networks)
	switch {
	case plan.even:
		network = i
	case random.IntN(100) < plan.crowd:
		network = 0
	}
	ips := []netip.Addr{pathAddress4(network, i)}
	if !plan.even {
		c.Capacity = peer.Capacity(6 + random.IntN(10))
		switch random.IntN(5) {
		case 0:
			ips = append(ips, pathAddress6(random.IntN(plan.networks), i))
		case 1:
			ips = []netip.Addr{pathAddress6(random.IntN(plan.networks), i)}
		}
		switch random.IntN(10) {
		case 0:
			c.Roles = peer.RoleStorer
		case 1, 2:
			c.Roles = peer.RoleRelay | peer.RoleStorer
		}
		switch {
		case random.IntN(100) < plan.clan:
			c.Family = peer.FamilyOf(overlay, "clan")
		case random.IntN(10) == 0:
			c.Family = peer.FamilyOf(overlay, fmt.Sprint("family ", random.IntN(plan.peers/5+1)))
		}
	}
	for _, ip := range ips {
		a, err := peer.NewAddress(netip.AddrPortFrom(ip, 443))
		if err != nil {
			return path.Candidate{}, err
		}
		c.Addresses, c.Networks = append(c.Addresses, a), append(c.Networks, a.Prefix())
	}
	return c, nil
}

func pathID(random *lab.Source) (peer.NodeID, error) {
	var b [peer.NodeIDLen]byte
	// It never fails.
	_, _ = random.Read(b[:])
	return peer.ParseNodeID(b[:])
}

// pathAddress4 is an address of the n-th /16, pathAddress6 one of the n-th /32.
func pathAddress4(n, host int) netip.Addr {
	return netip.AddrFrom4([4]byte{byte(1 + n>>8), byte(n), byte(host >> 8), byte(host)})
}

func pathAddress6(n, host int) netip.Addr {
	b := [16]byte{0x20, 0x40, byte(n >> 8), byte(n)}
	binary.BigEndian.PutUint64(b[8:], uint64(host+1))
	return netip.AddrFrom16(b)
}

// epoch gives every peer another NodeID, as the end of a key epoch does; addresses stay.
func (t *pathTown) epoch(random *lab.Source) error {
	for i := range t.all {
		id, err := pathID(random)
		if err != nil {
			return err
		}
		t.all[i].ID = id
	}
	t.index()
	return nil
}

// without is the town's table on a day when some are away.
func (t *pathTown) without(away func(i int) bool) *path.Table {
	var there []path.Candidate
	for i, c := range t.all {
		if !away(i) {
			there = append(there, c)
		}
	}
	return path.TableOf(t.overlay, there)
}

// pathDisk keeps a state in memory.
type pathDisk struct{ state []byte }

// Keep implements path.Keeper.
func (d *pathDisk) Keep(b []byte) error {
	d.state = append(d.state[:0:0], b...)
	return nil
}

// pathNode is a node that chooses paths.
type pathNode struct {
	*path.Selector
	disk   *pathDisk
	random *lab.Source
	town   *pathTown
}

// newPathNode starts a node that never ran before.
func newPathNode(t *pathTown, table *path.Table, random *lab.Source, own peer.NodeID, now time.Time) (*pathNode, error) {
	n := &pathNode{disk: &pathDisk{}, random: random, town: t}
	var err error
	n.Selector, err = path.New(path.Config{Overlay: t.overlay, Own: own, Random: random, Keeper: n.disk, First: true})
	if err != nil {
		return nil, err
	}
	return n, n.day(now, table)
}

// restart ends the process and starts another one, which knows what was kept; forgetful, nothing.
func (n *pathNode) restart(now time.Time, table *path.Table, forgetful bool) error {
	c := path.Config{Overlay: n.town.overlay, Random: n.random, Keeper: n.disk, State: n.disk.state}
	if forgetful {
		c.State, c.First = nil, true
	}
	var err error
	if n.Selector, err = path.New(c); err != nil {
		return err
	}
	return n.day(now, table)
}

// day takes a directory and brings up the links that are wanted.
func (n *pathNode) day(now time.Time, table *path.Table) error {
	if err := n.Update(now, table); err != nil {
		return err
	}
	return n.link(now)
}

func (n *pathNode) link(now time.Time) error {
	for _, g := range n.Guards() {
		n.GuardUp(now, g)
	}
	return n.Advance(now)
}
