// The end that asks: a request in the cells of its service, and its answer put together.

package request

import (
	"fmt"
	"io"
	"log/slog"
	"time"

	"sotto/onion/cell"
)

// Timing of the asking end; all of it ours.
const (
	// An answer is taken for late a quarter of a round trip after the circuit stood, leastLate at least; pieces of it an
	// eighth after the last one, leastGap at least. What was asked for again gets five quarters of a round trip, doubled
	// each time, leastAgain at least: a peer hears no more than three.
	leastLate  = 60 * time.Millisecond
	leastGap   = 30 * time.Millisecond
	leastAgain = 100 * time.Millisecond
	maxAgain   = 4
	// maxResent bounds how often a peer that asks again is heard.
	maxResent = maxGaps
)

// MaxAsks is how many requests there are at a time; one more is ErrFull. With the longest services they hold 20 MB, with
// such as exist less than 6.
const MaxAsks = 512

// ask is a request whose answer is not there.
type ask struct {
	timed
	circuit  Circuit
	service  Service
	asked    time.Time
	end      time.Time
	rtt      time.Duration // zero until the circuit stands
	messages []byte        // payloads of the Request messages
	pieces   pieces
	agains   int
	resent   int
	answers  int // Answer messages that came
}

func (a *ask) timer() *timed { return &a.timed }

// Client is the asking end. It is not safe for concurrent use.
type Client struct {
	rand   io.Reader
	asks   map[Circuit]*ask
	agenda agenda[*ask]
	out    actions
}

// NewClient is one that asks nothing yet. Content is filled up with random bytes from r.
func NewClient(r io.Reader) (*Client, error) {
	if r == nil {
		return nil, ErrConfig
	}
	return &Client{rand: r, asks: map[Circuit]*ask{}}, nil
}

// Requests says how many there are without an answer.
func (c *Client) Requests() int { return len(c.asks) }

// Ask makes a request of a peer to which circuit h, a stem, is extended right now: first is the early data of the create,
// each of early the payload of a cell.Request that follows it at once. An ActDone comes within limit, unless Cancel does.
// Errors are ErrService, ErrTooLong, ErrCircuit and ErrFull.
func (c *Client) Ask(now time.Time, h Circuit, s Service, content []byte, limit time.Duration) (first [cell.EarlyFirstLen]byte, early [][]byte, err error) {
	switch {
	case !s.valid():
		return first, nil, ErrService
	case len(content) > s.RequestMax():
		return first, nil, ErrTooLong
	case c.asks[h] != nil:
		return first, nil, ErrCircuit
	case len(c.asks) >= MaxAsks:
		return first, nil, ErrFull
	}
	stream, err := pack(c.rand, content, s.requestLen())
	if err != nil {
		return first, nil, fmt.Errorf("request: no randomness: %w", err)
	}
	a := &ask{circuit: h, service: s, asked: now, end: now.Add(limit)}
	a.messages = appendPieces(nil, stream[firstLen:], 1, s.ForwardParity)
	a.pieces = pieces{n: s.Answer, bytes: make([]byte, s.answerLen())}
	c.asks[h] = a
	c.agenda.set(a, a.end)
	for i := range min(s.following(), cell.MaxEarly) {
		early = append(early, payload(a.messages, i))
	}
	appendFirst(first[:0], s.Number, stream[:firstLen])
	return first, early, nil
}

// Opened takes that the extended circuit stands, and sends what did not fit into the train.
func (c *Client) Opened(now time.Time, h Circuit) []Action {
	c.out.begin()
	a := c.asks[h]
	if a == nil || a.rtt != 0 {
		return nil
	}
	a.rtt = max(1, now.Sub(a.asked))
	for i := cell.MaxEarly; i < a.service.following(); i++ {
		c.out.send(h, cell.Request, payload(a.messages, i))
	}
	late := max(leastLate, a.rtt/4)
	if a.service.following() > cell.MaxEarly {
		late += a.rtt
	}
	c.wait(a, now.Add(late))
	return c.out.list
}

