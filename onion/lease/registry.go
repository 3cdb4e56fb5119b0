// The relay's register of leases: who listens here, on which circuit.

package lease

import (
	"crypto/subtle"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"time"

	"sotto/internal/mutation"
	"sotto/onion/cell"
)

// ErrConfig is a configuration that cannot work.
var ErrConfig = errors.New("lease: wrong configuration")

// Secrets gives what a relay shares with the origin of one of its circuits and with nobody else.
type Secrets interface {
	// Binding is a secret unique to the circuit.
	Binding(Circuit) [cell.KeyLen]byte
	// Agree is X25519 of the onion key with which the circuit was created, false if it agrees on nothing.
	Agree(Circuit, [cell.KeyLen]byte) ([cell.KeyLen]byte, bool)
}

// RegistryConfig makes a Registry. All of it is needed.
type RegistryConfig struct {
	Place   Place
	Limits  Limits
	Secrets Secrets
	Rand    io.Reader
}

// Registry keeps the leases at a relay and splices callers to their owners. It is not safe for concurrent use.
//
// Memory is bounded by Limits, whoever asks: nothing is kept of a Listen or an opening that is refused.
type Registry struct {
	place   Place
	limits  Limits
	secrets Secrets
	rand    io.Reader

	owners    map[Circuit]*owner
	leases    map[ID]*owner
	callers   map[Circuit]*splice
	neighbors map[Neighbor]*share // those that have a share
	sweep     time.Time           // when splices are looked at next; zero while there are none
	nobody    KnockKey            // stands in where there is no lease, so that no lease takes as long as a wrong knock
	out       actions
	passed    [1]Action // what Arrived returns for a cell that is spliced, so that nothing is allocated for it
}

// owner is a circuit that has a lease.
type owner struct {
	circuit  Circuit
	neighbor Neighbor
	id       ID
	knock    KnockKey
	proof    [proofLen]byte
	openings rate
	bucket   bucket
	splices  map[SpliceID]*splice
}

// share is what came over one link upstream.
type share struct{ leases, ends int }

// NewRegistry is an empty one, or ErrConfig.
func NewRegistry(c RegistryConfig) (*Registry, error) {
	if c.Secrets == nil || c.Rand == nil || !c.Limits.valid() {
		return nil, ErrConfig
	}
	nobody, err := GenerateKnockKey(c.Rand)
	if err != nil {
		return nil, err
	}
	return &Registry{
		place: c.Place, limits: c.Limits, secrets: c.Secrets, rand: c.Rand, nobody: nobody,
		owners: map[Circuit]*owner{}, leases: map[ID]*owner{}, callers: map[Circuit]*splice{},
		neighbors: map[Neighbor]*share{},
	}, nil
}

// Leases and Splices say how many there are.
func (r *Registry) Leases() int { return len(r.owners) }

// Splices says how many there are.
func (r *Registry) Splices() int { return len(r.callers) }

// Arrived takes a message of a circuit: Listen, Splice, Cut; others are nobody's here and ignored. payload has
// cell.PayloadLen bytes, may be changed, and may come back in an action, which is valid until the next Splice.
func (r *Registry) Arrived(now time.Time, c Circuit, n Neighbor, m cell.Message, payload []byte) []Action {
	r.out.begin()
	switch m {
	case cell.Listen:
		r.listen(c, n, payload)
	case cell.Splice:
		return r.pass(now, c, payload)
	case cell.Cut:
		r.cutBy(c, payload)
	}
	return r.out.list
}

// Closed takes the end of a circuit.
func (r *Registry) Closed(c Circuit) []Action {
	r.out.begin()
	if o := r.owners[c]; o != nil {
		r.remove(o)
	} else if s := r.callers[c]; s != nil {
		r.out.cut(s.owner.circuit, s.id)
		r.forget(s)
	}
	return r.out.list
}

