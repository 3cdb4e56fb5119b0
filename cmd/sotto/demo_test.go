// What scripts and people rely on of `sotto demo`: the shape of its output, its exit codes, and that it leaves nothing.

package main

import (
	"context"
	"encoding/json"
	"io"
	"maps"
	"os"
	"regexp"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"sotto/threatmodel/loopback"
)

// smallDemo is a demo that takes some seconds, and a check that it leaves no file behind.
func smallDemo(t *testing.T) loopback.Config {
	t.Helper()
	cfg := loopback.Config{Peers: 6, Brief: true, Seed: 7, Dir: t.TempDir(), CPU: cpuClock()}
	t.Cleanup(func() {
		if left, err := os.ReadDir(cfg.Dir); err != nil || len(left) > 0 {
			t.Errorf("%d files are left: %v", len(left), err)
		}
	})
	return cfg
}

func TestDemoAsJSONIsOneObjectOfItsNames(t *testing.T) {
	t.Parallel()
	e, stdout, stderr := testEnv(t)
	cfg := smallDemo(t)
	cfg.Delay, cfg.Loss = 20*time.Millisecond, 0.02
	if err := e.demo(t.Context(), cfg, true); err != nil {
		t.Fatal(err)
	}
	if strings.Count(stdout.String(), "\n") != 1 || stderr.Len() > 0 {
		t.Errorf("it says %q and %q", stdout, stderr)
	}
	names := map[string]json.RawMessage{}
	if err := json.Unmarshal([]byte(stdout.String()), &names); err != nil {
		t.Fatal(err)
	}
	want := []string{"datagram_one_way_ms", "datagrams", "handshakes", "leaks", "lease_ms", "linked_ms", "links", "ok", "peers", "restart_ms",
		"rtt_ms", "saw", "seconds", "seed", "session_open_ms", "stem_request_ms", "talk"}
	if got := slices.Sorted(maps.Keys(names)); !slices.Equal(got, want) {
		t.Errorf("the names are %q", got)
	}
	var o demoObject
	if err := json.Unmarshal([]byte(stdout.String()), &o); err != nil {
		t.Fatal(err)
	}
	if !o.OK || o.Peers != 6 || o.Links != 15 || o.LinkedMS <= 0 || o.Leaks != 0 || o.Seed != 7 || o.Handshakes.IK < 15 {
		t.Errorf("%+v", o)
	}
	if o.RTT.P50 < 40 || o.RTT.P95 < o.RTT.P50 {
		t.Errorf("with 20 ms one way, there and back takes %+v", o.RTT)
	}
	if w := o.OneWay; w.P50 < 120 || w.P95 < w.P50 || o.RequestMS < 120 || o.OpenMS < 240 || o.Talk.Lines != (loopback.Exchanged{Sent: 10, Received: 10, Matched: 10}) {
		t.Errorf("through six links of 20 ms: %+v, question %v ms, call %v ms, %+v", w, o.RequestMS, o.OpenMS, o.Talk)
	}
	if g := o.Datagrams; g.Sent == 0 || g.Sent != g.Received+g.Lost+g.Unheard || len(g.Sizes) != 1 || g.Sizes[512] == 0 {
		t.Errorf("datagrams %+v", g)
	}
}

func TestDemoTellsAStoryWithTimesAndATable(t *testing.T) {
	t.Parallel()
	e, stdout, stderr := testEnv(t)
	cfg := smallDemo(t)
	cfg.OneAddress = true
	if err := e.demo(t.Context(), cfg, false); err != nil {
		t.Fatal(err)
	}
	if stderr.Len() > 0 {
		t.Errorf("in a pipe it says %q on stderr", stderr)
	}
	if n := len(regexp.MustCompile(`(?m)^ +\d+\.\d s  `).FindAllString(stdout.String(), -1)); n != 8 {
		t.Errorf("%d steps, want 8:\n%s", n, stdout)
	}
	for _, say := range []string{
		"of 127.0.0.1, each declared as a network of its own", "every relay is linked to every other: 15 links",
		"WHO ", "the authority ", "any relay ", "a guard ", "the relay bob is at ", "\nalice ", "\nbob ", "who taps all wires ", "who reads all logs ",
		"\nleaks: 0\n", "not built yet",
	} {
		if !strings.Contains(stdout.String(), say) {
			t.Errorf("it does not say %q:\n%s", say, stdout)
		}
	}
	for line := range strings.Lines(stdout.String()) {
		if len(line) > 121 {
			t.Errorf("a line of %d characters: %s", len(line), line)
		}
	}
}

