package main

import (
	"encoding/json"
	"fmt"
	"math"
	"os"
	"strings"
	"text/tabwriter"

	"golang.org/x/term"

	"graphsnap/api"
	"graphsnap/engine"
)

// printJSON prints data for scripts.
func (a *app) printJSON(v any) error {
	encoder := json.NewEncoder(a.out)
	encoder.SetIndent("", "  ")
	encoder.SetEscapeHTML(false) // a DSN with & shall be copied as it is
	return encoder.Encode(v)
}

func (a *app) printf(format string, args ...any) { _, _ = fmt.Fprintf(a.out, format, args...) }

func (a *app) notef(format string, args ...any) { _, _ = fmt.Fprintf(a.errs, format, args...) }

// table prints rows in columns; the first row is the heading.
func (a *app) table(rows [][]string) {
	w := tabwriter.NewWriter(a.out, 2, 8, 2, ' ', 0)
	for _, row := range rows {
		_, _ = fmt.Fprintln(w, strings.Join(row, "\t"))
	}
	_ = w.Flush()
}

// figure prints a number with its unit, or "no data", which is never 0.
func figure(v *float64, unit string) string {
	if v == nil {
		return "no data"
	}
	digits := 0
	switch abs := math.Abs(*v); {
	case abs == math.Trunc(abs) && unit == "":
	case abs < 0.1:
		digits = 3
	case abs < 10:
		digits = 2
	case abs < 100:
		digits = 1
	}
	text := fmt.Sprintf("%.*f", digits, *v)
	if unit != "" {
		text += " " + unit
	}
	return text
}

// change prints both sides, the difference and the factor: 45 -> 1200 ms (+1155, x26.7).
func change(d api.Delta, unit string) string {
	text := figure(d.From, "") + " -> " + figure(d.To, unit)
	if d.Absolute == nil {
		return text
	}
	text += " (" + signed(*d.Absolute)
	if d.Relative != nil && d.To != nil && d.From != nil && *d.From > 0 {
		if factor := *d.To / *d.From; factor >= 2 {
			text += fmt.Sprintf(", x%.1f", factor)
		} else {
			text += fmt.Sprintf(", %+.0f%%", 100**d.Relative)
		}
	}
	return text + ")"
}

func signed(v float64) string {
	text := figure(&v, "")
	if v > 0 {
		text = "+" + text
	}
	return text
}

// pairName prints `users->products`, and `users` for a table by itself.
func pairName(from, to string) string {
	if from == to {
		return engine.KeyName(from)
	}
	return engine.KeyName(from) + "->" + engine.KeyName(to)
}

// isTerminal reports whether a stream goes to a person.
func isTerminal(stream any) bool {
	f, ok := stream.(*os.File)
	if !ok {
		return false
	}
	return term.IsTerminal(int(f.Fd()))
}
