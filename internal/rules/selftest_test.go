// Every rule, tried on a small tree that breaks it and on one that does not: a rule that cannot fail is no rule.

package rules

import (
	"strings"
	"testing"
	"testing/fstest"
)

// files is a small tree: path and text.
type files map[string]string

func (f files) parse(t *testing.T) (fstest.MapFS, []source) {
	t.Helper()
	top := fstest.MapFS{}
	for name, text := range f {
		top[name] = &fstest.MapFile{Data: []byte(text)}
	}
	tree, err := parseTree(top)
	if err != nil {
		t.Fatal(err)
	}
	return top, tree
}

// expect wants exactly the violations whose texts contain the parts, in any order.
func expect(t *testing.T, found []violation, parts ...string) {
	t.Helper()
	for _, part := range parts {
		hits := 0
		for _, v := range found {
			if strings.Contains(v.String(), part) {
				hits++
			}
		}
		if hits != 1 {
			t.Errorf("%d violations say %q, want 1", hits, part)
		}
	}
	if len(found) != len(parts) {
		t.Errorf("found %d violations, want %d: %v", len(found), len(parts), found)
	}
}

func TestArrowsAreCaught(t *testing.T) {
	small := []room{
		{path: "high", may: []string{"low", "high/..."}, why: "because"},
		{path: "high/...", may: []string{"low", "high/..."}, why: "parts do not import their root"},
		{path: "low", why: "it is low"},
		{path: "internal/simnet", why: "alone"},
	}
	locks := []door{{"example.org/lock", []string{"low"}, "one door"}}
	expect(t, checkArrows([]listed{
		{ImportPath: "sotto/high", Imports: []string{"fmt", "sotto/low", "sotto/high/part"}, XTestImports: []string{"sotto/high", "sotto/internal/simnet"}},
		{ImportPath: "sotto/high/part", Imports: []string{"sotto/low", "sotto/high/other"}},
		{ImportPath: "sotto/low", Imports: []string{"example.org/lock/inner", "crypto/sha256"}},
		{ImportPath: "sotto/internal/simnet"},
	}, small, locks))
	expect(t, checkArrows([]listed{
		{ImportPath: "sotto/high", Imports: []string{"example.org/lock"}},
		{ImportPath: "sotto/high/part", Imports: []string{"sotto/high"}},
		{ImportPath: "sotto/low", Imports: []string{"sotto/high"}, TestImports: []string{"sotto/high/part"}, XTestImports: []string{"example.org/other"}},
		{ImportPath: "sotto/attic"},
		{ImportPath: "sotto/internal/simnet", Imports: []string{"example.org/locksmith", "sotto/internal/simnet/x"}},
	}, small, locks),
		"high: may not import example.org/lock: its door is low (one door)",
		"high/part: may not import high: parts do not import their root",
		"low: may not import high: it is low",
		"low: may not import high/part",
		"low: may not import example.org/other: it has no row",
		"attic: it has no row",
		"internal/simnet: may not import example.org/locksmith",
		"internal/simnet: may not import internal/simnet/x",
	)
	expect(t, checkEmptyRooms([]listed{{ImportPath: "sotto/high"}, {ImportPath: "sotto/internal/simnet"}}, small),
		"high/...: no package", "low: no package")
}

func TestSimnetIsForTests(t *testing.T) {
	expect(t, checkArrows([]listed{{ImportPath: "sotto/noise", Imports: []string{"sotto/internal/simnet"}, TestImports: []string{"sotto/internal/simnet"}}}, rooms, doors),
		"noise: may not import internal/simnet")
}

func TestUnknownModulesAreCaught(t *testing.T) {
	var mod goMod
	mod.Require = []struct{ Path string }{{"example.org/known"}, {"example.org/new"}}
	mod.Replace = make([]struct{ Old struct{ Path string } }, 1)
	mod.Replace[0].Old.Path = "example.org/known"
	expect(t, checkModules(mod, []module{{"example.org/known", "needed"}, {"example.org/gone", "was needed"}}),
		"example.org/new has no row", "example.org/gone is in the table of modules only", "example.org/known is replaced")
}

