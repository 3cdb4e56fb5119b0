// The one object of `sotto demo --json`, whose names scripts rely on. Names of what is not built yet are absent.

package main

import "sotto/threatmodel/loopback"

type demoObject struct {
	OK         bool           `json:"ok"`
	Peers      int            `json:"peers"`
	Links      int            `json:"links"`
	LinkedMS   float64        `json:"linked_ms"`
	Handshakes demoHandshakes `json:"handshakes"`
	RTT        demoTimes      `json:"rtt_ms"`
	RequestMS  float64        `json:"stem_request_ms"` // from a question over a ready stem to its answer
	LeaseMS    float64        `json:"lease_ms"`        // from when Bob wanted a lease until it stood
	OpenMS     float64        `json:"session_open_ms"` // from Alice's call until she knew that Bob took it
	OneWay     demoTimes      `json:"datagram_one_way_ms"`
	Talk       demoTalk       `json:"talk"`
	RestartMS  float64        `json:"restart_ms"` // from the new start of a killed relay until its links were back
	Datagrams  demoDatagrams  `json:"datagrams"`
	Saw        loopback.Saw   `json:"saw"`
	Leaks      int            `json:"leaks"`
	Seed       uint64         `json:"seed"`
	Seconds    float64        `json:"seconds"`
}

type demoHandshakes struct {
	IK      uint64  `json:"ik"`               // answered while relays linked up
	Doubled uint64  `json:"doubled"`          // links given up because both ends had called
	CPUMS   float64 `json:"cpu_ms,omitempty"` // of the process meanwhile, everything included
}

type demoTimes struct {
	P50     float64 `json:"p50"`
	P95     float64 `json:"p95"`
	Samples int     `json:"n"`
}

// demoTalk is what Alice and Bob said, both together.
type demoTalk struct {
	Lines     loopback.Exchanged `json:"lines"`
	Datagrams loopback.Exchanged `json:"datagrams"`
	Relays    int                `json:"relays"` // that carried it
}

type demoDatagrams struct {
	Sent     uint64         `json:"sent"`
	Received uint64         `json:"received"`
	Lost     uint64         `json:"lost"`
	Unheard  uint64         `json:"unheard"` // to the relay that was killed, until it was back
	Sizes    map[int]uint64 `json:"sizes"`   // UDP payload in bytes → datagrams
}

func (d *demo) object() demoObject {
	g, t := d.datagrams, d.talked
	return demoObject{
		OK: d.ok(), Peers: d.cfg.Peers, Links: d.linked.Links, LinkedMS: inMillis(d.linked.Took),
		Handshakes: demoHandshakes{d.linked.Handshakes, d.linked.Doubled, inMillis(d.linked.CPU)},
		RTT:        demoTimes{inMillis(d.measured.P50), inMillis(d.measured.P95), d.measured.Samples},
		RequestMS:  inMillis(t.Request), LeaseMS: inMillis(t.Listening), OpenMS: inMillis(t.Opening),
		OneWay:    demoTimes{inMillis(t.P50), inMillis(t.P95), t.Datagrams.Matched},
		Talk:      demoTalk{t.Lines, t.Datagrams, t.Relays},
		RestartMS: inMillis(d.restarted.Took),
		Datagrams: demoDatagrams{g.Sent, g.Received, g.Lost, g.Unheard, g.Sizes},
		Saw:       d.saw, Leaks: d.leaked(), Seed: d.cfg.Seed, Seconds: inMillis(d.took) / 1000,
	}
}
