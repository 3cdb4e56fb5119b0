// The shape of files: how long, how long their functions, and what they say first.

package rules

import (
	"fmt"
	"go/ast"
	"go/build/constraint"
	"go/token"
	"slices"
	"strings"
)

// Limits, in lines.
const (
	fileSmells = 400
	fileFails  = 700
	// A screen is some 60 lines; a function is refused only when it is plainly over.
	functionFails = 80
)

// checkLength refuses files and functions that are too long.
func checkLength(tree []source) []violation {
	var found []violation
	for _, s := range tree {
		if s.lines > fileFails {
			found = append(found, violation{s.path, fmt.Sprintf("it has %d lines, %d are the limit; it has more than one idea", s.lines, fileFails)})
		}
		for _, d := range s.file.Decls {
			f, ok := d.(*ast.FuncDecl)
			if !ok {
				continue
			}
			lines := s.set.Position(f.End()).Line - s.set.Position(f.Pos()).Line + 1
			if lines > functionFails {
				found = append(found, violation{s.at(f.Pos()), fmt.Sprintf("%s has %d lines, %d are the limit; a function fits a screen", f.Name.Name, lines, functionFails)})
			}
		}
	}
	return found
}

// smellOfLength lists files that are long without being refused.
func smellOfLength(tree []source) []violation {
	var found []violation
	for _, s := range tree {
		if s.lines > fileSmells && s.lines <= fileFails {
			found = append(found, violation{s.path, fmt.Sprintf("it has %d lines; does it have two ideas?", s.lines)})
		}
	}
	return found
}

// checkDocs wants one package comment for every package, and in every file a comment that says what its one idea is:
// above the package clause, below the imports, or on the first declaration where that is the idea. The tests of x.go in
// x_test.go have its idea.
func checkDocs(tree []source) []violation {
	var found []violation
	documented, present := map[string]bool{}, map[string]bool{}
	for _, s := range tree {
		present[s.path] = true
	}
	for _, s := range tree {
		if s.file.Doc != nil && !s.isTest() {
			documented[s.dir()] = true
		}
		tested := strings.TrimSuffix(s.path, "_test.go") + ".go"
		if !opens(s) && !(s.isTest() && present[tested]) {
			found = append(found, violation{s.path, "it does not say its one idea in a first comment"})
		}
	}
	for _, s := range tree {
		if !s.isTest() && !documented[s.dir()] {
			found = append(found, violation{s.dir(), "no file of the package has a package comment"})
			documented[s.dir()] = true // once is enough
		}
	}
	return found
}

// opens tells whether a file has a comment, other than a build constraint, before the first declaration that is no
// import. Comments inside of the imports explain imports.
func opens(s source) bool {
	end := s.file.End()
	for _, d := range s.file.Decls {
		if group, ok := d.(*ast.GenDecl); !ok || group.Tok != token.IMPORT {
			end = d.Pos()
			break
		}
	}
	for _, group := range s.file.Comments {
		if group.Pos() > end {
			return false
		}
		inside := slices.ContainsFunc(s.file.Decls, func(d ast.Decl) bool { return d.Pos() < group.Pos() && group.End() < d.End() })
		if first := group.List[0].Text; !inside && !constraint.IsGoBuild(first) && !strings.HasPrefix(first, "//go:") {
			return true
		}
	}
	return false
}
