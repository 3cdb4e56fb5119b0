// The command table and the way from arguments to an exit code.
//
// A new command is one file with a func(context.Context, *env, []string) error, one line in commands(), and its
// words in usage.go. A test holds these three together.

package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"strings"
)

// Exit codes, as the manual of every Unix tool has them.
const (
	exitDone   = 0 // the command did what it says
	exitFailed = 1 // it could not, and stderr says what to do next
	exitUsage  = 2 // it was called wrongly and has done nothing
)

// command is one word of the command line: it either runs, or it has commands under it.
type command struct {
	name string
	run  func(ctx context.Context, e *env, args []string) error
	sub  []command
}

// commands is every command of the binary, in the order in which help lists them.
func commands() []command {
	return []command{
		{name: "demo", run: runDemo},
		{name: "authority", sub: []command{
			{name: "init", run: runAuthorityInit},
			{name: "invite", run: runAuthorityInvite},
			{name: "issue", run: runAuthorityIssue},
			{name: "list", run: runAuthorityList},
			{name: "revoke", run: runAuthorityRevoke},
			{name: "exclude", run: runAuthorityExclude},
			{name: "document", run: runAuthorityDocument},
			{name: "rotate", run: runAuthorityRotate},
			{name: "root", run: runAuthorityRoot},
			{name: "backup", run: runAuthorityBackup},
			{name: "restore", run: runAuthorityRestore},
			{name: "serve", run: runAuthorityServe},
		}},
		{name: "join", run: runJoin},
		{name: "up", run: runUp},
		{name: "status", run: runStatus},
		{name: "identity", sub: []command{
			{name: "renew", run: runIdentityRenew},
			{name: "backup", run: runIdentityBackup},
			{name: "restore", run: runIdentityRestore},
		}},
		{name: "config", run: runConfig},
		{name: "bench", sub: []command{
			{name: "link", run: runBenchLink},
			{name: "net", run: runBenchNet},
			{name: "relay", run: runBenchRelay},
			{name: "circuits", run: runBenchCircuits},
		}},
	}
}

// usageError is a mistake in how a command was called: exit 2, nothing was done.
type usageError struct{ text string }

func (u *usageError) Error() string { return u.text }

// usagef makes a usageError. The sentence says what was wrong; where to find help is added once, by run.
func usagef(format string, args ...any) error {
	return &usageError{text: fmt.Sprintf(format, args...)}
}

// run is the whole program but for the process around it.
func run(ctx context.Context, e *env, args []string) int {
	path, err := dispatch(ctx, e, commands(), nil, args)
	name := strings.Join(append([]string{"sotto"}, path...), " ")

	var wrong *usageError
	var help *helpRequest
	switch {
	case err == nil:
		return exitDone
	case errors.As(err, &help):
		if err := e.printf("%s", helpText(path, commands())); err != nil {
			return exitFailed
		}
		return exitDone
	case errors.As(err, &wrong):
		fmt.Fprintf(e.stderr, "%s: %s; see `%s --help`\n", name, wrong.text, name)
		return exitUsage
	default:
		fmt.Fprintf(e.stderr, "%s: %s\n", name, err)
		return exitFailed
	}
}

// dispatch walks down the table as long as words name commands, and runs the one it reaches.
// It returns the words it has walked.
func dispatch(ctx context.Context, e *env, table []command, path, args []string) ([]string, error) {
	if len(args) == 0 {
		return path, usagef("say which command")
	}
	word := args[0]
	switch word {
	case "help", "-h", "-help", "--help":
		return path, &helpRequest{flags: flag.NewFlagSet("", flag.ContinueOnError)}
	}
	var names []string
	for _, c := range table {
		if c.name != word {
			names = append(names, c.name)
			continue
		}
		path = append(path, c.name)
		if c.sub != nil {
			return dispatch(ctx, e, c.sub, path, args[1:])
		}
		return path, c.run(ctx, e, args[1:])
	}
	if near, ok := nearest(word, names); ok {
		return path, usagef("no command %s; did you mean %s?", quoted(word), near)
	}
	return path, usagef("no command %s", quoted(word))
}
