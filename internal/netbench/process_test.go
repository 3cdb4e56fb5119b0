package netbench

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"strings"
	"testing"
	"time"
)

// process is one end of the talk with what would be a process.
type process struct {
	in   *io.PipeWriter
	out  *bufio.Scanner
	done chan error
}

func spawn(run func(in io.Reader, out io.Writer) error) process {
	in, toIn := io.Pipe()
	fromOut, out := io.Pipe()
	p := process{toIn, bufio.NewScanner(fromOut), make(chan error, 1)}
	go func() {
		err := run(in, out)
		out.CloseWithError(io.EOF)
		in.CloseWithError(io.EOF)
		p.done <- err
	}()
	return p
}

func (p process) say(t *testing.T, text string) {
	t.Helper()
	if _, err := io.WriteString(p.in, text); err != nil {
		t.Fatal(err, <-p.done)
	}
}

func (p process) hear(t *testing.T, word string) string {
	t.Helper()
	if !p.out.Scan() || !strings.HasPrefix(p.out.Text(), word) {
		t.Fatalf("%q instead of %s: %v", p.out.Text(), word, <-p.done)
	}
	return p.out.Text()
}

func TestThreeRelaysTakeCircuitsAtTheWord(t *testing.T) {
	const count = clientCircuits + 10 // two clients
	genesis := time.Now().Add(-time.Minute)
	var all []process
	seeds := ""
	for i := range byte(stemHops) {
		all = append(all, spawn(func(in io.Reader, out io.Writer) error { return Relay(t.Context(), genesis, i+1, in, out) }))
		seeds += all[i].hear(t, lineSeed) + "\n"
	}
	all = append(all, spawn(func(in io.Reader, out io.Writer) error { return Circuits(t.Context(), genesis, count, in, out) }))
	for i, p := range all {
		p.say(t, seeds+lineGo+"\n")
		if i == len(all)-1 {
			break
		}
	}
	for _, p := range all {
		p.hear(t, lineReady)
	}
	clients := all[len(all)-1]
	clients.say(t, lineGo+"\n")
	var made, failed int
	var took float64
	if _, err := fmt.Sscanf(clients.hear(t, lineMade), lineMade+" %d %d %f", &made, &failed, &took); err != nil {
		t.Fatal(err)
	}
	if made != count || failed != 0 || took <= 0 {
		t.Errorf("%d made and %d failed in %v s", made, failed, took)
	}
	for _, p := range all {
		p.in.Close()
		if err := <-p.done; err != nil {
			t.Error(err)
		}
	}
}

func TestARelayRefusesWhatAreNoSeeds(t *testing.T) {
	for _, said := range []string{"", "go\n", "seed 00\ngo\n", "seed " + strings.Repeat("0", 1102) + "\ngo\n", "hello\n"} {
		var out strings.Builder
		if err := Relay(t.Context(), time.Now().Add(-time.Minute), 1, strings.NewReader(said), &out); !errors.Is(err, errTalk) {
			t.Errorf("%.20q: %v", said, err)
		}
	}
}

func TestARelayEndsWithItsContext(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	p := spawn(func(in io.Reader, out io.Writer) error { return Relay(ctx, time.Now().Add(-time.Minute), 1, in, out) })
	seed := p.hear(t, lineSeed) + "\n"
	p.say(t, strings.Repeat(seed, stemHops)+lineGo+"\n")
	if err := <-p.done; !errors.Is(err, context.Canceled) {
		t.Error(err)
	}
}
