// Package threatmodel says what sotto protects from whom, and measures it. Each claim has an adversary, a running
// measurement, and negative controls: the same measurement with the mechanism broken, which must then report a
// violation. What cannot be measured is not claimed.
package threatmodel

import (
	"errors"
	"fmt"
	"slices"
)

// The table of claims.

// State says how far a claim is held.
type State uint8

// The states.
const (
	NotClaimed State = iota + 1 // measured and shown, but nobody may rely on it
	Partial                     // held for what the limit says, and no further
	Held
)

// String names the state.
func (s State) String() string {
	switch s {
	case NotClaimed:
		return "not claimed"
	case Partial:
		return "partial"
	case Held:
		return "held"
	}
	return "unknown"
}

// Claim is one privacy property.
type Claim struct {
	ID        string
	Sentence  string // the claim, in words that a reader can hold us to
	Adversary string
	Mechanism string // what brings it about, with its package
	Measured  string // how
	Limit     string // what is not covered
	State     State
	Measure   MeasureFunc
	Controls  []Control
}

// Control is the claim's measurement with something broken. It fails unless a violation is reported: a measurement that
// cannot see a fault proves nothing.
type Control struct {
	Broken   string // what is broken, in words
	Mutation string // the mechanism that the build tag "mutation" disables in the package it names; "" if none is needed
	Measure  MeasureFunc
}

