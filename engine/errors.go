package engine

import (
	"context"
	"errors"
	"fmt"
	"strings"
)

// Kind is the small error vocabulary of Graphsnap. HTTP statuses and exit codes are derived from it in one table each.
type Kind string

// The kinds of error; every error that crosses a package border has exactly one of them.
const (
	KindInvalid     Kind = "invalid"     // the request or the configuration is wrong; sending it again will not help
	KindNotFound    Kind = "not_found"   // the named thing does not exist
	KindConflict    Kind = "conflict"    // the state of the system does not allow it now
	KindUnavailable Kind = "unavailable" // a server we need does not answer; trying later may help
	KindExhausted   Kind = "exhausted"   // a limit of size, time or number was reached
	KindDenied      Kind = "denied"      // credentials are missing or wrong, or rights are missing
	KindInternal    Kind = "internal"    // a fault of Graphsnap itself
)

// Error is the one error type of the product. Message says what happened in the user's words, Hint what to do next.
type Error struct {
	Kind    Kind
	Op      string // the operation, such as "capture" or "neo4jdb.Open"
	Message string
	Hint    string // an instruction for the operator; may be empty
	Cause   error
}

// Error gives "op: message: cause"; the hint is not part of it, surfaces print it on its own line.
func (e *Error) Error() string {
	parts := make([]string, 0, 3)
	if e.Op != "" {
		parts = append(parts, e.Op)
	}
	if e.Message != "" {
		parts = append(parts, e.Message)
	}
	if e.Cause != nil {
		parts = append(parts, e.Cause.Error())
	}
	return strings.Join(parts, ": ")
}

// Unwrap gives the cause.
func (e *Error) Unwrap() error { return e.Cause }

// Errorf makes an Error without a cause.
func Errorf(kind Kind, op, format string, args ...any) *Error {
	return &Error{Kind: kind, Op: op, Message: fmt.Sprintf(format, args...)}
}

// WithHint sets what the operator should do next and returns the same error.
func (e *Error) WithHint(format string, args ...any) *Error {
	e.Hint = fmt.Sprintf(format, args...)
	return e
}

// WithCause sets the underlying error and returns the same error.
func (e *Error) WithCause(cause error) *Error {
	e.Cause = cause
	return e
}

// KindOf gives the kind of the outermost Error in the chain. Cancelled and expired contexts are `exhausted`; all else
// that is no Error is `internal`.
func KindOf(err error) Kind {
	var e *Error
	if errors.As(err, &e) {
		return e.Kind
	}
	if errors.Is(err, context.Canceled) || errors.Is(err, context.DeadlineExceeded) {
		return KindExhausted
	}
	return KindInternal
}

// HintOf gives the first hint in the chain, or "".
func HintOf(err error) string {
	for err != nil {
		var e *Error
		if !errors.As(err, &e) {
			return ""
		}
		if e.Hint != "" {
			return e.Hint
		}
		err = e.Cause
	}
	return ""
}
