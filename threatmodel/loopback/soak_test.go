package loopback

// The soak: nodes without a name ask, listen, call and hang up at random while relays are killed and come back, and at
// the end nothing of it is left. It takes a few seconds; -soak makes it longer.

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"maps"
	"math/rand/v2"
	"net/netip"
	"runtime"
	"slices"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"sotto/onion"
	"sotto/onion/lease"
	"sotto/onion/path"
	"sotto/onion/request"
	"sotto/onion/session"
	"sotto/overlay/peer"
)

var soakTime = flag.Duration("soak", 2*time.Second, "how long the soak goes on")

const (
	soakRelays = 12
	soakUsers  = 6
	soakAtOnce = 3 // things that a user does at the same time
	// soakPatience is more than anything may take that has an end of its own: a session nobody answers ends after 40 s.
	soakPatience = 90 * time.Second
	// soakGrowth is what the heap may have grown by when all is quiet again: caches of creates of the last minutes, windows
	// and tables that grew with what went through. One circuit a second that is forgotten would be as much in an hour.
	soakGrowth = 16 << 20
)

// soak is one run.
type soak struct {
	t     *testing.T
	n     *Network
	users []*node
	all   []peer.NodeID
	ctx   context.Context

	begins sync.Mutex // one node at a time
	mu     sync.Mutex
	places map[int]onion.Callee // where users listen
	why    map[string]int       // what ended without success, and how
	counts [4]struct{ done, failed atomic.Int64 }
	ends   atomic.Int64 // of lives
}

const (
	asked = iota
	called
	answeredCalls
	listened
)

var soakWords = [...]string{asked: "asked", called: "called", answeredCalls: "answered calls", listened: "listened"}

func TestSoakLeavesNothingBehind(t *testing.T) {
	before := runtime.NumGoroutine()
	n := open(t, Config{Peers: soakRelays})
	if err := n.Found(t.Context()); err != nil {
		t.Fatal(err)
	}
	must[Joined](t)(n.Join(t.Context()))
	must[Linked](t)(n.Link(t.Context()))
	heap := heapInUse()
	s := &soak{t: t, n: n, places: make(map[int]onion.Callee), why: make(map[string]int)}
	for _, r := range n.relays {
		s.all = append(s.all, r.id())
	}
	s.addUsers()
	s.run()
	s.quiet()
	for _, u := range s.users {
		u.end()
	}
	s.relaysForget()
	if grown := heapInUse() - heap; grown > soakGrowth {
		t.Errorf("the heap has grown by %d bytes", grown)
	}
	for i, what := range soakWords {
		t.Logf("%s: %d, without success %d", what, s.counts[i].done.Load(), s.counts[i].failed.Load())
		if s.counts[i].done.Load() == 0 {
			t.Errorf("%s: never with success", what)
		}
	}
	for _, why := range slices.Sorted(maps.Keys(s.why)) {
		t.Logf("%d times %s", s.why[why], why)
	}
	t.Logf("nodes ended and begun again: %d", s.ends.Load())
	if err := n.Close(); err != nil {
		t.Fatal(err)
	}
	for limit := time.Now().Add(5 * time.Second); runtime.NumGoroutine() > before; wait(t.Context(), look) {
		if time.Now().After(limit) {
			stacks := make([]byte, 1<<16)
			t.Fatalf("%d goroutines are left, %d were there:\n%s", runtime.NumGoroutine(), before, stacks[:runtime.Stack(stacks, true)])
		}
	}
}

func heapInUse() int64 {
	var m runtime.MemStats
	runtime.GC()
	runtime.GC() // what finalizers have let go
	runtime.ReadMemStats(&m)
	return int64(m.HeapAlloc)
}

// addUsers starts Alice, Bob and more of their kind.
func (s *soak) addUsers() {
	s.users = s.n.users()
	for i := len(s.users); i < soakUsers; i++ {
		d := &node{record: newRecord(), keeper: &keeper{}, cfg: s.n.alice.cfg}
		if err := d.listen(netip.AddrPortFrom(s.n.alice.place.Addr(), 0)); err != nil {
			s.t.Fatal(err)
		}
		s.users = append(s.users, d)
		s.t.Cleanup(d.end)
	}
	for _, u := range s.users {
		if err := s.n.begin(u); err != nil {
			s.t.Fatal(err)
		}
	}
	err := s.n.until(s.t.Context(), func() bool {
		for _, u := range s.users {
			if !s.n.ready(u) {
				return false
			}
		}
		return true
	})
	if err != nil {
		s.t.Fatal(err)
	}
}

