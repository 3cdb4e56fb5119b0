// Package simnet is an internet in memory: hosts, links with latency and faults, the NATs of RFC 4787, firewalls, and a tap that
// records every datagram on every wire. It carries UDP only and sends no ICMP: what is dropped is dropped in silence, and counted.
//
// Build the topology first. All addresses are made up by the caller and none leaves the process:
//
//	n := simnet.New(simnet.Config{Seed: 1, Link: simnet.Link{Latency: 20 * time.Millisecond}, Logf: t.Logf})
//	relay := n.Host(netip.MustParseAddr("192.0.2.1"))
//	home := n.NAT(simnet.NATConfig{Filtering: simnet.AddressAndPortDependent}, netip.MustParseAddr("198.51.100.7"))
//	phone := home.Host(netip.MustParseAddr("10.0.0.2"))
//
// Then choose one of two drivers. Both run the same network: where a datagram goes and when it arrives is decided by (time, datagram)
// and the seed alone.
//
// In a test, inside a testing/synctest bubble, hosts open sockets; time is the bubble's. The same works outside of a bubble in real
// time:
//
//	conn, err := phone.Listen(5000)
//	conn.WriteToUDPAddrPort(hello, netip.MustParseAddrPort("192.0.2.1:4000"))
//	…
//	n.Close() // ends everything; no goroutine stays behind
//
// In a simulation a Loop steps protocol cores directly, without goroutines, in virtual time. It is deterministic event by event, which
// goroutines in a bubble are not:
//
//	loop := simnet.NewLoop(n, start)
//	m := loop.Machine(relay)
//	m.Handle(4000, func(now time.Time, from, to netip.AddrPort, payload []byte) {
//		m.Spend(90 * time.Microsecond) // the handler's cost, if the processor matters
//		m.Send(4000, from, payload)
//	})
//	loop.Run(start.Add(time.Hour))
//
// A core with Receive, Tick and Deadline is attached by a Handler that calls Receive, a Timer that calls Tick, and timer.Reset(Deadline())
// after each of the two.
//
// The delay of a link lies between the two outermost boxes; NATs and private networks add none. A NAT translates on the way out when a
// datagram is sent and filters on the way in when it arrives, so two sides can open their NATs for each other at the same time.
package simnet
