package netbench

// Requests over stems that stand ready.

import (
	"context"
	"math/rand/v2"
	"time"

	"sotto/internal/linkbench"
	"sotto/onion"
	"sotto/onion/path"
	"sotto/onion/request"
)

// lookupStems is how many are kept ready: one is made anew some seconds after it was used.
const lookupStems = 24

// newAsker starts a node that makes requests.
func (n *network) newAsker() (*onion.Node, error) {
	var ready [path.Purposes]path.Ready
	ready[path.Lookups].Stems = lookupStems
	return n.user(ready)
}

// measureRequest measures stem_request_ms: an echo by a relay at the end of a path of three.
func (n *network) measureRequest(ctx context.Context, alice *onion.Node, budget time.Duration) (linkbench.Figure, error) {
	stems := func() int { return alice.Circuits().Client.Stems[path.Lookups] }
	if err := n.until(func() bool { return stems() >= lookupStems/2 }); err != nil {
		return linkbench.Figure{}, err
	}
	var took []float64
	failed := 0
	for end := time.Now().Add(budget); len(took) < fewest || time.Now().Before(end); {
		if err := n.until(func() bool { return stems() > lookupStems/4 }); err != nil {
			return linkbench.Figure{}, err
		}
		began := time.Now()
		_, err := alice.Ask(ctx, onion.Question{
			Peer: n.seeds[rand.IntN(len(n.seeds))].NodeID(), Purpose: path.Lookups, Service: request.Echo, Content: []byte("how far is it"),
		})
		switch {
		case err == nil:
			took = append(took, milliseconds(time.Since(began)))
		case ctx.Err() != nil || failed >= fewest:
			return linkbench.Figure{}, err
		default:
			failed++
		}
	}
	f := linkbench.NewFigure("stem_request_ms", "ms", took)
	f.Add("relays", 3).Add("failed", failed)
	return f, nil
}
