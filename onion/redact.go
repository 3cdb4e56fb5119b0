// What holds the other end of something, and therefore prints as a fixed text.

package onion

import (
	"fmt"
	"io"
	"log/slog"
)

// Format prints a fixed text for every verb.
func (Asked) Format(s fmt.State, _ rune) { _, _ = io.WriteString(s, "[request]") }

// LogValue logs a fixed text.
func (Asked) LogValue() slog.Value { return slog.StringValue("[request]") }

// Format prints a fixed text for every verb.
func (Call) Format(s fmt.State, _ rune) { _, _ = io.WriteString(s, "[call]") }

// LogValue logs a fixed text.
func (Call) LogValue() slog.Value { return slog.StringValue("[call]") }

// Format prints a fixed text for every verb.
func (Callee) Format(s fmt.State, _ rune) { _, _ = io.WriteString(s, "[lease to call]") }

// LogValue logs a fixed text.
func (Callee) LogValue() slog.Value { return slog.StringValue("[lease to call]") }

// Format prints a fixed text for every verb.
func (ClientConfig) Format(s fmt.State, _ rune) { _, _ = io.WriteString(s, "[client configuration]") }

// LogValue logs a fixed text.
func (ClientConfig) LogValue() slog.Value { return slog.StringValue("[client configuration]") }

// Format prints a fixed text for every verb.
func (ListenConfig) Format(s fmt.State, _ rune) { _, _ = io.WriteString(s, "[lease wanted]") }

// LogValue logs a fixed text.
func (ListenConfig) LogValue() slog.Value { return slog.StringValue("[lease wanted]") }

// Format prints a fixed text for every verb.
func (NodeConfig) Format(s fmt.State, _ rune) { _, _ = io.WriteString(s, "[node configuration]") }

// LogValue logs a fixed text.
func (NodeConfig) LogValue() slog.Value { return slog.StringValue("[node configuration]") }

// Format prints a fixed text for every verb.
func (Question) Format(s fmt.State, _ rune) { _, _ = io.WriteString(s, "[question]") }

// LogValue logs a fixed text.
func (Question) LogValue() slog.Value { return slog.StringValue("[question]") }

// Format prints a fixed text for every verb.
func (RelayConfig) Format(s fmt.State, _ rune) { _, _ = io.WriteString(s, "[relay configuration]") }

// LogValue logs a fixed text.
func (RelayConfig) LogValue() slog.Value { return slog.StringValue("[relay configuration]") }

// Format prints a fixed text for every verb.
func (*Session) Format(s fmt.State, _ rune) { _, _ = io.WriteString(s, "[session]") }

// LogValue logs a fixed text.
func (*Session) LogValue() slog.Value { return slog.StringValue("[session]") }

// Format prints a fixed text for every verb.
func (*Talk) Format(s fmt.State, _ rune) { _, _ = io.WriteString(s, "[session]") }

// LogValue logs a fixed text.
func (*Talk) LogValue() slog.Value { return slog.StringValue("[session]") }

// Format prints a fixed text for every verb.
func (*Node) Format(s fmt.State, _ rune) { _, _ = io.WriteString(s, "[node]") }

// LogValue logs a fixed text.
func (*Node) LogValue() slog.Value { return slog.StringValue("[node]") }
