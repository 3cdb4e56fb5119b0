// The commands `sotto authority …`, each from its flags to an order; serving is in authority_serve.go.

package main

import (
	"context"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"math"
	"os"
	"text/tabwriter"
	"time"

	"sotto/overlay/enroll/authority"
	"sotto/overlay/enroll/document"
	"sotto/overlay/enroll/store"
)

// defaultService is where an authority answers unless its founder says otherwise: for trying on one machine.
const defaultService = "127.0.0.1:4433"

// maxSealedRoot bounds the file of a root key, which has some 200 bytes.
const maxSealedRoot = 1 << 10

func runAuthorityInit(_ context.Context, e *env, args []string) error {
	flags := newFlags()
	state := flags.String("state", "", "")
	name := flags.String("name", "", "")
	service := flags.String("service", defaultService, "")
	if _, err := parseFlags(flags, args); err != nil {
		return err
	}
	if *name == "" {
		return usagef("--name is missing; it is what people call the overlay, like example.org")
	}
	if *service == "none" {
		*service = ""
	}
	dir, err := e.authorityDir(*state)
	if err != nil {
		return err
	}
	e.progress("making keys")
	err = authority.Create(dir, authority.Config{Name: *name, Service: *service}, authority.Options{}, e.now())
	if errors.Is(err, store.ErrExists) {
		return fmt.Errorf("there is something in %s already; an overlay is founded once, so name an empty place with --state DIR", dir)
	}
	if err != nil {
		return aboutAuthority(err)
	}
	if *service == defaultService {
		e.progress("it will answer on this machine only; for others, found it with --service HOST:PORT")
	}
	e.progress("founded; next: sotto authority invite --state %s sip:somebody@%s > invite", dir, *name)
	return nil
}

func runAuthorityInvite(ctx context.Context, e *env, args []string) error {
	flags := newFlags()
	state, out := flags.String("state", "", ""), flags.String("out", "", "")
	life := flags.Duration("life", authority.DefaultInviteLife, "")
	seed, replace := flags.Bool("seed", false, ""), flags.Bool("replace", false, "")
	withdraw := flags.Bool("withdraw", false, "")
	rest, err := parseFlags(flags, args, "NAME")
	if err != nil {
		return err
	}
	if *life < time.Minute || *life > authority.MaxInviteLife {
		return usagef("--life must be from 1m to %s", authority.MaxInviteLife)
	}
	if _, err := document.ParseAoR(rest[0]); err != nil {
		return errNotAName
	}
	o := order{Do: "invite", Name: rest[0], Life: *life, Seed: *seed, Replace: *replace}
	if *withdraw {
		o.Do = "withdraw"
	}
	return e.carryOut(ctx, *state, o, *out)
}

func runAuthorityIssue(ctx context.Context, e *env, args []string) error {
	flags := newFlags()
	state, out := flags.String("state", "", ""), flags.String("out", "", "")
	rest, err := parseFlags(flags, args, "REQUEST")
	if err != nil {
		return err
	}
	file, err := readLimited(rest[0], document.MaxFile)
	if err != nil {
		return err
	}
	return e.carryOut(ctx, *state, order{Do: "issue", File: file}, *out)
}

func runAuthorityRevoke(ctx context.Context, e *env, args []string) error {
	flags := newFlags()
	state := flags.String("state", "", "")
	rest, err := parseFlags(flags, args, "NAME")
	if err != nil {
		return err
	}
	return e.carryOut(ctx, *state, order{Do: "revoke", Name: rest[0]}, "")
}

func runAuthorityExclude(ctx context.Context, e *env, args []string) error {
	flags := newFlags()
	state := flags.String("state", "", "")
	epoch := flags.Int64("key-epoch", -1, "")
	unlist := flags.Bool("unlist", false, "")
	rest, err := parseFlags(flags, args, "NODEID")
	if err != nil {
		return err
	}
	o := order{Do: "exclude"}
	if o.Node, err = hex.DecodeString(rest[0]); err != nil {
		return errNotANode
	}
	if *unlist {
		o.Do = "unlist"
	}
	if *epoch >= 0 {
		n := uint32(min(*epoch, math.MaxUint32))
		o.KeyEpoch = &n
	}
	return e.carryOut(ctx, *state, o, "")
}

