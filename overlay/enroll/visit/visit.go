// Package visit carries requests to the authority and answers back over HTTPS: TLS 1.3 with a key that the
// overlay document pins, so that neither a certificate authority nor the DNS has to be trusted.
//
// A visit is POST /sotto with 2048 bytes of request, answered with the answer padded to a multiple of 16 KiB.
// There is one path, one size of request, and one size of answer as long as the document does not change:
// somebody on the line sees that somebody visited the authority, not for what.
package visit

import (
	"errors"

	"sotto/overlay/enroll/document"
)

var (
	// ErrUnreachable says that nobody answered, or that the connection broke.
	ErrUnreachable = errors.New("visit: the authority cannot be reached")
	// ErrPin says that somebody with another key answered.
	ErrPin = errors.New("visit: another key answers at the authority's address")
	// ErrAnswer says that what came back is no answer.
	ErrAnswer = errors.New("visit: not an answer of an authority")
	// ErrAddress says that the document names no service, or one that cannot be dialled.
	ErrAddress = errors.New("visit: no usable address")
	// ErrListen says that the listening socket of the service failed.
	ErrListen = errors.New("visit: the service cannot listen any more")
	// ErrClock says that both clocks differ by more than document.Slack.
	ErrClock = errors.New("visit: the clocks differ")
)

const (
	path        = "/sotto"
	hostHeader  = "authority.invalid"
	contentType = "application/octet-stream"
	maxResponse = document.MaxAnswer + document.AnswerUnit
)
