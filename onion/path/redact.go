package path

import (
	"fmt"
	"io"
	"log/slog"
)

// Everything that holds names of relays refuses to print: who one's guards are is what this package keeps.

func redact(s fmt.State, text string) { _, _ = io.WriteString(s, text) }

// Format prints a fixed text for every verb.
func (Stem) Format(s fmt.State, _ rune) { redact(s, "[stem]") }

// LogValue logs a fixed text.
func (Stem) LogValue() slog.Value { return slog.StringValue("[stem]") }

// Format prints a fixed text for every verb.
func (Path) Format(s fmt.State, _ rune) { redact(s, "[path]") }

// LogValue logs a fixed text.
func (Path) LogValue() slog.Value { return slog.StringValue("[path]") }

// Format prints a fixed text for every verb.
func (Candidate) Format(s fmt.State, _ rune) { redact(s, "[candidate]") }

// LogValue logs a fixed text.
func (Candidate) LogValue() slog.Value { return slog.StringValue("[candidate]") }

// Format prints a fixed text for every verb.
func (Table) Format(s fmt.State, _ rune) { redact(s, "[relays]") }

// LogValue logs a fixed text.
func (Table) LogValue() slog.Value { return slog.StringValue("[relays]") }

// Format prints a fixed text for every verb.
func (Config) Format(s fmt.State, _ rune) { redact(s, "[path configuration]") }

// LogValue logs a fixed text.
func (Config) LogValue() slog.Value { return slog.StringValue("[path configuration]") }

// Format prints a fixed text for every verb.
func (Selector) Format(s fmt.State, _ rune) { redact(s, "[selector]") }

// LogValue logs a fixed text.
func (Selector) LogValue() slog.Value { return slog.StringValue("[selector]") }

// Format prints a fixed text for every verb.
func (Pool) Format(s fmt.State, _ rune) { redact(s, "[stems]") }

// LogValue logs a fixed text.
func (Pool) LogValue() slog.Value { return slog.StringValue("[stems]") }

// Format prints a fixed text for every verb.
func (state) Format(s fmt.State, _ rune) { redact(s, "[path state]") }

// Format prints a fixed text for every verb.
func (PoolConfig) Format(s fmt.State, _ rune) { redact(s, "[stems to keep]") }

// LogValue logs a fixed text.
func (PoolConfig) LogValue() slog.Value { return slog.StringValue("[stems to keep]") }
