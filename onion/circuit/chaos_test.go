// A network in which anything happens in any order: cells are lost, late, twice and altered, neighbours say what they
// like, and callers do what they may.

package circuit

import (
	"bytes"
	"testing"
	"time"

	"sotto/onion/cell"
	"sotto/onion/layer"
)

// chaos is driven by bytes: one says what happens, the next ones with what.
type chaos struct {
	*net
	script []byte
	jobs   []job              // taken and not finished
	lent   []lent             // sent and not given back
	out    map[*byte]bool     // own frames that are lent
	ids    []wire             // seen on the wire, to be named by liars
	asked  map[Circuit]bool   // of the first node: whether an answer is due
	gone   map[Circuit]bool   // of the first node: failed or closed
	open   []map[Circuit]bool // of each relay, open and not closed
}

type job struct {
	r   *node
	job *CreateJob
}

type lent struct {
	r    *node
	mine bool
	out  []Out
}

func newChaos(t testing.TB, script []byte, cfg TransitConfig) *chaos {
	c := &chaos{
		net: newNet(t, 77, 4), script: script,
		out: make(map[*byte]bool), asked: make(map[Circuit]bool), gone: make(map[Circuit]bool),
	}
	for _, r := range c.nodes {
		cfg.Overlay, cfg.Node, cfg.Peers, cfg.Rand, cfg.Taken = c.over, r.target.Node, c, c.random, r.origin.Taken
		var err error
		r.transit, err = NewTransit(c.now, cfg)
		c.must(err)
		r.transit.SetKeys([]Key{{Private: r.key}})
		if f := r.transit.fair; f != nil {
			f.burst, f.tokens = 2, 2 // so that cells wait in a short script, too
		}
		c.open = append(c.open, make(map[Circuit]bool))
	}
	return c
}

// next takes a byte of the script; zero behind its end.
func (c *chaos) next() int {
	if len(c.script) == 0 {
		return 0
	}
	b := c.script[0]
	c.script = c.script[1:]
	return int(b)
}

func (c *chaos) someone() *node { return c.nodes[c.next()%len(c.nodes)] }

// circuit is one of the first node's, or none.
func (c *chaos) circuit() Circuit { return Circuit(c.next() % (int(c.nodes[0].origin.last) + 2)) }

// run plays the script and ends everything.
func (c *chaos) run() {
	for len(c.script) > 0 {
		c.step()
		c.check()
	}
	c.script = nil
	for _, r := range c.nodes {
		for n := range r.transit.byNumber {
			r.transit.Close(c.now, n)
		}
		for n := range r.origin.own {
			c.finish(n)
			r.origin.Close(n)
		}
		c.collect(r)
		checkEmpty(c.t, r.transit)
	}
	for _, j := range c.jobs {
		j.job.Run()
		j.r.transit.FinishCreate(c.now, j.job)
	}
	c.check()
	c.now = time.Unix(1_900_000_000, 0) // wherever the clock went
	for i, r := range c.nodes {
		r.transit.Tick(c.now)
		checkEmpty(c.t, r.transit)
		if len(c.open[i]) > 0 || len(r.transit.upstreams) > 0 || r.origin.Len() > 0 {
			c.t.Fatalf("%d circuits were never closed, %d upstreams are left", len(c.open[i]), len(r.transit.upstreams))
		}
	}
	for number, due := range c.asked {
		if due {
			c.t.Fatalf("nobody was told what became of circuit %d", number)
		}
	}
}

func (c *chaos) step() {
	switch op := c.next() % 24; op {
	case 0, 1:
		c.buildSome()
	case 2, 3:
		c.extendSome()
	case 4, 5:
		c.must1(c.nodes[0].origin.Send(c.now, c.circuit(), cell.Message(c.next()%14), nil))
	case 6:
		number := c.circuit()
		c.nodes[0].origin.Close(number)
		c.finish(number)
	case 7, 8, 9, 10, 11:
		c.deliverSome(false, 0xff)
	case 12:
		c.deliverSome(true, 0xff)
	case 13:
		c.deliverSome(false, c.next())
	case 14:
		c.lie()
	case 15:
		c.speak()
	case 16:
		r := c.someone()
		r.transit.Close(c.now, Circuit(c.next()%(int(r.transit.last)+1)))
	case 17:
		a, b := c.someone(), c.someone()
		a.transit.LinkDown(c.now, b.place)
		a.origin.LinkDown(c.now, b.place)
	case 18:
		c.turn()
	case 19, 20:
		c.takeJob()
	case 21, 22:
		c.finishJob()
	case 23:
		c.giveBack()
	}
}

