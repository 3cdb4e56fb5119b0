// What somebody on the line, at the other end, or in between can see and do.

package visit

import (
	"context"
	"crypto/ed25519"
	"crypto/rand"
	"crypto/sha256"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"math/big"
	"net"
	"net/http"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"sotto/overlay/enroll/document"
	"sotto/overlay/peer"
)

// pipes is a listener in memory: Dial on one side, Accept on the other. It counts the bytes of each direction.
type pipes struct {
	conns chan net.Conn
	done  chan struct{}
	once  sync.Once

	mu       sync.Mutex
	out, in  int
	addressA string
}

func newPipes() *pipes { return &pipes{conns: make(chan net.Conn), done: make(chan struct{})} }

func (p *pipes) Accept() (net.Conn, error) {
	select {
	case c := <-p.conns:
		return c, nil
	case <-p.done:
		return nil, net.ErrClosed
	}
}

func (p *pipes) Close() error   { p.once.Do(func() { close(p.done) }); return nil }
func (p *pipes) Addr() net.Addr { return &net.TCPAddr{} }

func (p *pipes) dial(ctx context.Context, _, address string) (net.Conn, error) {
	a, b := net.Pipe()
	p.addressA = address
	select {
	case p.conns <- b:
		return &counted{Conn: a, p: p}, nil
	case <-p.done:
		return nil, net.ErrClosed
	case <-ctx.Done():
		return nil, ctx.Err()
	}
}

func (p *pipes) count() (out, in int) {
	p.mu.Lock()
	defer p.mu.Unlock()
	out, in, p.out, p.in = p.out, p.in, 0, 0
	return out, in
}

type counted struct {
	net.Conn
	p *pipes
}

func (c *counted) Read(b []byte) (int, error) {
	n, err := c.Conn.Read(b)
	c.p.mu.Lock()
	c.p.in += n
	c.p.mu.Unlock()
	return n, err
}

// farewell is the length of a TLS 1.3 record with an alert: header 5, alert 2, kind 1, tag 16. Whether a client says that it
// closes hangs on whether its last write is over by then (crypto/tls, Conn.Close), and on nothing that was said.
const farewell = 24

// Write counts what is sent, whether or not the other end still reads it, but for the farewell.
func (c *counted) Write(b []byte) (int, error) {
	if len(b) != farewell {
		c.p.mu.Lock()
		c.p.out += len(b)
		c.p.mu.Unlock()
	}
	return c.Conn.Write(b)
}

// newCert makes a service's key and its pin.
func newCert(t *testing.T) (tls.Certificate, [32]byte) {
	t.Helper()
	public, key, err := ed25519.GenerateKey(rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	tmpl := &x509.Certificate{SerialNumber: big.NewInt(1), NotAfter: time.Now().Add(time.Hour)}
	der, err := x509.CreateCertificate(rand.Reader, tmpl, tmpl, public, key)
	if err != nil {
		t.Fatal(err)
	}
	spki, err := x509.MarshalPKIXPublicKey(public)
	if err != nil {
		t.Fatal(err)
	}
	return tls.Certificate{Certificate: [][]byte{der}, PrivateKey: key}, sha256.Sum256(spki)
}

// answers returns a padded refusal of the authority's form at that time.
func answers(t *testing.T, at time.Time) []byte {
	t.Helper()
	return answer(t, document.Answer{At: at, Refused: document.RefusedCode})
}

func answer(t *testing.T, a document.Answer) []byte {
	t.Helper()
	at := a.At
	signing, err1 := document.NewSigningKey(rand.Reader)
	slots, err2 := document.NewSlotKey(rand.Reader)
	root, err3 := document.NewRootKey(rand.Reader)
	if err := errors.Join(err1, err2, err3); err != nil {
		t.Fatal(err)
	}
	cert := document.CertifyKeys(root, peer.OverlayID{}, 0, signing, slots, nil, at.Add(-time.Hour), at.Add(time.Hour))
	a, err := document.SignAnswer(a, cert, signing)
	if err != nil {
		t.Fatal(err)
	}
	return a.Pad(0)
}

// bubble runs a service and a client that pins it, over pipes.
func bubble(t *testing.T, handle Handler, f func(t *testing.T, p *pipes, c *Client)) {
	synctest.Test(t, func(t *testing.T) {
		cert, pin := newCert(t)
		p := newPipes()
		ctx, cancel := context.WithCancel(t.Context())
		ended := make(chan error)
		go func() { ended <- NewService(handle, cert).Run(ctx, p) }()
		c, err := NewClient(document.Service{Address: "192.0.2.1:8443", Pin: pin}, p.dial)
		if err != nil {
			t.Fatal(err)
		}
		f(t, p, c)
		cancel()
		if err := <-ended; err != nil {
			t.Errorf("the service ended with %v", err)
		}
		settle()
	})
}

// settle lets both ends give up writing their farewells, which nobody reads, into an unbuffered pipe.
func settle() { time.Sleep(10 * time.Second) }

func TestAllVisitsLookAlike(t *testing.T) {
	handle := func(now time.Time, _ string, request []byte) ([]byte, error) { return answers(t, now), nil }
	bubble(t, handle, func(t *testing.T, p *pipes, c *Client) {
		var outs, ins [3]int
		for n := range outs {
			request := make([]byte, document.RequestLen)
			rand.Read(request)
			if _, err := c.Send(t.Context(), request); err != nil {
				t.Fatal(err)
			}
			settle()
			outs[n], ins[n] = p.count()
		}
		if outs[0] != outs[1] || outs[1] != outs[2] || ins[0] != ins[1] || ins[1] != ins[2] {
			t.Errorf("bytes out %v, in %v: they differ", outs, ins)
		}
	})
}

func TestAnotherKeyIsRefused(t *testing.T) {
	handle := func(now time.Time, _ string, _ []byte) ([]byte, error) {
		t.Error("the request reached somebody else")
		return nil, nil
	}
	bubble(t, handle, func(t *testing.T, p *pipes, c *Client) {
		c.service.Pin[0] ^= 1
		if _, err := c.Send(t.Context(), make([]byte, document.RequestLen)); !errors.Is(err, ErrPin) {
			t.Errorf("%v, want another key", err)
		}
	})
}

func TestClocksAreCompared(t *testing.T) {
	for _, off := range []time.Duration{-3 * time.Hour, 3 * time.Hour, 0} {
		handle := func(now time.Time, _ string, _ []byte) ([]byte, error) { return answers(t, now.Add(off)), nil }
		bubble(t, handle, func(t *testing.T, p *pipes, c *Client) {
			_, err := c.Send(t.Context(), make([]byte, document.RequestLen))
			if errors.Is(err, ErrClock) != (off != 0) {
				t.Errorf("%v off: %v", off, err)
			}
		})
	}
}

func TestRequestSaysNothingOfItsSender(t *testing.T) {
	t.Setenv("HTTPS_PROXY", "http://192.0.2.99:3128")
	var seen http.Header
	var host, address string
	synctest.Test(t, func(t *testing.T) {
		cert, pin := newCert(t)
		p := newPipes()
		s := NewService(nil, cert)
		server := &http.Server{Handler: http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			seen, host = r.Header, r.Host
			http.Redirect(w, r, "https://192.0.2.66/", http.StatusTemporaryRedirect)
		})}
		go server.Serve(tls.NewListener(p, s.tls()))
		c, err := NewClient(document.Service{Address: "192.0.2.1:8443", Pin: pin}, p.dial)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := c.Send(t.Context(), make([]byte, document.RequestLen)); !errors.Is(err, ErrAnswer) {
			t.Errorf("a redirection: %v", err)
		}
		address = p.addressA
		server.Close()
		settle()
	})
	for name := range seen {
		if name != "Content-Type" && name != "Content-Length" && name != "Connection" {
			t.Errorf("header %s is sent", name)
		}
	}
	if host != hostHeader {
		t.Errorf("host header %q", host)
	}
	if address != "192.0.2.1:8443" {
		t.Errorf("dialled %q: a proxy or a redirection was followed", address)
	}
}

