package threatmodel

import (
	"bytes"
	"encoding/json"
	"fmt"
	"log/slog"
	"reflect"
	"slices"
	"sync"

	"sotto/threatmodel/lab"
)

// The listener of P18: it hears every text that the program writes, by kind of source, and searches it for canaries.

// listener is ready after newListener. Nodes log from goroutines of their own.
type listener struct {
	mu       sync.Mutex
	canaries []lab.Canary
	order    []string
	texts    map[string]int
	found    map[string]int
	finds    []string // the first of each kind: which canary, where
}

func newListener() *listener {
	return &listener{texts: make(map[string]int), found: make(map[string]int)}
}

// plant adds canaries.
func (l *listener) plant(c ...lab.Canary) { l.canaries = append(l.canaries, c...) }

// hear searches one text. what says what was written, for the reader of a find.
func (l *listener) hear(source, what string, text []byte) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.texts[source] == 0 {
		l.order = append(l.order, source)
	}
	l.texts[source]++
	for _, name := range lab.Search(l.canaries, text) {
		l.found[source]++
		find := fmt.Sprintf("%s: %s, in %s", source, name, what)
		if !slices.Contains(l.finds, find) {
			l.finds = append(l.finds, find)
		}
	}
}

// writer hears what is written to it.
func (l *listener) writer(source, what string) *heardWriter { return &heardWriter{l, source, what} }

type heardWriter struct {
	l            *listener
	source, what string
}

func (w *heardWriter) Write(p []byte) (int, error) {
	w.l.hear(w.source, w.what, p)
	return len(p), nil
}

// figures are one a source.
func (l *listener) figures(m *Measurement) {
	for _, source := range l.order {
		m.add("", never("texts with canaries: "+source, l.found[source], l.texts[source]))
	}
	for _, f := range l.finds {
		m.remark("found: %s", f)
	}
	m.remark("%d canaries, each searched for as bytes, in hexadecimal, in base64 at three alignments, escaped for URLs, and as Go prints bytes", len(l.canaries))
}

// verbs are the ways in which fmt prints. %p is left out: fmt asks no type about it, and go vet refuses it for values.
var verbs = []string{"%v", "%+v", "%#v", "%s", "%q", "%x", "%X", "%d", "%o", "%b", "%c", "%U", "%e", "%t"}

// print prints a value in every way that programs print values: by all verbs, behind a pointer, inside of other values,
// in an error, as JSON, and by the handlers of slog.
func (l *listener) print(v any) {
	const source = "values printed"
	what := fmt.Sprintf("%T", v)
	shapes := []any{v, []any{v}, map[string]any{"v": v}, struct{ V any }{v}}
	if r := reflect.ValueOf(v); r.Kind() != reflect.Pointer {
		p := reflect.New(r.Type())
		p.Elem().Set(r)
		shapes = append(shapes, p.Interface(), reflect.Append(reflect.MakeSlice(reflect.SliceOf(r.Type()), 0, 1), r).Interface())
	}
	for _, shape := range shapes {
		for _, verb := range verbs {
			l.hear(source, what+" by "+verb, fmt.Appendf(nil, verb, shape))
		}
		l.hear(source, what+" in an error", []byte(fmt.Errorf("failed for %v", shape).Error()))
		if b, err := json.Marshal(shape); err == nil {
			l.hear(source, what+" as JSON", b)
		}
		var text bytes.Buffer
		o := &slog.HandlerOptions{Level: slog.LevelDebug, AddSource: true}
		for _, h := range []slog.Handler{slog.NewTextHandler(&text, o), slog.NewJSONHandler(&text, o)} {
			slog.New(h).Debug("x", "v", shape, slog.Group("g", "v", shape))
			slog.New(h).With("v", shape).Debug("x")
		}
		l.hear(source, what+" by slog", text.Bytes())
	}
}
