// The commands `sotto identity …`: what its owner does with his own keys and certificates; see wish.go for how.

package main

import (
	"context"

	"sotto/overlay/enroll/document"
)

func runIdentityRenew(ctx context.Context, e *env, args []string) error {
	flags := newFlags()
	state, newKey := flags.String("state", "", ""), flags.Bool("new-key", false, "")
	request, response := flags.String("request", "", ""), flags.String("response", "", "")
	if _, err := parseFlags(flags, args); err != nil {
		return err
	}
	switch {
	case *request != "" && *response != "", *response != "" && *newKey:
		return usagef("--response goes alone; it ends what --request began")
	case *response != "":
		file, err := readLimited(*response, document.MaxFile)
		if err != nil {
			return err
		}
		return e.wish(ctx, *state, wish{Do: "response", File: file}, "")
	case *request != "":
		return e.wish(ctx, *state, wish{Do: "request", NewKey: *newKey}, *request)
	}
	e.progress("going to the authority directly: it learns the address of this machine")
	return e.wish(ctx, *state, wish{Do: "renew", NewKey: *newKey}, "")
}
