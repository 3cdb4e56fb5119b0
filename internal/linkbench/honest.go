package linkbench

// Honest initiators: new nodes that dial one endpoint at a modest rate, each once.

import (
	"context"
	"errors"
	"net/netip"
	"sync"
	"time"

	"sotto/noise"
)

// dialled is how honest dials ended.
type dialled struct {
	dials int
	took  []float64 // milliseconds to the link, of those that got one
}

// dialHonestly begins dials for a while and returns when all have ended. apart tells whether the machine has an address
// for each initiator.
func dialHonestly(ctx context.Context, victim *node, during time.Duration, apart bool) (dialled, error) {
	var (
		all    sync.WaitGroup
		mu     sync.Mutex
		result dialled
		broken error
	)
	every := honestAlone
	if apart {
		every = honestEvery
	}
	next := time.NewTicker(every)
	defer next.Stop()
	for until := time.Now().Add(during); ctx.Err() == nil; {
		pattern := noise.IK
		if result.dials%2 == 1 {
			pattern = noise.NK
		}
		at := sourceAddr(honestNet, result.dials, apart)
		result.dials++
		all.Go(func() {
			took, up, err := dialOnce(ctx, at, victim.target(pattern))
			mu.Lock()
			defer mu.Unlock()
			if err != nil {
				broken = err
			} else if up {
				result.took = append(result.took, float64(took)/1e6)
			}
		})
		select {
		case <-next.C:
		case <-ctx.Done():
		}
		if !time.Now().Before(until) {
			break
		}
	}
	all.Wait()
	return result, errors.Join(broken, ctx.Err())
}

// dialOnce starts a node at an address, dials, and ends the node again.
func dialOnce(ctx context.Context, at netip.Addr, t noise.Target) (took time.Duration, up bool, err error) {
	verdict := make(chan bool, 1)
	n, err := startNode(ctx, at, func(e noise.Event) {
		if e.Kind == noise.LinkUp || e.Kind == noise.LinkDown {
			select {
			case verdict <- e.Kind == noise.LinkUp:
			default:
			}
		}
	})
	if err != nil {
		return 0, false, err
	}
	defer n.stop()
	began := time.Now()
	if _, err := n.endpoint.Dial(t); err != nil {
		return 0, false, err
	}
	select {
	case up = <-verdict:
		return time.Since(began), up, nil
	case <-ctx.Done():
		return 0, false, ctx.Err()
	}
}

// sourceAddr is the i-th address of 127.NET.0.0/16, or 127.0.0.1 where a machine has no other loopback address.
func sourceAddr(net byte, i int, apart bool) netip.Addr {
	if !apart {
		return local()
	}
	return netip.AddrFrom4([4]byte{127, net, byte(i >> 7), byte(i) | 1<<7})
}

// hasAddress tells whether a socket can be opened at an address of this machine.
func hasAddress(a netip.Addr) bool {
	p, err := noise.ListenUDP(netip.AddrPortFrom(a, 0), noise.UDPOptions{})
	if err != nil {
		return false
	}
	return p.Close() == nil
}
