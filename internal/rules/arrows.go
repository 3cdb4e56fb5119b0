// Which way imports point: of ours by the table of rooms, of others by the table of doors.

package rules

import (
	"fmt"
	"slices"
	"strings"
)

// moduleName is the path of this module.
const moduleName = "sotto"

// violation is a rule broken at a place, with the reason of the rule.
type violation struct {
	where string
	why   string
}

func (v violation) String() string { return v.where + ": " + v.why }

// listed is a package as `go list -json` describes it.
type listed struct {
	ImportPath   string
	Imports      []string
	TestImports  []string
	XTestImports []string
}

// checkArrows holds every import of every package against the tables.
func checkArrows(packages []listed, rooms []room, doors []door) []violation {
	var found []violation
	for _, p := range packages {
		path := strings.TrimPrefix(p.ImportPath, moduleName+"/")
		in, ok := roomOf(path, rooms)
		if !ok {
			found = append(found, violation{path, "it has no row in the table of rooms; add one with what it may import and why"})
			continue
		}
		for _, imported := range p.Imports {
			found = append(found, checkImport(path, imported, in.may, in, doors)...)
		}
		forTests := append(slices.Clone(in.may), testsMay...)
		for _, imported := range slices.Concat(p.TestImports, p.XTestImports) {
			if imported != p.ImportPath {
				found = append(found, checkImport(path, imported, forTests, in, doors)...)
			}
		}
	}
	return found
}

func checkImport(path, imported string, may []string, in room, doors []door) []violation {
	if ours, ok := strings.CutPrefix(imported, moduleName+"/"); ok {
		if !slices.ContainsFunc(may, func(pattern string) bool { return matches(pattern, ours) }) {
			return []violation{{path, fmt.Sprintf("may not import %s: %s", ours, in.why)}}
		}
		return nil
	}
	if first, _, _ := strings.Cut(imported, "/"); !strings.Contains(first, ".") {
		return nil // the standard library
	}
	for _, d := range doors {
		if imported != d.path && !strings.HasPrefix(imported, d.path+"/") {
			continue
		}
		if !slices.ContainsFunc(d.rooms, func(pattern string) bool { return matches(pattern, path) }) {
			return []violation{{path, fmt.Sprintf("may not import %s: its door is %s (%s)", imported, strings.Join(d.rooms, ", "), d.why)}}
		}
		return nil
	}
	return []violation{{path, fmt.Sprintf("may not import %s: it has no row in the table of doors; add one with the reason", imported)}}
}

// roomOf is the most precise row for a package.
func roomOf(path string, rooms []room) (best room, ok bool) {
	for _, r := range rooms {
		if matches(r.path, path) && len(r.path) > len(best.path) {
			best, ok = r, true
		}
	}
	return best, ok
}

// matches tells whether path is the pattern, or below it where the pattern ends in "/...".
func matches(pattern, path string) bool {
	if above, ok := strings.CutSuffix(pattern, "/..."); ok {
		return strings.HasPrefix(path, above+"/")
	}
	return path == pattern
}

// checkEmptyRooms finds rows that nothing lives in: a picture of what is not there.
func checkEmptyRooms(packages []listed, rooms []room) []violation {
	var found []violation
	for _, r := range rooms {
		lived := slices.ContainsFunc(packages, func(p listed) bool {
			in, _ := roomOf(strings.TrimPrefix(p.ImportPath, moduleName+"/"), rooms)
			return in.path == r.path
		})
		if !lived {
			found = append(found, violation{r.path, "no package lives in this row of the table of rooms; remove it"})
		}
	}
	return found
}

// goMod is go.mod as `go mod edit -json` describes it.
type goMod struct {
	Require []struct{ Path string }
	Replace []struct{ Old struct{ Path string } }
}

// checkModules holds go.mod against the table of modules, in both directions.
func checkModules(mod goMod, modules []module) []violation {
	var found []violation
	for _, r := range mod.Require {
		if !slices.ContainsFunc(modules, func(m module) bool { return m.path == r.Path }) {
			found = append(found, violation{"go.mod", r.Path + " has no row in the table of modules; add one with the reason"})
		}
	}
	for _, m := range modules {
		if !slices.ContainsFunc(mod.Require, func(r struct{ Path string }) bool { return r.Path == m.path }) {
			found = append(found, violation{"go.mod", m.path + " is in the table of modules only; remove the row"})
		}
	}
	for _, r := range mod.Replace {
		found = append(found, violation{"go.mod", r.Old.Path + " is replaced; what is built must be what the checksum database knows"})
	}
	return found
}
