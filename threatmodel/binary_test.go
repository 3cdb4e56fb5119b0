package threatmodel

// P18 on the built binary: its logs and its complaints, at the most verbose level, with everything wrong that people do.

import (
	"bytes"
	"context"
	"net/netip"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"sotto/threatmodel/lab"
)

// built is the program in a directory of its own.
type built struct {
	t    *testing.T
	path string
	dir  string
	l    *listener
	said int // bytes on stderr, of the last command
}

// run runs a command for at most so long and hears what it writes on stderr; what the owner asked to see on stdout is
// his. It returns stdout.
func (b *built) run(patience time.Duration, args ...string) []byte {
	b.t.Helper()
	ctx, cancel := context.WithTimeout(b.t.Context(), patience)
	defer cancel()
	c := exec.CommandContext(ctx, b.path, args...)
	c.Dir = b.dir
	c.Cancel = func() error { return c.Process.Signal(os.Interrupt) }
	c.WaitDelay = 5 * time.Second
	c.Env = append(os.Environ(), "XDG_STATE_HOME="+b.dir, "GOTRACEBACK=single")
	var out, errs bytes.Buffer
	c.Stdout, c.Stderr = &out, &errs
	// Most of these fail, and should.
	_ = c.Run()
	b.said = errs.Len()
	b.l.hear("stderr of the binary", strings.Join(args, " "), errs.Bytes())
	return out.Bytes()
}

func (b *built) write(name string, content []byte) string {
	b.t.Helper()
	path := filepath.Join(b.dir, name)
	if err := os.WriteFile(path, content, 0o600); err != nil {
		b.t.Fatal(err)
	}
	return path
}

func TestClaimsOfTheBinary(t *testing.T) {
	b := &built{t: t, dir: t.TempDir(), l: newListener()}
	b.path = filepath.Join(b.dir, "sotto.exe")
	if out, err := exec.Command("go", "build", "-o", b.path, "../cmd/sotto").CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	const name, other, foreign = "sip:canary.alice@nest.example", "sip:canary.bob@nest.example", "45.77.1.201:41977"
	b.l.plant(lab.PlantText("name", name[4:]), lab.PlantText("name", other[4:]),
		lab.PlantAddr("address", netip.MustParseAddrPort(foreign).Addr()), lab.PlantText("address and port", foreign))
	const wait, relayPort = 20 * time.Second, "127.0.0.1:41978"
	b.run(wait, "authority", "init", "--name", "nest.example", "--service", "none", "--state", "authority")
	invite := b.run(wait, "authority", "invite", name, "--state", "authority")
	if len(invite) < 1000 {
		t.Fatal("no invite")
	}
	b.run(wait, "authority", "invite", name, "--state", "authority")
	b.run(wait, "authority", "invite", "nobody "+name, "--state", "authority")
	b.run(wait, "authority", "revoke", other, "--state", "authority")
	b.run(wait, "authority", "invite", other, "--state", "nowhere")

	good := b.write("good.invite", invite)
	cut, altered := bytes.Clone(invite[:len(invite)/2]), bytes.Clone(invite)
	altered[len(altered)/2] ^= 1
	for file, content := range map[string][]byte{"cut.invite": cut, "altered.invite": altered, "empty.invite": nil, "name.invite": []byte(name)} {
		b.run(wait, "join", b.write(file, content), "--role", "relay", "--announce", foreign, "--state", "x")
	}
	b.run(wait, "join", filepath.Join(b.dir, "missing.invite"), "--state", "x")
	b.run(wait, "join", good, "--role", "relay", "--announce", "no address "+foreign, "--state", "x")
	b.run(wait, "join", good, "--role", "relay", "--announce", foreign, "--state", "x")

	b.run(wait, "join", good, "--role", "relay", "--announce", relayPort, "--request", "alice.request", "--state", "alice")
	response := b.run(wait, "authority", "issue", "alice.request", "--state", "authority")
	b.run(wait, "authority", "issue", "good.invite", "--state", "authority")
	b.write("alice.response", response)
	b.write("cut.response", response[:len(response)/2])
	b.run(wait, "join", "--response", "cut.response", "--state", "alice")
	b.run(wait, "join", "--response", "alice.response", "--state", "alice")

	config, err := filepath.Glob(filepath.Join(b.dir, "alice", "*.toml"))
	if err != nil || len(config) != 1 {
		t.Fatalf("%d configurations: %v", len(config), err)
	}
	text, err := os.ReadFile(config[0])
	if err != nil {
		t.Fatal(err)
	}
	verbose := strings.Replace(string(text), `log_level = "warn"`, `log_level = "debug"`, 1)
	if verbose == string(text) {
		t.Fatal("the configuration has no log level to raise")
	}
	for i, change := range [][2]string{{relayPort, relayPort}, {relayPort, foreign}, {"bandwidth", foreign}, {`"relay"`, `"` + name + `"`}} {
		b.run(wait, "config", "--check", "--state", "alice")
		if err := os.WriteFile(config[0], []byte(strings.ReplaceAll(verbose, change[0], change[1])), 0o600); err != nil {
			t.Fatal(err)
		}
		b.run(2*time.Second, "up", "--state", "alice")
		if i > 0 && b.said == 0 { // the first is right; a relay alone has little to say
			t.Error("a node that could not start said nothing, so nothing was searched")
		}
	}
	b.run(wait, "status", "--state", "alice")
	b.run(wait, "up", "--state", "nowhere")
	b.run(wait, "nonsense", name, foreign)
	m := Measurement{Remarks: []string{"paths and commands are repeated to who typed them; they hold no canary here"}}
	b.l.figures(&m)
	report(t, m)
	if worst, bad := m.Worst(); bad {
		t.Errorf("P18 is violated by the binary: %s", worst)
	}
}
