// What scripts rely on of `sotto bench`: the names, the shape, and figures that are figures. Never how fast it is.

package main

import (
	"bufio"
	"context"
	"encoding/json"
	"io"
	"regexp"
	"slices"
	"strings"
	"testing"
)

// linkMetrics is every metric of `sotto bench link`, as often as it is printed.
var linkMetrics = []string{
	"handshake_ik_us", "handshake_nk_us", "link_seal_ns", "link_open_ns", "link_forward_us",
	"datagrams_per_cpu_s", "datagrams_per_cpu_s", "datagrams_per_cpu_s", "datagrams_per_cpu_s",
	"datagrams_per_cpu_s", "datagrams_per_cpu_s", "datagrams_per_cpu_s", "datagrams_per_cpu_s",
	"link_rtt_ms", "flood_handshake_ms",
}

func TestBenchLinkPrintsOneLineAMetric(t *testing.T) {
	e, stdout, stderr := testEnv(t)
	if code := run(t.Context(), e, []string{"bench", "link", "--budget", "400ms"}); code != exitDone {
		t.Fatalf("exit %d: %s", code, stderr)
	}
	if stderr.Len() > 0 {
		t.Errorf("in a pipe it says %q", stderr)
	}
	shape := regexp.MustCompile(`^metric=([a-z_]+) p50=([0-9.e+-]+) p95=([0-9.e+-]+) n=([1-9][0-9]*) unit=\S+( [a-z0-9_]+=\S+)*$`)
	var names []string
	lines := bufio.NewScanner(strings.NewReader(stdout.String()))
	for lines.Scan() {
		match := shape.FindStringSubmatch(lines.Text())
		if match == nil {
			t.Errorf("a line of another shape: %q", lines.Text())
			continue
		}
		names = append(names, match[1])
	}
	if !slices.Equal(names, linkMetrics) {
		t.Errorf("the metrics are %q", names)
	}
	for _, beside := range []string{"dh_us=", "aead_ns=", "allocs=0", "path=plain train=64", "path=batch train=16", "ratio=", "success=", "heap_bound_bytes="} {
		if !strings.Contains(stdout.String(), beside) {
			t.Errorf("nothing says %s", beside)
		}
	}
}

func TestBenchLinkAsJSONIsOneObjectAMetric(t *testing.T) {
	e, stdout, stderr := testEnv(t)
	if code := run(t.Context(), e, []string{"bench", "link", "--json", "--budget=400ms"}); code != exitDone {
		t.Fatalf("exit %d: %s", code, stderr)
	}
	var names []string
	decoder := json.NewDecoder(strings.NewReader(stdout.String()))
	for decoder.More() {
		var figure struct {
			Metric   string
			P50, P95 *float64
			N        int
			Unit     string
		}
		if err := decoder.Decode(&figure); err != nil {
			t.Fatal(err)
		}
		if figure.P50 == nil || *figure.P50 <= 0 || *figure.P95 < *figure.P50 || figure.N < 1 || figure.Unit == "" {
			t.Errorf("no figure: %+v", figure)
		}
		names = append(names, figure.Metric)
	}
	if !slices.Equal(names, linkMetrics) {
		t.Errorf("the metrics are %q", names)
	}
}

func TestBenchLinkEndsWhenInterrupted(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	e, stdout, stderr := testEnv(t)
	if code := run(ctx, e, []string{"bench", "link", "--budget", "1h"}); code != exitFailed {
		t.Errorf("exit %d", code)
	}
	if stdout.Len() > 0 || !strings.Contains(stderr.String(), "interrupted") {
		t.Errorf("it says %q and %q", stdout, stderr)
	}
}

func TestBenchLinkRefusesABudgetThatMeasuresNothing(t *testing.T) {
	e, _, stderr := testEnv(t)
	if code := run(t.Context(), e, []string{"bench", "link", "--budget", "1ms"}); code != exitUsage {
		t.Errorf("exit %d: %s", code, stderr)
	}
}

func TestBenchNetPrintsAFigureAsSoonAsThereIsOne(t *testing.T) {
	e, stdout, stderr := testEnv(t)
	ctx, cancel := context.WithCancel(t.Context())
	e.stdout = firstLine{stdout, cancel}
	if code := run(ctx, e, []string{"bench", "net", "--seconds", "0.2", "--json"}); code != exitFailed {
		t.Errorf("exit %d after it was interrupted: %s", code, stderr)
	}
	var figure struct {
		Metric string
		P50    float64
		Goal   float64
	}
	if err := json.NewDecoder(strings.NewReader(stdout.String())).Decode(&figure); err != nil {
		t.Fatal(err)
	}
	if figure.Metric != "relay_cell_us" || figure.P50 <= 0 || figure.Goal != 2 {
		t.Errorf("no figure: %+v", figure)
	}
	if !strings.Contains(stderr.String(), "interrupted") {
		t.Errorf("it says %q", stderr)
	}
}

// firstLine interrupts when something is written.
type firstLine struct {
	io.Writer
	cancel func()
}

func (f firstLine) Write(b []byte) (int, error) {
	f.cancel()
	return f.Writer.Write(b)
}

func TestBenchNetRefusesWhatNoNetworkIs(t *testing.T) {
	for _, args := range [][]string{{"--seconds", "0"}, {"--seconds", "NaN"}, {"--delay", "-1ms"}, {"--delay", "1m"}, {"--loss", "50%"}} {
		e, _, stderr := testEnv(t)
		if code := run(t.Context(), e, append([]string{"bench", "net"}, args...)); code != exitUsage {
			t.Errorf("%q: exit %d: %s", args, code, stderr)
		}
	}
}
