// The source tree as the rules see it: every Go file, parsed, for every system.

package rules

import (
	"bytes"
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"io/fs"
	"path"
	"strings"
)

// source is one Go file.
type source struct {
	path  string // slash-separated, from the root of the module
	lines int
	file  *ast.File
	set   *token.FileSet
}

func (s source) dir() string  { return path.Dir(s.path) }
func (s source) isTest() bool { return strings.HasSuffix(s.path, "_test.go") }

// at is a place in the file, as editors and compilers write it.
func (s source) at(p token.Pos) string { return fmt.Sprintf("%s:%d", s.path, s.set.Position(p).Line) }

// imports tells whether the file imports a package.
func (s source) imports(name string) bool {
	for _, spec := range s.file.Imports {
		if spec.Path.Value == `"`+name+`"` {
			return true
		}
	}
	return false
}

// ignored tells whether a directory is one that the go command passes by.
func ignored(dir string) bool {
	base := path.Base(dir)
	return dir != "." && (base == "testdata" || strings.HasPrefix(base, ".") || strings.HasPrefix(base, "_"))
}

// parseTree reads every Go file below the root, whatever system it is for.
func parseTree(root fs.FS) ([]source, error) {
	var all []source
	set := token.NewFileSet()
	err := fs.WalkDir(root, ".", func(name string, entry fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		if entry.IsDir() && ignored(name) {
			return fs.SkipDir
		}
		if path.Ext(name) != ".go" {
			return nil
		}
		text, err := fs.ReadFile(root, name)
		if err != nil {
			return err
		}
		file, err := parser.ParseFile(set, name, text, parser.ParseComments|parser.SkipObjectResolution)
		if err != nil {
			return err
		}
		all = append(all, source{path: name, lines: bytes.Count(text, []byte("\n")), file: file, set: set})
		return nil
	})
	return all, err
}

// calledFrom returns the names of "pkg.Name" where call is such a selector, by the name the package has by default.
func calledFrom(call *ast.CallExpr) (pkg, name string) {
	if selector, ok := call.Fun.(*ast.SelectorExpr); ok {
		if left, ok := selector.X.(*ast.Ident); ok {
			return left.Name, selector.Sel.Name
		}
	}
	if own, ok := call.Fun.(*ast.Ident); ok {
		return "", own.Name
	}
	return "", ""
}