func runAuthorityList(ctx context.Context, e *env, args []string) error {
	flags := newFlags()
	state, asJSON := flags.String("state", "", ""), flags.Bool("json", false, "")
	if _, err := parseFlags(flags, args); err != nil {
		return err
	}
	done, err := e.order(ctx, *state, order{Do: "list"})
	if err != nil {
		return err
	}
	if *asJSON {
		return e.printf("%s\n", done.Result)
	}
	var list []person
	if err := json.Unmarshal(done.Result, &list); err != nil {
		return errors.New("the running authority answers in a way of another version; start it again with this one")
	}
	table := tabwriter.NewWriter(e.stdout, 0, 0, 2, ' ', 0)
	fmt.Fprintln(table, "NAME\tSTATE\tUNTIL\tSEED\tADMISSIONS")
	for _, p := range list {
		seed := "no"
		if p.Seed {
			seed = "yes"
		}
		fmt.Fprintf(table, "%s\t%s\t%s\t%s\t%d\n", p.Name, p.State, day(p.Until), seed, p.Admissions)
	}
	if err := table.Flush(); err != nil {
		return fmt.Errorf("cannot write the output (%w); send it somewhere with room", plainCause(err))
	}
	return nil
}

func runAuthorityDocument(ctx context.Context, e *env, args []string) error {
	flags := newFlags()
	state, out := flags.String("state", "", ""), flags.String("out", "", "")
	resume := flags.Bool("after-pause", false, "")
	if _, err := parseFlags(flags, args); err != nil {
		return err
	}
	return e.carryOut(ctx, *state, order{Do: "document", Resume: *resume}, *out)
}

func runAuthorityRotate(ctx context.Context, e *env, args []string) error {
	flags := newFlags()
	state, root := flags.String("state", "", ""), flags.String("root", "", "")
	pass, stolen := flags.String("passphrase-file", "", ""), flags.Bool("stolen", false, "")
	if _, err := parseFlags(flags, args); err != nil {
		return err
	}
	o := order{Do: "rotate", KeepOld: !*stolen}
	if *root != "" {
		var err error
		if o.File, o.Passphrase, err = e.sealedRoot(*root, *pass); err != nil {
			return err
		}
	}
	return e.carryOut(ctx, *state, o, "")
}

func runAuthorityRoot(ctx context.Context, e *env, args []string) error {
	flags := newFlags()
	state, pass := flags.String("state", "", ""), flags.String("passphrase-file", "", "")
	out, in := flags.String("out", "", ""), flags.String("in", "", "")
	if _, err := parseFlags(flags, args); err != nil {
		return err
	}
	if (*out == "") == (*in == "") {
		return usagef("say either --out FILE or --in FILE")
	}
	if *in != "" {
		file, passphrase, err := e.sealedRoot(*in, *pass)
		if err != nil {
			return err
		}
		return e.carryOut(ctx, *state, order{Do: "put root", File: file, Passphrase: passphrase}, "")
	}
	passphrase, err := e.passphrase(*pass)
	if err != nil {
		return err
	}
	if _, err := os.Lstat(*out); err == nil {
		return fmt.Errorf("there is a file %s already; a root key never replaces one, so choose another name", *out)
	}
	done, err := e.order(ctx, *state, order{Do: "take root", Passphrase: passphrase})
	if err != nil {
		return err
	}
	if err := writeSecret(*out, done.Result); err != nil {
		return err
	}
	// What is tried and then trusted is what can be read back from the disk.
	file, err := readSecret(*out, maxSealedRoot)
	if err != nil {
		return err
	}
	return e.carryOut(ctx, *state, order{Do: "drop root", File: file, Passphrase: passphrase}, "")
}

// sealedRoot reads the file of a root key and its passphrase.
func (e *env) sealedRoot(root, pass string) (file, passphrase []byte, err error) {
	if passphrase, err = e.passphrase(pass); err == nil {
		file, err = readLimited(root, maxSealedRoot)
	}
	return file, passphrase, err
}

// carryOut gives an order, writes its result to stdout or to the file out, and says the rest.
func (e *env) carryOut(ctx context.Context, state string, o order, out string) error {
	done, failure := e.order(ctx, state, o)
	if len(done.Result) > 0 {
		if err := e.deliver(done.Result, out); err != nil {
			return err
		}
	}
	if failure == nil && done.Says != "" {
		e.progress("%s", done.Says)
	}
	return failure
}

// deliver writes a result to the file out with mode 0600, or to stdout if there is none.
func (e *env) deliver(result []byte, out string) error {
	if out == "" {
		return e.printf("%s", result)
	}
	return writeSecret(out, result)
}
