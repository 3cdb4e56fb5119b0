package noise

import (
	"fmt"
	"io"
	"log/slog"
)

// What else holds a key, an address or what a link carries, and therefore prints as a placeholder, whatever verb or
// handler is used. fmt shows the inside of a struct that is handed to it whole, behind a pointer too where the verb
// does not fit.

// Format prints a placeholder for every verb.
func (Config) Format(s fmt.State, _ rune) { io.WriteString(s, "[link configuration]") }

// LogValue logs a placeholder.
func (Config) LogValue() slog.Value { return slog.StringValue("[link configuration]") }

// MarshalText gives a placeholder to encoders that ask no Format.
func (Config) MarshalText() ([]byte, error) { return []byte("[link configuration]"), nil }

// Format prints a placeholder for every verb.
func (Target) Format(s fmt.State, _ rune) { io.WriteString(s, "[link target]") }

// LogValue logs a placeholder.
func (Target) LogValue() slog.Value { return slog.StringValue("[link target]") }

// MarshalText gives a placeholder to encoders that ask no Format, such as that of JSON.
func (Target) MarshalText() ([]byte, error) { return []byte("[link target]"), nil }

// Format prints a placeholder for every verb.
func (HandshakeConfig) Format(s fmt.State, _ rune) { io.WriteString(s, "[handshake configuration]") }

// LogValue logs a placeholder.
func (HandshakeConfig) LogValue() slog.Value { return slog.StringValue("[handshake configuration]") }

// MarshalText gives a placeholder to encoders that ask no Format.
func (HandshakeConfig) MarshalText() ([]byte, error) { return []byte("[handshake configuration]"), nil }

// Format prints a placeholder for every verb.
func (Event) Format(s fmt.State, _ rune) { io.WriteString(s, "[link event]") }

// LogValue logs a placeholder.
func (Event) LogValue() slog.Value { return slog.StringValue("[link event]") }

// MarshalText gives a placeholder to encoders that ask no Format.
func (Event) MarshalText() ([]byte, error) { return []byte("[link event]"), nil }

// Format prints a placeholder for every verb.
func (*Core) Format(s fmt.State, _ rune) { io.WriteString(s, "[links]") }

// LogValue logs a placeholder.
func (*Core) LogValue() slog.Value { return slog.StringValue("[links]") }

// Format prints a placeholder for every verb.
func (*Endpoint) Format(s fmt.State, _ rune) { io.WriteString(s, "[links]") }

// LogValue logs a placeholder.
func (*Endpoint) LogValue() slog.Value { return slog.StringValue("[links]") }

// Format prints a placeholder for every verb.
func (*Handshake) Format(s fmt.State, _ rune) { io.WriteString(s, "[handshake]") }

// LogValue logs a placeholder.
func (*Handshake) LogValue() slog.Value { return slog.StringValue("[handshake]") }

// Format prints a placeholder for every verb.
func (*Sealer) Format(s fmt.State, _ rune) { io.WriteString(s, "[link keys]") }

// LogValue logs a placeholder.
func (*Sealer) LogValue() slog.Value { return slog.StringValue("[link keys]") }

// Format prints a placeholder for every verb.
func (*Opener) Format(s fmt.State, _ rune) { io.WriteString(s, "[link keys]") }

// LogValue logs a placeholder.
func (*Opener) LogValue() slog.Value { return slog.StringValue("[link keys]") }

// MarshalText gives a placeholder to encoders that ask no Format.
func (Secrets) MarshalText() ([]byte, error) { return []byte("[link secrets]"), nil }

// LogValue logs a placeholder.
func (Secrets) LogValue() slog.Value { return slog.StringValue("[link secrets]") }
