// What the authority sees of a request, for measuring what it could make of it (P17).

package authority

import (
	"bytes"
	"fmt"
	"io"
	"log/slog"
	"time"

	"sotto/overlay/enroll/blind"
	"sotto/overlay/enroll/document"
)

// Transcript is one request with everything around it that reaches the authority: when, from where, the bytes
// that came and the bytes that went. It does not print itself.
type Transcript struct {
	at       time.Time
	source   string
	request  []byte
	response []byte
}

// At is when the request was answered.
func (s Transcript) At() time.Time { return s.at }

// Source is the network address that the request came from; empty for a file.
func (s Transcript) Source() string { return s.source }

// Request and Response are the bytes of both directions.
func (s Transcript) Request() []byte { return s.request }

// Response is what went back, with its padding.
func (s Transcript) Response() []byte { return s.response }

// Name is the person that the request says it is from; ok is false if it is no request.
func (s Transcript) Name() (aor document.AoR, ok bool) {
	q, err := document.ParseRequest(s.request)
	return q.AoR, err == nil
}

// Blind returns what was signed blindly and the signature; ok is false if no admission was given.
func (s Transcript) Blind() (asked blind.Message, given blind.BlindSignature, keyEpoch uint32, ok bool) {
	q, err := document.ParseRequest(s.request)
	if err != nil {
		return asked, given, 0, false
	}
	b, err := document.Unpad(s.response)
	if err != nil {
		return asked, given, 0, false
	}
	a, err := document.ParseAnswer(b)
	if err != nil || !a.Admitted {
		return asked, given, 0, false
	}
	return q.Ask.Blinded, a.Admission, a.AdmitEpoch, true
}

// Format prints a fixed text for every verb.
func (s Transcript) Format(f fmt.State, _ rune) { io.WriteString(f, "[transcript]") }

// LogValue logs a fixed text.
func (s Transcript) LogValue() slog.Value { return slog.StringValue("[transcript]") }

// Handle answers the bytes of a request that came from source with the bytes to send back, padded. It is what
// a service calls. With an error, which is for the operator, there may be something to send back nevertheless.
func (a *Authority) Handle(now time.Time, source string, request []byte) ([]byte, error) {
	answer, fault := a.Answer(now, request)
	if answer.IsZero() {
		return nil, fault
	}
	current, err := a.Document()
	if err != nil {
		return nil, err
	}
	response := answer.Pad(len(current.Bytes()))
	if a.options.Observe != nil {
		a.options.Observe(Transcript{at: now, source: source, request: bytes.Clone(request), response: response})
	}
	return response, fault
}
