// The command `sotto config`: the settings, explained, or only whether they are right.

package main

import (
	"context"
	"errors"
	"io/fs"
)

func runConfig(_ context.Context, e *env, args []string) error {
	flags := newFlags()
	state := flags.String("state", "", "")
	check := flags.Bool("check", false, "")
	asJSON := flags.Bool("json", false, "")
	if _, err := parseFlags(flags, args); err != nil {
		return err
	}
	dir, err := e.stateDir(*state)
	if err != nil {
		return err
	}
	c, err := loadConfig(dir)
	switch {
	case *check && err == nil:
		err = c.check()
	case !*check && errors.Is(err, fs.ErrNotExist):
		e.progress("no configuration yet: these are the defaults")
		c, err = defaultConfig(), nil
	}
	if err != nil {
		return err
	}

	if *asJSON {
		values := map[string]any{}
		for _, s := range settings() {
			values[s.key] = s.get(&c)
		}
		return e.printJSON(values)
	}
	if *check {
		return e.printf("the configuration is right\n")
	}
	return e.printf("%s", appendConfig(nil, &c))
}
