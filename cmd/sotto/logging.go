// The log of a node: key and value, with a last net under it.
//
// Types that are sensitive refuse to print themselves, and the packages never log them; that is the rule. The net is
// for the day the rule is broken: it lets through what is known to be harmless and replaces the rest, because a name,
// an address or a key in a log betrays its user to whoever reads logs.

package main

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"log/slog"
	"net/netip"
	"reflect"
	"strings"
	"syscall"
)

// What stands in a log instead of what must not.
const (
	netAddress = "[address]"
	netName    = "[name]"
	netRefused = "[refused]"
)

// newLogger writes one line an event to w, at the level and above, through the last net.
func newLogger(w io.Writer, level slog.Level) *slog.Logger {
	return slog.New(slog.NewTextHandler(w, &slog.HandlerOptions{Level: level, ReplaceAttr: lastNet}))
}

// lastNet is called by the handler for every attribute, those inside groups too, after LogValue has been asked.
func lastNet(_ []string, a slog.Attr) slog.Attr {
	a.Key = scrubText(a.Key)
	switch a.Value.Kind() {
	case slog.KindString:
		a.Value = slog.StringValue(scrubText(a.Value.String()))
	case slog.KindAny:
		a.Value = scrubAny(a.Value.Any())
	}
	return a
}

// scrubAny lets through what cannot hold anything sensitive, by kind and not by name: a type that nobody thought of
// must fall on the safe side. A struct is never printed: fmt shows the unexported fields of others raw.
func scrubAny(value any) slog.Value {
	switch v := value.(type) {
	case nil:
		return slog.AnyValue(nil)
	case slog.Level: // the handler's own attribute
		return slog.AnyValue(v)
	case error:
		return slog.StringValue(scrubError(v))
	case netip.Addr, netip.AddrPort, netip.Prefix, interface{ Network() string }: // the last is net.Addr
		return slog.StringValue(netAddress)
	case fmt.Formatter: // it decides itself what it prints, as our sensitive types do
		return slog.StringValue(scrubText(fmt.Sprint(v)))
	}
	switch r := reflect.ValueOf(value); r.Kind() {
	case reflect.Bool:
		return slog.BoolValue(r.Bool())
	case reflect.Int, reflect.Int8, reflect.Int16, reflect.Int32, reflect.Int64:
		return slog.Int64Value(r.Int())
	case reflect.Uint, reflect.Uint8, reflect.Uint16, reflect.Uint32, reflect.Uint64:
		return slog.Uint64Value(r.Uint())
	case reflect.String:
		return slog.StringValue(scrubText(r.String()))
	}
	return slog.StringValue(netRefused)
}

// scrubError is the text of an error, or only the system's reason where the error comes from a package whose errors
// carry addresses, names or paths.
func scrubError(err error) string {
	if !carries(err) {
		return scrubText(err.Error())
	}
	var errno syscall.Errno
	if errors.As(err, &errno) {
		return netRefused + ": " + errno.Error()
	}
	if errors.Is(err, fs.ErrNotExist) || errors.Is(err, fs.ErrPermission) {
		return netRefused + ": file missing or not permitted"
	}
	return netRefused
}

// carries looks for such an error anywhere in the tree.
func carries(err error) bool {
	of := reflect.TypeOf(err)
	for of.Kind() == reflect.Pointer {
		of = of.Elem()
	}
	switch of.PkgPath() {
	case "net", "net/netip", "net/url", "net/http", "crypto/x509", "io/fs", "os":
		if of != reflect.TypeFor[syscall.Errno]() {
			return true
		}
	}
	switch u := err.(type) {
	case interface{ Unwrap() error }:
		inner := u.Unwrap()
		return inner != nil && carries(inner)
	case interface{ Unwrap() []error }:
		for _, inner := range u.Unwrap() {
			if inner != nil && carries(inner) {
				return true
			}
		}
	}
	return false
}

// scrubText replaces the words of a text that are an address, with or without port, or a SIP URI.
func scrubText(text string) string {
	if !strings.ContainsAny(text, ".:@") {
		return text
	}
	var out strings.Builder
	for len(text) > 0 {
		end := strings.IndexFunc(text, isSeparator)
		switch {
		case end < 0:
			end = len(text)
		case end == 0:
			out.WriteByte(text[0])
			text = text[1:]
			continue
		}
		out.WriteString(scrubWord(text[:end]))
		text = text[end:]
	}
	return out.String()
}

// isSeparator tells what ends a word. It holds ASCII only, so that cutting there cuts no rune.
func isSeparator(r rune) bool { return strings.ContainsRune(" \t\r\n,;\"'`<>(){}=|/", r) }

func scrubWord(word string) string {
	bare := strings.TrimRight(word, ":.")
	for _, form := range []string{word, bare, strings.Trim(bare, "[]")} {
		_, addrErr := netip.ParseAddr(form)
		_, portErr := netip.ParseAddrPort(form)
		if addrErr == nil || portErr == nil {
			return netAddress + word[len(bare):]
		}
	}
	if strings.Contains(word, "@") || strings.Contains(strings.ToLower(word), "sip:") {
		return netName
	}
	return word
}
