package overlay

import (
	"fmt"
	"io"
	"log/slog"
)

// A node and what it is made from refuse to print: fmt shows the inside of a struct that is handed to it whole, behind
// a pointer too where the verb does not fit.

// Format prints a placeholder for every verb.
func (Config) Format(s fmt.State, _ rune) { _, _ = io.WriteString(s, "[node configuration]") }

// LogValue logs a placeholder.
func (Config) LogValue() slog.Value { return slog.StringValue("[node configuration]") }

// Format prints a placeholder for every verb.
func (Identity) Format(s fmt.State, _ rune) { _, _ = io.WriteString(s, "[node identity]") }

// LogValue logs a placeholder.
func (Identity) LogValue() slog.Value { return slog.StringValue("[node identity]") }

// Format prints a placeholder for every verb.
func (*Node) Format(s fmt.State, _ rune) { _, _ = io.WriteString(s, "[node]") }

// LogValue logs a placeholder.
func (*Node) LogValue() slog.Value { return slog.StringValue("[node]") }
