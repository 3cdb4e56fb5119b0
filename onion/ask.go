// Requests of a client: a question to a peer, over a stem, answered after one round trip of the path.

package onion

import (
	"slices"
	"time"

	"sotto/onion/cell"
	"sotto/onion/circuit"
	"sotto/onion/path"
	"sotto/onion/request"
	"sotto/overlay/peer"
)

// Question is a request to be made.
type Question struct {
	Peer    peer.NodeID
	Purpose path.Purpose
	Service request.Service
	Content []byte
	Limit   time.Duration // for everything; 0: errandTime
	// Done gets the answer, or why there is none: an error of path or request.
	Done func(answer []byte, err error)
}

// question is one under way.
type question struct {
	c *Client
	Question
	errand *errand
	number circuit.Circuit // of the try that is under way; 0: none
}

// Ask makes a request. Question.Done is called once.
func (c *Client) Ask(now time.Time, ask Question) {
	if ask.Limit <= 0 {
		ask.Limit = errandTime
	}
	q := &question{c: c, Question: ask}
	if len(c.questions) >= request.MaxAsks {
		ask.Done(nil, request.ErrFull)
		return
	}
	q.errand = &errand{purpose: ask.Purpose, profile: c.cfg.Profile, far: ask.Peer, until: now.Add(ask.Limit), who: q}
	c.questions = append(c.questions, q)
	c.travel(now, q.errand)
	c.step(now)
}

// tickRequests does what is due. A request that is on no circuit yet has its limit here.
func (c *Client) tickRequests(now time.Time) {
	c.actRequests(now, c.requests.Tick(now))
	for i := len(c.questions) - 1; i >= 0; i-- {
		if q := c.questions[i]; q.number == 0 && !now.Before(q.errand.until) {
			q.end(nil, request.ErrNoAnswer)
		}
	}
}

// nextRequest is when tickRequests wants to be called next.
func (c *Client) nextRequest() time.Time {
	d := c.requests.Next()
	for _, q := range c.questions {
		if q.number == 0 {
			d = earliest(d, q.errand.until)
		}
	}
	return d
}

// actRequests carries out what the machine of requests wants.
func (c *Client) actRequests(now time.Time, actions []request.Action) {
	for i := range actions {
		a := actions[i]
		switch a.Kind {
		case request.ActSend:
			_ = c.origin.Send(now, circuit.Circuit(a.Circuit), a.Message, a.Payload) // a loss; a closed circuit is told of
		case request.ActDone:
			if q := c.asked[circuit.Circuit(a.Circuit)]; q != nil {
				q.end(a.Content, a.Err)
			}
		}
	}
}

// end tells the answer and closes the circuit, which serves nothing else.
func (q *question) end(answer []byte, err error) {
	q.errand.over = true
	if t := q.c.trips[q.number]; t != nil && err == nil {
		q.c.settle(t)
	} else if t != nil {
		q.c.end(t)
	}
	delete(q.c.asked, q.number)
	q.number = 0
	q.c.questions = slices.DeleteFunc(q.c.questions, func(o *question) bool { return o == q })
	q.Done(answer, err)
}

// train implements traveller.
func (q *question) train(now time.Time, t *trip, _ *peer.Descriptor) ([]byte, []circuit.EarlyCell, error) {
	first, early, err := q.c.requests.Ask(now, request.Circuit(t.number), q.Service, q.Content, q.errand.until.Sub(now))
	if err != nil {
		return nil, nil, err
	}
	q.number = t.number
	q.c.asked[t.number] = q
	cells := make([]circuit.EarlyCell, len(early))
	for i, e := range early {
		cells[i] = circuit.EarlyCell{Message: cell.Request, Payload: e}
	}
	return first[:], cells, nil
}

// failed implements traveller: the next try is another request on another circuit.
func (q *question) failed(_ time.Time, t *trip) {
	q.c.requests.Cancel(request.Circuit(t.number))
	delete(q.c.asked, t.number)
	q.number = 0
}

// built implements traveller.
func (q *question) built(now time.Time, t *trip) {
	q.c.actRequests(now, q.c.requests.Opened(now, request.Circuit(t.number)))
}

// arrived implements traveller.
func (q *question) arrived(now time.Time, t *trip, m cell.Message, payload []byte) {
	q.c.actRequests(now, q.c.requests.Arrived(now, request.Circuit(t.number), m, payload))
}

// lost implements traveller.
func (q *question) lost(now time.Time, t *trip, _ error) {
	q.c.actRequests(now, q.c.requests.Closed(request.Circuit(t.number)))
}

// gaveUp implements traveller.
func (q *question) gaveUp(_ time.Time, err error) {
	if !q.errand.over {
		q.end(nil, err)
	}
}
