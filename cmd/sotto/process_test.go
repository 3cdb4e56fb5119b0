// An overlay of real processes over loopback: what a reader of the README builds, killed and started again.

package main

import (
	"bytes"
	"encoding/json"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"
)

// asCommand makes the test binary behave as sotto.
const asCommand = "SOTTO_TEST_AS_COMMAND"

func TestMain(m *testing.M) {
	if os.Getenv(asCommand) != "" {
		main()
		return
	}
	os.Exit(m.Run())
}

// process is a sotto of its own.
type process struct {
	t      *testing.T
	cmd    *exec.Cmd
	stderr bytes.Buffer
	done   chan struct{}
}

// start runs sotto as a process until the test ends.
func start(t *testing.T, args ...string) *process {
	t.Helper()
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	p := &process{t: t, cmd: exec.Command(self, args...), done: make(chan struct{})}
	p.cmd.Env = append(os.Environ(), asCommand+"=1")
	p.cmd.Stderr = &p.stderr
	if err := p.cmd.Start(); err != nil {
		t.Fatal(err)
	}
	go func() { defer close(p.done); _ = p.cmd.Wait() }()
	t.Cleanup(func() { p.cmd.Process.Kill(); <-p.done })
	return p
}

// end sends a signal and returns how long the process took to end, and its exit code.
func (p *process) end(signal os.Signal) (took time.Duration, code int) {
	p.t.Helper()
	begin := time.Now()
	if err := p.cmd.Process.Signal(signal); err != nil {
		p.t.Fatal(err)
	}
	select {
	case <-p.done:
	case <-time.After(patience):
		p.t.Fatal("the process does not end")
	}
	return time.Since(begin), p.cmd.ProcessState.ExitCode()
}

func TestOverlayOfProcesses(t *testing.T) {
	if runtime.GOOS == "windows" {
		t.Skip("Windows has no SIGTERM")
	}
	authority := authorityState(t, freePort(t, "tcp"))
	serve := start(t, "authority", "serve", "--state", authority)
	var relays []*process
	var dirs []string
	for n := range 3 {
		more := []string{"--seed"}
		dir, _ := relayState(t, authority, "sip:relay"+strconv.Itoa(n)+"@example.org", more[:max(0, 1-n)]...)
		dirs = append(dirs, dir)
		relays = append(relays, start(t, "up", "--state", dir, "--role", "relay"))
	}
	linked := func() bool {
		for _, dir := range dirs {
			if s := statusOf(t, dir); s.Node == nil || s.Node.State != "linked" || s.Node.Links != len(dirs)-1 || s.Node.Peers != len(dirs) {
				return false
			}
		}
		return true
	}
	eventually(t, "all relays are linked with each other", linked)
	for _, second := range [][]string{{"up", "--state", dirs[0]}, {"authority", "serve", "--state", authority}} {
		if p := start(t, second...); p.wait() != exitFailed || !strings.Contains(p.stderr.String(), "another sotto is") {
			t.Errorf("a second %s: exit %d and %q", second[0], p.cmd.ProcessState.ExitCode(), &p.stderr)
		}
	}

	if _, code := relays[0].end(syscall.SIGKILL); code == exitDone {
		t.Error("a killed process says it is done")
	}
	if s := statusOf(t, dirs[0]); s.Running {
		t.Error("a killed node is shown as running")
	}
	relays[0] = start(t, "up", "--state", dirs[0], "--role", "relay")
	eventually(t, "the killed relay is linked again", linked)

	for _, p := range append(relays, serve) {
		if took, code := p.end(syscall.SIGTERM); code != exitDone || took > 2*time.Second {
			t.Errorf("%s took %v to end with exit %d", p.cmd.Args[1], took, code)
		}
		if text := p.stderr.String(); text != "" {
			t.Errorf("%s is not silent in a pipe: %q", p.cmd.Args[1], text)
		}
	}
	for _, dir := range dirs {
		if _, err := os.Lstat(filepath.Join(dir, controlName)); err == nil {
			t.Error("a socket was left behind")
		}
		var s nodeStatus
		if err := json.Unmarshal([]byte(must(t, "status", "--json", "--state", dir)), &s); err != nil || s.Running || !s.Admitted {
			t.Errorf("afterwards: %+v, %v", s, err)
		}
	}
}

// wait waits for a process that ends by itself and returns its exit code.
func (p *process) wait() int {
	p.t.Helper()
	select {
	case <-p.done:
	case <-time.After(patience):
		p.t.Fatal("the process does not end")
	}
	return p.cmd.ProcessState.ExitCode()
}
