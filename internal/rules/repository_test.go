// The rules, held against this repository.

package rules

import (
	"bytes"
	"encoding/json"
	"errors"
	"io"
	"io/fs"
	"os"
	"os/exec"
	"testing"
)

// root is the top of the module, seen from this package.
const root = "../.."

func report(t *testing.T, found []violation) {
	t.Helper()
	for _, v := range found {
		t.Error(v)
	}
}

func repository(t *testing.T) (fs.FS, []source) {
	t.Helper()
	top := os.DirFS(root)
	tree, err := parseTree(top)
	if err != nil {
		t.Fatal(err)
	}
	if len(tree) < 20 {
		t.Fatalf("only %d Go files were found; the rules look at the wrong directory", len(tree))
	}
	return top, tree
}

// runGo runs the go command at the top of the module and returns its output.
func runGo(t *testing.T, variables []string, args ...string) []byte {
	t.Helper()
	command := exec.Command("go", args...)
	command.Dir = root
	command.Env = append(os.Environ(), variables...)
	var stderr bytes.Buffer
	command.Stderr = &stderr
	out, err := command.Output()
	if err != nil {
		t.Fatalf("go %v: %v\n%s", args, err, &stderr)
	}
	return out
}

// goList lists the packages as they are on one system.
func goList(t *testing.T, system string) []listed {
	t.Helper()
	stream := json.NewDecoder(bytes.NewReader(runGo(t, []string{"GOOS=" + system, "CGO_ENABLED=0"},
		"list", "-json=ImportPath,Imports,TestImports,XTestImports", "./...")))
	var packages []listed
	for {
		var p listed
		if err := stream.Decode(&p); errors.Is(err, io.EOF) {
			return packages
		} else if err != nil {
			t.Fatal(err)
		}
		packages = append(packages, p)
	}
}

func TestImportsPointTheRightWay(t *testing.T) {
	repository(t) // the go command reads files unseen by the test cache; this reads the same ones
	for _, system := range []string{"linux", "darwin", "windows"} {
		packages := goList(t, system)
		report(t, checkArrows(packages, rooms, doors))
		report(t, checkEmptyRooms(packages, rooms))
	}
}

func TestModulesHaveAReason(t *testing.T) {
	if _, err := os.ReadFile(root + "/go.mod"); err != nil { // for the test cache, as above
		t.Fatal(err)
	}
	var mod goMod
	if err := json.Unmarshal(runGo(t, nil, "mod", "edit", "-json"), &mod); err != nil {
		t.Fatal(err)
	}
	report(t, checkModules(mod, modules))
}

func TestFilesAndFunctionsAreShort(t *testing.T) {
	_, tree := repository(t)
	report(t, checkLength(tree))
	for _, v := range smellOfLength(tree) {
		t.Log(v)
	}
}

func TestFilesSayWhatTheyAre(t *testing.T) {
	_, tree := repository(t)
	report(t, checkDocs(tree))
}

func TestPackagesKeepNoState(t *testing.T) {
	_, tree := repository(t)
	report(t, checkVariables(tree))
}

func TestHabitsAreKept(t *testing.T) {
	_, tree := repository(t)
	report(t, checkHabits(tree))
}

func TestDecisionsAreListed(t *testing.T) {
	top, _ := repository(t)
	found, err := checkDecisions(top)
	if err != nil {
		t.Fatal(err)
	}
	report(t, found)
}

func TestLinksLeadSomewhere(t *testing.T) {
	top, _ := repository(t)
	found, err := checkLinks(top)
	if err != nil {
		t.Fatal(err)
	}
	report(t, found)
}

func TestFuzzTargetsHaveSeeds(t *testing.T) {
	top, tree := repository(t)
	report(t, checkSeeds(top, tree))
}
