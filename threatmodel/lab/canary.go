package lab

import (
	"bytes"
	"encoding/base64"
	"encoding/hex"
	"net/netip"
	"net/url"
	"strings"
)

// Canaries: values that must not turn up where they do not belong, in every form in which they could.

// Canary is a value planted somewhere, and the name under which a find is reported.
type Canary struct {
	Name  string
	forms [][]byte
}

// PlantBytes makes a canary of at least 8 bytes, say a key: it is looked for raw, in hexadecimal, in base64 at each of
// the three alignments, escaped for URLs, and as Go prints a slice of numbers.
func PlantBytes(name string, value []byte) Canary {
	c := Canary{Name: name}
	c.add(value)
	c.add([]byte(hex.EncodeToString(value)))
	c.add([]byte(strings.ToUpper(hex.EncodeToString(value))))
	for _, e := range []*base64.Encoding{base64.RawStdEncoding, base64.RawURLEncoding} {
		for shift := range 3 {
			// The first and last digits of an encoding depend on the neighbours of the value; what lies between does not.
			text := e.EncodeToString(append(make([]byte, shift), value...))
			c.add([]byte(text[(shift*8+5)/6 : len(text)-1]))
		}
	}
	c.add([]byte(url.QueryEscape(string(value))))
	c.add([]byte(decimals(value, " ")))
	c.add([]byte(decimals(value, ", ")))
	c.add([]byte(decimals(value, ",")))
	c.add([]byte(hexBytes(value)))
	return c
}

// PlantText makes a canary of a text, say a name: it is looked for as PlantBytes does, and in upper case.
func PlantText(name, text string) Canary {
	c := PlantBytes(name, []byte(text))
	c.add([]byte(strings.ToUpper(text)))
	return c
}

// PlantAddr makes a canary of an address: its text, its bytes, and for IPv6 the text in full length.
func PlantAddr(name string, a netip.Addr) Canary {
	c := PlantText(name, a.String())
	c.add([]byte(url.QueryEscape(a.String())))
	if a.Is6() {
		c.add([]byte(a.StringExpanded()))
		c.forms = append(c.forms, PlantBytes(name, a.AsSlice()).forms...)
		return c
	}
	// Four bytes turn up by chance in random ones; only their texts are specific enough.
	c.add([]byte(hex.EncodeToString(a.AsSlice())))
	c.add([]byte(decimals(a.AsSlice(), " ")))
	return c
}

// add keeps a form that is long enough not to turn up by chance: 2⁻⁵⁶ a position.
func (c *Canary) add(form []byte) {
	const shortest = 7
	if len(form) < shortest {
		return
	}
	for _, f := range c.forms {
		if bytes.Equal(f, form) {
			return
		}
	}
	c.forms = append(c.forms, form)
}

// In counts the forms of the canary that occur in text.
func (c Canary) In(text []byte) int {
	n := 0
	for _, f := range c.forms {
		if bytes.Contains(text, f) {
			n++
		}
	}
	return n
}

// Search returns the names of the canaries that occur in text.
func Search(canaries []Canary, text []byte) []string {
	var found []string
	for _, c := range canaries {
		if c.In(text) > 0 {
			found = append(found, c.Name)
		}
	}
	return found
}

func decimals(b []byte, between string) string {
	var s strings.Builder
	for i, x := range b {
		if i > 0 {
			s.WriteString(between)
		}
		s.WriteString(decimal(x))
	}
	return s.String()
}

func decimal(x byte) string {
	digits := []byte{'0' + x/100, '0' + x/10%10, '0' + x%10}
	return strings.TrimLeft(string(digits[:2]), "0") + string(digits[2:])
}

// hexBytes is how %#v prints bytes.
func hexBytes(b []byte) string {
	var s strings.Builder
	for i, x := range b {
		if i > 0 {
			s.WriteString(", ")
		}
		s.WriteString("0x")
		if x >= 16 {
			s.WriteByte("0123456789abcdef"[x>>4])
		}
		s.WriteByte("0123456789abcdef"[x&15])
	}
	return s.String()
}
