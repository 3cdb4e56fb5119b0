// What a demo tells: one line a step, then who saw what, then what it did not show; or one JSON object.

package main

import (
	"context"
	"fmt"
	"math"
	"slices"
	"strconv"
	"strings"
	"time"

	"sotto/threatmodel/loopback"
)

// demo is one run and what came of it.
type demo struct {
	*env
	cfg       loopback.Config
	asJSON    bool
	begun     time.Time
	unwritten error // the first line that could not be written

	sockets   loopback.Sockets
	joined    loopback.Joined
	linked    loopback.Linked
	guarded   loopback.Guarded
	measured  loopback.Measured
	talked    loopback.Talked
	restarted loopback.Restarted
	datagrams loopback.Datagrams
	saw       loopback.Saw
	leaks     []loopback.Leak
	took      time.Duration
}

// run goes through the chapters. What a chapter found is kept in d and told at once.
func (d *demo) run(ctx context.Context) (err error) {
	d.line("a whole overlay in one process; nothing leaves this machine (seed %d)\n", d.cfg.Seed)
	n, err := loopback.Open(d.cfg)
	if err != nil {
		return err
	}
	defer func() {
		if closing := n.Close(); err == nil {
			err = closing
		}
		d.took = time.Since(d.begun)
	}()
	d.sockets = n.Sockets()
	d.tellSockets()
	for _, chapter := range []func() error{
		func() error { return d.tell(n.Found(ctx), d.tellFounded) },
		func() (err error) { d.joined, err = n.Join(ctx); return d.tell(err, d.tellJoined) },
		func() (err error) { d.linked, err = n.Link(ctx); return d.tell(err, d.tellLinked) },
		func() (err error) { d.guarded, err = n.Guard(ctx); return d.tell(err, d.tellGuarded) },
		func() (err error) { d.measured, err = n.Measure(ctx); return d.tell(err, d.tellMeasured) },
		func() (err error) { d.talked, err = n.Talk(ctx); return d.tell(err, d.tellTalked) },
		func() (err error) { d.restarted, err = n.Restart(ctx); return d.tell(err, d.tellRestarted) },
	} {
		if err := chapter(); err != nil {
			return err
		}
	}
	d.datagrams = n.Datagrams(ctx)
	d.saw, d.leaks, err = n.Finish(ctx)
	return err
}

// tell tells a chapter that went well.
func (d *demo) tell(err error, words func()) error {
	if err == nil {
		words()
		err = d.unwritten
	}
	return err
}

// line writes a line for people.
func (d *demo) line(format string, args ...any) {
	if d.unwritten == nil && !d.asJSON {
		d.unwritten = d.printf(format+"\n", args...)
	}
}

// step is a line with its time. Whoever waits for the JSON at a terminal sees it too.
func (d *demo) step(format string, args ...any) {
	text := fmt.Sprintf("%5.1f s  ", time.Since(d.begun).Seconds()) + fmt.Sprintf(format, args...)
	d.line("%s", text)
	if d.asJSON {
		d.progress("%s", text)
	}
}

// detail is a line below a step.
func (d *demo) detail(format string, args ...any) { d.line("         "+format, args...) }

func (d *demo) tellSockets() {
	if d.sockets.OneAddress {
		d.step("%d relays open UDP sockets: ports %d to %d of 127.0.0.1, each declared as a network of its own", d.cfg.Peers,
			d.sockets.First.Port(), d.sockets.Last.Port())
	} else {
		d.step("%d relays open UDP sockets, each in a network of its own: %s to %s", d.cfg.Peers, d.sockets.First, d.sockets.Last)
	}
	if d.sockets.Moved > 0 {
		d.detail("the usual port of %s is taken, perhaps by another sotto; free ones are used there", many(d.sockets.Moved, "relay"))
	}
	if d.cfg.Delay > 0 || d.cfg.Loss > 0 {
		d.detail("as asked, every datagram takes %s, and of 100 there are %g lost", d.cfg.Delay, d.cfg.Loss*100)
	}
}

func (d *demo) tellFounded() {
	d.step("an authority founds the overlay %s and answers over HTTPS", loopback.Name)
}

func (d *demo) tellJoined() {
	way := "over HTTPS"
	if by := d.joined.People - d.joined.ByHTTPS; by > 0 {
		way += fmt.Sprintf(", %d of them by file", by)
	}
	d.step("%d people join by invite, %s: %d with a relay, and alice and bob, whose nodes are anonymous", d.joined.People, way, d.cfg.Peers)
}

func (d *demo) tellLinked() {
	l := d.linked
	d.step("every relay is linked to every other: %d links after %s", l.Links, seconds(l.Took))
	cost := ""
	if l.CPU > 0 {
		cost = ", in " + seconds(l.CPU) + " of processor time"
	}
	d.detail("%d handshakes%s; where both ends called at once, the second link was given up: %d", l.Handshakes, cost, l.Doubled)
}

func (d *demo) tellGuarded() {
	d.step("alice's and bob's nodes get the list of all relays from a seed, and choose %s each: after %s",
		many(d.guarded.Guards, "guard"), seconds(d.guarded.Took))
	d.detail("only guards and at first the seeds learn their addresses; behind the guards %s each are ready",
		many(d.guarded.Stems, "circuit"))
}

