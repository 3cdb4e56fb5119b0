// The authority's end of a visit: bounded in every direction, silent in its log.

package visit

import (
	"context"
	"crypto/tls"
	"io"
	"log/slog"
	"net"
	"net/http"
	"time"

	"sotto/overlay/enroll/document"
)

// Bounds of the service. Sources: ours. A visit is 2 KiB in and some 16 to 256 KiB out.
const (
	headTimeout  = 10 * time.Second
	readTimeout  = 20 * time.Second
	writeTimeout = 60 * time.Second
	maxHeader    = 4 << 10
	// maxConns bounds memory, about 100 KiB each; further connections wait in the kernel's queue.
	maxConns = 128
	// maxWork bounds what is answered at the same time: each may take 65 ms and 32 MiB for a place.
	maxWork = 2
	// shutdown is how long answers under way may take when the service ends.
	shutdown = time.Second
)

// Handler decides a request from source, an address for the record, and returns what goes back, padded. With an
// error, which is for the operator, something may go back nevertheless. (*authority.Authority).Handle is one.
type Handler func(now time.Time, source string, request []byte) ([]byte, error)

// Service answers visits.
type Service struct {
	// Report, if set before Run, is told what is broken at the authority: errors that name nobody.
	Report func(error)

	handle Handler
	cert   tls.Certificate
	limit  *limiter
	work   chan struct{}
}

// NewService makes a service that starts nothing. The certificate's key is the one that the document pins.
func NewService(handle Handler, cert tls.Certificate) *Service {
	return &Service{handle: handle, cert: cert, limit: newLimiter(), work: make(chan struct{}, maxWork)}
}

// Run answers on listener until ctx ends, and closes it.
func (s *Service) Run(ctx context.Context, listener net.Listener) error {
	server := &http.Server{
		Handler:           s,
		ReadHeaderTimeout: headTimeout,
		ReadTimeout:       readTimeout,
		WriteTimeout:      writeTimeout,
		MaxHeaderBytes:    maxHeader,
		// Its lines hold the addresses of people.
		ErrorLog:     slog.NewLogLogger(slog.DiscardHandler, slog.LevelError),
		TLSNextProto: map[string]func(*http.Server, *tls.Conn, http.Handler){},
	}
	server.SetKeepAlivesEnabled(false)
	done := make(chan error, 1)
	go func() { done <- server.Serve(tls.NewListener(newGate(listener, maxConns), s.tls())) }()
	select {
	case <-done:
		return ErrListen
	case <-ctx.Done():
	}
	end, cancel := context.WithTimeout(context.WithoutCancel(ctx), shutdown)
	defer cancel()
	if server.Shutdown(end) != nil {
		server.Close()
	}
	<-done
	return nil
}

func (s *Service) tls() *tls.Config {
	return &tls.Config{MinVersion: tls.VersionTLS13, Certificates: []tls.Certificate{s.cert}, SessionTicketsDisabled: true}
}

// grants reports whether a padded answer is none of the refusals, which are for anybody.
func grants(response []byte) bool {
	b, err := document.Unpad(response)
	if err != nil {
		return false
	}
	answer, err := document.ParseAnswer(b)
	return err == nil && answer.Refused == 0
}

// ServeHTTP answers one visit. Whatever is not a request of the right size is told nothing but 404; what is gets
// an answer, be it a refusal, of one size.
func (s *Service) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	w.Header()["Date"] = nil // the answer has the time, signed
	if r.Method != http.MethodPost || r.URL.Path != path || r.ContentLength != document.RequestLen {
		w.WriteHeader(http.StatusNotFound)
		return
	}
	if !s.limit.allow(r.RemoteAddr, time.Now()) {
		w.WriteHeader(http.StatusServiceUnavailable)
		return
	}
	request := make([]byte, document.RequestLen)
	if _, err := io.ReadFull(r.Body, request); err != nil {
		w.WriteHeader(http.StatusNotFound)
		return
	}
	select {
	case s.work <- struct{}{}:
	case <-r.Context().Done():
		return
	}
	response, err := s.handle(time.Now(), r.RemoteAddr, request)
	<-s.work
	if err != nil && s.Report != nil {
		s.Report(err)
	}
	if response == nil {
		w.WriteHeader(http.StatusServiceUnavailable)
		return
	}
	if grants(response) {
		s.limit.granted(r.RemoteAddr)
	}
	w.Header().Set("Content-Type", contentType)
	_, _ = w.Write(response) // a client that left asks again
}