func TestServiceTellsStrangersNothing(t *testing.T) {
	handle := func(now time.Time, _ string, _ []byte) ([]byte, error) { t.Error("handled"); return nil, nil }
	bubble(t, handle, func(t *testing.T, p *pipes, c *Client) {
		for _, r := range []struct {
			method, path string
			size         int
		}{{"GET", path, 0}, {"POST", "/", document.RequestLen}, {"POST", path, document.RequestLen - 1}, {"POST", path, 1 << 20}} {
			body := make([]byte, r.size)
			q, err := http.NewRequest(r.method, "https://192.0.2.1:8443"+r.path, readerOf(body))
			if err != nil {
				t.Fatal(err)
			}
			response, err := c.http.Do(q)
			if err != nil {
				continue // hung up on while it sent too much
			}
			response.Body.Close()
			if response.StatusCode != http.StatusNotFound || response.Header.Get("Date") != "" || response.Header.Get("Server") != "" || response.ContentLength > 0 {
				t.Errorf("%s %s: %d", r.method, r.path, response.StatusCode)
			}
		}
	})
}

func TestSilentConnectionIsHungUpOn(t *testing.T) {
	bubble(t, nil, func(t *testing.T, p *pipes, c *Client) {
		start := time.Now()
		conn, err := p.dial(t.Context(), "tcp", "192.0.2.1:8443")
		if err != nil {
			t.Fatal(err)
		}
		if _, err := conn.Read(make([]byte, 1)); err == nil {
			t.Error("something came back")
		}
		conn.Close()
		if d := time.Since(start); d > time.Minute {
			t.Errorf("it took %v", d)
		}
	})
}

func TestUnreachableIsTold(t *testing.T) {
	handle := func(now time.Time, _ string, _ []byte) ([]byte, error) { return nil, errors.New("broken") }
	bubble(t, handle, func(t *testing.T, p *pipes, c *Client) {
		if _, err := c.Send(t.Context(), make([]byte, document.RequestLen)); !errors.Is(err, document.RefusedBusy) {
			t.Errorf("a broken authority: %v", err)
		}
	})
	closed := newPipes()
	closed.Close()
	c, err := NewClient(document.Service{Address: "192.0.2.1:8443", Pin: [32]byte{1}}, closed.dial)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := c.Send(t.Context(), make([]byte, document.RequestLen)); !errors.Is(err, ErrUnreachable) {
		t.Errorf("nobody there: %v", err)
	}
	if _, err := NewClient(document.Service{}, nil); !errors.Is(err, ErrAddress) {
		t.Errorf("no service: %v", err)
	}
}
