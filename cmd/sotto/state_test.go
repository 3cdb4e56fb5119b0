// The promises of the state directory: closed to others, replaced whole or not at all, used by one process.

package main

import (
	"bytes"
	"errors"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"testing"
)

func TestStateDirectoryFollowsFlagThenEnvironment(t *testing.T) {
	base := t.TempDir()
	for _, row := range []struct {
		given     string
		variables map[string]string
		want      string
	}{
		{"here", map[string]string{"XDG_STATE_HOME": base}, "here"},
		{"", map[string]string{"XDG_STATE_HOME": base, "HOME": "other"}, filepath.Join(base, "sotto")},
		{"", map[string]string{"XDG_STATE_HOME": "relative", "HOME": base}, filepath.Join(base, ".local", "state", "sotto")},
	} {
		e := &env{getenv: func(name string) string { return row.variables[name] }}
		if got, err := e.stateDir(row.given); err != nil || got != row.want {
			t.Errorf("%q with %v: got %q, %v", row.given, row.variables, got, err)
		}
	}
	e := &env{getenv: func(string) string { return "" }}
	if _, err := e.stateDir(""); err == nil || !strings.Contains(err.Error(), "--state DIR") {
		t.Errorf("without a home: %v", err)
	}
}

func TestStateIsClosedToOthers(t *testing.T) {
	if runtime.GOOS == "windows" {
		t.Skip("Windows has access lists instead of mode bits")
	}
	dir := filepath.Join(t.TempDir(), "a", "state")
	if err := checkState(dir); err == nil || !strings.Contains(err.Error(), "sotto join") {
		t.Errorf("a missing directory: %v", err)
	}
	if err := createState(dir); err != nil {
		t.Fatal(err)
	}
	if info, err := os.Stat(dir); err != nil || info.Mode().Perm() != stateMode {
		t.Errorf("made with mode %v: %v", info.Mode(), err)
	}
	if err := os.Chmod(dir, 0o750); err != nil {
		t.Fatal(err)
	}
	if err := createState(dir); err == nil || !strings.Contains(err.Error(), "chmod 700") {
		t.Errorf("an open directory: %v", err)
	}
}

func TestSecretsAreClosedToOthers(t *testing.T) {
	if runtime.GOOS == "windows" {
		t.Skip("Windows has access lists instead of mode bits")
	}
	path := filepath.Join(t.TempDir(), "key")
	if err := writeSecret(path, []byte("secret")); err != nil {
		t.Fatal(err)
	}
	if content, err := readSecret(path, 6); err != nil || string(content) != "secret" {
		t.Errorf("read back %q, %v", content, err)
	}
	if _, err := readSecret(path, 5); err == nil || !strings.Contains(err.Error(), "longer than the 5 bytes") {
		t.Errorf("a secret over its limit: %v", err)
	}
	if err := os.Chmod(path, 0o640); err != nil {
		t.Fatal(err)
	}
	if _, err := readSecret(path, 6); err == nil || !strings.Contains(err.Error(), "chmod 600") {
		t.Errorf("a secret that others can read: %v", err)
	}
	link := filepath.Join(filepath.Dir(path), "link")
	if err := os.Symlink(path, link); err != nil {
		t.Fatal(err)
	}
	if _, err := readSecret(link, 6); err == nil || !strings.Contains(err.Error(), "not an ordinary file") {
		t.Errorf("a secret behind a link: %v", err)
	}
}

func TestSecretIsReplacedWholeAndLeavesNothingBehind(t *testing.T) {
	dir := t.TempDir()
	path := filepath.Join(dir, "key")
	for _, content := range [][]byte{[]byte("a longer first one"), []byte("second"), {}} {
		if err := writeSecret(path, content); err != nil {
			t.Fatal(err)
		}
		if got, err := os.ReadFile(path); err != nil || !bytes.Equal(got, content) {
			t.Errorf("holds %q, %v", got, err)
		}
	}
	if err := os.Mkdir(filepath.Join(dir, "taken"), 0o700); err != nil {
		t.Fatal(err)
	}
	if err := writeSecret(filepath.Join(dir, "taken"), []byte("x")); err == nil {
		t.Error("a directory was replaced by a file")
	}
	if left, err := os.ReadDir(dir); err != nil || len(left) != 2 {
		t.Errorf("left behind: %v, %v", left, err)
	}
}

func TestStateIsUsedByOneProcess(t *testing.T) {
	dir := t.TempDir()
	release, err := lockState(dir)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := lockState(dir); !errors.Is(err, errStateInUse) {
		t.Errorf("a second lock: %v", err)
	}
	release()
	again, err := lockState(dir)
	if err != nil {
		t.Fatalf("after release: %v", err)
	}
	again()
}
