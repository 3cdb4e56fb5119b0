// What the tests of the enrolment commands share: commands run in this process, and an authority in a directory.

package main

import (
	"context"
	"net"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"sotto/overlay/enroll/authority"
)

// patience bounds whatever a test waits for.
const patience = 20 * time.Second

// sotto runs one command in this process and returns what it said.
func sotto(t *testing.T, args ...string) (code int, stdout, stderr string) {
	t.Helper()
	return sottoAt(t, time.Now, args...)
}

// sottoAt runs one command with another clock.
func sottoAt(t *testing.T, now func() time.Time, args ...string) (code int, stdout, stderr string) {
	t.Helper()
	e, out, errs := testEnv(t)
	e.now = now
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	code = run(ctx, e, args)
	return code, out.String(), errs.String()
}

// must runs a command that has to succeed and returns its output.
func must(t *testing.T, args ...string) string {
	t.Helper()
	code, out, errs := sotto(t, args...)
	if code != exitDone {
		t.Fatalf("sotto %s: exit %d, %s", strings.Join(args, " "), code, errs)
	}
	return out
}

// refused runs a command that has to fail with one line on stderr that has the words, and nothing on stdout.
func refused(t *testing.T, words string, args ...string) {
	t.Helper()
	code, out, errs := sotto(t, args...)
	checkRefusal(t, words, args, code, out, errs)
}

func checkRefusal(t *testing.T, words string, args []string, code int, out, errs string) {
	t.Helper()
	if code != exitFailed || out != "" || strings.Count(errs, "\n") != 1 || !strings.Contains(errs, words) {
		t.Errorf("sotto %.120s: exit %d, stdout %.80q, stderr %q; want exit 1 and one line with %q", strings.Join(args, " "), code, out, errs, words)
	}
}

// founded is the state of an authority that was founded once for all tests, by the name of its files: keys take time.
var founded = sync.OnceValues(func() (map[string][]byte, error) {
	dir, err := os.MkdirTemp("", "sotto-test-")
	if err != nil {
		return nil, err
	}
	defer os.RemoveAll(dir)
	place := filepath.Join(dir, "authority")
	if err := authority.Create(place, authority.Config{Name: "example.org"}, authority.Options{}, time.Now()); err != nil {
		return nil, err
	}
	files := map[string][]byte{}
	entries, err := os.ReadDir(place)
	for _, entry := range entries {
		if err == nil {
			files[entry.Name()], err = os.ReadFile(filepath.Join(place, entry.Name()))
		}
	}
	return files, err
})

// authorityState is the state of an authority that answers at service, or as files only at "".
func authorityState(t *testing.T, service string) string {
	t.Helper()
	files, err := founded()
	dir := filepath.Join(t.TempDir(), "authority")
	if err == nil {
		err = os.Mkdir(dir, stateMode)
	}
	for name, content := range files {
		if err == nil {
			err = os.WriteFile(filepath.Join(dir, name), content, secretMode)
		}
	}
	if err == nil {
		err = setService(dir, service)
	}
	if err != nil {
		t.Fatal(err)
	}
	return dir
}

func setService(dir, service string) error {
	a, err := authority.Open(dir, authority.Options{})
	if err != nil {
		return err
	}
	defer a.Close()
	return a.SetService(time.Now(), service)
}

// inviteFile writes an invite for a name and returns its path.
func inviteFile(t *testing.T, dir, name string, more ...string) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "invite")
	must(t, append([]string{"authority", "invite", "--state", dir, "--out", path, name}, more...)...)
	return path
}

// freePort is a port of 127.0.0.1 that was free a moment ago.
func freePort(t *testing.T, network string) string {
	t.Helper()
	if network == "udp" {
		conn, err := net.ListenPacket("udp4", "127.0.0.1:0")
		if err != nil {
			t.Fatal(err)
		}
		defer conn.Close()
		return conn.LocalAddr().String()
	}
	l, err := net.Listen("tcp4", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	return l.Addr().String()
}

// background runs a command until the test ends or stop is called, which returns its exit code and what it said.
func background(t *testing.T, args ...string) (stop func() (code int, stderr string)) {
	t.Helper()
	e, _, errs := testEnv(t)
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan int, 1)
	go func() { done <- run(ctx, e, args) }()
	ended, code := false, 0
	stop = func() (int, string) {
		if cancel(); !ended {
			ended, code = true, <-done
		}
		return code, errs.String()
	}
	t.Cleanup(func() { stop() })
	return stop
}

// eventually waits until ok is true; what names the promise. Processes and sockets have no bubble.
func eventually(t *testing.T, what string, ok func() bool) {
	t.Helper()
	ticker := time.NewTicker(10 * time.Millisecond)
	defer ticker.Stop()
	late := time.After(patience)
	for !ok() {
		select {
		case <-ticker.C:
		case <-late:
			t.Fatalf("it never came true that %s", what)
		}
	}
}

// contents lists everything below a directory, for comparing what was left behind.
func contents(t *testing.T, dir string) []string {
	t.Helper()
	var list []string
	err := filepath.WalkDir(dir, func(path string, entry os.DirEntry, err error) error {
		if err == nil && path != dir {
			list = append(list, strings.TrimPrefix(path, dir))
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	return list
}
