// The command `sotto status`: what the running node, or the state alone, tells its owner. Nothing in it is about others
// but counts.

package main

import (
	"context"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"maps"
	"slices"
	"strings"
	"text/tabwriter"
	"time"

	"sotto/onion"
	"sotto/onion/path"
	"sotto/overlay/enroll"
	"sotto/overlay/enroll/identity"
)

// nodeStatus is what `sotto status --json` prints. Times that are not known are left out.
type nodeStatus struct {
	Running bool   `json:"running"`
	Overlay string `json:"overlay"`
	Role    string `json:"role"`
	Name    string `json:"name"`
	NodeID  string `json:"node_id,omitempty"` // of a relay: it is in the directory

	KeyEpoch         uint32     `json:"key_epoch"`
	Admitted         bool       `json:"admitted"`
	CertificateUntil time.Time  `json:"certificate_until"`
	SlotsUntil       *time.Time `json:"slots_until,omitempty"`
	DocumentVersion  uint64     `json:"document_version"`
	DocumentUntil    time.Time  `json:"document_until"`
	Seed             bool       `json:"seed"` // the document lists it
	Warnings         []string   `json:"warnings"`

	Node *liveStatus `json:"node,omitempty"`
}

// liveStatus is what only a running node knows.
type liveStatus struct {
	State         string  `json:"state"` // "seeds", "directory" or "linked"
	UptimeSeconds int64   `json:"uptime_s"`
	Links         int     `json:"links"`
	Clients       int     `json:"clients"`
	Dialing       int     `json:"dialing"`
	Peers         int     `json:"peers"`
	Sent          uint64  `json:"datagrams_sent"`
	Received      uint64  `json:"datagrams_received"`
	Refused       uint64  `json:"datagrams_refused"`
	Capped        uint64  `json:"dropped_by_cap"`
	RTTMs         float64 `json:"rtt_p50_ms,omitempty"`

	Paths *pathStatus  `json:"paths,omitempty"` // of a node without a name
	Relay *relayStatus `json:"relay,omitempty"`
}

// pathStatus is what a node without a name does for its user.
type pathStatus struct {
	Guards   int            `json:"guards"` // chosen
	GuardsUp int            `json:"guards_up"`
	Stems    map[string]int `json:"stems"` // ready, by purpose
	Circuits int            `json:"circuits"`
	Leases   int            `json:"leases"`
	Sessions int            `json:"sessions"`
	ExtendMs float64        `json:"extend_ms,omitempty"` // what a stem takes to reach somebody, on average
	NoPath   string         `json:"no_path,omitempty"`   // why a path is wanted and not to be had
}

// relayStatus is what a relay does for others. Nothing in it tells of whom.
type relayStatus struct {
	Circuits  int    `json:"circuits"`
	Waiting   int    `json:"creates_waiting"`
	Created   uint64 `json:"creates_answered"`
	Extended  uint64 `json:"extended"`
	Refused   uint64 `json:"creates_refused"`  // not authentic, seen before, over a limit, or no room
	Replayed  uint64 `json:"creates_replayed"` // of these, seen before or of the time before the start
	Forwarded uint64 `json:"cells_forwarded"`
	Unknown   uint64 `json:"cells_refused"` // of no circuit, not authentic, or too late
	Dropped   uint64 `json:"cells_dropped"` // over the cap
	Leases    int    `json:"leases"`
	Calls     int    `json:"calls"`
}

func runStatus(ctx context.Context, e *env, args []string) error {
	flags := newFlags()
	state, asJSON := flags.String("state", "", ""), flags.Bool("json", false, "")
	if _, err := parseFlags(flags, args); err != nil {
		return err
	}
	done, err := e.grant(ctx, *state, wish{Do: "status"})
	if err != nil {
		return err
	}
	if *asJSON {
		return e.printf("%s\n", done.Result)
	}
	var s nodeStatus
	if err := json.Unmarshal(done.Result, &s); err != nil {
		return errors.New("the running node answers in a way of another version; start it again with this one")
	}
	var text strings.Builder
	s.write(&text)
	return e.printf("%s", text.String())
}

