// What a listener on the line reads of a visit.

package visit

import (
	"context"
	"crypto/tls"
	"net"
	"testing"

	"sotto/overlay/enroll/document"
)

func TestNoNameInTheHandshake(t *testing.T) {
	cert, pin := newCert(t)
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	got := make(chan string, 1)
	go func() {
		c, err := l.Accept()
		if err != nil {
			return
		}
		s := tls.Server(c, &tls.Config{Certificates: []tls.Certificate{cert}, GetConfigForClient: func(h *tls.ClientHelloInfo) (*tls.Config, error) {
			got <- h.ServerName
			return nil, nil
		}})
		s.Handshake()
		s.Close()
	}()
	c, err := NewClient(document.Service{Address: "authority.example.org:8443", Pin: pin}, func(ctx context.Context, n, a string) (net.Conn, error) {
		return net.Dial("tcp", l.Addr().String())
	})
	if err != nil {
		t.Fatal(err)
	}
	c.Send(context.Background(), make([]byte, document.RequestLen))
	if name := <-got; name != "" {
		t.Errorf("the client hello says %q in the clear", name)
	}
}
