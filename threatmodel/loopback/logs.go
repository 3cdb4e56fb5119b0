package loopback

// The logs of all nodes at the most verbose level, as the nodes write them: no net catches what a node should not have
// logged.

import (
	"log/slog"
	"sync"
	"sync/atomic"

	"sotto/threatmodel/lab"
)

// logbook takes lines and searches them. It is safe for concurrent use.
type logbook struct {
	sieve atomic.Pointer[lab.Sieve] // nil until there are canaries

	mu    sync.Mutex
	lines int
	found map[string]int
}

func (l *logbook) logger() *slog.Logger {
	return slog.New(slog.NewTextHandler(l, &slog.HandlerOptions{Level: slog.LevelDebug}))
}

// Write is called by the handler once a line.
func (l *logbook) Write(line []byte) (int, error) {
	var found []string
	if s := l.sieve.Load(); s != nil {
		found = s.Search(line)
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	l.lines++
	for _, name := range found {
		if l.found == nil {
			l.found = make(map[string]int)
		}
		l.found[name]++
	}
	return len(line), nil
}
