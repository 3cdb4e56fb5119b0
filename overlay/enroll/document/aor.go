// Addresses of record: the names that an authority gives out, in one canonical form.

package document

import (
	"fmt"
	"log/slog"
	"strings"
)

// Sizes of a SIP address of record, in bytes.
const (
	maxAoR  = 128
	maxUser = 64
)

// AoR is a SIP address of record, sip:user@host. It can be compared with == and never prints itself.
type AoR struct{ s string }

// ParseAoR reads sip:user@host without port or parameters and returns its canonical form: lower case,
// user of [a-z0-9._+-], host of DNS labels. Names that differ in case only are one name, so that nobody
// enrols as Alice beside alice; RFC 3261 §19.1.4 would tell them apart, people do not. It returns ErrName.
func ParseAoR(text string) (AoR, error) {
	if len(text) > maxAoR {
		return AoR{}, ErrName
	}
	s := lower(text)
	rest, ok := strings.CutPrefix(s, "sip:")
	if !ok {
		return AoR{}, ErrName
	}
	user, host, ok := strings.Cut(rest, "@")
	if !ok || !validUser(user) || !validHost(host) {
		return AoR{}, ErrName
	}
	return AoR{s: s}, nil
}

// parseCanonical accepts the canonical form only: what objects hold.
func parseCanonical(b []byte) (AoR, error) {
	a, err := ParseAoR(string(b))
	if err != nil || a.s != string(b) {
		return AoR{}, ErrMalformed
	}
	return a, nil
}

// lower knows ASCII only: Unicode would fold the Kelvin sign to k and let a look-alike in.
func lower(text string) string {
	b := []byte(text)
	for i, c := range b {
		if c >= 'A' && c <= 'Z' {
			b[i] = c + 'a' - 'A'
		}
	}
	return string(b)
}

func validUser(user string) bool {
	if user == "" || len(user) > maxUser {
		return false
	}
	for _, c := range []byte(user) {
		if !letterOrDigit(c) && !strings.ContainsRune("._+-", rune(c)) {
			return false
		}
	}
	return true
}

func validHost(host string) bool {
	if host == "" {
		return false
	}
	for label := range strings.SplitSeq(host, ".") {
		if label == "" || len(label) > 63 || label[0] == '-' || label[len(label)-1] == '-' {
			return false
		}
		for _, c := range []byte(label) {
			if !letterOrDigit(c) && c != '-' {
				return false
			}
		}
	}
	return true
}

func letterOrDigit(c byte) bool { return c >= 'a' && c <= 'z' || c >= '0' && c <= '9' }

// Canonical returns the canonical text. It is for certificates, slots and the owner's own screen.
func (a AoR) Canonical() string { return a.s }

// IsZero reports whether there is no name.
func (a AoR) IsZero() bool { return a.s == "" }

// Format prints a fixed text for every verb.
func (a AoR) Format(s fmt.State, _ rune) { redact(s, "[aor]") }

// LogValue logs a fixed text.
func (a AoR) LogValue() slog.Value { return redacted("[aor]") }
