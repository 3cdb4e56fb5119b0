// The promises of the socket between a running process and the commands beside it.

package main

import (
	"context"
	"encoding/json"
	"errors"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"testing"
)

// runControl answers on dir until the test ends; stop ends it earlier.
func runControl(t *testing.T, dir string, answer func(question []byte) any) (stop func()) {
	t.Helper()
	l, err := listenControl(dir)
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan struct{})
	go func() { defer close(done); serveControl(ctx, dir, l, answer) }()
	stop = func() { cancel(); <-done }
	t.Cleanup(stop)
	return stop
}

func echo(question []byte) any { return json.RawMessage(question) }

func TestRunningProcessAnswersUntilItEnds(t *testing.T) {
	dir := t.TempDir()
	var got string
	if err := ask(t.Context(), dir, "who?", &got); !errors.Is(err, errNobody) {
		t.Errorf("before anything runs: %v", err)
	}
	stop := runControl(t, dir, echo)
	if err := ask(t.Context(), dir, "who?", &got); err != nil || got != "who?" {
		t.Errorf("got %q, %v", got, err)
	}
	if info, err := os.Stat(filepath.Join(dir, controlName)); err != nil || runtime.GOOS != "windows" && info.Mode().Perm() != secretMode {
		t.Errorf("the socket has mode %v: %v", info.Mode(), err)
	}
	stop()
	if err := ask(t.Context(), dir, "who?", &got); !errors.Is(err, errNobody) {
		t.Errorf("after its end: %v", err)
	}
	if left, err := os.ReadDir(dir); err != nil || len(left) != 0 {
		t.Errorf("left behind: %v, %v", left, err)
	}
}

func TestSocketOfAKilledProcessIsReplaced(t *testing.T) {
	dir := t.TempDir()
	l, err := listenControl(dir)
	if err != nil {
		t.Fatal(err)
	}
	l.Close() // as a killed process: the file stays
	runControl(t, dir, echo)
	var got int
	if err := ask(t.Context(), dir, 7, &got); err != nil || got != 7 {
		t.Errorf("got %d, %v", got, err)
	}
}

func TestSocketWorksInALongPath(t *testing.T) {
	if runtime.GOOS == "windows" {
		t.Skip("links need a privilege there")
	}
	dir := filepath.Join(t.TempDir(), strings.Repeat("long/", 30))
	if err := os.MkdirAll(dir, stateMode); err != nil {
		t.Fatal(err)
	}
	runControl(t, dir, echo)
	var got string
	if err := ask(t.Context(), dir, "far", &got); err != nil || got != "far" {
		t.Errorf("got %q, %v", got, err)
	}
}

func TestQuestionsAreBounded(t *testing.T) {
	dir := t.TempDir()
	runControl(t, dir, func([]byte) any { return "answered" })
	var got string
	if err := ask(t.Context(), dir, strings.Repeat("x", maxQuestion+1), &got); err == nil {
		t.Errorf("a question over the bound was answered with %q", got)
	}
}
