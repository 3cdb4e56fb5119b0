package noise

// The wire as an outsider meets it: forged, cut and frozen datagrams.

import (
	"bytes"
	"encoding/hex"
	"encoding/json"
	"flag"
	"fmt"
	"net/netip"
	"os"
	"slices"
	"strings"
	"testing"
	"time"
)

var update = flag.Bool("update", false, "rewrite the frozen vectors")

// state is what an outsider's datagram must not change.
type state struct {
	links, sessions, attempts, half, timers, up, seen, pending int
	windows                                                    string // of all sessions
	frames                                                     uint64
	events                                                     int
	addr                                                       netip.AddrPort
}

func stateOf(c *Core, events int) state {
	s := state{links: len(c.links), sessions: len(c.sessions), attempts: len(c.dials), half: len(c.half),
		timers: len(c.timers), up: c.upLinks, frames: c.stats.Frames, events: events}
	if c.door != nil {
		for _, b := range c.door.seen.buckets {
			s.seen += len(b)
		}
		s.seen += len(c.door.seen.proven[0]) + len(c.door.seen.proven[1])
		s.pending = len(c.door.pending)
	}
	var windows []string
	for _, x := range c.sessions {
		if x.open != nil && x.open.seen != (window{}) { // keys are made before they are proven
			windows = append(windows, fmt.Sprint(x.open.seen))
		}
		if x == x.link.current {
			s.addr = x.link.addr
		}
	}
	slices.Sort(windows)
	s.windows = strings.Join(windows, "\n")
	return s
}

// each wire message in the moment before it is delivered.
type moment struct {
	name string
	l    *lab
	to   *Core
	from netip.AddrPort
	d    []byte
}

// moments stops a fresh lab before each datagram of a link's life.
func moments(t *testing.T, p Pattern) []moment {
	var all []moment
	names := []string{"initiation", "answer", "confirmation", "pong", "frame", "ping", "pong to ping",
		"rekey", "rekeyed", "confirmation of new keys", "pong with new keys"}
	for n := range names {
		l := newLab(t)
		m := moment{name: fmt.Sprintf("pattern %d %s", p, names[n]), l: l}
		count := 0
		l.tap = func(from, _ netip.AddrPort, d []byte) bool {
			if count == n && m.d == nil {
				m.from, m.d, m.to = from, bytes.Clone(d), l.b
				if from == l.addrB {
					m.to = l.a
				}
				return false
			}
			count++
			return m.d == nil
		}
		id, err := l.a.Dial(l.now, l.target(p))
		if err != nil {
			t.Fatal(err)
		}
		l.carry()
		if m.d == nil {
			if err := l.a.Send(l.now, id, frame('z')); err != nil {
				t.Fatal(err)
			}
			l.carry()
		}
		for end := l.now.Add(RekeyAfter + time.Second); m.d == nil && l.now.Before(end); {
			l.pass(time.Second) // nobody answers the frame, so a ping asks
		}
		if m.d == nil {
			t.Fatalf("%s never came", m.name)
		}
		l.tap = func(netip.AddrPort, netip.AddrPort, []byte) bool { return false }
		all = append(all, m)
	}
	return all
}

func TestEveryBitFlipOfEveryWireMessageChangesNothing(t *testing.T) {
	for _, p := range []Pattern{IK, NK} {
		for _, m := range moments(t, p) {
			before := stateOf(m.to, len(m.l.eventsA)+len(m.l.eventsB))
			for bit := range 8 * DatagramLen {
				bad := bytes.Clone(m.d)
				bad[bit/8] ^= 1 << (bit % 8)
				m.l.feed(m.to, m.from, bad)
			}
			if after := stateOf(m.to, len(m.l.eventsA)+len(m.l.eventsB)); after != before {
				t.Errorf("%s: a flipped bit changed %+v to %+v", m.name, before, after)
			}
			if out := m.to.Outgoing(nil); len(out) > 0 && p == IK && m.name == "initiation" {
				t.Errorf("%s: a flipped bit was answered", m.name)
			}
			m.l.feed(m.to, m.from, bytes.Clone(m.d))
			if after := stateOf(m.to, len(m.l.eventsA)+len(m.l.eventsB)); after == before {
				t.Errorf("%s: the genuine datagram was spoiled by the forged ones", m.name)
			}
		}
	}
}

func TestEveryStrictPrefixOfEveryWireMessageIsRefused(t *testing.T) {
	for _, p := range []Pattern{IK, NK} {
		for _, m := range moments(t, p) {
			before := stateOf(m.to, len(m.l.eventsA)+len(m.l.eventsB))
			for n := range DatagramLen {
				bad := m.d[:n]
				if _, ok := m.l.b.envelope.openInitiation(bytes.Clone(bad)); ok {
					t.Fatalf("%s: initiation of %d bytes", m.name, n)
				}
				if _, _, ok := m.l.b.envelope.openAnswer(bytes.Clone(bad), [tagLen]byte{}); ok {
					t.Fatalf("%s: answer of %d bytes", m.name, n)
				}
				for _, s := range m.to.sessions {
					s.expand()
					if _, _, err := s.open.open(bytes.Clone(bad)); err != ErrDatagram {
						t.Fatalf("%s: datagram of %d bytes: %v", m.name, n, err)
					}
				}
			}
			if after := stateOf(m.to, len(m.l.eventsA)+len(m.l.eventsB)); after != before {
				t.Errorf("%s: a prefix changed the state", m.name)
			}
		}
	}
}

