// What the two machines are made from refuses to print, as they do.

package lease

import (
	"fmt"
	"io"
	"log/slog"
)

// Format prints a placeholder for every verb.
func (RegistryConfig) Format(s fmt.State, _ rune) { _, _ = io.WriteString(s, "[lease configuration]") }

// LogValue logs a placeholder.
func (RegistryConfig) LogValue() slog.Value { return slog.StringValue("[lease configuration]") }

// Format prints a placeholder for every verb.
func (OwnerConfig) Format(s fmt.State, _ rune) { _, _ = io.WriteString(s, "[lease configuration]") }

// LogValue logs a placeholder.
func (OwnerConfig) LogValue() slog.Value { return slog.StringValue("[lease configuration]") }

// Format prints a fixed text for every verb: it tells one caller from another.
func (Leg) Format(s fmt.State, _ rune) { _, _ = io.WriteString(s, "[leg]") }

// LogValue logs a fixed text.
func (Leg) LogValue() slog.Value { return slog.StringValue("[leg]") }
