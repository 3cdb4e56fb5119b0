// What one part of the repository promises about another: decisions are listed, links lead somewhere, fuzz targets have
// seeds.

package rules

import (
	"go/ast"
	"io/fs"
	"path"
	"regexp"
	"strings"
)

// decisionName is how a decision's file is called: its number and its title.
var decisionName = regexp.MustCompile(`^[0-9]{4}-[a-z0-9-]+\.md$`)

// checkDecisions wants every file of docs/decisions linked from the README there, and every number used once.
func checkDecisions(root fs.FS) ([]violation, error) {
	const dir = "docs/decisions"
	index, err := fs.ReadFile(root, path.Join(dir, "README.md"))
	if err != nil {
		return nil, err
	}
	entries, err := fs.ReadDir(root, dir)
	if err != nil {
		return nil, err
	}
	var found []violation
	numbers := map[string]string{}
	for _, entry := range entries {
		name := entry.Name()
		if name == "README.md" {
			continue
		}
		where := path.Join(dir, name)
		if !decisionName.MatchString(name) {
			found = append(found, violation{where, "a decision is called NNNN-title.md"})
			continue
		}
		if other := numbers[name[:4]]; other != "" {
			found = append(found, violation{where, "its number is taken by " + other})
		}
		numbers[name[:4]] = name
		if !strings.Contains(string(index), "]("+name+")") {
			found = append(found, violation{where, "docs/decisions/README.md does not list it"})
		}
	}
	return found, nil
}

// linkTo is a link of a page to a file of the repository, without the place in it.
var linkTo = regexp.MustCompile(`\]\(([^):#]+)[^):]*\)`)

// checkLinks wants a file or directory behind every link between pages.
func checkLinks(root fs.FS) ([]violation, error) {
	var found []violation
	err := fs.WalkDir(root, ".", func(name string, entry fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		if entry.IsDir() && ignored(name) {
			return fs.SkipDir
		}
		if path.Ext(name) != ".md" {
			return nil
		}
		page, err := fs.ReadFile(root, name)
		if err != nil {
			return err
		}
		for _, link := range linkTo.FindAllSubmatch(page, -1) {
			to := path.Join(path.Dir(name), string(link[1]))
			if _, err := fs.Stat(root, to); err != nil {
				found = append(found, violation{name, "it links to " + to + ", which is not there"})
			}
		}
		return nil
	})
	return found, err
}

// checkSeeds wants for every fuzz target an input to begin with: an Add in its body or in a function of the same
// package that gets the *testing.F, or a file under testdata/fuzz.
func checkSeeds(root fs.FS, tree []source) []violation {
	adders := map[string]bool{} // directory and function that calls Add
	for _, s := range tree {
		for _, d := range s.file.Decls {
			if f, ok := d.(*ast.FuncDecl); ok && s.isTest() && calls(f, "Add") {
				adders[s.dir()+"."+f.Name.Name] = true
			}
		}
	}
	var found []violation
	for _, s := range tree {
		for _, d := range s.file.Decls {
			f, ok := d.(*ast.FuncDecl)
			if !ok || !isFuzzTarget(s, f) {
				continue
			}
			files, _ := fs.ReadDir(root, path.Join(s.dir(), "testdata", "fuzz", f.Name.Name))
			if !adders[s.dir()+"."+f.Name.Name] && !seededByOther(s, f, adders) && len(files) == 0 {
				found = append(found, violation{s.at(f.Pos()), f.Name.Name + " has no seed; add a valid input, so that fuzzing gets past the first check"})
			}
		}
	}
	return found
}

func isFuzzTarget(s source, f *ast.FuncDecl) bool {
	return s.isTest() && f.Recv == nil && strings.HasPrefix(f.Name.Name, "Fuzz") && len(f.Type.Params.List) == 1
}

// seededByOther tells whether the target hands its *testing.F to a function of its package that adds seeds.
func seededByOther(s source, f *ast.FuncDecl, adders map[string]bool) bool {
	param := f.Type.Params.List[0].Names[0].Name
	found := false
	ast.Inspect(f, func(n ast.Node) bool {
		call, ok := n.(*ast.CallExpr)
		if !ok {
			return true
		}
		callee, ok := call.Fun.(*ast.Ident)
		if !ok || !adders[s.dir()+"."+callee.Name] {
			return true
		}
		for _, arg := range call.Args {
			if a, ok := arg.(*ast.Ident); ok && a.Name == param {
				found = true
			}
		}
		return true
	})
	return found
}

// calls tells whether a function calls a method of that name on one of its parameters.
func calls(f *ast.FuncDecl, method string) bool {
	params := map[string]bool{}
	for _, field := range f.Type.Params.List {
		for _, name := range field.Names {
			params[name.Name] = true
		}
	}
	found := false
	ast.Inspect(f, func(n ast.Node) bool {
		if call, ok := n.(*ast.CallExpr); ok {
			if on, name := calledFrom(call); name == method && params[on] {
				found = true
			}
		}
		return true
	})
	return found
}
