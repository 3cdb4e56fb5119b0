// What the shell promises when several things happen at once.

package onion

import (
	"bytes"
	"testing"
	"time"

	"sotto/noise"
	"sotto/onion/cell"
	"sotto/onion/circuit"
	"sotto/onion/layer"
	"sotto/onion/session"
	"sotto/overlay/link"
)

func TestCellsThatAreQueuedStayAsTheyAreWhenALinkChangesAmongThem(t *testing.T) {
	inShellLab(t, 3, func(l *shellLab) {
		u := l.user()
		conn, err := u.host.Listen(4433)
		l.must(err)
		pipe := noise.NewPacketPipe(conn)
		defer pipe.Close()
		c := u.cfg
		o := &c.Overlay
		o.Overlay, o.Calendar, o.Trust, o.Seeds, o.Pipe, o.ClosePipe = l.over, l.calendar, labAuthority{}, l.seeds, pipe, pipe.Close
		n, err := NewNode(c)
		l.must(err)

		// says makes the client say something, and a cell come in.
		says := func(to circuit.Neighbor) {
			d := l.seeds[0]
			key := d.Daily().OnionKey().Bytes()
			public, err := layer.ParsePublic(key[:])
			l.must(err)
			_, err = n.client.origin.Build(time.Now(), to, []layer.Target{{Node: d.NodeID().Bytes(), Key: public}})
			l.must(err)
			n.cell(link.Neighbor(to), false, make([]byte, cell.FrameLen))
		}
		says(1)
		n.linkEvent(link.Event{Kind: link.Down, Neighbor: 9, Node: l.seeds[2].NodeID()})
		queued := n.lent[0].Frame // the overlay has it until the batch is over
		before := bytes.Clone(queued)
		says(2)
		n.cellsDone()
		says(2) // as another goroutine may before the overlay goes on
		if !bytes.Equal(queued, before) {
			t.Error("a cell for one neighbour was written over with one for another")
		}
		n.cellsDone()
		if len(n.lent) != 1 {
			t.Errorf("%d cells are kept", len(n.lent))
		}
	})
}

func TestMessagesGoOnAfterAPauseWhateverComesBetween(t *testing.T) {
	s := &Session{more: make(chan struct{}, 1)}
	for range maxWaitingMessages {
		s.tell(session.Event{Kind: session.Message, Bytes: []byte("x")})
	}
	if !s.full() {
		t.Fatal("not full")
	}
	// One is taken, and a datagram comes: the session below is paused still.
	resumed := false
	take := func() {
		_, ok, resume, _ := s.take()
		if !ok {
			t.Fatal("nothing there")
		}
		resumed = resumed || resume
	}
	take()
	s.tell(session.Event{Kind: session.Datagram, Bytes: []byte("y")})
	s.full()
	for range maxWaitingMessages {
		take()
	}
	if !resumed {
		t.Error("all messages are taken, and no others will ever come")
	}
}
