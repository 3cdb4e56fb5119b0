package loopback

// What a network of this machine promises: that it comes up, that it ends without a trace, and that it finds what
// leaks. Sockets and time are real here; only what ends is waited for.

import (
	"context"
	"encoding/hex"
	"errors"
	"net"
	"os"
	"runtime"
	"testing"
	"time"

	"sotto/overlay/enroll"
	"sotto/overlay/enroll/document"
	"sotto/overlay/enroll/identity"
)

// open opens a small network whose files are under the test's directory.
func open(t *testing.T, cfg Config) *Network {
	t.Helper()
	if cfg.Peers == 0 {
		cfg.Peers = 4
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
	restarted := must[Restarted](t)(n.Restart(t.Context()))
	datagrams := n.Datagrams(t.Context())
	saw, leaks, err := n.Finish(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	if joined != (Joined{People: 5, ByHTTPS: 5}) || linked.Links != 6 || linked.Handshakes < 6 || guarded.Guards != 2 {
		t.Errorf("joined %+v, linked %+v, guarded %+v", joined, linked, guarded)
	}
	if measured.Links != 6 || measured.Probes != 12 || measured.Samples != 12 || measured.P50 <= 0 || measured.P95 < measured.P50 {
		t.Errorf("measured %+v", measured)
	}
	if restarted.Links != 3 || restarted.Number < 1 || restarted.Number > 4 {
		t.Errorf("restarted %+v", restarted)
	}
	if datagrams.Sent == 0 || datagrams.Received == 0 || len(datagrams.Sizes) != 1 || datagrams.Sizes[512] != datagrams.Sent {
		t.Errorf("datagrams %+v", datagrams)
	}
	if len(leaks) > 0 {
		t.Errorf("leaks: %+v", leaks)
	}
	want := Saw{
		Authority: AuthoritySaw{Requests: 5, Names: 5, Addresses: saw.Authority.Addresses, Admissions: 4},
		Relay:     RelaySaw{Relays: 4}, Guard: GuardSaw{AnonymousAddresses: 1}, Anonymous: AnonymousSaw{Relays: 4, TalksTo: 2},
		Wire: WireSaw{Addresses: 5, Sizes: 1}, Logs: LogsSaw{Lines: saw.Logs.Lines},
	}
	if saw != want || saw.Authority.Addresses == 0 || saw.Logs.Lines < 5 {
		t.Errorf("saw %+v", saw)
	}
	if err := n.Close(); err != nil {
		t.Fatal(err)
	}
	for tick, limit := time.NewTicker(10*time.Millisecond), time.Now().Add(2*time.Second); runtime.NumGoroutine() > before; <-tick.C {
		if time.Now().After(limit) {
			t.Fatalf("%d goroutines are left, %d were there", runtime.NumGoroutine(), before)
		}
	}
}

func TestOneAddressServesEverybody(t *testing.T) {
	t.Parallel()
	n := open(t, Config{OneAddress: true, Peers: 3})
	_, linked, _ := enter(t, n)
	if s := n.Sockets(); !s.OneAddress || s.First.Addr() != loopbackAddr || s.First.Port() == s.Last.Port() || linked.Links != 3 {
		t.Errorf("sockets %+v, linked %+v", s, linked)
	}
	networks := map[any]bool{}
	for d := range n.alice.live.Directory(0).All() {
		for _, p := range d.Daily().Prefixes() {
			networks[p] = true
		}
	}
	if len(networks) != 3 {
		t.Errorf("the relays count for %d networks, want 3", len(networks))
	}
	saw, leaks, err := n.Finish(t.Context())
	if err != nil || len(leaks) > 0 || saw.Authority.Addresses != 1 || saw.Wire.Addresses != 4 {
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
	if d := n.Datagrams(t.Context()); d.Lost == 0 || d.Sent != d.Received+d.Lost+d.Unheard {
		t.Errorf("datagrams %+v", d)
	}
}

// The negative control: whatever must not be is done, and must be found.
func TestLeaksAreFoundWhereverTheyAre(t *testing.T) {
	t.Parallel()
	n := open(t, Config{})
	enter(t, n)
	var relay *node // nobody's guard, ever
	seeds := n.newFinding().seeds
	for _, r := range n.relays {
		if !seeds[r.cfg.Identity.Static.NodeID()] {
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
		{"requests to the authority", "a signing key"}, {"requests to the authority", "a link key"},
	} {
		if found[want] == 0 {
			t.Errorf("%s in %s was not found", want[1], want[0])
		}
	}
	if saw.Wire.Sizes != 2 || saw.Relay.AnonymousAddresses != 1 || saw.Authority.Peers != 1 {
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
		{Peers: MinPeers - 1}, {Peers: MaxPeers + 1}, {Peers: 4, Delay: -1}, {Peers: 4, Loss: -0.1}, {Peers: 4, Loss: 1.1},
	} {
		if _, err := Open(cfg); !errors.Is(err, ErrConfig) {
			t.Errorf("%+v: %v", cfg, err)
		}
	}
}
