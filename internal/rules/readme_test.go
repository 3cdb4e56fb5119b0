// What README.md shows works, as it stands there.

//go:build unix

package rules

import (
	"context"
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"
)

// readmeTime is how long all commands of the page may take, the build of the binary included.
const readmeTime = 2 * time.Minute

func TestReadmeScriptIsThePage(t *testing.T) {
	script, err := readmeScript("go nowhere\n```sh\ngo run ./x\ngo install ./x\n# a word\nx it's &\n```\n```\nnot me\n```\n", "/top")
	if err != nil {
		t.Fatal(err)
	}
	_, body, _ := strings.Cut(script, "EXIT\n")
	if want := "(cd '/top' && go install ./x)\necho '$ x it'\\''s &'\nx it's &\n"; body != want {
		t.Errorf("got\n%s\nwant\n%s", body, want)
	}
	if _, err := readmeScript("```\nx\n```\n", "/top"); !errors.Is(err, errNoCommands) {
		t.Errorf("a page without commands gives %v", err)
	}
}

func TestReadmeFitsAndItsCommandsWork(t *testing.T) {
	page, err := os.ReadFile(filepath.Join(root, "README.md"))
	if err != nil {
		t.Fatal(err)
	}
	if lines := strings.Count(string(page), "\n"); lines >= 150 {
		t.Errorf("README.md has %d lines; 150 are the limit", lines)
	}
	repository(t) // the binary is built from these files, unseen by the test cache
	top, err := filepath.Abs(root)
	if err != nil {
		t.Fatal(err)
	}
	script, err := readmeScript(string(page), top)
	if err != nil {
		t.Fatal(err)
	}

	home := t.TempDir()
	ctx, cancel := context.WithTimeout(t.Context(), readmeTime)
	defer cancel()
	shell := exec.CommandContext(ctx, "bash", "-c", script)
	shell.Dir = home
	// In a process group of its own, so that nothing that was started stays behind when the time is over.
	shell.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	shell.Cancel = func() error { return syscall.Kill(-shell.Process.Pid, syscall.SIGKILL) }
	shell.WaitDelay = time.Second
	bin := filepath.Join(home, "bin")
	shell.Env = append(os.Environ(), "GOBIN="+bin, "PATH="+bin+":"+os.Getenv("PATH"), "XDG_STATE_HOME="+filepath.Join(home, "state"))
	out, err := shell.CombinedOutput()
	if err != nil {
		t.Errorf("README.md shows what does not work: %v\n%s", err, out)
	}
}
