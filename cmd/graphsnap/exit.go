package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"

	"graphsnap/engine"
)

// The exit codes; scripts rely on them.
const (
	exitOK          = 0
	exitFailed      = 1
	exitUsage       = 2
	exitPartial     = 3
	exitNotFound    = 4
	exitDenied      = 5
	exitConflict    = 6
	exitRegression  = 10
	exitInterrupted = 130
)

// exitCodes is the one table from kinds of error to exit codes.
var exitCodes = map[engine.Kind]int{
	engine.KindInvalid:     exitUsage,
	engine.KindNotFound:    exitNotFound,
	engine.KindDenied:      exitDenied,
	engine.KindConflict:    exitConflict,
	engine.KindUnavailable: exitFailed,
	engine.KindExhausted:   exitFailed,
	engine.KindInternal:    exitFailed,
}

// coded is an error that was reported already and only carries an exit code.
type coded struct{ code int }

func (c coded) Error() string { return fmt.Sprintf("exit code %d", c.code) }

// exit reports an error on standard error, for people or as JSON, and gives the exit code.
func (a *app) exit(ctx context.Context, err error) int {
	if err == nil {
		return exitOK
	}
	var c coded
	if errors.As(err, &c) {
		return c.code
	}
	if ctx.Err() != nil && (errors.Is(err, context.Canceled) || engine.KindOf(err) == engine.KindExhausted) {
		_, _ = fmt.Fprintln(a.errs, "graphsnap: interrupted")
		return exitInterrupted
	}
	kind, hint := engine.KindOf(err), engine.HintOf(err)
	var known *engine.Error
	if !errors.As(err, &known) {
		// What is none of our errors comes from cobra: unknown verbs, flags and wrong numbers of arguments.
		kind = engine.KindInvalid
		if hint == "" {
			hint = "`graphsnap --help` lists the verbs, `graphsnap VERB --help` explains one"
		}
	}
	if a.json {
		_ = json.NewEncoder(a.errs).Encode(map[string]string{"error": err.Error(), "kind": string(kind), "hint": hint})
		return exitCodes[kind]
	}
	_, _ = fmt.Fprintf(a.errs, "graphsnap: %v\n", err)
	if hint != "" {
		_, _ = fmt.Fprintf(a.errs, "hint: %s\n", hint)
	}
	return exitCodes[kind]
}