// must1 fails for an error that is none of this package's.
func (c *chaos) must1(err error) {
	switch err {
	case nil, ErrCircuit, ErrState, ErrFull, ErrExhausted:
	default:
		c.t.Fatal(err)
	}
}

func (c *chaos) buildSome() {
	n := c.next()
	places := [][]int{{2}, {2, 3}, {2, 3, 4}, {3, 4}, {3, 2, 3}, {4, 3}, {2, 2}, {4, 1, 2}}[n%8]
	number, err := c.nodes[0].origin.Build(c.now, Neighbor(places[0]), c.targets(places...))
	if c.must1(err); err == nil {
		c.asked[number] = true
	}
}

func (c *chaos) extendSome() {
	number, r, n := c.circuit(), c.someone(), c.next()
	first := []byte{byte(n % 4)}
	err := c.nodes[0].origin.Extend(c.now, number, r.target, first, make([]EarlyCell, n%13))
	if c.must1(err); err == nil {
		c.asked[number] = true
	}
}

// finish notes that a circuit of the first node ends without an event.
func (c *chaos) finish(number Circuit) { delete(c.asked, number) }

// deliverSome takes any cell from the wire, keeps a copy there or not, and alters one bit at a place, unless that is 255.
func (c *chaos) deliverSome(keep bool, alter int) {
	if len(c.wires) == 0 {
		return
	}
	i := c.next() % len(c.wires)
	w := c.wires[i]
	w.frame = bytes.Clone(w.frame)
	if !keep {
		c.wires = append(c.wires[:i], c.wires[i+1:]...)
	}
	if alter != 0xff {
		w.frame[1+alter] ^= 1 << (alter % 8)
	}
	c.receive(w)
}

func (c *chaos) receive(w carried) {
	r := c.nodes[w.to-1]
	if !r.origin.Receive(c.now, w.from, w.frame) {
		r.transit.Receive(c.now, w.from, w.from == 4, w.frame)
	}
	c.collect(r)
	for i := range w.frame {
		w.frame[i] = 0xee // it was the machine's until now
	}
}

// lie is a cell that somebody makes up, of an ID that was seen somewhere or not, perhaps around a body that was.
func (c *chaos) lie() {
	from, to := c.someone().place, c.someone().place
	f := make([]byte, cell.FrameLen)
	c.read(f)
	if n := c.next(); len(c.wires) > 0 && n%2 == 0 {
		copy(f, c.wires[n/2%len(c.wires)].frame)
	}
	id := cell.ID(c.next())
	if len(c.ids) > 0 && id%4 != 0 {
		w := c.ids[int(id)%len(c.ids)]
		if id%4 != 1 {
			from = w.neighbor
		}
		id = w.id
	}
	if from == to {
		return
	}
	cell.PutHeader(f, id, cell.Command(c.next()%8))
	c.receive(carried{from, to, f})
}

// speak lets a hop say anything on any of its circuits, as one that follows no rule can.
func (c *chaos) speak() {
	r := c.someone()
	m := r.transit
	number, message, n := Circuit(c.next()%(int(m.last)+1)), cell.Message(c.next()%14), c.next()%10
	for range n {
		c.must1(m.Reply(c.now, number, message, nil))
	}
	c.collect(r)
}

// turn lets time pass, or go back.
func (c *chaos) turn() {
	d := []time.Duration{0, time.Millisecond, 20 * time.Millisecond, time.Second, 5 * time.Second, 11 * time.Second,
		BucketLen, IdleLimit, -time.Second, -time.Hour}[c.next()%10]
	c.now = c.now.Add(d)
	for _, r := range c.nodes {
		r.transit.Tick(c.now)
		r.origin.Tick(c.now)
		c.collect(r)
	}
}

func (c *chaos) takeJob() {
	r := c.someone()
	if j, ok := r.transit.NextCreate(c.now); ok {
		c.jobs = append(c.jobs, job{r, j})
	}
	c.collect(r)
}