func TestLengthIsCaught(t *testing.T) {
	function := func(lines int) string { return "func f() {\n" + strings.Repeat("\n", lines-2) + "}\n" }
	_, tree := files{
		"a/fits.go":  "package a\n" + function(functionFails),
		"a/long.go":  "package a\n" + function(functionFails+1),
		"a/smell.go": "package a\n" + strings.Repeat("\n", fileSmells),
		"a/huge.go":  "package a\n" + strings.Repeat("\n", fileFails),
	}.parse(t)
	expect(t, checkLength(tree), "a/long.go:2: f has 81 lines", "a/huge.go: it has 701 lines")
	expect(t, smellOfLength(tree), "a/smell.go: it has 401 lines")
}

func TestMissingWordsAreCaught(t *testing.T) {
	_, tree := files{
		"a/doc.go":       "// Package a is there.\npackage a\n",
		"a/idea.go":      "// The idea.\n\npackage a\n\nvar x = 1\n",
		"a/after.go":     "package a\n\n// The idea.\n\nvar x = 1\n",
		"a/first.go":     "package a\n\nimport \"fmt\"\n\n// x is the idea.\nvar x = 1\n",
		"a/inside.go":    "package a\n\nimport (\n\t// An import.\n\t\"fmt\"\n)\n\nvar x = 1\n",
		"a/late.go":      "package a\n\nvar x = 1\n\n// Too late.\n",
		"a/build.go":     "//go:build unix\n\npackage a\n\nvar x = 1\n",
		"a/late_test.go": "package a\n\nvar y = 1\n",
		"a/lone_test.go": "package a\n\nvar z = 1\n",
		"b/b.go":         "// The idea.\n\npackage b\n",
		"b/b_test.go":    "// Package b is documented by its test only.\npackage b\n",
		"testdata/x.go":  "package broken {",
	}.parse(t)
	expect(t, checkDocs(tree), "a/late.go: it does not say", "a/inside.go: it does not say", "a/lone_test.go: it does not say",
		"a/build.go: it does not say", "b: no file of the package has a package comment")
}

func TestVariablesAreCaught(t *testing.T) {
	_, tree := files{
		"a/good.go": `package a
			var ErrA = errors.New("a: b")
			var ErrB, ErrC = fmt.Errorf("a: %w", ErrA), errors.New("c")
			var _ io.Reader = (*t)(nil)
			var table = []row{{"x", 1 << 3, f, net.Flag, []string{}}, {"y", -1, func() {}, nil, []string{"z"}}}
			var names = map[string]help{"": {text: "a" + "b"}}
			var label = []byte("sotto a v1")
			var pattern = regexp.MustCompile("^a$")
			var zero = [4]byte{}
			//go:embed words
			var words string`,
		"a/good_test.go": `package a
			var update = flag.Bool("update", false, "write the vectors anew")
			var start = time.Unix(1_800_000_000, 0)
			var key = sync.OnceValue(func() int { return 1 })`,
		"a/bad.go": `package a
			var bare int
			var counter = 0
			var lock sync.Mutex
			var cache = map[string]int{}
			var queue = []int{}
			var made = make(chan int)
			var shared = &row{}
			var inside = []*row{&row{}}
			var now = time.Now()
			var update = flag.Bool("update", false, "")
			var once = sync.OnceValue(f)
			var late = time.Unix(now(), 0)
			var dynamic = regexp.MustCompile(build())`,
	}.parse(t)
	expect(t, checkVariables(tree), "variable bare ", "variable counter ", "variable lock ", "variable cache ", "variable queue ", "variable made ",
		"variable shared ", "variable inside ", "variable now ", "variable update ", "variable once ", "variable late ",
		"variable dynamic ")
}

