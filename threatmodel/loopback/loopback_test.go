package loopback

// What a network of this machine promises: that it comes up, that it ends without a trace, and that it finds what
// leaks. Sockets and time are real here; only what ends is waited for.

import (
	"context"
	"crypto/rand"
	"encoding/hex"
	"errors"
	"net"
	"os"
	"runtime"
	"testing"
	"time"

	"sotto/onion/lease"
	"sotto/overlay/enroll"
	"sotto/overlay/enroll/document"
	"sotto/overlay/enroll/identity"
)

// open opens a small network whose files are under the test's directory.
func open(t *testing.T, cfg Config) *Network {
	t.Helper()
	if cfg.Peers == 0 {
		cfg.Peers = 5
	}
	cfg.Dir, cfg.Brief, cfg.Seed = t.TempDir(), true, 1
	n, err := Open(cfg)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := errors.Join(n.Close(), n.Close()); err != nil {
			t.Errorf("closing twice: %v", err)
		}
		if left, err := os.ReadDir(cfg.Dir); err != nil || len(left) > 0 {
			t.Errorf("%d files are left: %v", len(left), err)
		}
	})
	return n
}

func must[T any](t *testing.T) func(T, error) T {
	return func(v T, err error) T {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
		return v
	}
}

// enter goes on until everybody is in.
func enter(t *testing.T, n *Network) (Joined, Linked, Guarded) {
	t.Helper()
	if err := n.Found(t.Context()); err != nil {
		t.Fatal(err)
	}
	return must[Joined](t)(n.Join(t.Context())), must[Linked](t)(n.Link(t.Context())), must[Guarded](t)(n.Guard(t.Context()))
}

