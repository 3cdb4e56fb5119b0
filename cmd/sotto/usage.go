// Every word of help that the binary prints.

package main

import (
	"fmt"
	"slices"
	"strings"
)

// help is the text of one command. A command that only has commands under it has no flags and no arguments.
type help struct {
	summary string // one line, for the list of commands
	args    string // what follows the command, as a person would write it
	about   string // whole lines: what it does and what it leaves behind
	flags   string // whole lines, one flag each
	example string // a command that works, without a prompt
}

// helps is the help of every command by its path: "authority init". The program itself is "".
var helps = map[string]help{
	"": {
		summary: "a peer-to-peer SIP node that hides who talks to whom",
		about: "State lives in one directory: --state DIR, else $XDG_STATE_HOME/sotto, else ~/.local/state/sotto.\n" +
			"Exit codes: 0 done, 1 failed, 2 called wrongly.\n",
		example: "sotto config --help",
	},
	"config": {
		summary: "print every setting with its explanation, or check the file",
		args:    "[--check] [--json] [--state DIR]",
		about: "Prints the configuration of the state directory with every setting explained. The output is a\n" +
			"valid configuration itself. Without a file it prints the defaults.\n",
		flags: "--check      say only whether the file is right; exit 1 if not\n" +
			"--json       the settings as one JSON object\n" +
			"--state DIR  the state directory\n",
		example: "sotto config --check --state /var/lib/sotto",
	},
	"bench": {
		summary: "measure how fast this machine is",
		example: "sotto bench link",
	},
	"bench link": {
		summary: "measure handshakes, datagrams and a flood of first messages",
		args:    "[--json] [--budget DURATION]",
		about: "Prints one line a metric: metric=NAME p50=... p95=... n=... unit=... and what it is measured against.\n" +
			"Ratios are of the same run, so a busy machine changes them less than the figures. Nothing leaves the\n" +
			"machine: sockets are on 127.0.0.0/8. The flood keeps two processors busy for some seconds.\n",
		flags: "--json             one JSON object a metric, one a line\n" +
			"--budget DURATION  how long to measure, 35s if not given; the flood may take 10 s longer\n",
		example: "sotto bench link --budget 2m",
	},
}

// helpText is what --help prints for the command at path.
func helpText(path []string, table []command) string {
	name := strings.Join(path, " ")
	h := helps[name]
	for _, word := range path {
		i := slices.IndexFunc(table, func(c command) bool { return c.name == word })
		table = table[i].sub
	}

	var out strings.Builder
	words := append([]string{"sotto"}, path...)
	args := h.args
	if len(table) > 0 {
		args = "COMMAND [flags]"
	}
	fmt.Fprintf(&out, "%s: %s\n\nusage: %s %s\n", strings.Join(words, " "), h.summary, strings.Join(words, " "), args)
	if h.about != "" {
		fmt.Fprintf(&out, "\n%s", h.about)
	}
	if len(table) > 0 {
		fmt.Fprintf(&out, "\ncommands:\n")
		for _, c := range table {
			fmt.Fprintf(&out, "  %-10s %s\n", c.name, helps[strings.TrimSpace(name+" "+c.name)].summary)
		}
		fmt.Fprintf(&out, "\n`%s COMMAND --help` explains one.\n", strings.Join(words, " "))
	}
	if h.flags != "" {
		fmt.Fprintf(&out, "\nflags:\n")
		for line := range strings.Lines(h.flags) {
			fmt.Fprintf(&out, "  %s", line)
		}
	}
	fmt.Fprintf(&out, "\nexample:\n  %s\n", h.example)
	return out.String()
}
