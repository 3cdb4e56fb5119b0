// The promises of the authority's commands: what they hand out, what they refuse, and that they work while it is served.

package main

import (
	"bytes"
	"encoding/json"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"testing"
)

// people is what `sotto authority list` tells, by name.
func people(t *testing.T, authority string) map[string]person {
	t.Helper()
	var list []person
	if err := json.Unmarshal([]byte(must(t, "authority", "list", "--json", "--state", authority)), &list); err != nil {
		t.Fatal(err)
	}
	named := map[string]person{}
	for _, p := range list {
		named[p.Name] = p
	}
	return named
}

func TestOverlayIsFoundedOnce(t *testing.T) {
	dir := authorityState(t, "")
	before := contents(t, dir)
	refused(t, "there is something in", "authority", "init", "--state", dir, "--name", "example.org")
	refused(t, "a-z", "authority", "init", "--state", filepath.Join(t.TempDir(), "a"), "--name", "Not A Name")
	refused(t, "host:port", "authority", "init", "--state", filepath.Join(t.TempDir(), "a"), "--name", "example.org", "--service", "nowhere")
	if after := contents(t, dir); !slices.Equal(before, after) {
		t.Errorf("a refused founding changed the state: %q", after)
	}
}

func TestNameHasOneInviteAndOneOwner(t *testing.T) {
	dir := authorityState(t, "")
	inviteFile(t, dir, "sip:alice@example.org", "--seed")
	refused(t, "taken or promised", "authority", "invite", "--state", dir, "sip:ALICE@example.org")
	refused(t, "write it like sip:alice@example.org", "authority", "invite", "--state", dir, "alice")
	if p := people(t, dir)["sip:alice@example.org"]; p.State != "invited" || !p.Seed {
		t.Errorf("listed as %+v", p)
	}
	must(t, "authority", "invite", "--withdraw", "--state", dir, "sip:alice@example.org")
	refused(t, "no open invite", "authority", "invite", "--withdraw", "--state", dir, "sip:alice@example.org")
	refused(t, "nobody of that name", "authority", "revoke", "--state", dir, "sip:alice@example.org")
	if len(people(t, dir)) != 0 {
		t.Error("a withdrawn invite is listed")
	}
}

func TestAuthorityWithoutStateSaysWhatToDo(t *testing.T) {
	none := filepath.Join(t.TempDir(), "none")
	for _, args := range [][]string{
		{"invite", "sip:alice@example.org"}, {"list"}, {"document"}, {"rotate"}, {"serve"}, {"revoke", "sip:alice@example.org"},
	} {
		refused(t, "sotto authority init", append([]string{"authority"}, append(args, "--state", none)...)...)
	}
	if _, err := os.Lstat(none); err == nil {
		t.Error("a refused command made the directory")
	}
}

func TestRootKeyLeavesAndComesBack(t *testing.T) {
	dir := authorityState(t, "")
	file, pass := filepath.Join(t.TempDir(), "root.key"), secretFile(t, "a passphrase of some length\n")
	must(t, "authority", "root", "--out", file, "--state", dir, "--passphrase-file", pass)
	if _, err := os.Lstat(filepath.Join(dir, "root.key")); err == nil {
		t.Error("the root key is still in the state")
	}
	refused(t, "root key is not here", "authority", "rotate", "--state", dir)
	must(t, "authority", "rotate", "--root", file, "--passphrase-file", pass, "--state", dir)

	other := filepath.Join(t.TempDir(), "other")
	must(t, "authority", "init", "--state", other, "--name", "example.org", "--service", "none")
	refused(t, "another overlay", "authority", "rotate", "--root", file, "--passphrase-file", pass, "--state", other)
	refused(t, "a root key never replaces one", "authority", "root", "--out", file, "--passphrase-file", pass, "--state", other)
	must(t, "authority", "root", "--in", file, "--passphrase-file", pass, "--state", dir)
	must(t, "authority", "rotate", "--stolen", "--state", dir)

	refused(t, "passphrase is wrong", "authority", "root", "--in", file, "--passphrase-file", secretFile(t, "another passphrase"), "--state", dir)
	if err := os.WriteFile(file, []byte("something else"), 0o600); err != nil {
		t.Fatal(err)
	}
	refused(t, "not a backup", "authority", "root", "--in", file, "--passphrase-file", pass, "--state", dir)
}

// secretFile writes a file with mode 0600.
func secretFile(t *testing.T, content string) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "secret")
	if err := os.WriteFile(path, []byte(content), 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}

func TestAuthorityComesBackFromItsBackup(t *testing.T) {
	dir := authorityState(t, "")
	inviteFile(t, dir, "sip:alice@example.org")
	pass, wrong := secretFile(t, "a passphrase of some length\n"), secretFile(t, "another passphrase\n")
	backup := filepath.Join(t.TempDir(), "backup")
	must(t, "authority", "backup", "--passphrase-file", pass, "--out", backup, "--state", dir)

	place := filepath.Join(t.TempDir(), "restored")
	refused(t, "passphrase is wrong", "authority", "restore", backup, "--passphrase-file", wrong, "--state", place)
	sealed, err := os.ReadFile(backup)
	if err != nil {
		t.Fatal(err)
	}
	cut := secretFile(t, string(sealed[:len(sealed)/2]))
	refused(t, "not whole", "authority", "restore", cut, "--passphrase-file", pass, "--state", place)
	refused(t, "too short", "authority", "backup", "--passphrase-file", secretFile(t, "short\n"), "--out", backup, "--state", dir)
	if left := contents(t, filepath.Dir(place)); len(left) > 0 {
		t.Errorf("refused restores left %q behind", left)
	}
	must(t, "authority", "restore", backup, "--passphrase-file", pass, "--state", place)
	refused(t, "already something", "authority", "restore", backup, "--passphrase-file", pass, "--state", place)
	if len(people(t, place)) != 0 {
		t.Error("an invite that may have been used since the backup is still open")
	}
}

func TestCommandsWorkWhileTheAuthorityIsServed(t *testing.T) {
	service := freePort(t, "tcp")
	dir := authorityState(t, service)
	stop := background(t, "authority", "serve", "--state", dir)
	eventually(t, "it answers", func() bool { var done outcome; return ask(t.Context(), dir, order{Do: "list"}, &done) == nil })
	inviteFile(t, dir, "sip:alice@example.org")
	refused(t, "taken or promised", "authority", "invite", "--state", dir, "sip:alice@example.org")
	if len(people(t, dir)) != 1 {
		t.Error("the invite is not listed")
	}
	refused(t, "stop it first", "authority", "serve", "--state", dir)

	other := authorityState(t, service)
	refused(t, "TCP port", "authority", "serve", "--state", other)
	if code, errs := stop(); code != exitDone || errs != "" {
		t.Errorf("ended with exit %d and said %q in a pipe", code, errs)
	}
	if slices.ContainsFunc(contents(t, dir), func(name string) bool { return strings.Contains(name, controlName) }) {
		t.Error("the socket was left behind")
	}
}

func TestStateThatOthersReadIsRefused(t *testing.T) {
	if runtime.GOOS == "windows" {
		t.Skip("Windows has access lists instead of mode bits")
	}
	dir := authorityState(t, "")
	if err := os.Chmod(dir, 0o755); err != nil {
		t.Fatal(err)
	}
	refused(t, "chmod 700", "authority", "list", "--state", dir)
	if err := os.Chmod(dir, 0o700); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(dir, "state.db"), bytes.Repeat([]byte("x"), 1<<16), 0o600); err != nil {
		t.Fatal(err)
	}
	refused(t, "damaged", "authority", "list", "--state", dir)
}
