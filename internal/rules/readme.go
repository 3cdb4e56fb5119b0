// The commands that README.md shows, as one script.
//
// Every block marked sh is executed from top to bottom, in one shell and in an empty directory, as a reader would who
// follows the page. Commands of go are for the top of the module. The two that `.ci/run` executes itself, go run and
// go test, are left out: a test that runs all tests would never end.

package rules

import (
	"errors"
	"strings"
)

// errNoCommands: a README without commands is one that this file no longer understands.
var errNoCommands = errors.New("rules: README.md has no block marked sh with a command for the test")

// readmeScript makes the script. What runs until it is stopped ends with "&" on the page and is stopped at the end.
func readmeScript(readme, root string) (string, error) {
	var script strings.Builder
	script.WriteString("set -eu\ntrap 'kill $(jobs -p) 2>/dev/null || true; wait' EXIT\n")
	inside, commands := false, 0
	for line := range strings.Lines(readme) {
		line = strings.TrimSpace(line)
		switch {
		case strings.HasPrefix(line, "```"):
			inside = line == "```sh"
		case !inside || line == "" || strings.HasPrefix(line, "#"):
		case strings.HasPrefix(line, "go run "), strings.HasPrefix(line, "go test "):
		case strings.HasPrefix(line, "go "):
			script.WriteString("(cd " + quote(root) + " && " + line + ")\n")
		default:
			commands++
			script.WriteString("echo " + quote("$ "+line) + "\n" + line + "\n")
		}
	}
	if commands == 0 {
		return "", errNoCommands
	}
	return script.String(), nil
}

// quote makes one word of a text for the shell.
func quote(text string) string { return "'" + strings.ReplaceAll(text, "'", `'\''`) + "'" }
