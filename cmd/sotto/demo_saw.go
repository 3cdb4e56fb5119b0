// The table of a demo: for each role what it learned, then what was looked for in all that it got, and how often that was
// found.

package main

import (
	"fmt"
	"strings"
	"text/tabwriter"
)

func (d *demo) tellSaw() {
	s := d.saw
	var out strings.Builder
	table := tabwriter.NewWriter(&out, 0, 0, 2, ' ', 0)
	const inCells = "names, addresses, words, keys in them"
	for _, row := range [][]any{
		{"WHO", "LEARNED", "LOOKED FOR", "FOUND"},
		{"the authority", fmt.Sprintf("%d names, the address of each; admitted %s", s.Authority.Names, many(s.Authority.Admissions, "relay")),
			"NodeIDs and keys of relays", s.Authority.Peers},
		{"any relay", fmt.Sprintf("addresses and keys of %s", many(s.Relay.Relays, "relay")), "names; alice's or bob's address",
			s.Relay.Names + s.Relay.AnonymousAddresses + s.Relay.Read},
		{"a guard", fmt.Sprintf("%s, but not whose; %s", many(s.Guard.AnonymousAddresses, "address"), opened(s.Guard.Cells)), inCells, s.Guard.Names + s.Guard.AnonymousIDs + s.Guard.Read},
		{"a relay behind it", "which relays are next to it; " + opened(s.Second.Cells), inCells, s.Second.Read},
		{"the relay bob is at", fmt.Sprintf("that somebody listens, %s; %s", many(s.Lease.Calls, "call"), opened(s.Lease.Cells)), inCells, s.Lease.Read},
		{"alice", fmt.Sprintf("what bob says: %s, %s", many(s.Alice.Lines, "line"), many(s.Alice.Datagrams, "datagram")),
			"his name or address in it", s.Alice.Read},
		{"bob", fmt.Sprintf("what alice says: %s, %s", many(s.Bob.Lines, "line"), many(s.Bob.Datagrams, "datagram")),
			"her name or address in it", s.Bob.Read},
		{"who taps all wires", fmt.Sprintf("%s, datagrams of %s", many(s.Wire.Addresses, "address"), many(s.Wire.Sizes, "size")),
			"names, addresses, words, keys inside", s.Wire.Recognised},
		{"who reads all logs", fmt.Sprintf("%s, at the most verbose level", many(s.Logs.Lines, "line")),
			"names, addresses, words, keys inside", s.Logs.Recognised},
	} {
		if row[0] == "a relay behind it" && s.Second.Relays == 0 {
			continue // few relays: a guard of the one was behind a guard of the other
		}
		fmt.Fprintf(table, "%s\t%s\t%s\t%v\n", row...)
	}
	if err := table.Flush(); err != nil {
		d.unwritten = err
		return
	}
	d.line("\nwho saw what, counted in the records of this run:\n\n%s", out.String())
	for _, u := range []struct {
		name string
		saw  int
		more int
	}{{"alice", s.Alice.Guards, s.Alice.Seeds}, {"bob", s.Bob.Guards, s.Bob.Seeds}} {
		d.line("%s's address is known to %s%s, and to nobody else", u.name, many(u.saw, "guard"), seedsToo(u.more))
	}
	d.line("leaks: %d", d.leaked())
}

// opened is how many cells a relay took its layer off.
func opened(cells int) string { return many(cells, "cell") + " to open" }

// seedsToo names the seeds that were asked for the first directory.
func seedsToo(seeds int) string {
	if seeds == 0 {
		return ""
	}
	return " and to " + many(seeds, "seed") + ", where the list came from"
}
