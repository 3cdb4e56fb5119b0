// What holds keys, or what a circuit carries, and therefore prints as a fixed text: package fmt shows the inside of a struct
// that is handed to it whole.

package layer

import (
	"fmt"
	"io"
	"log/slog"
)

// Format prints a fixed text for every verb.
func (Answered) Format(s fmt.State, _ rune) { _, _ = io.WriteString(s, "[answered create]") }

// LogValue logs a fixed text.
func (Answered) LogValue() slog.Value { return slog.StringValue("[answered create]") }

// Format prints a fixed text for every verb.
func (Opener) Format(s fmt.State, _ rune) { _, _ = io.WriteString(s, "[layer keys]") }

// LogValue logs a fixed text.
func (Opener) LogValue() slog.Value { return slog.StringValue("[layer keys]") }

// Format prints a fixed text for every verb.
func (Sealer) Format(s fmt.State, _ rune) { _, _ = io.WriteString(s, "[layer keys]") }

// LogValue logs a fixed text.
func (Sealer) LogValue() slog.Value { return slog.StringValue("[layer keys]") }

// Format prints a fixed text for every verb.
func (Hop) Format(s fmt.State, _ rune) { _, _ = io.WriteString(s, "[layer keys]") }

// LogValue logs a fixed text.
func (Hop) LogValue() slog.Value { return slog.StringValue("[layer keys]") }

// Format prints a fixed text for every verb.
func (Outward) Format(s fmt.State, _ rune) { _, _ = io.WriteString(s, "[layer keys]") }

// LogValue logs a fixed text.
func (Outward) LogValue() slog.Value { return slog.StringValue("[layer keys]") }

// Format prints a fixed text for every verb.
func (Pending) Format(s fmt.State, _ rune) { _, _ = io.WriteString(s, "[pending hop]") }

// LogValue logs a fixed text.
func (Pending) LogValue() slog.Value { return slog.StringValue("[pending hop]") }

// Format prints a fixed text for every verb.
func (Train) Format(s fmt.State, _ rune) { _, _ = io.WriteString(s, "[early data]") }

// LogValue logs a fixed text.
func (Train) LogValue() slog.Value { return slog.StringValue("[early data]") }

// Format prints a fixed text for every verb.
func (Scratch) Format(s fmt.State, _ rune) { _, _ = io.WriteString(s, "[scratch]") }

// LogValue logs a fixed text.
func (Scratch) LogValue() slog.Value { return slog.StringValue("[scratch]") }
