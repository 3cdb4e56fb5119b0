// Variables of packages: sentinels and tables, and nothing that could change.

package rules

import (
	"fmt"
	"go/ast"
	"go/token"
	"slices"
	"strings"
)

// values are the functions whose results cannot change: sentinels, and literals that Go has no syntax for. So are
// Must… functions (regexp.MustCompile, netip.MustParsePrefix).
var values = []string{
	"errors.New", "fmt.Errorf",
	"time.Unix", "time.Date",
	"netip.AddrFrom4", "netip.AddrFrom16", "netip.AddrPortFrom", "netip.PrefixFrom",
	"flynn.NewCipherSuite", // three stateless algorithms under one name
}

// inTests are such functions for tests alone: what the command line said, what is costly and made once.
var inTests = []string{"flag.Bool", "flag.Int", "flag.Uint64", "flag.String", "flag.Duration", "sync.OnceValue", "sync.OnceValues"}

// checkVariables refuses variables at package level other than:
//   - results of the functions above, for constant arguments;
//   - composite literals that are not empty and hold constants, functions and such literals again, the tables;
//   - []byte("…"), a constant that Go has no constants for;
//   - files embedded by the compiler;
//   - "_", an assertion.
func checkVariables(tree []source) []violation {
	var found []violation
	for _, s := range tree {
		for _, d := range s.file.Decls {
			group, ok := d.(*ast.GenDecl)
			if !ok || group.Tok != token.VAR {
				continue
			}
			for _, spec := range group.Specs {
				v := spec.(*ast.ValueSpec)
				if embedded(group.Doc) || embedded(v.Doc) || fixed(v, s.isTest()) {
					continue
				}
				found = append(found, violation{s.at(v.Pos()),
					fmt.Sprintf("the package variable %s is neither a sentinel nor a table; give it to whom needs it", v.Names[0].Name)})
			}
		}
	}
	return found
}

func embedded(doc *ast.CommentGroup) bool {
	if doc == nil {
		return false
	}
	for _, c := range doc.List {
		if strings.HasPrefix(c.Text, "//go:embed ") {
			return true
		}
	}
	return false
}

// fixed tells whether a variable is one of the kinds that checkVariables lists.
func fixed(v *ast.ValueSpec, test bool) bool {
	named := false
	for _, name := range v.Names {
		named = named || name.Name != "_"
	}
	if !named {
		return true
	}
	if len(v.Values) != len(v.Names) {
		return false
	}
	for _, value := range v.Values {
		switch value := value.(type) {
		case *ast.CompositeLit:
			if emptyTable(value) || !constant(value) {
				return false
			}
		case *ast.CallExpr:
			pkg, name := calledFrom(value)
			if !constant(value) && !(test && slices.Contains(inTests, pkg+"."+name)) {
				return false
			}
		default:
			return false
		}
	}
	return true
}

// emptyTable tells whether a literal is a map or slice that somebody is going to fill.
func emptyTable(lit *ast.CompositeLit) bool {
	if len(lit.Elts) > 0 {
		return false
	}
	_, isMap := lit.Type.(*ast.MapType)
	list, isList := lit.Type.(*ast.ArrayType)
	return isMap || isList && list.Len == nil
}

// constant tells whether an expression cannot change and has no effect: as far as one can see without types.
func constant(e ast.Expr) bool {
	switch e := e.(type) {
	case *ast.BasicLit, *ast.Ident, *ast.FuncLit:
		return true
	case *ast.SelectorExpr:
		return constant(e.X)
	case *ast.ParenExpr:
		return constant(e.X)
	case *ast.UnaryExpr:
		return e.Op != token.AND && e.Op != token.ARROW && constant(e.X)
	case *ast.BinaryExpr:
		return constant(e.X) && constant(e.Y)
	case *ast.KeyValueExpr:
		return constant(e.Key) && constant(e.Value)
	case *ast.CompositeLit:
		return allConstant(e.Elts)
	case *ast.CallExpr:
		_, isConversion := e.Fun.(*ast.ArrayType)
		pkg, name := calledFrom(e)
		return (isConversion || strings.HasPrefix(name, "Must") || slices.Contains(values, pkg+"."+name)) && allConstant(e.Args)
	}
	return false
}

func allConstant(list []ast.Expr) bool {
	for _, e := range list {
		if !constant(e) {
			return false
		}
	}
	return true
}