func (c *chaos) finishJob() {
	if len(c.jobs) == 0 {
		c.takeJob()
	}
	if len(c.jobs) == 0 {
		return
	}
	i := c.next() % len(c.jobs)
	j := c.jobs[i]
	c.jobs = append(c.jobs[:i], c.jobs[i+1:]...)
	j.job.Run()
	j.r.transit.FinishCreate(c.now, j.job)
	c.collect(j.r)
	if c.next()%16 == 1 { // keys change
		var b [32]byte
		c.read(b[:])
		fresh, err := layer.PrivateFromBytes(b[:])
		c.must(err)
		j.r.transit.SetKeys([]Key{{Private: fresh}, {Private: j.r.key, Used: c.next()%2 == 0}})
	}
}

func (c *chaos) giveBack() {
	if len(c.lent) == 0 {
		return
	}
	l := c.lent[0]
	c.lent = c.lent[1:]
	for _, o := range l.out {
		if o.own {
			delete(c.out, &o.Frame[0])
		}
	}
	if l.mine {
		l.r.origin.Recycle(l.out)
	} else {
		l.r.transit.Recycle(l.out)
	}
}

// collect takes what a node has to say.
func (c *chaos) collect(r *node) {
	for _, mine := range []bool{false, true} {
		var out []Out
		if mine {
			out = r.origin.Outgoing(nil)
		} else {
			out = r.transit.Outgoing(nil)
		}
		for _, o := range out {
			c.sentBy(r, o)
		}
		c.lent = append(c.lent, lent{r, mine, out})
	}
	for _, e := range r.transit.Events(nil) {
		c.happened(r, e)
	}
	for _, e := range r.origin.Events(nil) {
		c.happenedToOwn(e)
	}
	for number, t := range r.transit.byNumber {
		if t.state == open {
			c.open[r.place-1][number] = true
		}
	}
}

func (c *chaos) sentBy(r *node, o Out) {
	if len(o.Frame) != cell.FrameLen || o.Frame[0] != cell.Kind || o.To == 0 || o.To == r.place {
		c.t.Fatalf("a frame of %d bytes leaves", len(o.Frame))
	}
	if o.own {
		if c.out[&o.Frame[0]] {
			c.t.Fatal("an own frame is handed out twice")
		}
		c.out[&o.Frame[0]] = true
	}
	id, command := cell.Header(o.Frame)
	if command < cell.Create || command > cell.DestroyBack {
		c.t.Fatalf("a cell leaves with command %d", command)
	}
	c.ids = append(c.ids, wire{r.place, id}, wire{o.To, id})
	if len(c.wires) < 256 && int(o.To) <= len(c.nodes) {
		c.wires = append(c.wires, carried{r.place, o.To, bytes.Clone(o.Frame)})
	}
}

func (c *chaos) happened(r *node, e Event) {
	open := c.open[r.place-1]
	switch {
	case e.Kind == Closed && !open[e.Circuit]:
		c.t.Fatal("a circuit is closed that was not open, or twice")
	case e.Kind == Closed:
		delete(open, e.Circuit)
	case e.Kind == Early && len(e.Data) != cell.EarlyFirstLen, e.Kind == Arrived && len(e.Data) != cell.PayloadLen:
		c.t.Fatalf("%d bytes of data", len(e.Data))
	}
}

func (c *chaos) happenedToOwn(e OwnEvent) {
	if c.gone[e.Circuit] {
		c.t.Fatal("something happened to a circuit that had failed")
	}
	switch e.Kind {
	case Built, Progress:
		if !c.asked[e.Circuit] {
			c.t.Fatal("an answer came that nobody waited for")
		}
		c.asked[e.Circuit] = e.Kind == Progress
	case Failed:
		if e.Err == nil {
			c.t.Fatal("a circuit failed for no reason")
		}
		delete(c.asked, e.Circuit)
		c.gone[e.Circuit] = true
	case Answered:
		if len(e.Data) != cell.PayloadLen {
			c.t.Fatalf("%d bytes of data", len(e.Data))
		}
	}
}

// check collects, and looks into every machine.
func (c *chaos) check() {
	next := 0
	for _, r := range c.nodes {
		c.collect(r)
		checkTransit(c.t, r.transit)
		checkOrigin(c.t, r.origin)
		next += len(r.transit.byNext)
	}
	if c.held != next {
		c.t.Fatalf("%d links are held for %d next hops", c.held, next)
	}
}
