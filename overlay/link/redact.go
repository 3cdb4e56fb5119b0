package link

import (
	"fmt"
	"io"
	"log/slog"
)

// What a pool is made from and what it runs in refuse to print, as the pool itself does: fmt shows the inside of a
// struct that is handed to it whole, behind a pointer too where the verb does not fit.

// Format prints a placeholder for every verb.
func (Config) Format(s fmt.State, _ rune) { _, _ = io.WriteString(s, "[pool configuration]") }

// LogValue logs a placeholder.
func (Config) LogValue() slog.Value { return slog.StringValue("[pool configuration]") }

// Format prints a placeholder for every verb.
func (*Shell) Format(s fmt.State, _ rune) { _, _ = io.WriteString(s, "[pool]") }

// LogValue logs a placeholder.
func (*Shell) LogValue() slog.Value { return slog.StringValue("[pool]") }