// frozen is a whole link in datagrams, with what is needed to open each.
type frozen struct {
	Pattern            Pattern `json:"pattern"`
	Time               int64   `json:"unix_time"`
	Overlay            string  `json:"overlay"`
	Node               string  `json:"responder_node"`
	InitiatorStatic    string  `json:"initiator_static_private"`
	ResponderStatic    string  `json:"responder_static_private"`
	InitiatorHeaderKey string  `json:"initiator_header_key"`
	ResponderHeaderKey string  `json:"responder_header_key"`
	InitiatorIndex     string  `json:"initiator_index"`
	ResponderIndex     string  `json:"responder_index"`
	InitiatorSends     string  `json:"secret_initiator_sends"`
	ResponderSends     string  `json:"secret_responder_sends"`
	Hash               string  `json:"handshake_hash"`
	Challenge          string  `json:"initiation_challenged"`
	Cookie             string  `json:"answer_cookie"`
	Initiation         string  `json:"initiation"`
	Answer             string  `json:"answer"`
	Confirmation       string  `json:"confirmation"`
	Frame              string  `json:"frame_of_bytes_55"`
}

// freeze runs a link under load, so that a cookie is asked for.
func freeze(t *testing.T, p Pattern) frozen {
	l := newLab(t)
	l.b.door.meter = meter{level: unprovenBurst, drained: l.now}
	id, err := l.a.Dial(l.now, l.target(p))
	if err != nil {
		t.Fatal(err)
	}
	var secrets Secrets
	var remote, index uint64
	l.tap = func(from, _ netip.AddrPort, d []byte) bool {
		for _, h := range l.b.half {
			secrets, remote, index = h.next.secrets, h.next.remote, h.next.index
		}
		return true
	}
	l.carry()
	if err := l.a.Send(l.now, id, frame(0x55)); err != nil {
		t.Fatal(err)
	}
	l.carry()
	h := hex.EncodeToString
	sa, sb := labStatic(t, 1).Bytes(), labStatic(t, 2).Bytes()
	r := l.recorded
	return frozen{
		Pattern: p, Time: l.now.Unix(), Overlay: h(labOverlay[:]), Node: h(labNode[:]),
		InitiatorStatic: h(sa[:]), ResponderStatic: h(sb[:]),
		InitiatorHeaderKey: h(l.a.header[:]), ResponderHeaderKey: h(l.b.header[:]),
		InitiatorIndex: fmt.Sprintf("%016x", remote), ResponderIndex: fmt.Sprintf("%016x", index),
		InitiatorSends: h(secrets.Receive[:]), ResponderSends: h(secrets.Send[:]), Hash: h(secrets.Hash[:]),
		Challenge: h(r[0]), Cookie: h(r[1]), Initiation: h(r[2]), Answer: h(r[3]), Confirmation: h(r[4]), Frame: h(r[len(r)-1]),
	}
}

func TestFrozenDatagramsAreStillMade(t *testing.T) {
	got, err := json.MarshalIndent([]frozen{freeze(t, IK), freeze(t, NK)}, "", " ")
	if err != nil {
		t.Fatal(err)
	}
	got = append(got, '\n')
	const path = "testdata/datagrams.json"
	if *update {
		if err := os.WriteFile(path, got, 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if !bytes.Equal(got, want) {
		t.Error("the wire has changed: a new Version is needed, then -update")
	}
}

// Whoever implements from doc.go alone must be able to open the frozen frames.
func TestFrozenFramesOpenWithTheirInputsAlone(t *testing.T) {
	raw, err := os.ReadFile("testdata/datagrams.json")
	if err != nil {
		t.Fatal(err)
	}
	var vs []frozen
	if err := json.Unmarshal(raw, &vs); err != nil {
		t.Fatal(err)
	}
	for _, v := range vs {
		o := NewOpener([keyLen]byte(unhex(t, v.InitiatorSends)))
		if got, err := o.Open(unhex(t, v.Frame)); err != nil || !bytes.Equal(got, frame(0x55)) {
			t.Errorf("pattern %d: frame does not open (%v)", v.Pattern, err)
		}
		d := unhex(t, v.Frame)
		var mask [16]byte
		key := headerKey(unhex(t, v.ResponderHeaderKey))
		key.block().Encrypt(mask[:], d[DatagramLen-tagLen:])
		for i := range indexLen {
			mask[i] ^= d[i]
		}
		if hex.EncodeToString(mask[:indexLen]) != v.ResponderIndex {
			t.Errorf("pattern %d: index differs", v.Pattern)
		}
		responder, _ := StaticKeyFromBytes(unhex(t, v.ResponderStatic))
		e := newEnvelope([32]byte(unhex(t, v.Overlay)), responder.Public(), labRand(0))
		in, ok := e.openInitiation(unhex(t, v.Initiation))
		if !ok || in.pattern != v.Pattern || in.bucket != bucketOf(time.Unix(v.Time, 0)) {
			t.Errorf("pattern %d: initiation does not open", v.Pattern)
		}
		challenged, _ := e.openInitiation(unhex(t, v.Challenge))
		kind, baked, ok := e.openAnswer(unhex(t, v.Cookie), challenged.tag)
		if !ok || kind != answerCookie || cookieMAC(cookie(baked[:cookieLen]), in.salt[:], in.body) != in.cookieMAC {
			t.Errorf("pattern %d: the cookie is not the one in the initiation", v.Pattern)
		}
		kind, _, ok = e.openAnswer(unhex(t, v.Answer), in.tag)
		if !ok || kind != answerMessage {
			t.Errorf("pattern %d: answer does not open", v.Pattern)
		}
	}
}
