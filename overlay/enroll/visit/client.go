// The person's end of a visit: one request over HTTPS to the one key that the invite pins.

package visit

import (
	"bytes"
	"context"
	"crypto/sha256"
	"crypto/subtle"
	"crypto/tls"
	"errors"
	"io"
	"net"
	"net/http"
	"time"

	"sotto/overlay/enroll/document"
)

// Dial connects to host:port. The default is the operating system's; over a circuit it will be another.
type Dial func(ctx context.Context, network, address string) (net.Conn, error)

// Client carries requests to one authority. Each Send is a connection of its own: two requests of one
// connection would belong together for whoever answers. Its methods are safe for concurrent use.
type Client struct {
	service document.Service
	http    http.Client
}

// clientTimeout bounds a whole visit: slots of a new name take the authority some 0.2 s, a slow line the rest.
const clientTimeout = 60 * time.Second

// NewClient makes a client; ErrAddress if the document names no service. A nil dial means the system's, and only
// then, and only if the address is a name, the DNS is asked.
func NewClient(service document.Service, dial Dial) (*Client, error) {
	if service.IsZero() {
		return nil, ErrAddress
	}
	if dial == nil {
		dial = (&net.Dialer{Timeout: clientTimeout}).DialContext
	}
	c := &Client{service: service}
	c.http = http.Client{
		// Nothing but this answer counts: an authority that moved says so in its document.
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
		Timeout:       clientTimeout,
		Transport: &http.Transport{
			Proxy:              nil, // the environment of the process has no say in whom we talk to
			DialTLSContext:     c.dialTLS(dial),
			DisableKeepAlives:  true,
			DisableCompression: true,
			// An empty map keeps to HTTP/1.1, whose bytes we know.
			TLSNextProto:           map[string]func(string, *tls.Conn) http.RoundTripper{},
			MaxResponseHeaderBytes: 4 << 10,
		},
	}
	return c, nil
}

// dialTLS makes the handshake itself, since http.Transport would send the host's name in it.
func (c *Client) dialTLS(dial Dial) Dial {
	return func(ctx context.Context, network, address string) (net.Conn, error) {
		raw, err := dial(ctx, network, address)
		if err != nil {
			return nil, err
		}
		conn := tls.Client(raw, c.tls())
		if err := conn.HandshakeContext(ctx); err != nil {
			raw.Close()
			return nil, err
		}
		return conn, nil
	}
}

// tls trusts one public key and nothing else. No name is sent: who listens on the line sees an address only.
func (c *Client) tls() *tls.Config {
	return &tls.Config{
		MinVersion:             tls.VersionTLS13,
		InsecureSkipVerify:     true, // VerifyConnection below is stricter
		SessionTicketsDisabled: true,
		VerifyConnection: func(s tls.ConnectionState) error {
			if len(s.PeerCertificates) == 0 {
				return ErrPin
			}
			pin := sha256.Sum256(s.PeerCertificates[0].RawSubjectPublicKeyInfo)
			if subtle.ConstantTimeCompare(pin[:], c.service.Pin[:]) != 1 {
				return ErrPin
			}
			return nil
		},
	}
}

// Send posts the bytes of a request and returns those of the answer without padding. The errors hold no
// address: ErrUnreachable, ErrPin, ErrAnswer, ErrClock, document.RefusedBusy.
func (c *Client) Send(ctx context.Context, request []byte) ([]byte, error) {
	post, err := http.NewRequestWithContext(ctx, http.MethodPost, "https://"+c.service.Address+path, bytes.NewReader(request))
	if err != nil {
		return nil, ErrAddress
	}
	// One form for everybody: no name and version of a program, no name of a host.
	post.Header = http.Header{"User-Agent": nil, "Content-Type": {contentType}}
	post.Host = hostHeader
	response, err := c.http.Do(post)
	if err != nil {
		if errors.Is(err, ErrPin) {
			return nil, ErrPin
		}
		if ctx.Err() != nil {
			return nil, context.Cause(ctx)
		}
		return nil, ErrUnreachable
	}
	defer response.Body.Close()
	switch response.StatusCode {
	case http.StatusOK:
	case http.StatusServiceUnavailable:
		return nil, document.RefusedBusy
	default:
		return nil, ErrAnswer
	}
	padded, err := io.ReadAll(io.LimitReader(response.Body, maxResponse+1))
	if err != nil {
		return nil, ErrUnreachable
	}
	answer, err := document.Unpad(padded)
	if err != nil {
		return nil, ErrAnswer
	}
	return answer, checkClock(answer, time.Now())
}

// checkClock compares both clocks before anything dated is believed. By file it cannot be done.
func checkClock(answer []byte, now time.Time) error {
	a, err := document.ParseAnswer(answer)
	if err != nil {
		return ErrAnswer
	}
	if d := now.Sub(a.At); d > document.Slack || d < -document.Slack {
		return ErrClock
	}
	return nil
}
