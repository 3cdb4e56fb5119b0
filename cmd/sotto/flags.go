// Reading a command's flags: before or after its other arguments, unknown ones answered with the nearest name.
//
// The flag package defines the flags; it does not walk the arguments, because it stops at the first one that is not
// a flag and words its errors for programmers.

package main

import (
	"flag"
	"strings"
)

// helpRequest is what parsing returns for --help. It carries the flags, so that a test can hold them against the text.
type helpRequest struct{ flags *flag.FlagSet }

func (*helpRequest) Error() string { return "help is wanted" }

// newFlags is an empty set of flags for one command.
func newFlags() *flag.FlagSet { return flag.NewFlagSet("", flag.ContinueOnError) }

// parseFlags sets the flags found in args and returns the other arguments, of which there must be exactly one for
// each name in want. "--" ends the flags. Errors are usage errors, or the request for help.
func parseFlags(flags *flag.FlagSet, args []string, want ...string) ([]string, error) {
	var rest []string
	for len(args) > 0 {
		arg := args[0]
		args = args[1:]
		if arg == "--" {
			rest = append(rest, args...)
			break
		}
		if len(arg) < 2 || arg[0] != '-' {
			rest = append(rest, arg)
			continue
		}
		var err error
		if args, err = setFlag(flags, strings.TrimLeft(arg, "-"), args); err != nil {
			return nil, err
		}
	}
	if len(rest) < len(want) {
		return nil, usagef("%s is missing", want[len(rest)])
	}
	if len(rest) > len(want) {
		return nil, usagef("there are too many arguments")
	}
	return rest, nil
}

// setFlag sets one flag, taking its value from text after "=" or from the next argument. It returns what is left.
func setFlag(flags *flag.FlagSet, text string, args []string) ([]string, error) {
	name, value, given := strings.Cut(text, "=")
	if name == "help" || name == "h" {
		return nil, &helpRequest{flags: flags}
	}
	found := flags.Lookup(name)
	if found == nil {
		var names []string
		flags.VisitAll(func(f *flag.Flag) { names = append(names, f.Name) })
		if near, ok := nearest(name, names); ok {
			return nil, usagef("no flag %s; did you mean --%s?", quoted("--"+name), near)
		}
		return nil, usagef("no flag %s", quoted("--"+name))
	}
	if !given {
		if b, ok := found.Value.(interface{ IsBoolFlag() bool }); ok && b.IsBoolFlag() {
			value = "true"
		} else if len(args) == 0 {
			return nil, usagef("--%s needs a value", name)
		} else {
			value, args = args[0], args[1:]
		}
	}
	// The value is not repeated: it may be an address or a secret, and the user sees it in the line above.
	if err := flags.Set(name, value); err != nil {
		return nil, usagef("--%s cannot take that value", name)
	}
	return args, nil
}
