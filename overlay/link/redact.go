package link

import (
	"fmt"
	"io"
	"log/slog"
)

// What knows neighbours, or holds what they say, refuses to print: fmt shows the inside of a struct that is handed to it
// whole, behind a pointer too where the verb does not fit.

// Format prints a placeholder for every verb.
func (Config) Format(s fmt.State, _ rune) { _, _ = io.WriteString(s, "[pool configuration]") }

// LogValue logs a placeholder.
func (Config) LogValue() slog.Value { return slog.StringValue("[pool configuration]") }

// Format prints a placeholder for every verb.
func (Action) Format(s fmt.State, _ rune) { _, _ = io.WriteString(s, "[pool action]") }

// LogValue logs a placeholder.
func (Action) LogValue() slog.Value { return slog.StringValue("[pool action]") }

// Format prints a placeholder for every verb.
func (Event) Format(s fmt.State, _ rune) { _, _ = io.WriteString(s, "[pool event]") }

// LogValue logs a placeholder.
func (Event) LogValue() slog.Value { return slog.StringValue("[pool event]") }

// Format prints a placeholder for every verb.
func (*Pool) Format(s fmt.State, _ rune) { _, _ = io.WriteString(s, "[pool]") }

// LogValue logs a placeholder.
func (*Pool) LogValue() slog.Value { return slog.StringValue("[pool]") }

// Format prints a placeholder for every verb.
func (*Shell) Format(s fmt.State, _ rune) { _, _ = io.WriteString(s, "[pool]") }

// LogValue logs a placeholder.
func (*Shell) LogValue() slog.Value { return slog.StringValue("[pool]") }
