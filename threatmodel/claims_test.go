package threatmodel

// Every claim measured, every negative control shown to be one.

import (
	"bytes"
	"context"
	"errors"
	"flag"
	"os/exec"
	"strings"
	"testing"
	"time"
)

var deep = flag.Bool("deep", false, "measure the claims at their full sample sizes")

func scale() Scale {
	if *deep {
		return Full
	}
	return Quick
}

func TestClaims(t *testing.T) {
	if err := Check(Claims()); err != nil {
		t.Fatal(err)
	}
	for _, c := range Claims() {
		t.Run(c.ID, func(t *testing.T) {
			t.Logf("%s\n  against    %s\n  by         %s\n  measured   %s\n  limit      %s\n  state      %s", c.Sentence, c.Adversary, c.Mechanism, c.Measured, c.Limit, c.State)
			begin := time.Now()
			m, err := c.Measure(context.Background(), scale())
			if err != nil {
				t.Fatal(err)
			}
			report(t, m)
			verdict := c.State.String()
			if worst, bad := m.Worst(); bad {
				verdict = "VIOLATED"
				t.Errorf("%s is violated: %s", c.ID, worst)
			}
			t.Logf("verdict of %s: %s (%.1f s)", c.ID, verdict, time.Since(begin).Seconds())
			for _, control := range c.Controls {
				if control.Mutation == "" {
					testControl(t, control)
				}
			}
		})
	}
}

// The controls that need a mechanism missing run in a build that can miss it.
func TestClaimsOfMutations(t *testing.T) {
	child := exec.Command("go", "test", "-tags", "mutation", "-run", "Mutated", "-count=1", "-v", ".")
	out, err := child.CombinedOutput()
	wanted := 0
	for _, c := range Claims() {
		for _, control := range c.Controls {
			if control.Mutation == "" {
				continue
			}
			wanted++
			if !bytes.Contains(out, []byte("control, "+control.Broken+": reported as it must be")) {
				t.Errorf("control of %s, %s: the violation was not reported", c.ID, control.Broken)
			}
		}
	}
	if err != nil || t.Failed() {
		t.Fatalf("%v\n%s", err, out)
	}
	for _, line := range strings.Split(string(out), "\n") {
		if strings.Contains(line, "control, ") {
			t.Log(strings.TrimSpace(line))
		}
	}
	t.Logf("%d controls by mutation", wanted)
}

// testControl fails unless the measurement reports a violation.
func testControl(t *testing.T, control Control) {
	t.Helper()
	m, err := control.Measure(context.Background(), Quick)
	if err != nil {
		t.Errorf("control, %s: %v", control.Broken, err)
		return
	}
	worst, bad := m.Worst()
	if !bad {
		t.Errorf("control, %s: no violation was reported, so the measurement cannot see one", control.Broken)
		report(t, m)
		return
	}
	t.Logf("control, %s: reported as it must be: %s", control.Broken, worst)
}

func report(t *testing.T, m Measurement) {
	t.Helper()
	for _, f := range m.Figures {
		t.Logf("  %s", f)
	}
	for _, r := range m.Remarks {
		t.Logf("  %s", r)
	}
	t.Logf("  seed %d", m.Seed)
}

func TestATableWithoutAMeasurementIsRefused(t *testing.T) {
	for name, spoil := range map[string]func(*Claim){
		"no measurement":       func(c *Claim) { c.Measure = nil },
		"no control":           func(c *Claim) { c.Controls = nil },
		"a control of nothing": func(c *Claim) { c.Controls = []Control{{Broken: "x"}} },
		"no adversary":         func(c *Claim) { c.Adversary = "" },
		"no state":             func(c *Claim) { c.State = 0 },
	} {
		claims := Claims()
		spoil(&claims[0])
		if err := Check(claims); !errors.Is(err, errTable) {
			t.Errorf("%s: %v", name, err)
		}
	}
}
