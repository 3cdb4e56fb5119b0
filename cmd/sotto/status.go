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
	"strings"
	"text/tabwriter"
	"time"

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
		RTTMs:   float64(s.RTT.Median.Microseconds()) / 1000,
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
