package threatmodel

import (
	"context"
	"errors"
	"fmt"
	"net/netip"
	"slices"
	"time"

	"sotto/internal/simnet"
	"sotto/onion"
	"sotto/onion/cell"
	"sotto/onion/path"
	"sotto/onion/request"
	"sotto/overlay/peer"
	"sotto/threatmodel/lab"
)

// P01: a user asks, listens, is called and calls, loses guards and begins again. Every datagram that leaves its machine is
// held against the guards that its node has named.

const querierSeed = 1

// guardSample is how many guards a node may have in 120 days (protocol §3).
const guardSample = 6

// querierFlaw is what a control breaks; the zero value is right.
type querierFlaw struct {
	direct    bool // the node also speaks to the far node itself
	forgetful bool // it begins again without what it kept
}

// measureQuerier is the measurement of P01.
func measureQuerier(ctx context.Context, s Scale) (Measurement, error) {
	return follow(ctx, s, querierFlaw{})
}

func controlDialsDirectly(ctx context.Context, s Scale) (Measurement, error) {
	return follow(ctx, s, querierFlaw{direct: true})
}

func controlForgetsGuards(ctx context.Context, s Scale) (Measurement, error) {
	return follow(ctx, s, querierFlaw{forgetful: true})
}

// querier is a world and one user of it who is followed.
type querier struct {
	world    *lab.World
	flaw     querierFlaw
	users    [3]*lab.User // the one who is followed, whom he calls, who calls him
	standing [2]*lab.Standing
	random   *lab.Source

	sent, astray int // datagrams of the one who is followed, and those to others than his guards
	reached      map[netip.AddrPort]bool
	replies      []*lab.Reply
	calls        int // made from and to him
	begun        int // restarts
	changed      int // guards in use after a restart that were not named before, with all relays up
}

func follow(ctx context.Context, s Scale, flaw querierFlaw) (Measurement, error) {
	m := Measurement{Seed: querierSeed}
	q, err := newQuerier(flaw)
	if err != nil {
		return m, err
	}
	for round := range s.pick(4, 24) {
		if err := ctx.Err(); err != nil {
			return m, err
		}
		if err := q.live(s.pick(4, 12)); err != nil {
			return m, err
		}
		if err := q.loseGuards(round); err != nil {
			return m, err
		}
		if err := q.beginAgain(); err != nil {
			return m, err
		}
		if err := q.live(2); err != nil {
			return m, err
		}
	}
	if err := q.world.NextPeriod(); err != nil {
		return m, err
	}
	if err := q.live(2); err != nil {
		return m, err
	}
	if err := q.report(&m); err != nil {
		return m, err
	}
	return m, viewOfFar(s, &m)
}

func newQuerier(flaw querierFlaw) (*querier, error) {
	w, err := lab.NewWorld(lab.WorldConfig{
		Config: lab.Config{Seed: querierSeed, Link: simnet.Link{Latency: 40 * time.Millisecond, Jitter: 4 * time.Millisecond, Loss: 0.01}},
		Relays: 24,
	})
	if err != nil {
		return nil, err
	}
	q := &querier{world: w, flaw: flaw, random: w.Source("what a user does"), reached: make(map[netip.AddrPort]bool)}
	own := netip.MustParseAddr("198.51.100.77")
	w.Plant(lab.PlantAddr("address", own))
	w.Plant(lab.PlantText("question", "what a user asks about"))
	w.Plant(lab.PlantText("words", "what users say to each other"))
	w.Watch(q.watch)
	for i, name := range []string{"querier", "callee", "caller"} {
		address := netip.AddrFrom4([4]byte{203, 0, 113, byte(i + 1)})
		if i == 0 {
			address = own
		}
		if q.users[i], err = w.NewUser(lab.UserConfig{Name: name, Address: address}); err != nil {
			return nil, err
		}
	}
	w.Run(20 * time.Second)
	for i := range q.standing {
		if q.standing[i], err = q.users[i].Listen(); err != nil {
			return nil, err
		}
	}
	w.Run(20 * time.Second)
	return q, nil
}