// run has everybody busy for a while, and waits until everybody has an answer.
func (s *soak) run() {
	var end context.CancelFunc
	s.ctx, end = context.WithTimeout(s.t.Context(), *soakTime)
	defer end()
	var work sync.WaitGroup
	for i, u := range s.users {
		random := rand.New(rand.NewPCG(s.n.cfg.Seed, uint64(i)))
		work.Go(func() {
			for s.ctx.Err() == nil {
				s.liveOnce(i, u, random)
			}
		})
	}
	work.Go(func() { s.killRelays(rand.New(rand.NewPCG(s.n.cfg.Seed, 1<<20))) })
	work.Wait()
	if s.n.ctx.Err() != nil {
		s.t.Fatalf("a node broke: %v", context.Cause(s.n.ctx))
	}
}

// liveOnce is one life of a user: in the middle of everything the node ends, and begins again.
func (s *soak) liveOnce(i int, u *node, random *rand.Rand) {
	ctx, cancel := context.WithTimeout(s.ctx, time.Duration(3+random.IntN(12))*time.Second)
	defer cancel()
	l := &soakLife{s, ctx, u.live}
	draw := func() *rand.Rand { return rand.New(rand.NewPCG(random.Uint64(), 0)) }
	listens, answers := draw(), draw()
	var work sync.WaitGroup
	work.Go(func() { l.keepListening(i, listens) })
	work.Go(func() { l.answer(answers) })
	for range soakAtOnce {
		busy := draw()
		work.Go(func() { l.beBusy(busy) })
	}
	<-ctx.Done()
	if s.ctx.Err() == nil {
		u.end() // with farewells: a client that was killed stays a guard's for minutes
		s.restart(u, random)
	}
	work.Wait()
}

// soakLife is a life of a user, which uses no later one.
type soakLife struct {
	*soak
	ctx  context.Context
	live *start
}

// restart begins a node's next life, after a while.
func (s *soak) restart(d *node, random *rand.Rand) {
	s.ends.Add(1)
	wait(s.ctx, time.Duration(100+random.IntN(900))*time.Millisecond)
	if err := s.begin(d); err != nil {
		s.n.cancel(err)
	}
}

// begin opens the socket of a node and starts it.
func (s *soak) begin(d *node) (err error) {
	s.begins.Lock()
	defer s.begins.Unlock()
	if d.keeper != nil {
		err = d.listen(netip.AddrPortFrom(d.place.Addr(), 0))
	} else {
		err = d.listenAgain(s.t.Context())
	}
	if err != nil {
		return err
	}
	return s.n.begin(d)
}

// killRelays kills one after the other, and starts it again. Its link key counts as fresh, because a relay that knows
// that it was killed refuses creates for five minutes: that is no use here.
func (s *soak) killRelays(random *rand.Rand) {
	for wait(s.ctx, time.Duration(500+random.IntN(1500))*time.Millisecond) {
		victim := s.n.relays[random.IntN(len(s.n.relays))]
		if random.IntN(4) > 0 {
			victim.kill()
		} else {
			victim.end()
		}
		s.restart(victim, random)
	}
}

// settled notes how something ended: with an answer, or with an error of its own, but never with nothing.
func (s *soak) settled(what int, err error) {
	switch {
	case errors.Is(err, context.DeadlineExceeded):
		s.t.Errorf("activity %d had neither answer nor error within %v", what, soakPatience)
	case err != nil:
		s.counts[what].failed.Add(1)
		s.mu.Lock()
		defer s.mu.Unlock()
		s.why[fmt.Sprintf("%s: %v", soakWords[what], err)]++
	default:
		s.counts[what].done.Add(1)
	}
}

func (s *soakLife) beBusy(random *rand.Rand) {
	for wait(s.ctx, time.Duration(random.IntN(200))*time.Millisecond) {
		ctx, cancel := context.WithTimeout(context.Background(), soakPatience)
		if random.IntN(2) == 0 {
			s.settled(asked, s.ask(ctx, random))
		} else if callee, ok := s.somebody(random); ok {
			s.settled(called, s.call(ctx, callee, random))
		}
		cancel()
	}
}

func (s *soakLife) ask(ctx context.Context, random *rand.Rand) error {
	q := onion.Question{
		Peer: s.all[random.IntN(len(s.all))], Purpose: path.Lookups, Service: request.Echo, Content: make([]byte, random.IntN(100)),
	}
	if random.IntN(2) == 0 {
		q.Service, q.Content = request.EchoTrain, make([]byte, random.IntN(3000))
	}
	answer, err := s.live.Ask(ctx, q)
	if err == nil && len(answer) != len(q.Content) {
		s.t.Errorf("an answer of %d bytes to %d", len(answer), len(q.Content))
	}
	return err
}

