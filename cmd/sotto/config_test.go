// The promises of the configuration file: strict, explained, and never repeated in an error.

package main

import (
	"bytes"
	"encoding/json"
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"testing"
)

const relayConfig = `
role = "relay"
listen = "0.0.0.0:5000"
announce = ["203.0.113.7:5000", "[2001:db8::7]:5000"]
bandwidth_bytes_per_second = 1250000
family = "example-relays"
log_level = "debug"
`

func TestConfigIsReadAndWrittenBack(t *testing.T) {
	c, err := parseConfig([]byte(relayConfig))
	if err != nil {
		t.Fatal(err)
	}
	if c.role != roleRelay || c.listen.Port() != 5000 || len(c.announce) != 2 || c.bandwidth != 1_250_000 {
		t.Error("a setting was not taken")
	}
	again, err := parseConfig(appendConfig(nil, &c))
	if err != nil || !reflect.DeepEqual(again, c) {
		t.Errorf("what was written reads differently: %v", err)
	}
}

func TestEverySettingIsExplained(t *testing.T) {
	table := settings()
	if len(table) > 12 {
		t.Errorf("%d settings; a dozen is the limit, so one of them must go", len(table))
	}
	c := defaultConfig()
	text := string(appendConfig(nil, &c))
	for _, s := range table {
		if strings.Count(text, "\n"+s.key+" = ") != 1 || len(s.about) < 40 {
			t.Errorf("%s is not printed once with an explanation", s.key)
		}
	}
}

func TestWrongConfigIsRefusedWithWhatToDo(t *testing.T) {
	for _, row := range []struct{ file, says string }{
		{`rolle = "relay"`, "did you mean role?"},
		{`Role = "relay"`, "did you mean role?"},
		{`[relay]`, "there is no setting"},
		{`quux = 1`, "`sotto config` explains all"},
		{`role = "Relay"`, `role must be "anonymous", "relay" or "client"`},
		{`role = 1`, "role must be"},
		{"role = \"relay\"\nrole = \"relay\"", "line 2 is not valid TOML"},
		{`role = relay`, "line 1 is not valid TOML"},
		{`listen = 4433`, "listen must be an IP address"},
		{`listen = "localhost:4433"`, "listen must be an IP address"},
		{`listen = "[fe80::1%eth0]:4433"`, "listen must be an IP address"},
		{`announce = "203.0.113.7:1"`, "announce must be a list"},
		{`announce = ["203.0.113.7:0"]`, "announce must be a list"},
		{`announce = ["0.0.0.0:4433"]`, "announce must be a list"},
		{`announce = ["[::ffff:203.0.113.7]:4433"]`, "announce must be a list"},
		{`announce = ["203.0.113.7:1", "203.0.113.8:1"]`, "announce must be a list"},
		{`announce = ["203.0.113.7:1", "[2001:db8::7]:1", "203.0.113.8:1"]`, "announce must be a list"},
		{`bandwidth_bytes_per_second = -1`, "0 or at least 65536"},
		{`bandwidth_bytes_per_second = 100`, "0 or at least 65536"},
		{`bandwidth_bytes_per_second = 1e6`, "0 or at least 65536"},
		{`family = "Our Relays"`, "family must be one word"},
		{`log_level = "trace"`, `log_level must be "warn", "info" or "debug"`},
		{strings.Repeat("#", maxConfigBytes+1), "longer than"},
	} {
		_, err := parseConfig([]byte(row.file))
		if err == nil || !strings.Contains(err.Error(), row.says) {
			t.Errorf("%.60q: got %v, want %q", row.file, err, row.says)
		}
	}
}

func TestConfigErrorsRepeatNoValue(t *testing.T) {
	const canary = "198.51.100.77"
	for _, file := range []string{
		`listen = "` + canary + `"`,
		`listen = ` + canary,
		`announce = ["` + canary + `"]`,
		`announce = "` + canary,
		`role = "` + canary + `"`,
		`family = "` + canary + `/x"`,
		"family = \"\"\"" + canary,
	} {
		if _, err := parseConfig([]byte(file)); err == nil || strings.Contains(err.Error(), canary) {
			t.Errorf("%q: got %v", file, err)
		}
	}
}

func TestSettingsMustFitEachOther(t *testing.T) {
	c := defaultConfig()
	if err := c.check(); err != nil {
		t.Errorf("the defaults are refused: %v", err)
	}
	c.role = roleRelay
	if err := c.check(); err == nil || !strings.Contains(err.Error(), "announce") {
		t.Errorf("a relay that nobody can reach gives %v", err)
	}
	full, err := parseConfig([]byte(relayConfig))
	if err != nil {
		t.Fatal(err)
	}
	full.role = roleAnonymous
	if err := full.check(); err == nil || !strings.Contains(err.Error(), "announce") {
		t.Errorf("an anonymous node that announces its address gives %v", err)
	}
}

func TestConfigCommand(t *testing.T) {
	dir := t.TempDir()
	command := func(args ...string) (code int, out, errs string) {
		e, stdout, stderr := testEnv(t)
		code = run(t.Context(), e, append([]string{"config", "--state", dir}, args...))
		return code, stdout.String(), stderr.String()
	}
	c := defaultConfig()
	if code, out, _ := command(); code != exitDone || out != string(appendConfig(nil, &c)) {
		t.Errorf("without a file: exit %d and %q", code, out)
	}
	if code, _, errs := command("--check"); code != exitFailed || !strings.Contains(errs, "`sotto join` writes one") {
		t.Errorf("--check without a file: exit %d and %q", code, errs)
	}

	c, err := parseConfig([]byte(relayConfig))
	if err != nil {
		t.Fatal(err)
	}
	if err := saveConfig(dir, &c); err != nil {
		t.Fatal(err)
	}
	if code, out, errs := command("--check"); code != exitDone || out != "the configuration is right\n" {
		t.Errorf("--check: exit %d, %q and %q", code, out, errs)
	}
	_, out, _ := command("--json")
	var values map[string]any
	if err := json.Unmarshal([]byte(out), &values); err != nil || values["role"] != "relay" || len(values) != len(settings()) {
		t.Errorf("--json gives %q: %v", out, err)
	}

	if err := os.WriteFile(filepath.Join(dir, configName), []byte(`rolle = "relay"`), 0o600); err != nil {
		t.Fatal(err)
	}
	for _, args := range [][]string{{}, {"--check"}, {"--json"}} {
		if code, out, errs := command(args...); code != exitFailed || out != "" || !strings.Contains(errs, "did you mean role?") {
			t.Errorf("%q on a wrong file: exit %d, %q and %q", args, code, out, errs)
		}
	}
}

func FuzzConfig(f *testing.F) {
	defaults := defaultConfig()
	f.Add(appendConfig(nil, &defaults))
	f.Add([]byte(relayConfig))
	f.Add([]byte(`announce = ["203.0.113.7:5000"`))
	f.Add([]byte("[[a]]\nb = {c = [1, 2.0, 1979-05-27]}"))
	f.Add([]byte{0xef, 0xbb, 0xbf, 0xff})
	f.Fuzz(func(t *testing.T, file []byte) {
		c, err := parseConfig(file)
		if err != nil {
			if text := err.Error(); strings.ContainsAny(text, "\n\x1b") || len(text) > 300 {
				t.Errorf("an error that is no short line: %q", text)
			}
			return
		}
		written := appendConfig(nil, &c)
		again, err := parseConfig(written)
		if err != nil {
			t.Fatalf("what was written is refused: %v", err)
		}
		if !bytes.Equal(appendConfig(nil, &again), written) {
			t.Error("writing and reading changes the configuration")
		}
	})
}