func (d *demo) tellMeasured() {
	m := d.measured
	d.step("%d probes over %d of %d links from both ends, sealed for the other end alone: %d answers", m.Probes, m.Links,
		d.linked.Links, m.Echoes)
	d.detail("there and back: %s for half of them, %s for 95 of 100", millis(m.P50), millis(m.P95))
}

func (d *demo) tellTalked() {
	t := d.talked
	d.step("alice and bob talk through %s: lines and, as a call would, 50 datagrams a second each way", many(t.Relays, "relay"))
	d.detail("first alice asks a relay something, through two others: the answer is there after %s", millis(t.Request))
	d.detail("bob waits for calls at a relay that he reaches through two others; the place is ready after %s", millis(t.Listening))
	d.detail("alice is given the place by hand, and calls there through two relays of her own: bob answers after %s", millis(t.Opening))
	d.detail("%d of %d lines and %d of %d datagrams come as they were sent", t.Lines.Matched, t.Lines.Sent, t.Datagrams.Matched, t.Datagrams.Sent)
	d.detail("from one end to the other: %s for half of the datagrams, %s for 95 of 100", millis(t.P50), millis(t.P95))
}

func (d *demo) tellRestarted() {
	r := d.restarted
	d.step("relay %d is killed without warning and started again: its %s are back after %s", r.Number, many(r.Links, "link"),
		seconds(r.Took))
}

// conclude tells what was recorded, and fails if it is not as it should be.
func (d *demo) conclude() error {
	if d.asJSON {
		if err := d.printJSON(d.object()); err != nil {
			return err
		}
	} else {
		d.tellDatagrams()
		d.tellSaw()
		d.line("\nnot hidden: somebody who watches alice's wire and bob's can tell by the times of datagrams that they talk")
		d.line("not shown, because it is not built yet: looking up a name, calls with phones")
		if d.unwritten != nil {
			return d.unwritten
		}
	}
	if len(d.leaks) > 0 {
		var list []string
		for _, l := range d.leaks {
			list = append(list, fmt.Sprintf("%s in %s (%d times)", l.What, l.Where, l.Times))
		}
		return fmt.Errorf("something leaked: %s; this is a fault of sotto, so please report it as SECURITY.md says", strings.Join(list, ", "))
	}
	if !d.ok() {
		return fmt.Errorf("not everything arrived; this machine is too busy, so try again with fewer --peers")
	}
	return nil
}

// leaked is how often something was found where it must not be.
func (d *demo) leaked() int {
	n := 0
	for _, l := range d.leaks {
		n += l.Times
	}
	return n
}

// ok is whether the demo has shown what it is for. Where datagrams are to be lost, probes may be.
func (d *demo) ok() bool {
	answered := d.measured.Links == d.linked.Links || d.cfg.Loss > 0 && d.measured.Links > 0
	return answered && d.understood() && len(d.leaks) == 0 && len(d.datagrams.Sizes) == 1
}

// arrivesAtLeast is the share of the datagrams that arrive if there is nothing wrong, of those that six links leave over.
const arrivesAtLeast = 0.8

// understood reports whether all lines came, and as many datagrams as the loss on six links lets through, and nothing else.
func (d *demo) understood() bool {
	l, g := d.talked.Lines, d.talked.Datagrams
	least := arrivesAtLeast * math.Pow(1-d.cfg.Loss, 6) * float64(g.Sent)
	return l.Sent > 0 && l.Matched == l.Sent && l.Received == l.Sent && g.Sent > 0 && g.Matched == g.Received && float64(g.Matched) >= least
}

func (d *demo) tellDatagrams() {
	g := d.datagrams
	unheard := ""
	if g.Unheard > 0 {
		unheard = fmt.Sprintf(", %d sent to the relay while it was dead", g.Unheard)
	}
	d.line("\ndatagrams: %d sent, %d received, %d lost%s", g.Sent, g.Received, g.Lost, unheard)
	d.line("their sizes in bytes: %s", sizesText(g.Sizes))
}

// sizesText is a histogram in one line.
func sizesText(sizes map[int]uint64) string {
	var list []int
	for size := range sizes {
		list = append(list, size)
	}
	slices.Sort(list)
	var words []string
	for _, size := range list {
		words = append(words, fmt.Sprintf("%d (%d times)", size, sizes[size]))
	}
	return strings.Join(words, ", ")
}

// many is a number with its noun.
func many(n int, noun string) string {
	switch {
	case n == 1:
	case strings.HasSuffix(noun, "s"):
		noun += "es"
	default:
		noun += "s"
	}
	return strconv.Itoa(n) + " " + noun
}

func seconds(d time.Duration) string { return fmt.Sprintf("%.2f s", d.Seconds()) }
func millis(d time.Duration) string  { return fmt.Sprintf("%.1f ms", inMillis(d)) }

// inMillis is a duration as scripts read it: milliseconds to three decimals.
func inMillis(d time.Duration) float64 { return float64(d.Microseconds()) / 1000 }
