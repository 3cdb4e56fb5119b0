// The end that is asked: it puts requests together, has them answered once, and gives the answer again if cells are lost.

package request

import (
	"fmt"
	"io"
	"log/slog"
	"slices"
	"time"

	"sotto/onion/cell"
)

// Timing of a peer, ours unless said otherwise.
const (
	// collectTime is how long a request may take to be whole (protocol §2).
	collectTime = 2 * time.Second
	// gapTime is how long after the last piece one that is missing is taken for lost: the cells of a train are
	// milliseconds apart. gapAgain is the next time: about a round trip.
	gapTime  = 50 * time.Millisecond
	gapAgain = 400 * time.Millisecond
	// maxGaps and maxRepeats bound what one request makes a peer send: they are in the package comment.
	maxGaps    = 4
	maxRepeats = 3
)

// Limits bound what requests cost a peer.
type Limits struct {
	// Requests is how many there are in all, PerNeighbor how many may come over one link, kept answers included. Bytes
	// and BytesPerNeighbor bound what they hold: request and answer are charged from the start. At a bound the oldest
	// kept answer goes, one of that link if it is the link's bound, and if there is none the request is refused.
	Requests, PerNeighbor, Bytes, BytesPerNeighbor int
	// Run is how long a service may take. Keep is how long an answer is kept for being asked again.
	Run, Keep time.Duration
}

// DefaultLimits are ours: 8 MB at most, a quarter for one neighbour, since in a small overlay one second hop carries the
// requests of many. An answer is kept for four round trips over the slowest paths.
func DefaultLimits() Limits {
	return Limits{
		Requests: 4096, PerNeighbor: 1024, Bytes: 8 << 20, BytesPerNeighbor: 2 << 20,
		Run: 10 * time.Second, Keep: 4 * time.Second,
	}
}

func (l Limits) valid() bool {
	return min(l.Requests, l.PerNeighbor, l.Bytes, l.BytesPerNeighbor) > 0 && min(l.Run, l.Keep) > 0
}

// overhead is charged for a request beside what it holds.
const overhead = 512

// phase is how far a request is.
type phase uint8

const (
	collecting phase = iota
	running
	answered
)

// job is a request at the peer.
type job struct {
	timed
	circuit  Circuit
	neighbor Neighbor
	service  Service
	phase    phase
	first    []byte
	pieces   pieces
	end      time.Time // of collecting
	gaps     int
	answer   []byte // payloads of the answer, without the parity
	repeats  int
}

func (j *job) timer() *timed { return &j.timed }

func (j *job) charge() int {
	return overhead + j.service.requestLen() + j.service.Answer*cell.PayloadLen
}

// share is what came over one link.
type share struct{ jobs, bytes int }

// Server is the peer's end. It is not safe for concurrent use. Memory is bounded by Limits, whoever asks.
type Server struct {
	limits   Limits
	rand     io.Reader
	services map[byte]Service
	jobs     map[Circuit]*job
	shares   map[Neighbor]*share
	bytes    int
	kept     []*job // answered, oldest first
	agenda   agenda[*job]
	out      actions
}

// ServerConfig makes a Server that has these services.
type ServerConfig struct {
	Rand     io.Reader
	Limits   Limits
	Services []Service
}

// NewServer is one that has no requests, or ErrConfig.
func NewServer(c ServerConfig) (*Server, error) {
	s := &Server{
		limits: c.Limits, rand: c.Rand, services: map[byte]Service{}, jobs: map[Circuit]*job{}, shares: map[Neighbor]*share{},
	}
	for _, one := range c.Services {
		if _, twice := s.services[one.Number]; twice || !one.valid() {
			return nil, ErrConfig
		}
		s.services[one.Number] = one
	}
	if c.Rand == nil || !c.Limits.valid() {
		return nil, ErrConfig
	}
	return s, nil
}

// Requests says how many there are, kept answers included.
func (s *Server) Requests() int { return len(s.jobs) }