// listen gives a lease, or refuses and closes the circuit, so that one circuit makes a relay compute one agreement.
func (r *Registry) listen(c Circuit, n Neighbor, payload []byte) {
	l, ok := parseListen(payload)
	if o := r.owners[c]; o != nil {
		if ok && subtle.ConstantTimeCompare(o.proof[:], l.proof[:]) == 1 {
			r.given(o)
			return
		}
		r.refuse(c)
		r.remove(o)
		return
	}
	if ok {
		ok = r.callers[c] == nil && r.proven(c, &l)
	}
	if !ok || !r.admit(c, n, &l) {
		r.refuse(c)
	}
}

// proven reports whether who is at the other end of a circuit has the lease key.
func (r *Registry) proven(c Circuit, l *listen) bool {
	shared, ok := r.secrets.Agree(c, l.public.b)
	if !ok {
		return false
	}
	want := prove(r.place, shared, r.secrets.Binding(c), l)
	return subtle.ConstantTimeCompare(want[:], l.proof[:]) == 1 || mutation.Active(noProof)
}

// admit makes a lease of a proven Listen if there is room. A storing lease takes the place of its own one on an older
// circuit: whoever proves the key is its owner, and the older circuit is what a restart left behind.
func (r *Registry) admit(c Circuit, n Neighbor, l *listen) bool {
	var old *owner
	id := StoringID(r.place, l.public)
	if l.kind == Storing {
		old = r.leases[id]
	}
	total, mine := len(r.owners), r.shareOf(n).leases
	if old != nil {
		total--
		if old.neighbor == n {
			mine--
		}
	}
	if total >= r.limits.Leases || mine >= r.limits.LeasesPerNeighbor {
		r.release(n)
		return false
	}
	if old != nil {
		r.remove(old)
		r.out.end(old.circuit)
	}
	for l.kind == ShortLived {
		if _, err := io.ReadFull(r.rand, id.b[:]); err != nil {
			r.release(n)
			return false
		}
		if r.leases[id] == nil {
			break
		}
	}
	o := &owner{circuit: c, neighbor: n, id: id, knock: l.knock, proof: l.proof, openings: rate{
		float64(min(int(l.perMinute), r.limits.OpeningsPerMinute)) / 60, float64(min(int(l.burst), r.limits.OpeningsBurst)),
	}}
	r.owners[c], r.leases[id] = o, o
	r.shareOf(n).leases++
	r.given(o)
	return true
}

// given tells an owner of its lease.
func (r *Registry) given(o *owner) {
	r.out.send(o.circuit, cell.Listening, appendListening(nil, o.id))
}

// refuse gives no lease, for whatever reason.
func (r *Registry) refuse(c Circuit) {
	r.out.send(c, cell.Listening, []byte{refused})
	r.out.end(c)
}

// remove ends a lease with its splices. Its circuit is the caller's to close.
func (r *Registry) remove(o *owner) {
	for _, s := range o.splices {
		r.out.cut(s.caller, 0)
		r.forget(s)
	}
	delete(r.owners, o.circuit)
	delete(r.leases, o.id)
	r.shareOf(o.neighbor).leases--
	r.release(o.neighbor)
}

// shareOf is the share of a neighbour, for changing it; release follows if it may be empty.
func (r *Registry) shareOf(n Neighbor) *share {
	s := r.neighbors[n]
	if s == nil {
		s = new(share)
		r.neighbors[n] = s
	}
	return s
}

// release drops an empty share, so that neighbours who have nothing here cost nothing.
func (r *Registry) release(n Neighbor) {
	if s := r.neighbors[n]; s != nil && *s == (share{}) {
		delete(r.neighbors, n)
	}
}

// Format prints a fixed text for every verb.
func (*Registry) Format(s fmt.State, _ rune) { _, _ = io.WriteString(s, "[leases]") }

// LogValue logs a fixed text.
func (*Registry) LogValue() slog.Value { return slog.StringValue("[leases]") }
