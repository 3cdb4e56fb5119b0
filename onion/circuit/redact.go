// What holds keys or contents, and therefore prints as a fixed text.

package circuit

import (
	"fmt"
	"io"
	"log/slog"
)

// Format prints a fixed text for every verb.
func (EarlyCell) Format(s fmt.State, _ rune) { _, _ = io.WriteString(s, "[early cell]") }

// LogValue logs a fixed text.
func (EarlyCell) LogValue() slog.Value { return slog.StringValue("[early cell]") }

// Format prints a fixed text for every verb.
func (Key) Format(s fmt.State, _ rune) { _, _ = io.WriteString(s, "[onion key]") }

// LogValue logs a fixed text.
func (Key) LogValue() slog.Value { return slog.StringValue("[onion key]") }

// Format prints a fixed text for every verb.
func (OriginConfig) Format(s fmt.State, _ rune) { _, _ = io.WriteString(s, "[origin configuration]") }

// LogValue logs a fixed text.
func (OriginConfig) LogValue() slog.Value { return slog.StringValue("[origin configuration]") }

// Format prints a fixed text for every verb.
func (TransitConfig) Format(s fmt.State, _ rune) { _, _ = io.WriteString(s, "[transit configuration]") }

// LogValue logs a fixed text.
func (TransitConfig) LogValue() slog.Value { return slog.StringValue("[transit configuration]") }