func (s *soak) somebody(random *rand.Rand) (onion.Callee, bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	c, ok := s.places[random.IntN(len(s.users))]
	return c, ok
}

// call talks for a while, then hangs up; sometimes before anybody has answered.
func (s *soakLife) call(ctx context.Context, to onion.Callee, random *rand.Rand) error {
	var pair [32]byte
	for i := range pair {
		pair[i] = byte(random.Uint32())
	}
	c, err := s.live.Dial(onion.Call{Pair: session.PairOf(pair), Callees: []onion.Callee{to}, First: []byte("first")})
	if err != nil {
		return err
	}
	if random.IntN(8) > 0 {
		err = expect(ctx, c, session.Accepted)
	}
	for i := 0; err == nil && i < random.IntN(20); i++ {
		if err = c.SendMessage(fmt.Appendf(nil, "%d%s", i, make([]byte, random.IntN(2000)))); errors.Is(err, session.ErrFull) || errors.Is(err, session.ErrNotYet) {
			err = nil // later
		}
		_ = c.SendDatagram(1, make([]byte, 160)) // or not
		wait(ctx, time.Duration(random.IntN(50))*time.Millisecond)
	}
	c.Close()
	if ended := hearOut(ctx, c); errors.Is(ended, context.DeadlineExceeded) || err == nil && !errors.Is(ended, session.ErrClosed) {
		return ended
	}
	return err
}

// hearOut receives until the session is over, and returns why it is.
func hearOut(ctx context.Context, c *onion.Session) error {
	for {
		if _, err := c.Receive(ctx); err != nil {
			return err
		}
	}
}

// answer takes calls, refuses some, and says something itself; when the soak is over it hangs up.
func (s *soakLife) answer(random *rand.Rand) {
	var talks sync.WaitGroup
	defer talks.Wait()
	for {
		c, err := s.live.Accept(s.ctx)
		if err != nil {
			return
		}
		if random.IntN(4) == 0 {
			_ = c.Refuse() // or it is over
			continue
		}
		talks.Go(func() {
			ctx, cancel := context.WithTimeout(context.Background(), soakPatience)
			defer cancel()
			_ = c.Accept() // or it is over, which the next line says
			if err := hearOut(s.ctx, c); errors.Is(err, context.DeadlineExceeded) {
				c.Close()
			}
			err := hearOut(ctx, c)
			if errors.Is(err, session.ErrClosed) {
				err = nil
			}
			s.settled(answeredCalls, err)
		})
	}
}

// keepListening has a lease most of the time.
func (s *soakLife) keepListening(i int, random *rand.Rand) {
	for s.ctx.Err() == nil {
		want, err := s.live.Listen(onion.ListenConfig{
			Spec:    lease.Spec{Kind: lease.ShortLived, Lifetime: time.Hour, Overlap: 10 * time.Minute},
			Purpose: path.UserLeases,
			Stands: func(l onion.Lease) {
				s.counts[listened].done.Add(1)
				if c, err := onion.CalleeOf(l); err == nil {
					s.mu.Lock()
					defer s.mu.Unlock()
					s.places[i] = c
				}
			},
		})
		if err != nil {
			if !errors.Is(err, onion.ErrStopped) {
				s.t.Errorf("no lease is wanted: %v", err)
			}
			return
		}
		wait(s.ctx, time.Duration(1+random.IntN(10))*time.Second)
		s.live.Unlisten(want)
	}
}

// quiet waits until users have nothing but their stems.
func (s *soak) quiet() {
	s.await("users with circuits beyond their stems", func() (left int) {
		for _, u := range s.users {
			c := u.live.Circuits().Client
			left += c.Leases + c.Sessions + max(0, c.Circuits-8) // stems, and one or two being built
		}
		return left
	})
}

// relaysForget waits until relays have nothing of anybody, and all links.
func (s *soak) relaysForget() {
	s.await("circuits, leases and calls at relays", func() (left int) {
		for _, r := range s.n.relays {
			c := r.live.Circuits().Relay
			left += c.Circuits + c.Queued + c.Leases + c.Splices
		}
		return left
	})
	s.await("links of clients", func() (left int) {
		for _, r := range s.n.relays {
			left += r.live.Status().Links.Clients
		}
		return left
	})
	s.await("links to relays that are missing or too many", func() (left int) {
		for _, r := range s.n.relays {
			if r.links() != len(s.n.relays)-1 {
				left++
			}
		}
		return left
	})
}

func (s *soak) await(what string, count func() int) {
	s.t.Helper()
	left := count()
	for limit := time.Now().Add(soakPatience); left > 0; left = count() {
		if time.Now().After(limit) || !wait(s.t.Context(), look) {
			s.t.Fatalf("%s: %d are left", what, left)
		}
	}
}