// Arrived takes a message of the last hop: Answer, Again; others are ignored. payload has cell.PayloadLen bytes.
func (c *Client) Arrived(now time.Time, h Circuit, m cell.Message, payload []byte) []Action {
	c.out.begin()
	a := c.asks[h]
	switch {
	case a == nil:
	case m == cell.Answer:
		c.answer(now, a, payload)
	case m == cell.Again:
		c.resend(now, a, payload)
	}
	return c.out.list
}

// Closed takes the end of a circuit: its request has no answer.
func (c *Client) Closed(h Circuit) []Action {
	c.out.begin()
	if a := c.asks[h]; a != nil {
		c.done(a, nil, ErrNoAnswer)
	}
	return c.out.list
}

// Cancel forgets the request on a circuit.
func (c *Client) Cancel(h Circuit) {
	if a := c.asks[h]; a != nil {
		c.forget(a)
	}
}

// Next is when Tick is due; zero means never.
func (c *Client) Next() time.Time { return c.agenda.next() }

// Tick does what is due.
func (c *Client) Tick(now time.Time) []Action {
	c.out.begin()
	for len(c.agenda) > 0 && !now.Before(c.agenda.next()) {
		a := c.agenda[0]
		if !now.Before(a.end) {
			c.done(a, nil, ErrNoAnswer)
			continue
		}
		c.out.send(a.circuit, cell.Again, appendAgain(nil, a.pieces.missing()))
		c.wait(a, now.Add(max(leastAgain, a.rtt*5/4)<<a.agains))
		a.agains++
		if a.agains >= maxAgain {
			c.agenda.set(a, a.end)
		}
	}
	return c.out.list
}

// answer takes a piece of an answer. A peer that sends what is no piece, or many more than it was asked for, is not
// waited for any longer; pieces that come twice are the price of asking again.
func (c *Client) answer(now time.Time, a *ask, payload []byte) {
	i, piece, ok := parsePiece(payload)
	a.answers++
	if !ok || i >= a.service.answers() || a.answers > a.service.answers()*(1+a.agains) {
		c.done(a, nil, ErrBadAnswer)
		return
	}
	if !a.pieces.put(i, piece) {
		return
	}
	if !a.pieces.whole() {
		if a.rtt != 0 && a.agains == 0 {
			c.wait(a, now.Add(max(leastGap, a.rtt/8)))
		}
		return
	}
	content, ok := unpack(a.pieces.bytes)
	if !ok {
		c.done(a, nil, ErrBadAnswer)
		return
	}
	c.done(a, content, nil)
}

// resend sends pieces of the request again.
func (c *Client) resend(now time.Time, a *ask, again []byte) {
	missing, ok := parseAgain(again, a.service.Forward)
	if !ok || missing.has(0) {
		c.done(a, nil, ErrBadAnswer)
		return
	}
	if a.resent >= maxResent {
		return
	}
	a.resent++
	for i := 1; i < a.service.Forward; i++ {
		if missing.has(i) {
			c.out.send(a.circuit, cell.Request, payload(a.messages, i-1))
		}
	}
	if a.agains == 0 {
		c.wait(a, now.Add(max(leastAgain, a.rtt*5/4)))
	}
}

// wait looks at a request again at a time, or at its end.
func (c *Client) wait(a *ask, due time.Time) {
	if due.After(a.end) {
		due = a.end
	}
	c.agenda.set(a, due)
}

// done tells how a request ended.
func (c *Client) done(a *ask, content []byte, err error) {
	c.forget(a)
	c.out.add(Action{Kind: ActDone, Circuit: a.circuit, Service: a.service.Number, Content: content, Err: err})
}

func (c *Client) forget(a *ask) {
	delete(c.asks, a.circuit)
	c.agenda.stop(a)
}

// Format prints a fixed text for every verb.
func (*Client) Format(s fmt.State, _ rune) { _, _ = io.WriteString(s, "[requests]") }

// LogValue logs a fixed text.
func (*Client) LogValue() slog.Value { return slog.StringValue("[requests]") }
