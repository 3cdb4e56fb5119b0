// The promises of the command line: exit codes, help on everything, and the nearest name for a slip.

package main

import (
	"context"
	"errors"
	"flag"
	"maps"
	"strings"
	"testing"
	"time"
)

// testEnv is a process without a terminal, whose state lives in a directory of the test.
func testEnv(t *testing.T) (e *env, stdout, stderr *strings.Builder) {
	t.Helper()
	variables := map[string]string{"XDG_STATE_HOME": t.TempDir()}
	stdout, stderr = new(strings.Builder), new(strings.Builder)
	return &env{
		stdin:  strings.NewReader(""),
		stdout: stdout,
		stderr: stderr,
		now:    time.Now,
		getenv: func(name string) string { return variables[name] },
	}, stdout, stderr
}

// words calls visit for every command of the table with its path.
func words(table []command, path []string, visit func(path []string)) {
	for _, c := range table {
		here := append(path[:len(path):len(path)], c.name)
		visit(here)
		words(c.sub, here, visit)
	}
}

func TestEveryCommandExplainsItselfWithAnExample(t *testing.T) {
	unused := maps.Clone(helps)
	delete(unused, "")
	words(commands(), nil, func(path []string) {
		name := strings.Join(path, " ")
		h := helps[name]
		delete(unused, name)
		if h.summary == "" || !strings.HasPrefix(h.example, "sotto "+name) {
			t.Errorf("%q has no summary, or no example that calls it", name)
		}
		e, stdout, _ := testEnv(t)
		if code := run(t.Context(), e, append(path[:len(path):len(path)], "--help")); code != exitDone {
			t.Errorf("%s --help: exit %d", name, code)
		}
		if !strings.Contains(stdout.String(), h.example) {
			t.Errorf("%s --help shows no example", name)
		}
	})
	for name := range unused {
		t.Errorf("there is help for %q, and no such command", name)
	}
}

func TestHelpNamesEveryFlag(t *testing.T) {
	words(commands(), nil, func(path []string) {
		e, _, _ := testEnv(t)
		_, err := dispatch(t.Context(), e, commands(), nil, append(path[:len(path):len(path)], "--help"))
		var asked *helpRequest
		if !errors.As(err, &asked) {
			t.Fatalf("%v --help is no request for help: %v", path, err)
		}
		name := strings.Join(path, " ")
		asked.flags.VisitAll(func(f *flag.Flag) {
			if !strings.Contains(helps[name].flags, "--"+f.Name) {
				t.Errorf("the help of %q does not explain --%s", name, f.Name)
			}
		})
	})
}

func TestWrongCallsExitWithTwoAndNameTheNearest(t *testing.T) {
	for _, row := range []struct {
		args []string
		says string
	}{
		{nil, "say which command"},
		{[]string{"confg"}, "did you mean config?"},
		{[]string{"zzzzzzzzzz"}, `no command "zzzzzzzzzz"`},
		{[]string{"\x1b[2J"}, `no command "\x1b[2J"`},
		{[]string{"config", "--chekc"}, "did you mean --check?"},
		{[]string{"config", "--state"}, "--state needs a value"},
		{[]string{"config", "--check=perhaps"}, "--check cannot take that value"},
		{[]string{"config", "extra"}, "too many arguments"},
	} {
		e, stdout, stderr := testEnv(t)
		if code := run(t.Context(), e, row.args); code != exitUsage {
			t.Errorf("%q: exit %d, want %d", row.args, code, exitUsage)
		}
		if stdout.Len() > 0 || !strings.Contains(stderr.String(), row.says) || !strings.Contains(stderr.String(), "--help") {
			t.Errorf("%q says %q and %q", row.args, stdout, stderr)
		}
	}
}

func TestFlagsMayStandAfterArguments(t *testing.T) {
	flags := newFlags()
	state := flags.String("state", "", "")
	loud := flags.Bool("loud", false, "")
	rest, err := parseFlags(flags, []string{"first", "--state", "dir", "--loud", "--", "--second"}, "FIRST", "SECOND")
	if err != nil || *state != "dir" || !*loud || rest[0] != "first" || rest[1] != "--second" {
		t.Errorf("got %q, state %q, loud %v: %v", rest, *state, *loud, err)
	}
	if _, err := parseFlags(newFlags(), nil, "INVITE"); err == nil || err.Error() != "INVITE is missing" {
		t.Errorf("a missing argument gives %v", err)
	}
}

func TestFailureExitsWithOne(t *testing.T) {
	e, _, stderr := testEnv(t)
	e.stdout = brokenWriter{}
	if code := run(t.Context(), e, []string{"config"}); code != exitFailed {
		t.Errorf("exit %d although nothing could be written", code)
	}
	if !strings.HasPrefix(stderr.String(), "sotto config: cannot write the output") {
		t.Errorf("it says %q", stderr)
	}
}

type brokenWriter struct{}

func (brokenWriter) Write([]byte) (int, error) { return 0, errors.New("disk full") }

func TestProgressIsForTerminalsOnly(t *testing.T) {
	e, _, stderr := testEnv(t)
	e.progress("step %d", 1)
	if stderr.Len() > 0 {
		t.Errorf("progress in a pipe: %q", stderr)
	}
	e.terminal = true
	e.progress("step %d", 2)
	if stderr.String() != "step 2\n" {
		t.Errorf("progress on a terminal: %q", stderr)
	}
}

func TestCommandsGetTheContextOfTheProcess(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	table := []command{{name: "wait", run: func(ctx context.Context, _ *env, _ []string) error { return ctx.Err() }}}
	e, _, _ := testEnv(t)
	if _, err := dispatch(ctx, e, table, nil, []string{"wait"}); !errors.Is(err, context.Canceled) {
		t.Errorf("a cancelled command returned %v", err)
	}
}