// watched calls told with what was written so far.
type watched struct {
	io.Writer
	told func()
}

func (w watched) Write(b []byte) (int, error) {
	defer w.told()
	return w.Writer.Write(b)
}

func TestInterruptedDemoEndsSoonAndLeavesNothing(t *testing.T) {
	t.Parallel()
	for _, after := range []int32{2, 5, 8, 10} { // lines: sockets are open; relays link; links are measured; people talk
		e, stdout, stderr := testEnv(t)
		ctx, cancel := context.WithCancel(t.Context())
		var lines atomic.Int32
		var stopped time.Time
		e.stdout = watched{stdout, func() {
			if lines.Add(1) == after {
				stopped = time.Now()
				cancel()
			}
		}}
		cfg := smallDemo(t)
		err := e.demo(ctx, cfg, false)
		if err == nil || err.Error() != "interrupted; nothing is left behind" {
			t.Fatalf("after %d lines: %v, %s", after, err, stderr)
		}
		if took := time.Since(stopped); took > 2*time.Second {
			t.Errorf("after %d lines it took %s to end", after, took)
		}
	}
}

func TestDemoWithALeakFails(t *testing.T) {
	for asJSON, shows := range map[bool]string{true: `"ok":false`, false: "leaks: 3"} {
		e, stdout, _ := testEnv(t)
		d := demo{env: e, asJSON: asJSON, leaks: []loopback.Leak{{Where: "logs", What: "a name", Times: 3}}}
		d.datagrams.Sizes = map[int]uint64{512: 1}
		err := d.conclude()
		if err == nil || !strings.Contains(err.Error(), "a name in logs (3 times)") || !strings.Contains(stdout.String(), shows) {
			t.Errorf("%v, and it shows %q", err, stdout)
		}
	}
}

func TestDemoIsOKOnlyIfEveryLinkAnsweredWithOneSize(t *testing.T) {
	good := func() *demo {
		d := &demo{linked: loopback.Linked{Links: 6}, measured: loopback.Measured{Links: 6}}
		d.talked.Lines, d.talked.Datagrams = loopback.Exchanged{Sent: 10, Received: 10, Matched: 10}, loopback.Exchanged{Sent: 100, Received: 90, Matched: 90}
		d.datagrams.Sizes = map[int]uint64{512: 9}
		return d
	}
	if !good().ok() {
		t.Error("a good run is not ok")
	}
	for name, spoil := range map[string]func(d *demo){
		"a silent link":     func(d *demo) { d.measured.Links = 5 },
		"a second size":     func(d *demo) { d.datagrams.Sizes[100] = 1 },
		"a leak":            func(d *demo) { d.leaks = []loopback.Leak{{Times: 1}} },
		"a line lost":       func(d *demo) { d.talked.Lines.Received, d.talked.Lines.Matched = 9, 9 },
		"a line altered":    func(d *demo) { d.talked.Lines.Matched = 9 },
		"a strange sound":   func(d *demo) { d.talked.Datagrams.Received = 91 },
		"a broken sound":    func(d *demo) { d.talked.Datagrams.Received, d.talked.Datagrams.Matched = 70, 70 },
		"no conversation":   func(d *demo) { d.talked = loopback.Talked{} },
		"silence with loss": func(d *demo) { d.cfg.Loss, d.measured.Links = 0.1, 0 },
	} {
		d := good()
		spoil(d)
		if d.ok() {
			t.Errorf("%s is ok", name)
		}
	}
}

func TestDemoRefusesWhatItCannotShow(t *testing.T) {
	for _, args := range [][]string{
		{"--peers", "4"}, {"--peers", "65"}, {"--delay", "-1ms"}, {"--delay", "1s"}, {"--loss", "6%"}, {"--loss", "-1%"},
		{"--loss", "NaN"}, {"--loss", "much"}, {"--seed", "-1"},
	} {
		e, stdout, stderr := testEnv(t)
		if code := run(t.Context(), e, append([]string{"demo"}, args...)); code != exitUsage || stdout.Len() > 0 {
			t.Errorf("%q: exit %d, it says %q and %q", args, code, stdout, stderr)
		}
	}
	for text, want := range map[string]share{"1%": 0.01, "0.01": 0.01, "0": 0, "2.5%": 0.025} {
		var s share
		if err := s.Set(text); err != nil || s != want {
			t.Errorf("%q is %v, %v", text, float64(s), err)
		}
	}
}
