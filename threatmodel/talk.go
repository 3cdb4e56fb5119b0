package threatmodel

import (
	"errors"
	"time"

	"sotto/noise"
	"sotto/threatmodel/lab"
)

// Links between nodes of a lab that have something to say to each other.

// errNoLink means that a lab did not get as far as its measurement.
var errNoLink = errors.New("threatmodel: a link of the lab did not come up")

// end is one end of a link.
type end struct {
	node *lab.Node
	id   noise.LinkID
}

// talk keeps the ends of the links that it made.
type talk struct {
	lab  *lab.Lab
	zero []byte
	ends map[end]noise.Pattern
	all  []end // in the order in which they came up, since maps have none
}

func newTalk(l *lab.Lab) *talk {
	return &talk{lab: l, zero: make([]byte, noise.FrameLen), ends: make(map[end]noise.Pattern)}
}

// handle is what a node of the lab needs to be talked with: it notes ends as they come and go.
func (t *talk) handle(n *lab.Node) {
	n.OnEvent(func(_ time.Time, e noise.Event) {
		at := end{n, e.Link}
		switch e.Kind {
		case noise.LinkUp:
			t.ends[at] = e.Pattern
			t.all = append(t.all, at)
		case noise.LinkDown:
			delete(t.ends, at)
		}
	})
}

// link dials and lets the link come up at both ends.
func (t *talk) link(from, to *lab.Node, p noise.Pattern, keepalive time.Duration) error {
	t.handle(from)
	t.handle(to)
	before := len(t.ends)
	target := to.Target(p)
	target.Keepalive = keepalive
	if _, err := from.Dial(target); err != nil {
		return err
	}
	t.lab.Run(5 * time.Second)
	if len(t.ends) != before+2 {
		return errNoLink
	}
	return nil
}

// links is how many ends are up.
func (t *talk) links() int { return len(t.ends) }

// zeros sends an empty frame from every end.
func (t *talk) zeros() {
	for _, e := range t.all {
		if _, up := t.ends[e]; up {
			// A link that ended this moment is noticed at the end of the run.
			_ = e.node.Send(e.id, t.zero)
		}
	}
}
