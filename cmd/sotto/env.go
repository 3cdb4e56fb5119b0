// What a command sees of the world outside, and how it speaks to it.
//
// Commands take an env instead of os.Stdout, os.Getenv and time.Now, so that tests run them inside the process.
// The manners: results go to stdout, everything else to stderr; progress is for people and appears on a terminal only;
// what a script reads is one JSON document per line.

package main

import (
	"encoding/json"
	"fmt"
	"io"
	"os"
	"time"
)

// env is the process as a command sees it.
type env struct {
	stdin  io.Reader
	stdout io.Writer // results, and nothing but results
	stderr io.Writer // progress, warnings, logs and errors

	// terminal tells whether stderr is read by a person. Progress is silent where it is not.
	terminal bool

	now    func() time.Time
	getenv func(name string) string
}

// processEnv is the real process.
func processEnv() *env {
	info, err := os.Stderr.Stat()
	return &env{
		stdin:    os.Stdin,
		stdout:   os.Stdout,
		stderr:   os.Stderr,
		terminal: err == nil && info.Mode()&os.ModeCharDevice != 0,
		now:      time.Now,
		getenv:   os.Getenv,
	}
}

// progress tells a person what takes so long. One call is one line.
func (e *env) progress(format string, args ...any) {
	if e.terminal {
		fmt.Fprintf(e.stderr, format+"\n", args...)
	}
}

// printf writes a part of the result. A result that could not be written whole is a failure of the command.
func (e *env) printf(format string, args ...any) error {
	if _, err := fmt.Fprintf(e.stdout, format, args...); err != nil {
		return fmt.Errorf("cannot write the output (%w); send it somewhere with room", plainCause(err))
	}
	return nil
}

// printJSON writes one document on one line, for --json.
func (e *env) printJSON(document any) error {
	line, err := json.Marshal(document)
	if err != nil {
		return fmt.Errorf("cannot write the result as JSON: %w", err)
	}
	return e.printf("%s\n", line)
}
