// Authority and joining node are killed at random points, together, and lose nothing that was said.

package enroll_test

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"testing"
	"time"

	"sotto/overlay/enroll"
	"sotto/overlay/enroll/authority"
	"sotto/overlay/enroll/document"
	"sotto/overlay/enroll/identity"
)

// childEnv makes the test binary one process that joins: authority, state and invite are its arguments.
const childEnv = "SOTTO_ENROLL_TEST_CHILD"

func TestMain(m *testing.M) {
	if os.Getenv(childEnv) != "" {
		if err := child(os.Args[1], os.Args[2], os.Args[3]); err != nil {
			fmt.Fprintln(os.Stderr, err)
			os.Exit(1)
		}
		os.Exit(0)
	}
	os.Exit(m.Run())
}

func child(authorityDir, stateDir, inviteFile string) error {
	text, err := os.ReadFile(inviteFile)
	if err != nil {
		return err
	}
	i, err := document.ReadInvite(text)
	if err != nil {
		return err
	}
	a, err := authority.Open(authorityDir, authority.Options{})
	if err != nil {
		return err
	}
	id, err := enroll.Join(context.Background(), stateDir, i, enroll.Relay, direct{a})
	if errors.Is(err, identity.ErrJoined) {
		return nil
	}
	if err != nil {
		return err
	}
	return errors.Join(id.Close(), a.Close())
}

func TestKilledJoinIsTakenUpAgain(t *testing.T) {
	seed := uint64(time.Now().UnixNano())
	t.Logf("seed %d", seed)
	random := rand.New(rand.NewPCG(seed, 0))
	dir := t.TempDir()
	authorityDir, o := filepath.Join(dir, "authority"), options()
	if err := authority.Create(authorityDir, authority.Config{Name: "example"}, o, time.Now()); err != nil {
		t.Fatal(err)
	}
	for n := range 2 {
		name := fmt.Sprintf("sip:user%d@example.org", n)
		stateDir, inviteFile := filepath.Join(dir, fmt.Sprint("state", n)), filepath.Join(dir, fmt.Sprint("invite", n))
		writeInvite(t, authorityDir, name, inviteFile)
		kills := 0
		for range 4 {
			if killed := runAndKill(t, random, authorityDir, stateDir, inviteFile); !killed {
				break
			}
			kills++
		}
		if out, err := command(authorityDir, stateDir, inviteFile).CombinedOutput(); err != nil {
			t.Fatalf("after %d kills: %v: %s", kills, err, out)
		}
		checkJoined(t, authorityDir, stateDir, n)
		if _, err := os.Stat(stateDir + ".partial"); !errors.Is(err, os.ErrNotExist) {
			t.Errorf("after %d kills something half-written is left", kills)
		}
		t.Logf("joined after %d kills", kills)
	}
}

func writeInvite(t *testing.T, authorityDir, name, file string) {
	t.Helper()
	a, err := authority.Open(authorityDir, options())
	if err != nil {
		t.Fatal(err)
	}
	defer a.Close()
	if err := os.WriteFile(file, invite(t, a, name, authority.InviteOptions{}).File(), 0o600); err != nil {
		t.Fatal(err)
	}
}

func command(args ...string) *exec.Cmd {
	c := exec.Command(os.Args[0], args...)
	c.Env = append(os.Environ(), childEnv+"=1")
	return c
}

// runAndKill starts a joining process and kills it somewhere; it reports whether the kill came before the end.
func runAndKill(t *testing.T, random *rand.Rand, args ...string) bool {
	t.Helper()
	c := command(args...)
	if err := c.Start(); err != nil {
		t.Fatal(err)
	}
	// A real clock: what is tested is the disk of another process.
	timer := time.AfterFunc(time.Duration(random.IntN(120))*time.Millisecond, func() { c.Process.Kill() })
	err := c.Wait()
	timer.Stop()
	return err != nil
}

// checkJoined compares what both sides hold in the end.
func checkJoined(t *testing.T, authorityDir, stateDir string, n int) {
	t.Helper()
	id, err := identity.Open(stateDir)
	if err != nil {
		t.Fatal(err)
	}
	defer id.Close()
	_, cert, err := id.User()
	if err != nil {
		t.Fatal(err)
	}
	doc, err := id.Document()
	if err != nil {
		t.Fatal(err)
	}
	if err := doc.VerifyUser(cert, time.Now()); err != nil {
		t.Errorf("the certificate: %v", err)
	}
	_, static, err := id.Peer(0)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := doc.Descriptor(document.Pair{Static: static, Daily: daily(t, id, 0, 4433).Daily}); err != nil {
		t.Errorf("the admission: %v", err)
	}
	a, err := authority.Open(authorityDir, authority.Options{})
	if err != nil {
		t.Fatal(err)
	}
	defer a.Close()
	people, err := a.People(time.Now())
	if err != nil || len(people) != n+1 {
		t.Fatalf("%d people, want %d: %v", len(people), n+1, err)
	}
	for _, p := range people {
		if p.Invited || p.Admissions != 1 {
			t.Errorf("open invite %v, %d admissions, want one", p.Invited, p.Admissions)
		}
	}
}