// watch looks at every datagram on the wires.
func (q *querier) watch(d lab.Datagram) {
	u := q.users[0]
	if u == nil {
		if d.From.Addr() == netip.MustParseAddr("198.51.100.77") {
			q.first(d)
		}
		return
	}
	if d.Sender == nil || d.Sender != u.Node() {
		return
	}
	q.sent++
	q.reached[d.To] = true
	ever, _ := u.GuardsNamed()
	if r := q.relayAt(d.To); r == nil || !ever[r.ID()] {
		q.astray++
	}
}

// first is for datagrams that leave while the node is being made: they go to the guards that it has just named.
func (q *querier) first(d lab.Datagram) {
	q.sent++
	q.reached[d.To] = true
}

func (q *querier) relayAt(a netip.AddrPort) *lab.Relay {
	for _, r := range q.world.Relays() {
		if r.Node().Addr() == a {
			return r
		}
	}
	return nil
}

// live lets a user do what users do: ask relays at random, be called, and call.
func (q *querier) live(questions int) error {
	relays := q.world.Relays()
	for range questions {
		far := relays[q.random.IntN(len(relays))]
		if q.flaw.direct {
			q.users[0].Reach(far)
		}
		service := []request.Service{request.Echo, request.EchoTrain}[q.random.IntN(2)]
		q.replies = append(q.replies, q.users[0].Ask(far, path.Lookups, service, []byte("what a user asks about")))
		q.world.Run(5 * time.Second)
	}
	for _, c := range []struct{ from, to int }{{0, 1}, {2, 0}} {
		if !q.standing[c.to].Up {
			continue
		}
		if err := q.call(q.users[c.from], q.users[c.to], q.standing[c.to]); err != nil {
			return err
		}
	}
	return nil
}

// call has one user call another, talk, and hang up.
func (q *querier) call(from, to *lab.User, at *lab.Standing) error {
	from.Heard, to.Heard = lab.Heard{}, lab.Heard{}
	talk, err := from.Call(at.Lease, []byte("what users say to each other"))
	if err != nil {
		return err
	}
	q.world.Run(3 * time.Second)
	if from.Heard.Accepted > 0 && len(to.Heard.Talks) > 0 {
		q.calls++
		for range 20 {
			// A datagram for a session that is over is lost, as others are.
			_ = from.Throw(talk, []byte("what users say to each other"))
			_ = to.Throw(to.Heard.Talks[0], []byte("what users say to each other"))
			q.world.Run(20 * time.Millisecond)
		}
	}
	from.HangUp(talk)
	q.world.Run(2 * time.Second)
	return nil
}

// loseGuards cuts the user's guards off, one or both, while he goes on, and connects them again.
func (q *querier) loseGuards(round int) error {
	_, guards := q.users[0].GuardsNamed()
	gone := slices.Clone(guards[:1+round%len(guards)])
	for _, id := range gone {
		q.world.ByID(id).Node().Machine().Host().Unplug()
	}
	// One that is gone for over an hour is given up, while the other answers.
	q.world.Run([]time.Duration{75 * time.Minute, 5 * time.Minute}[len(gone)-1])
	err := q.live(2)
	for _, id := range gone {
		q.world.ByID(id).Node().Machine().Host().Plug()
	}
	q.world.Run(5 * time.Minute)
	return err
}

// beginAgain restarts the user's node, with what it kept.
func (q *querier) beginAgain() error {
	named := make(map[peer.NodeID]bool)
	ever, _ := q.users[0].GuardsNamed()
	for id := range ever {
		named[id] = true
	}
	if err := q.users[0].Restart(q.flaw.forgetful); err != nil {
		return err
	}
	q.begun++
	_, now := q.users[0].GuardsNamed()
	for _, id := range now {
		q.changed += btoi(!named[id])
	}
	q.world.Run(20 * time.Second)
	var err error
	q.standing[0], err = q.users[0].Listen()
	q.world.Run(20 * time.Second)
	return err
}

