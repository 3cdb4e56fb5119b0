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
	"regexp"
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
// must fall on the safe side. Our own sensitive types have a LogValue and do not get here. A struct is never printed,
// because fmt shows the unexported fields of others raw.
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
	}
	r := reflect.ValueOf(value)
	if name, ok := value.(fmt.Stringer); ok && (r.CanInt() || r.CanUint()) { // a state or a reason with a name
		return slog.StringValue(scrubText(name.String()))
	}
	switch r.Kind() {
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
	if v := reflect.ValueOf(err); v.Kind() == reflect.Pointer && v.IsNil() {
		return netRefused // its Error may not survive being called
	}
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
	case "net", "net/netip", "net/url", "net/http", "crypto/tls", "crypto/x509", "strconv", "io/fs", "os":
		return true
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

// What an address or a SIP URI looks like in a text. IPv6 matches more than there are addresses, for isIPv6 to decide.
var (
	textIPv4 = regexp.MustCompile(`\d{1,3}(\.\d{1,3}){3}(:\d+)?`)
	textIPv6 = regexp.MustCompile(`[0-9A-Fa-f]*(:[0-9A-Fa-f]*){2,}`)
	textURI  = regexp.MustCompile(`(?i)sips?:\S+|\S+@\S+`)
)

// scrubText replaces addresses and SIP URIs inside of a text. Now and then it hides a version or a time; that is the
// cheaper mistake.
func scrubText(text string) string {
	if !strings.ContainsAny(text, ".:@") {
		return text
	}
	text = textURI.ReplaceAllString(text, netName)
	text = textIPv4.ReplaceAllString(text, netAddress)
	return textIPv6.ReplaceAllStringFunc(text, func(word string) string {
		if isIPv6(word) {
			return netAddress
		}
		return word
	})
}

// isIPv6 tells whether a word is an IPv6 address, a colon of the sentence behind it aside, or as long as a hardware
// address.
func isIPv6(word string) bool {
	_, whole := netip.ParseAddr(word)
	_, bare := netip.ParseAddr(strings.TrimSuffix(word, ":"))
	return whole == nil || bare == nil || strings.Count(word, ":") >= 5
}