func wishStatus(m *member, _ wish) (outcome, error) {
	s, err := m.status()
	if err != nil {
		return outcome{}, err
	}
	result, err := json.Marshal(s)
	return outcome{Result: result}, err
}

// status is everything that the state tells, with what the running node adds.
func (m *member) status() (nodeStatus, error) {
	now := m.now()
	o, err := m.id.Document()
	if err != nil {
		return nodeStatus{}, err
	}
	aor, err := m.id.AoR()
	if err != nil {
		return nodeStatus{}, err
	}
	_, cert, err := m.id.User()
	if err != nil {
		return nodeStatus{}, err
	}
	s := nodeStatus{
		Overlay: o.Contents().Founding.Name, Role: string(m.c.role), Name: aor.Canonical(),
		KeyEpoch: enroll.KeyEpoch(o, now), CertificateUntil: cert.NotAfter(),
		DocumentVersion: o.Version(), DocumentUntil: o.Contents().Until, Warnings: []string{},
	}
	_, static, err := m.id.Peer(s.KeyEpoch)
	if err != nil && !errors.Is(err, identity.ErrNone) {
		return nodeStatus{}, err
	}
	if s.Admitted = err == nil; s.Admitted && m.c.role == roleRelay {
		id := static.NodeID().Bytes()
		s.NodeID = hex.EncodeToString(id[:])
		for _, p := range o.Seeds() {
			s.Seed = s.Seed || p.NodeID() == static.NodeID()
		}
	}
	if until, err := m.id.SlotsUntil(now); err == nil && !until.IsZero() {
		s.SlotsUntil = &until
	}
	list, err := m.id.Warnings(now, m.c.role == roleRelay)
	if err != nil {
		return nodeStatus{}, err
	}
	for _, w := range list {
		s.Warnings = append(s.Warnings, w.String())
	}
	if m.alive != nil {
		s.Running, s.Node = true, m.alive()
	}
	return s, nil
}

// live is what the running node adds; nil between two nodes.
func (u *upRun) live() *liveStatus {
	node := u.current()
	if node == nil {
		return nil
	}
	s := node.Status()
	return &liveStatus{
		State: s.State.String(), UptimeSeconds: int64(s.Uptime / time.Second),
		Links: s.Links.Links, Clients: s.Links.Clients, Dialing: s.Links.Dialing, Peers: s.Peers,
		Sent: s.Datagrams.Sent, Received: s.Datagrams.Received,
		Refused: s.Datagrams.Refused + s.Datagrams.Foreign + s.Datagrams.Bad + s.Datagrams.Replayed,
		Capped:  s.Links.CapDropped + s.Links.CapDroppedFill,
		RTTMs:   inMillis(s.RTT.Median),
		Paths:   pathsOf(node), Relay: relayOf(node),
	}
}

func pathsOf(node *onion.Node) *pathStatus {
	c := node.Circuits().Client
	if c == nil {
		return nil
	}
	p := &pathStatus{
		Guards: c.Guards, GuardsUp: c.GuardsUp, Stems: make(map[string]int), Circuits: c.Circuits, Leases: c.Leases, Sessions: c.Sessions,
		ExtendMs: inMillis(c.RTT),
	}
	for purpose := range path.Purpose(path.Purposes) {
		if c.Stems[purpose] > 0 {
			p.Stems[purpose.String()] = c.Stems[purpose]
		}
	}
	if c.NoPath != nil {
		p.NoPath = aboutPath(c.NoPath)
	}
	return p
}

// aboutPath is the sentence of an error of paths, which begins with "no path: ".
func aboutPath(err error) string {
	text := err.Error()
	if errors.Is(err, path.ErrNotKept) {
		text = "no path: the chosen guards cannot be saved; make room in the state directory and look at its rights"
	}
	return text
}

