// How help is laid out; its words are in helps.go.

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
			fmt.Fprintf(&out, "  %-9s %s\n", c.name, helps[strings.TrimSpace(name+" "+c.name)].summary)
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
