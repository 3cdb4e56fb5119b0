// What holds keys, contents or somebody's lease, and therefore prints as a fixed text.

package session

import (
	"fmt"
	"io"
	"log/slog"
)

// Format prints a fixed text for every verb.
func (Cell) Format(s fmt.State, _ rune) { _, _ = io.WriteString(s, "[session cell]") }

// LogValue logs a fixed text.
func (Cell) LogValue() slog.Value { return slog.StringValue("[session cell]") }

// Format prints a fixed text for every verb.
func (Contact) Format(s fmt.State, _ rune) { _, _ = io.WriteString(s, "[contact]") }

// LogValue logs a fixed text.
func (Contact) LogValue() slog.Value { return slog.StringValue("[contact]") }

// Format prints a fixed text for every verb.
func (Lease) Format(s fmt.State, _ rune) { _, _ = io.WriteString(s, "[lease]") }

// LogValue logs a fixed text.
func (Lease) LogValue() slog.Value { return slog.StringValue("[lease]") }

// Format prints a fixed text for every verb.
func (*Listener) Format(s fmt.State, _ rune) { _, _ = io.WriteString(s, "[listener]") }

// LogValue logs a fixed text.
func (*Listener) LogValue() slog.Value { return slog.StringValue("[listener]") }

// Format prints a fixed text for every verb.
func (Pair) Format(s fmt.State, _ rune) { _, _ = io.WriteString(s, "[pair]") }

// LogValue logs a fixed text.
func (Pair) LogValue() slog.Value { return slog.StringValue("[pair]") }

// Format prints a fixed text for every verb.
func (*Table) Format(s fmt.State, _ rune) { _, _ = io.WriteString(s, "[sessions]") }

// LogValue logs a fixed text.
func (*Table) LogValue() slog.Value { return slog.StringValue("[sessions]") }

// Format prints a fixed text for every verb.
func (Target) Format(s fmt.State, _ rune) { _, _ = io.WriteString(s, "[lease to call]") }

// LogValue logs a fixed text.
func (Target) LogValue() slog.Value { return slog.StringValue("[lease to call]") }

// Format prints a fixed text for every verb.
func (*Train) Format(s fmt.State, _ rune) { _, _ = io.WriteString(s, "[opening]") }

// LogValue logs a fixed text.
func (*Train) LogValue() slog.Value { return slog.StringValue("[opening]") }