func relayOf(node *onion.Node) *relayStatus {
	r := node.Circuits().Relay
	if r == nil {
		return nil
	}
	return &relayStatus{
		Circuits: r.Circuits, Waiting: r.Queued, Created: r.Created, Extended: r.Extended,
		Refused:  r.CreatesBad + r.CreatesReplayed + r.CreatesLimited + r.CreatesFull,
		Replayed: r.CreatesReplayed, Forwarded: r.Forwarded + r.Back, Unknown: r.CellsUnknown + r.CellsBad + r.CellsOld,
		Dropped: r.CellsDropped, Leases: r.Leases, Calls: r.Splices,
	}
}

// write is the status for people.
func (s *nodeStatus) write(out io.Writer) {
	table := tabwriter.NewWriter(out, 0, 0, 2, ' ', 0)
	line := func(what, format string, args ...any) { fmt.Fprintf(table, what+"\t"+format+"\n", args...) }
	switch n := s.Node; {
	case !s.Running:
		line("node", "does not run; `sotto up` starts it")
	case n == nil:
		line("node", "is starting")
	default:
		line("node", "%s, up %s", n.State, time.Duration(n.UptimeSeconds)*time.Second)
		line("links", "%d to relays, %d of clients, %d being dialled", n.Links, n.Clients, n.Dialing)
		line("directory", "%d relays", n.Peers)
		line("datagrams", "%d sent, %d received, %d refused, %d dropped by the cap", n.Sent, n.Received, n.Refused, n.Capped)
		if n.RTTMs > 0 {
			line("round trip", "%.1f ms, the median of the links", n.RTTMs)
		}
		n.Paths.write(line)
		n.Relay.write(line)
	}
	line("overlay", "%s, document %d until %s", s.Overlay, s.DocumentVersion, day(s.DocumentUntil))
	line("role", "%s", s.Role)
	line("name", "%s, certificate until %s", s.Name, day(s.CertificateUntil))
	if s.SlotsUntil != nil {
		line("slots", "until %s", day(*s.SlotsUntil))
	}
	if s.NodeID != "" {
		line("NodeID", "%s", s.NodeID)
	}
	if s.Role == string(roleRelay) {
		admitted, seed := "no", ""
		if s.Admitted {
			admitted = "yes"
		}
		if s.Seed {
			seed = ", listed as a seed"
		}
		line("admitted", "%s, key epoch %d%s", admitted, s.KeyEpoch, seed)
	}
	for _, w := range s.Warnings {
		line("warning", "%s", w)
	}
	// A strings.Builder takes everything.
	_ = table.Flush()
}

// write tells of the paths of a node without a name.
func (p *pathStatus) write(line func(what, format string, args ...any)) {
	if p == nil {
		return
	}
	line("guards", "%d of %d linked", p.GuardsUp, p.Guards)
	var ready []string
	for _, purpose := range slices.Sorted(maps.Keys(p.Stems)) {
		ready = append(ready, fmt.Sprintf("%d for %s", p.Stems[purpose], purpose))
	}
	if len(ready) == 0 {
		ready = []string{"none"}
	}
	line("stems ready", "%s", strings.Join(ready, ", "))
	line("circuits", "%d, with %s and %s", p.Circuits, many(p.Leases, "lease"), many(p.Sessions, "session"))
	if p.ExtendMs > 0 {
		line("reach", "%.1f ms over a stem, on average", p.ExtendMs)
	}
	if p.NoPath != "" {
		line("warning", "%s", p.NoPath)
	}
}

// write tells what a relay does for others.
func (r *relayStatus) write(line func(what, format string, args ...any)) {
	if r == nil {
		return
	}
	line("circuits", "%d of others, %d creates waiting", r.Circuits, r.Waiting)
	line("leases", "%d, %s through them", r.Leases, many(r.Calls, "call"))
	line("creates", "%d answered, %d refused, of these %d seen before or older than this start", r.Created, r.Refused, r.Replayed)
	line("cells", "%d forwarded, %d refused, %d dropped by the cap", r.Forwarded, r.Unknown, r.Dropped)
}
