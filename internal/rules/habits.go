// What may not be written: real sleeps, weak randomness, printing and logging past the caller, hidden starts.

package rules

import (
	"fmt"
	"go/ast"
	"slices"
	"strings"
)

// checkHabits refuses single calls and imports, each with its reason.
func checkHabits(tree []source) []violation {
	var found []violation
	bubbles := bubblesOf(tree)
	for _, s := range tree {
		found = append(found, weakRandomness(s)...)
		found = append(found, hiddenStarts(s)...)
		if s.isTest() {
			found = append(found, realSleeps(s, bubbles[s.dir()])...)
		} else {
			found = append(found, pastTheCaller(s)...)
		}
	}
	return found
}

// weakRandomness: what is predictable belongs into simulations and benchmarks, where it is wanted.
func weakRandomness(s source) []violation {
	simulated := s.isTest() || s.dir() == "internal/simnet" || s.dir() == "internal/shaper" || strings.HasPrefix(s.dir(), "internal/") && strings.HasSuffix(s.dir(), "bench")
	if simulated || !s.imports("math/rand") && !s.imports("math/rand/v2") {
		return nil
	}
	return []violation{{s.path, "it imports math/rand; randomness comes from crypto/rand, or through an io.Reader from the caller"}}
}

// hiddenStarts: what runs because a package was imported can be neither waited for nor tested.
func hiddenStarts(s source) []violation {
	var found []violation
	for _, d := range s.file.Decls {
		if f, ok := d.(*ast.FuncDecl); ok && f.Recv == nil && f.Name.Name == "init" {
			found = append(found, violation{s.at(f.Pos()), "init runs unasked; do it in New or in main"})
		}
	}
	return found
}

// pastTheCaller: output and logs go where the caller says. Only the command knows its own standard output, and it has
// it in its env.
func pastTheCaller(s source) []violation {
	var found []violation
	if s.imports("log") {
		found = append(found, violation{s.path, "it imports log, which is global; take a *slog.Logger from the caller"})
	}
	command := strings.HasPrefix(s.path, "cmd/")
	ast.Inspect(s.file, func(n ast.Node) bool {
		call, ok := n.(*ast.CallExpr)
		if !ok {
			return true
		}
		pkg, name := calledFrom(call)
		if builtin, ok := call.Fun.(*ast.Ident); ok && (builtin.Name == "print" || builtin.Name == "println") {
			pkg, name = "builtin", builtin.Name
		}
		switch {
		case pkg == "builtin", !command && pkg == "fmt" && strings.HasPrefix(name, "Print"):
			found = append(found, violation{s.at(call.Pos()), fmt.Sprintf("%s writes to the standard streams; write to what the caller gave", name)})
		case pkg == "slog" && slices.Contains([]string{"Default", "SetDefault", "Debug", "Info", "Warn", "Error", "Log"}, name):
			found = append(found, violation{s.at(call.Pos()), fmt.Sprintf("slog.%s is the global log; take a *slog.Logger from the caller", name)})
		}
		return true
	})
	return found
}

// realSleeps: a test that waits in real time is slow when it passes and wrong when the machine is slow. Inside a
// bubble of testing/synctest time is fake, and sleeping is how it passes.
//
// bubbles are the functions of the package's tests that open one. A package that has any may have functions that are
// called inside of them, and these may sleep.
func realSleeps(s source, bubbles map[string]bool) []violation {
	var found []violation
	for _, d := range s.file.Decls {
		f, ok := d.(*ast.FuncDecl)
		if !ok {
			continue
		}
		entered := strings.HasPrefix(f.Name.Name, "Test") || strings.HasPrefix(f.Name.Name, "Fuzz") || strings.HasPrefix(f.Name.Name, "Benchmark")
		if len(bubbles) > 0 && !entered {
			continue
		}
		ast.Inspect(f, func(n ast.Node) bool {
			call, ok := n.(*ast.CallExpr)
			if !ok {
				return true
			}
			switch pkg, name := calledFrom(call); {
			case pkg == "synctest" && name == "Test", pkg == "" && bubbles[name]:
				return false
			case pkg == "time" && name == "Sleep":
				found = append(found, violation{s.at(call.Pos()), "a test sleeps in real time; use a bubble of testing/synctest"})
			}
			return true
		})
	}
	return found
}

// bubblesOf finds, by folder, the functions of tests that call synctest.Test: what is handed to them runs in a bubble.
func bubblesOf(tree []source) map[string]map[string]bool {
	found := make(map[string]map[string]bool)
	for _, s := range tree {
		if !s.isTest() || !s.imports("testing/synctest") {
			continue
		}
		if found[s.dir()] == nil {
			found[s.dir()] = make(map[string]bool)
		}
		for _, d := range s.file.Decls {
			f, ok := d.(*ast.FuncDecl)
			if !ok || f.Recv != nil {
				continue
			}
			ast.Inspect(f, func(n ast.Node) bool {
				if call, ok := n.(*ast.CallExpr); ok {
					if pkg, name := calledFrom(call); pkg == "synctest" && name == "Test" {
						found[s.dir()][f.Name.Name] = true
					}
				}
				return true
			})
		}
	}
	return found
}