func TestNetworkComesUpKeepsItsSecretsAndEndsWithoutATrace(t *testing.T) {
	before := runtime.NumGoroutine()
	n := open(t, Config{})
	joined, linked, guarded := enter(t, n)
	measured := must[Measured](t)(n.Measure(t.Context()))
	talked := must[Talked](t)(n.Talk(t.Context()))
	restarted := must[Restarted](t)(n.Restart(t.Context()))
	datagrams := n.Datagrams(t.Context())
	saw, leaks, err := n.Finish(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	if joined != (Joined{People: 7, ByHTTPS: 7}) || linked.Links != 10 || linked.Handshakes < 10 || guarded.Guards != 2 || guarded.Stems < 4 {
		t.Errorf("joined %+v, linked %+v, guarded %+v", joined, linked, guarded)
	}
	if measured.Links != 10 || measured.Probes != 20 || measured.Samples != 20 || measured.P50 <= 0 || measured.P95 < measured.P50 {
		t.Errorf("measured %+v", measured)
	}
	if talked.Lines != (Exchanged{10, 10, 10}) || talked.Datagrams.Sent != 200 || talked.Datagrams.Matched != talked.Datagrams.Received ||
		talked.Datagrams.Matched < 180 || talked.Request <= 0 || talked.Opening <= 0 || talked.P95 < talked.P50 || talked.Relays < 3 {
		t.Errorf("talked %+v", talked)
	}
	if restarted.Links != 4 || restarted.Number < 1 || restarted.Number > 5 {
		t.Errorf("restarted %+v", restarted)
	}
	if datagrams.Sent == 0 || datagrams.Received == 0 || len(datagrams.Sizes) != 1 || datagrams.Sizes[512] != datagrams.Sent {
		t.Errorf("datagrams %+v", datagrams)
	}
	if len(leaks) > 0 {
		t.Errorf("leaks: %+v", leaks)
	}
	checkSaw(t, n, saw)
	if err := n.Close(); err != nil {
		t.Fatal(err)
	}
	for tick, limit := time.NewTicker(10*time.Millisecond), time.Now().Add(2*time.Second); runtime.NumGoroutine() > before; <-tick.C {
		if time.Now().After(limit) {
			t.Fatalf("%d goroutines are left, %d were there", runtime.NumGoroutine(), before)
		}
	}
}

// checkSaw holds what everybody saw against what they may.
func checkSaw(t *testing.T, n *Network, saw Saw) {
	t.Helper()
	if a := saw.Authority; a.Requests != 7 || a.Names != 7 || a.Admissions != 5 || a.Addresses == 0 || a.Peers != 0 {
		t.Errorf("the authority saw %+v", a)
	}
	if r := saw.Relay; r.Relays != 5 || r.Names+r.AnonymousAddresses+r.Read != 0 {
		t.Errorf("a relay saw %+v", r)
	}
	if g := saw.Guard; g.Guards < 2 || g.Guards > 4 || g.AnonymousAddresses < 1 || g.AnonymousIDs+g.Names+g.Read != 0 || g.Cells == 0 {
		t.Errorf("a guard saw %+v", g)
	}
	if l := saw.Lease; l.Leases != 1 || l.Calls != 1 || l.Cells == 0 || l.Read+saw.Second.Read != 0 {
		t.Errorf("the relay of the lease saw %+v, a second hop %+v", l, saw.Second)
	}
	for _, u := range []UserSaw{saw.Alice, saw.Bob} {
		if u.Relays != 5 || u.Guards != 2 || u.TalksTo != u.Guards+u.Seeds || u.Lines != 5 || u.Datagrams < 90 || u.Read != 0 {
			t.Errorf("a user saw %+v", u)
		}
	}
	if w := saw.Wire; w != (WireSaw{Addresses: 7, Sizes: 1}) || saw.Logs.Lines < 5 || saw.Logs.Recognised != 0 {
		t.Errorf("the wires showed %+v, the logs %+v", w, saw.Logs)
	}
}

func TestOneAddressServesEverybody(t *testing.T) {
	t.Parallel()
	n := open(t, Config{OneAddress: true, Peers: 5})
	_, linked, _ := enter(t, n)
	if s := n.Sockets(); !s.OneAddress || s.First.Addr() != loopbackAddr || s.First.Port() == s.Last.Port() || linked.Links != 10 {
		t.Errorf("sockets %+v, linked %+v", s, linked)
	}
	networks := map[any]bool{}
	for d := range n.alice.live.Directory(0).All() {
		for _, p := range d.Daily().Prefixes() {
			networks[p] = true
		}
	}
	if len(networks) != 5 {
		t.Errorf("the relays count for %d networks, want 5", len(networks))
	}
	saw, leaks, err := n.Finish(t.Context())
	if err != nil || len(leaks) > 0 || saw.Authority.Addresses != 1 || saw.Wire.Addresses != 7 {
		t.Errorf("saw %+v, leaks %+v, %v", saw, leaks, err)
	}
}

func TestPeopleBeyondTheServicesRateJoinByFile(t *testing.T) {
	t.Parallel()
	n := open(t, Config{OneAddress: true})
	sender, err := n.sender(document.Invite{}, loopbackAddr, visitsOfOne)
	if _, ok := sender.(byFile); !ok || err != nil {
		t.Errorf("the sender is a %T, %v", sender, err)
	}
	if err := n.Found(t.Context()); err != nil {
		t.Fatal(err)
	}
	p, err := n.enrol(t.Context(), "late", enroll.Relay, n.relays[0], visitsOfOne)
	if err != nil {
		t.Fatal(err)
	}
	n.persons = append(n.persons, p)
	if list := n.visits.all(); len(list) != 1 || list[0].Source() != "" {
		t.Errorf("%d visits", len(list))
	}
}

func TestTakenPortIsReplacedByAFreeOne(t *testing.T) {
	t.Parallel()
	taken, err := net.ListenUDP("udp4", &net.UDPAddr{IP: net.IPv4(127, 0, 0, 1)})
	if err != nil {
		t.Fatal(err)
	}
	defer taken.Close()
	place := taken.LocalAddr().(*net.UDPAddr).AddrPort()
	d := &node{record: newRecord()}
	if err := d.listen(place); err != nil {
		t.Fatal(err)
	}
	defer d.conn.Close()
	if !d.moved || d.place.Addr() != place.Addr() || d.place.Port() == place.Port() {
		t.Errorf("moved %v", d.moved)
	}
}

func TestDistanceAndLossShowInTheFigures(t *testing.T) {
	t.Parallel()
	n := open(t, Config{Delay: 30 * time.Millisecond, Loss: 0.02})
	enter(t, n)
	m := must[Measured](t)(n.Measure(t.Context()))
	if m.P50 < 60*time.Millisecond || m.Echoes == 0 {
		t.Errorf("measured %+v", m)
	}
	if talked := must[Talked](t)(n.Talk(t.Context())); talked.P50 < 180*time.Millisecond || talked.Lines.Matched != 10 {
		t.Errorf("talked %+v", talked)
	}
	if d := n.Datagrams(t.Context()); d.Lost == 0 || d.Sent != d.Received+d.Lost+d.Unheard {
		t.Errorf("datagrams %+v", d)
	}
}

// The negative control: whatever must not be is done, and must be found.
func TestLeaksAreFoundWhereverTheyAre(t *testing.T) {
	t.Parallel()
	n := open(t, Config{Peers: 9}) // three seeds and four guards at most
	enter(t, n)
	var relay *node // nobody's guard, ever
	f := n.newFinding()
	for _, r := range n.relays {
		if !f.seeds[r.id()] && !f.guards[r.id()] {
			relay = r
		}
	}
	static := relay.cfg.Identity.Static
	day, _, err := relay.cfg.Identity.Days.Day(0)
	if err != nil {
		t.Fatal(err)
	}

	id := static.NodeID().Bytes()
	n.logs.logger().Info("a careless line", "peer", hex.EncodeToString(id[:]), "user", "relay1@"+Name)
	clear := append(make([]byte, 100), day.Daily().Append(nil)...)
	if _, err := relay.live.tap.WriteToUDPAddrPort(clear, n.relays[0].place); err != nil {
		t.Fatal(err)
	}
	if _, err := n.alice.live.tap.WriteToUDPAddrPort(make([]byte, 512), relay.place); err != nil {
		t.Fatal(err)
	}
	heard := func() bool { h, _ := relay.record.partners(); return h[n.alice.place] > 0 }
	if err := n.until(t.Context(), heard); err != nil {
		t.Fatal(err)
	}
	key, err := lease.GenerateKey(rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	n.talk.lease.Key = key
	n.write()
	n.plantTalk()
	relay.sight.see(n.cells.Load(), append(make([]byte, 100), n.talk.lines[1][2]...))
	relay.sight.see(n.cells.Load(), append(make([]byte, 100), n.talk.secrets[0][:]...))
	public := key.Public().Bytes()
	relay.sight.see(n.cells.Load(), public[:])
	n.talk.heard[0].came = [][]byte{[]byte("I am bob@" + Name + " at " + n.bob.place.Addr().String())}
	// An honest way to tell the authority which relay is whose: to ask to be listed as a seed.
	o, err := n.authority.Document()
	if err != nil {
		t.Fatal(err)
	}
	sender, err := n.sender(document.Invite{Overlay: o}, relay.place.Addr(), 0)
	if err != nil {
		t.Fatal(err)
	}
	want := identity.Want{Seed: document.Pair{Static: static, Daily: day.Daily()}}
	if err := enroll.Visit(t.Context(), n.persons[relay.number-1].identity, want, sender); !errors.Is(err, document.RefusedSeed) {
		t.Fatalf("the visit gave %v", err)
	}

	saw, leaks, err := n.Finish(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	found := map[[2]string]int{}
	for _, l := range leaks {
		found[[2]string{l.Where, l.What}] += l.Times
	}
	for _, want := range [][2]string{
		{"logs", "a NodeID"}, {"logs", "a name"}, {"datagrams", "a link key"}, {"datagrams", "an onion key"},
		{"datagrams", "an address"}, {"relays that are no guards", "an address"},
		{"datagrams to others than guards and seeds", "an address"}, {"what a call brings", "an address"}, {"what a call brings", "a name"},
		{"cells that relays opened", "a line"}, {"cells that relays opened", "a datagram's content"}, {"cells that relays opened", "a lease's key"},
		{"requests to the authority", "a signing key"}, {"requests to the authority", "a link key"},
	} {
		if found[want] == 0 {
			t.Errorf("%s in %s was not found", want[1], want[0])
		}
	}
	if saw.Wire.Sizes != 2 || saw.Relay.AnonymousAddresses != 1 || saw.Relay.Read != 3 || saw.Alice.Read != 2 || saw.Authority.Peers != 1 {
		t.Errorf("saw %+v", saw)
	}
}

func TestNetworkEndsInTheMiddleOfAnything(t *testing.T) {
	t.Parallel()
	stop := errors.New("somebody had enough")
	for name, during := range map[string]func(ctx context.Context, n *Network) error{
		"founding": func(ctx context.Context, n *Network) error { return n.Found(ctx) },
		"joining": func(ctx context.Context, n *Network) error {
			if err := n.Found(context.Background()); err != nil {
				return err
			}
			_, err := n.Join(ctx)
			return err
		},
	} {
		n := open(t, Config{})
		ctx, cancel := context.WithCancelCause(t.Context())
		cancel(stop)
		if err := during(ctx, n); err == nil {
			t.Errorf("%s went on", name)
		}
	}
}

func TestConfigurationsWithoutASenseAreRefused(t *testing.T) {
	for _, cfg := range []Config{
		{Peers: MinPeers - 1}, {Peers: MaxPeers + 1}, {Peers: 5, Delay: -1}, {Peers: 5, Loss: -0.1}, {Peers: 5, Loss: 1.1},
	} {
		if _, err := Open(cfg); !errors.Is(err, ErrConfig) {
			t.Errorf("%+v: %v", cfg, err)
		}
	}
}
