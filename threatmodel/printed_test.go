package threatmodel

// No exported type is forgotten by the measurement of P18: each that could hold a name, an address or a key either
// refuses to print, or is printed in the scene, or stands here with the reason why it cannot.

import (
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"io/fs"
	"path/filepath"
	"strings"
	"testing"
)

// harmless are types without a Format of their own, and why they need none.
var harmless = map[string]string{
	"noise.PacketPipe": "a socket; its address is that of the own machine, and no verb reaches it", "noise.UDPPipe": "likewise",
	"noise.PipeStats": "counts", "noise.Stats": "counts", "noise.UDPOptions": "one switch",
	"overlay.Measured": "counts and times", "overlay.Spread": "times", "overlay.Status": "counts and times",
	"link.Counters": "counts", "link.Edition": "a number", "link.Info": "printed in the scene: its parts refuse",
	"link.Described": "its parts refuse", "peer.Calendar": "times", "slot.Schedule": "times",
	"document.BlindKey": "its key refuses", "document.Keys": "its certificate refuses; the CA's is the same for all",
	"document.Params": "times and counts", "document.RootKey": "embeds a key that refuses", "document.SigningKey": "likewise", "document.SlotKey": "likewise",
	"blind.PublicKey": "the authority's, the same for all",
	"identity.Want":   "its parts refuse", "identity.Warning": "a kind and a date",
	"authority.Config": "the overlay's name and parameters", "authority.Options": "functions", "authority.InviteOptions": "switches",
	"store.Store": "a path and a handle of the own machine", "visit.Client": "the authority's address and pin, from the document",
	"visit.Service":    "a handler and a certificate of the authority",
	"circuit.Counters": "counts", "onion.RelayStatus": "counts", "onion.ClientStatus": "counts, times, and a sentence for the user",
	"onion.CircuitStatus": "its parts are counts", "lease.Limits": "bounds", "request.Limits": "bounds", "request.Service": "numbers of cells",
	"request.ServerConfig": "bounds and services", "path.NoPath": "a reason, a date, and a sentence for the user",
	"path.Order": "a number, a purpose, a profile", "path.Ready": "a number and a profile",
}

func TestEveryExportedTypeRefusesToPrintOrHasAReason(t *testing.T) {
	structs, formats := map[string]bool{}, map[string]bool{}
	for _, root := range []string{"../noise", "../overlay", "../onion"} {
		err := filepath.WalkDir(root, func(path string, d fs.DirEntry, err error) error {
			if err != nil || d.IsDir() || !strings.HasSuffix(path, ".go") || strings.HasSuffix(path, "_test.go") {
				return err
			}
			return types(path, structs, formats)
		})
		if err != nil {
			t.Fatal(err)
		}
	}
	for name := range structs {
		switch {
		case formats[name] && harmless[name] != "":
			t.Errorf("%s refuses to print; it needs no reason", name)
		case !formats[name] && harmless[name] == "":
			t.Errorf("%s neither refuses to print nor says why it need not", name)
		}
	}
	for name := range harmless {
		if !structs[name] {
			t.Errorf("%s is no exported struct any more", name)
		}
	}
	if len(structs) < 50 {
		t.Errorf("only %d types were found", len(structs))
	}
}

// types notes the exported structs and arrays of a file, and the types that have a method Format.
func types(path string, structs, formats map[string]bool) error {
	f, err := parser.ParseFile(token.NewFileSet(), path, nil, 0)
	if err != nil {
		return fmt.Errorf("parse a source: %w", err)
	}
	for _, d := range f.Decls {
		switch d := d.(type) {
		case *ast.GenDecl:
			for _, s := range d.Specs {
				if s, ok := s.(*ast.TypeSpec); ok && s.Name.IsExported() {
					if _, ok := s.Type.(*ast.StructType); ok {
						structs[f.Name.Name+"."+s.Name.Name] = true
					}
				}
			}
		case *ast.FuncDecl:
			if d.Recv == nil || d.Name.Name != "Format" {
				continue
			}
			of := d.Recv.List[0].Type
			if star, ok := of.(*ast.StarExpr); ok {
				of = star.X
			}
			if name, ok := of.(*ast.Ident); ok {
				formats[f.Name.Name+"."+name.Name] = true
			}
		}
	}
	return nil
}