// Early takes the early data of a circuit that was created here, if its operation is cell.Ask.
func (s *Server) Early(now time.Time, c Circuit, n Neighbor, first []byte) []Action {
	s.out.begin()
	if s.jobs[c] != nil {
		return nil
	}
	number, piece, ok := parseFirst(first)
	service, is := s.services[number]
	j := &job{circuit: c, neighbor: n, service: service, end: now.Add(collectTime)}
	if !ok || !is || !s.room(j) {
		s.close(c)
		return s.out.list
	}
	j.first = slices.Clone(piece)
	j.pieces = pieces{n: service.Forward - 1, bytes: make([]byte, (service.Forward-1)*pieceLen)}
	s.jobs[c] = j
	share := s.share(n)
	share.jobs++
	share.bytes += j.charge()
	s.bytes += j.charge()
	s.proceed(now, j)
	return s.out.list
}

// Arrived takes a message of a circuit: Request, Again; others are nobody's here and ignored. payload has cell.PayloadLen
// bytes.
func (s *Server) Arrived(now time.Time, c Circuit, m cell.Message, payload []byte) []Action {
	s.out.begin()
	j := s.jobs[c]
	switch {
	case j == nil:
	case m == cell.Request && j.phase == collecting:
		s.collect(now, j, payload)
	case m == cell.Again && j.phase == answered:
		s.repeat(j, payload)
	}
	return s.out.list
}

// Closed takes the end of a circuit. An answer to its request is an ErrCircuit from now on.
func (s *Server) Closed(c Circuit) {
	if j := s.jobs[c]; j != nil {
		s.forget(j)
	}
}

// Answer answers the request on a circuit, or is ErrCircuit or ErrTooLong.
func (s *Server) Answer(now time.Time, c Circuit, content []byte) ([]Action, error) {
	s.out.begin()
	j := s.jobs[c]
	if j == nil || j.phase != running {
		return nil, ErrCircuit
	}
	if len(content) > j.service.AnswerMax() {
		return nil, ErrTooLong
	}
	stream, err := pack(s.rand, content, j.service.answerLen())
	if err != nil {
		return nil, fmt.Errorf("request: no randomness: %w", err)
	}
	all := appendPieces(make([]byte, 0, j.service.answers()*cell.PayloadLen), stream, 0, j.service.AnswerParity)
	for i := range j.service.answers() {
		s.out.send(c, cell.Answer, payload(all, i))
	}
	j.phase, j.answer = answered, slices.Clone(all[:j.service.Answer*cell.PayloadLen])
	s.kept = append(s.kept, j)
	s.agenda.set(j, now.Add(s.limits.Keep))
	return s.out.list, nil
}

// Refuse gives a request no answer: the circuit is closed.
func (s *Server) Refuse(c Circuit) []Action {
	s.out.begin()
	if j := s.jobs[c]; j != nil && j.phase == running {
		s.forget(j)
		s.close(c)
	}
	return s.out.list
}

// Next is when Tick is due; zero means never.
func (s *Server) Next() time.Time { return s.agenda.next() }

// Tick does what is due.
func (s *Server) Tick(now time.Time) []Action {
	s.out.begin()
	for len(s.agenda) > 0 && !now.Before(s.agenda.next()) {
		j := s.agenda[0]
		switch {
		case j.phase == answered:
			s.forget(j)
		case j.phase == running || !now.Before(j.end):
			s.forget(j)
			s.close(j.circuit)
		default:
			j.gaps++
			s.out.send(j.circuit, cell.Again, appendAgain(nil, j.overdue()<<1))
			s.wait(now, j, gapAgain)
		}
	}
	return s.out.list
}

// Format prints a fixed text for every verb.
func (*Server) Format(s fmt.State, _ rune) { _, _ = io.WriteString(s, "[requests]") }

// LogValue logs a fixed text.
func (*Server) LogValue() slog.Value { return slog.StringValue("[requests]") }