// errIdle means that the user who was followed did too little for the measurement to say anything.
var errIdle = errors.New("threatmodel: the user of the lab got too little done")

func (q *querier) report(m *Measurement) error {
	answered := 0
	for _, r := range q.replies {
		answered += btoi(r.Done && r.Err == nil)
	}
	ever, _ := q.users[0].GuardsNamed()
	strangers, heard, read := 0, 0, q.world.OnWire()["address"]
	for _, h := range q.world.All() {
		knows := h.Node().Knows
		read += knows.Canaries["address"] + h.Saw.Canaries["address"]
		if r := q.relayAt(h.Node().Addr()); r != nil && ever[r.ID()] || h == q.users[0].Hands {
			continue
		}
		strangers++
		heard += btoi(knows.Addresses[q.users[0].Node().Addr()] > 0)
	}
	m.add("the querier", never("datagrams to others than guards that its node had named", q.astray, q.sent),
		never("nodes but guards that heard from its address", heard, strangers),
		never("cells and messages in which its address was read", read, int(q.cells())),
		atMost("relays that got a datagram from it", float64(len(q.reached)), guardSample, "relays"),
		never("guards after a restart that were not its guards before", q.changed, 2*q.begun),
		shown("requests answered", float64(answered), ""), shown("requests made", float64(len(q.replies)), ""),
		shown("calls in which it talked", float64(q.calls), ""), shown("restarts", float64(q.begun), ""))
	m.remark("its guards were cut off in each round, one for 75 minutes or both for 5; 1 %% loss on every wire; the directory changed once")
	if 2*answered < len(q.replies) || q.calls < q.begun {
		return fmt.Errorf("%w: %d of %d requests, %d calls", errIdle, answered, len(q.replies), q.calls)
	}
	return nil
}

func (q *querier) cells() (n uint64) {
	for _, h := range q.world.All() {
		n += h.Cells()
	}
	return n
}

// viewOfFar asks a relay the same over paths of both lengths, and counts requests that looked otherwise to it than the
// others.
func viewOfFar(s Scale, m *Measurement) error {
	w, err := lab.NewWorld(lab.WorldConfig{Config: lab.Config{Seed: querierSeed}, Bare: true, Relays: 12})
	if err != nil {
		return err
	}
	far := w.Relays()[11]
	views := make(map[string][2]int)
	n := s.pick(40, 400)
	for length, profile := range []path.Profile{path.Standard, path.High} {
		u, err := w.NewUser(lab.UserConfig{Name: fmt.Sprintf("user of profile %d", length), Profile: profile, Change: func(c *onion.ClientConfig) {
			c.Ready = onion.DefaultReady(profile)
		}})
		if err != nil {
			return err
		}
		w.Run(10 * time.Second)
		for range n {
			clear(far.Saw.Circuits)
			reply := u.Ask(far, path.Lookups, request.EchoTrain, []byte("the same"))
			w.Run(5 * time.Second)
			if !reply.Done || reply.Err != nil {
				return fmt.Errorf("%w: %w", errIdle, reply.Err)
			}
			for _, p := range far.Saw.Circuits {
				if p.Operations[cell.Ask] == 0 {
					continue // it stood elsewhere in somebody's path
				}
				view := fmt.Sprint(p.Early, p.Operations, p.Messages, p.Forward, p.Back, p.Last.Sub(p.First) > 0)
				count := views[view]
				count[length]++
				views[view] = count
			}
		}
	}
	odd := 0
	for _, count := range views {
		odd += max(count[0]-count[1], count[1]-count[0])
	}
	m.add("the far node", never("requests that looked otherwise over paths of another length", odd, 2*n),
		shown("ways in which requests looked", float64(len(views)), ""))
	return nil
}