// table is what is claimed today. A claim enters with the issue that measures it.
var table = []Claim{
	{
		ID:        "P01",
		Sentence:  "A querier's address reaches nobody but its guards.",
		Adversary: "A2: one peer anywhere, A5: a contact",
		Mechanism: "links to the guards that the selector names, and to nobody else (onion, onion/path); a create, a cell and an opening say nothing of who is behind them (onion/layer, onion/lease, onion/session)",
		Measured:  "every datagram of a world in which a user asks relays, listens, is called and calls, loses guards for minutes and for over an hour, and begins again with what it kept; its address searched in every frame, cell and message that anybody opened; what a far node sees of requests over paths of both lengths",
		Limit:     "the directory comes as one signed snapshot; until there is one the seeds are used as guards; who watches the wires sees who speaks to which guard",
		State:     Held,
		Measure:   measureQuerier,
		Controls: []Control{
			{Broken: "the node dials whom it asks itself, too", Measure: controlDialsDirectly},
			{Broken: "the node begins again without the guards that it kept", Measure: controlForgetsGuards},
		},
	},
	{
		ID:        "P03",
		Sentence:  "Linking who asks with what is asked takes the guard and the far node or the hop before it; over a guard's time the chance tends to that of a bad guard.",
		Adversary: "A3: colluding relays, a fraction f of all capacity",
		Mechanism: "guards that stay, second positions pinned per purpose, no peer or network twice in a path (onion/path)",
		Measured:  "paths of readers and writers at their real times over 120 days, by the code that makes them for users, with bad relays of 0 to 30 % of capacity drawn many times; against a formula; leak in bits; profiles and roles apart",
		Limit:     "relays that are on the path only: who watches both ends by time needs no relay, and a bad guard with a bad far node links for sure; schedules of the records' refresh are those that are planned",
		State:     Partial,
		Measure:   measureLinks,
		Controls: []Control{
			{Broken: "guards are chosen anew for each path", Measure: controlGuardless},
			{Broken: "second positions are not pinned", Mutation: "path: no pinning of second positions", Measure: measureLinkDay},
		},
	},
	{
		ID:        "P06",
		Sentence:  "To an outsider all datagrams of links have one size and no regularity in their bytes.",
		Adversary: "A1: local observer of an access link",
		Mechanism: "one size, sealed envelopes, masked indexes and counters (noise)",
		Measured:  "size of every datagram of lab runs; chi-square of each byte position, counts of each bit, steps between datagrams, curve membership, repeated fields; data, idle links and each kind of handshake datagram apart",
		Limit:     "links only; who holds a relay's public key can open the envelopes of its handshakes; times and volumes are P13",
		State:     Held,
		Measure:   measureWire,
		Controls: []Control{
			{Broken: "Noise message 1 travels without its envelope", Measure: controlBareMessage},
			{Broken: "the same with a random top bit, so that only curve membership is left to see", Measure: controlBarePoint},
			{Broken: "the receiver index is not masked", Measure: controlBareIndex},
			{Broken: "the counter is not masked", Measure: controlBareCounter},
			{Broken: "one datagram in a thousand is a byte short", Measure: controlShort},
		},
	},
	{
		ID:        "P07",
		Sentence:  "Tampering carries no content across an honest hop: an altered cell is never taken for anything, and not recognised behind the hop.",
		Adversary: "A3, A7: relays and whoever holds their links",
		Mechanism: "every hop authenticates whole bodies forward; the origin verifies every layer backward and closes at the first cell that fails (onion/layer, onion/circuit); sessions end to end (onion/session)",
		Measured:  "each byte of cells, creates, answers, extensions, early data and openings altered on each link, both ways, on circuits of 2 to 4 hops and a session over 6 links, in relays' hands between the links; bodies of zeros behind an honest hop, chi-square of what it makes of them",
		Limit:     "absence crosses: dropping, destroying and delaying mark a flow, and are not claimed; what a hop drops anyway (24 bytes of a backward cell, the fill of an answer to a create) may be altered and goes no further",
		State:     Held,
		Measure:   measureTamper,
		Controls: []Control{
			{Broken: "a hop passes on what it has not verified", Measure: controlHopsThatTrust},
			{Broken: "the origin goes on after a cell that fails", Mutation: "circuit: the origin goes on after a cell that fails", Measure: measureTamperCells},
			{Broken: "a hop takes what the next one sends for its own message", Mutation: "layer: a hop lets the next one speak in its name", Measure: measureTamperMarks},
		},
	},
	{
		ID:        "P08",
		Sentence:  "Replayed datagrams, handshakes, cells, creates and openings have no effect, after a restart too.",
		Adversary: "A7: active network attacker, and A3: relays with what went through their hands",
		Mechanism: "replay window, first messages bound to a time bucket and a cookie and remembered within, cookies after a restart (noise); a window per layer (onion/layer); creates and openings good once within their bucket, of which none from before a restart is taken (onion/circuit, onion/session)",
		Measured:  "a recorded run sent again to every node, from the same and other addresses, in order and shuffled, and with the directory in new envelopes: links up, during a dial, links closed, after restarts, a quarter of an hour later; every cell of a world of users handed over again, by who had it and by others, the same way; openings and cells of sessions said again by the relay of the lease, also to an owner who has begun again",
		Limit:     "cookies are answered, which tells that a relay is up; what was held back and arrives once is no replay; a cell repeated towards its origin closes the circuit, as its relay can do anyway",
		State:     Held,
		Measure:   measureReplays,
		Controls: []Control{
			{Broken: "restarted relays say that their key was never used", Measure: controlClaimsFresh},
			{Broken: "sessions have no replay window", Mutation: "noise: no replay window", Measure: measureReplay},
			{Broken: "first messages are good in any envelope", Mutation: "noise: no binding of first messages to their envelope", Measure: measureReplay},
			{Broken: "first messages are not remembered", Mutation: "noise: no memory of first messages", Measure: measureReplay},
			{Broken: "restarted relays say that their onion key was never used", Measure: controlCreatesClaimFresh},
			{Broken: "creates are not remembered", Mutation: "circuit: creates are not remembered", Measure: measureCellReplay},
			{Broken: "layers have no replay window", Mutation: "layer: no replay window", Measure: measureCellReplay},
			{Broken: "openings are not remembered", Mutation: "session: openings are not remembered", Measure: measureOpeningReplay},
		},
	},
	{
		ID:        "P09",
		Sentence:  "Seizing the keys of relays and endpoints later opens nothing of what went before but what is stated.",
		Adversary: "A8: somebody who seizes relays and endpoints, and recorded before",
		Mechanism: "ephemeral keys at both ends of links, circuits and sessions (noise, onion/layer, onion/session); onion keys forgotten after two periods, lease keys with their lease",
		Measured:  "all datagrams and all cells in the hands of relays recorded, everything closed, then every private key of links, circuits and leases tried on all of it: a relay's links run again, creates opened, each cell behind them tried with the keys that they give and with guesses of the relay's randomness, openings opened and their trains read",
		Limit:     "as stated: of a create, who recorded it in the hands of the hop before and seizes the onion key within two periods reads the next hop, the expiry bucket and early data (what is asked; an opening, sealed); with the lease key too, while the lease stands, the first words of a call; of a link, the static key shows who dialled among relays; erasing is by overwriting, and copies that the collector has not taken are not covered; a storing lease's key would be kept like an onion key",
		State:     Held,
		Measure:   measureSeizure,
		Controls: []Control{
			{Broken: "relays draw ephemeral keys that can be guessed", Measure: controlWeakEphemerals},
			{Broken: "a relay keeps the randomness of its links", Measure: controlKeptEphemerals},
			{Broken: "relays keep onion keys that are out of use", Measure: controlKeptKeys},
		},
	},
	{
		ID:        "P16",
		Sentence:  "Input that nobody vouches for (first messages, creates, openings) costs a relay bounded memory and processor time, and does not keep honest nodes out.",
		Adversary: "A7: active network attacker, with forged sources; A3: clients and relays that are linked",
		Mechanism: "envelope before Diffie-Hellman, memory of first messages, cookies under load, bounded tables (noise); creates taken from upstream links in turn, few from a client, the oldest unused circuit of who has most goes first (onion/circuit); knock before anything else of an opening, a rate set by the owner (onion/lease)",
		Measured:  "a flood of 10 times as many first messages, and of creates, as the relay could answer, in virtual time, each step of the relay charged with its cost on a reference machine: honest handshakes within 5 tries in 5 s, honest circuits at the first; heap and half-open links of a core, heap and circuits of a relay's machine; openings without the knock key and with it, beyond the owner's rate: calls to another lease there",
		Limit:     "one core of that machine; honest load 1 000 links a second, each from an address of its own (a crowd behind one address shares what one may); a flood that fills the wire itself is not covered; creates come from 40 clients and 4 relays: who has thousands of linked clients has their shares; whoever holds a lease's record can use its rate up",
		State:     Held,
		Measure:   measureFloods,
		Controls: []Control{
			{Broken: "nobody is challenged", Mutation: "noise: no cookies", Measure: measureFloodWrong},
			{Broken: "nobody is challenged and half-open links have no bound", Mutation: "noise: no cookies, noise: no bound on half-open links", Measure: measureFloodMemory},
			{Broken: "creates have no limits", Mutation: "circuit: no limits on creates", Measure: measureCreateMemory},
		},
	},
	{
		ID:        "P17",
		Sentence:  "Issuing an admission gives the authority nothing to tell whose anonymous peer is whose, among those of a day.",
		Adversary: "A6: the enrolment authority",
		Mechanism: "blind RSA signatures, NodeID from the signature, one directory a period (overlay/enroll, overlay/peer)",
		Measured:  "transcripts with times and addresses of people who join and are admitted, against the directory of the next period: every matcher's guesses against chance, in a binomial test",
		Limit:     "issuing only, until renewals go through circuits; the set is that day's admissions; a relay's address is public and is its owner's; peers must learn the newest document from each other before they sign, or an authority that changes it between visits tells them apart (a control shows it); no node compares the hashes of documents yet, so one that shows each its own is not found out; when a descriptor was first seen is not covered",
		State:     Partial,
		Measure:   measureBlindness,
		Controls: []Control{
			{Broken: "the blinding factor comes from a source that always says the same", Measure: controlConstantFactor},
			{Broken: "the authority changes its document between visits and peers name the one they were given", Measure: controlTaggedDocument},
			{Broken: "peers show the address from which their owner enrolled", Measure: controlNamedPeers},
		},
	},
	{
		ID:        "P18",
		Sentence:  "What the packages log, return as errors, tell the user or print of their values holds no name, address or key.",
		Adversary: "who reads logs, error reports and status output",
		Mechanism: "types that refuse to print, errors without contents, network errors stripped (all packages)",
		Measured:  "canaries in names, addresses and keys of an authority, relays and an anonymous node; every text they give at the most verbose level, with failures of every kind; the built binary with bad input",
		Limit:     "not what the owner asks to see (a list of people, the own name), nor paths and commands that the caller typed, which are repeated to him; not a traceback of the Go runtime, nor values printed through another program's structs by unexported fields",
		State:     Held,
		Measure:   measureLeaks,
		Controls: []Control{
			{Broken: "a raw logger is handed a socket address", Measure: controlLogsAddress},
			{Broken: "a raw logger is handed an error of package net", Measure: controlLogsNetError},
			{Broken: "a raw logger is handed the bytes of a key", Measure: controlLogsKey},
			{Broken: "an error names the person", Measure: controlErrorNames},
		},
	},
	{
		ID:        "P19",
		Sentence:  "Paths keep their constraints, guards stay, and who makes circuits fail does not get to the guard sooner than stated.",
		Adversary: "A3: colluding relays, as far nodes and as relays of leases",
		Mechanism: "constraints without exception, a persisted sample of guards, pinned seconds, bounded rebuilds (onion/path)",
		Measured:  "every path in directories of many shapes; guards over 400 days with restarts and relays that come and go; circuits killed as often as one gets them, until a bad relay stands behind the guard: the 50 % point",
		Limit:     "what is known then is the guard, not who is behind it; a far node of all purposes at once is shown and not bounded",
		State:     Held,
		Measure:   measurePaths,
		Controls: []Control{
			{Broken: "guards are sampled anew at every start", Measure: controlForgetful},
			{Broken: "networks may stand twice in a path", Mutation: "path: no constraint on networks", Measure: measurePathRules},
			{Broken: "all purposes share their second positions", Mutation: "path: one set of second positions for all purposes", Measure: measurePathRules},
			{Broken: "second positions are not pinned", Mutation: "path: no pinning of second positions", Measure: measurePathRules},
			{Broken: "circuits that are killed are made again without a bound", Mutation: "path: no bound on rebuilds", Measure: measurePathWalk},
		},
	},
}

// Claims returns the claims in the order of their IDs.
func Claims() []Claim { return slices.Clone(table) }

// errTable is a fault of the table.
var errTable = errors.New("threatmodel: the table of claims is not complete")

// Check refuses a table in which a claim lacks a field, a measurement, or a control that can run.
func Check(claims []Claim) error {
	for i, c := range claims {
		for what, missing := range map[string]bool{
			"ID": c.ID == "", "sentence": c.Sentence == "", "adversary": c.Adversary == "", "mechanism": c.Mechanism == "",
			"measured as": c.Measured == "", "limit": c.Limit == "", "state": c.State < NotClaimed || c.State > Held,
			"measurement": c.Measure == nil, "negative control": len(c.Controls) == 0,
		} {
			if missing {
				return fmt.Errorf("%w: %s has no %s", errTable, c.ID, what)
			}
		}
		for _, control := range c.Controls {
			if control.Broken == "" || control.Measure == nil {
				return fmt.Errorf("%w: a control of %s measures nothing", errTable, c.ID)
			}
		}
		if i > 0 && claims[i-1].ID >= c.ID {
			return fmt.Errorf("%w: %s is out of order", errTable, c.ID)
		}
	}
	return nil
}
