package main

import (
	"context"
	"errors"
	"log/slog"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"graphsnap/configs"
	"graphsnap/engine"
	"graphsnap/engine/collect"
)

// ledger notes what happens to collectors that collect nothing.
type ledger struct {
	mu    sync.Mutex
	notes []string
	fail  error // of the next forgettings
}

func (l *ledger) note(text string) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.notes = append(l.notes, text)
}

// take gives the notes since the last time.
func (l *ledger) take() []string {
	l.mu.Lock()
	defer l.mu.Unlock()
	notes := l.notes
	l.notes = nil
	return notes
}

type notedCollector struct {
	*ledger
	plan plan
}

func (c notedCollector) Open(context.Context) error { c.note("open " + c.plan.source.Name); return nil }
func (c notedCollector) Close(context.Context) error {
	c.note("close " + c.plan.source.Name)
	return nil
}
func (c notedCollector) State() collect.State { return collect.State{Health: "ok"} }

func ledgered(t *testing.T) (*ledger, *sources) {
	l := &ledger{}
	s := newSources(t.Context(), func(p plan) collecting { return notedCollector{l, p} }, func(_ context.Context, name string) error {
		l.mu.Lock()
		defer l.mu.Unlock()
		l.notes = append(l.notes, "forget "+name)
		return l.fail
	}, slog.New(slog.DiscardHandler))
	t.Cleanup(func() { _ = s.Close(context.Background()) })
	return l, s
}

func TestSourcesComeAndGo(t *testing.T) {
	l, s := ledgered(t)
	c := configs.Default().Collect
	shop, bank := configs.Source{Name: "shop", DSN: "postgres://h/shop"}, configs.Source{Name: "bank", DSN: "mysql://u@h/bank"}
	apply := func(list ...configs.Source) []string {
		t.Helper()
		if err := s.Apply(t.Context(), list, c); err != nil {
			t.Fatal(err)
		}
		return l.take()
	}
	is := func(what string, got []string, want ...string) {
		t.Helper()
		if !slices.Equal(got, want) {
			t.Errorf("%s: %q, want %q", what, got, want)
		}
	}
	is("start", apply(shop, bank), "open shop", "open bank")
	is("the same again", apply(shop, bank))
	is("another order", apply(bank, shop))
	if all := s.status(); len(all) != 2 || all[0].Name != "bank" || all[0].Type != "mysql" || all[0].Health.Health != "ok" {
		t.Errorf("the status is %+v", all)
	}
	preferred := shop
	preferred.Default = true
	is("another default", apply(bank, preferred))
	moved := shop
	moved.DSN = "postgres://elsewhere/shop"
	is("another DSN", apply(bank, moved), "close shop", "open shop")
	c.Interval = configs.Duration(10 * time.Second)
	own := bank
	own.Interval = configs.Duration(5 * time.Second)
	is("another interval for all, the old one for bank", apply(own, moved), "close shop", "open shop")
	c.Thresholds.AvgLatencyMS.High = 300
	is("other thresholds", apply(own, moved), "close bank", "open bank", "close shop", "open shop")

	// A DSN that cannot be read changes nothing, not even for the others.
	err := s.Apply(t.Context(), []configs.Source{{Name: "bad", DSN: "postgres://u:hush@h:port/d"}}, c)
	if engine.KindOf(err) != engine.KindInvalid || strings.Contains(err.Error(), "hush") || engine.HintOf(err) == "" || len(s.all()) != 2 {
		t.Errorf("a bad DSN gives %v and leaves %d sources", err, len(s.all()))
	}
	is("a bad DSN", l.take())

	l.note("")
	if err := s.Apply(t.Context(), []configs.Source{own}, c); err != nil {
		t.Fatal(err)
	}
	s.wait.Wait()
	is("a source less", l.take(), "", "close shop", "forget shop")
	is("it comes back", apply(own, moved), "open shop")
}

func TestForgettingIsTriedAgain(t *testing.T) {
	l, s := ledgered(t)
	c := configs.Default().Collect
	shop := configs.Source{Name: "shop", DSN: "postgres://h/shop"}
	l.fail = errors.New("the live graph is down")
	for _, list := range [][]configs.Source{{shop}, {}} {
		if err := s.Apply(t.Context(), list, c); err != nil {
			t.Fatal(err)
		}
	}
	if done := s.tryForget("shop"); done {
		t.Error("it is forgotten although the live graph is down")
	}
	if err := s.Apply(t.Context(), []configs.Source{shop}, c); err != nil {
		t.Fatal(err)
	}
	l.take()
	if done := s.tryForget("shop"); !done || len(l.take()) > 0 {
		t.Error("a source that came back was forgotten")
	}
}