func TestHabitsAreCaught(t *testing.T) {
	_, tree := files{
		"internal/simnet/a.go":   "package simnet\nimport \"math/rand/v2\"\nvar _ = rand.Int",
		"internal/xbench/a.go":   "package xbench\nimport \"math/rand\"\nvar _ = rand.Int",
		"cmd/sotto/a.go":         "package main\nfunc f() { fmt.Println(1) }",
		"noise/good_test.go":     "package noise\nimport \"math/rand\"\nfunc ExampleX() { fmt.Println(rand.Int()) }",
		"noise/bubble_test.go":   "package noise\nimport \"testing/synctest\"\nfunc TestX(t *testing.T) { synctest.Test(t, func(t *testing.T) { time.Sleep(1) }) }\nfunc wait() { time.Sleep(1) }",
		"noise/a.go":             "package noise\nimport \"math/rand\"\nfunc init() {}\ntype t int\nfunc (t) init() {}",
		"noise/b.go":             "package noise\nimport \"log\"\nfunc f() { log.Print(1); fmt.Printf(\"\"); println(); slog.Info(\"\"); slog.New(nil) }",
		"noise/sleep_test.go":    "package noise\nfunc TestY(t *testing.T) { time.Sleep(1) }",
		"noise/bubble2_test.go":  "package noise\nimport \"testing/synctest\"\nfunc TestZ(t *testing.T) { time.Sleep(1); synctest.Test(t, nil) }",
		"cmd/sotto/b.go":         "package main\nfunc g() { println() }",
		"noise/start_test.go":    "package noise\nfunc init() {}",
		"noise/stillhere.md":     "no Go",
		".hidden/a.go":           "package hidden\nfunc init() {}",
		"noise/testdata/gone.go": "package gone\nfunc init() {}",
	}.parse(t)
	expect(t, checkHabits(tree), "noise/a.go: it imports math/rand", "noise/a.go:3: init runs", "noise/b.go: it imports log", "noise/b.go:3: Printf writes",
		"noise/b.go:3: println writes", "noise/b.go:3: slog.Info", "noise/sleep_test.go:2: a test sleeps", "noise/bubble2_test.go:3: a test sleeps",
		"cmd/sotto/b.go:2: println", "noise/start_test.go:2: init")
}

func TestUnlistedDecisionsAreCaught(t *testing.T) {
	top, _ := files{
		"docs/decisions/README.md":   "[one](0001-one.md), 0002-two.md",
		"docs/decisions/0001-one.md": "",
		"docs/decisions/0002-two.md": "",
		"docs/decisions/0002-too.md": "",
		"docs/decisions/notes.md":    "",
	}.parse(t)
	found, err := checkDecisions(top)
	if err != nil {
		t.Fatal(err)
	}
	expect(t, found, "0002-two.md: docs/decisions/README.md does not list it", "0002-too.md: docs/decisions/README.md does not list it",
		"its number is taken by 0002-too.md", "notes.md: a decision is called")
	if _, err := checkDecisions(fstest.MapFS{}); err == nil {
		t.Error("no decisions at all are no fault")
	}
}

func TestDeadLinksAreCaught(t *testing.T) {
	top, _ := files{
		"README.md":    "[a](docs/a.md), [part](docs/a.md#part), [folder](docs), [web](https://example.org/x.md), [gone](gone.md)",
		"docs/a.md":    "[up](../README.md), [away](b.md#x)",
		".hidden/a.md": "[gone](gone.md)",
	}.parse(t)
	found, err := checkLinks(top)
	if err != nil {
		t.Fatal(err)
	}
	expect(t, found, "README.md: it links to gone.md", "docs/a.md: it links to docs/b.md")
}

func TestMissingSeedsAreCaught(t *testing.T) {
	top, tree := files{
		"a/a_test.go": `package a
			func FuzzAdds(f *testing.F) { f.Add(1); f.Fuzz(nil) }
			func FuzzByOther(f *testing.F) { seed(f, 1); f.Fuzz(nil) }
			func seed(f *testing.F, n int) { f.Add(n) }
			func FuzzByFile(f *testing.F) { f.Fuzz(nil) }
			func FuzzNothing(f *testing.F) { other.Add(1); unseeded(f); f.Fuzz(nil) }
			func unseeded(f *testing.F) { other.Add(2) }`,
		"a/testdata/fuzz/FuzzByFile/seed": "go test fuzz v1",
	}.parse(t)
	expect(t, checkSeeds(top, tree), "FuzzNothing has no seed")
}
