package main

import (
	"context"
	"encoding/json"
	"io"
	"sync/atomic"

	"github.com/vbauerster/mpb/v8"
	"github.com/vbauerster/mpb/v8/decor"

	"graphsnap/api"
)

// step is how far work on the server is.
type step struct {
	stage       string
	done, total int
}

// follow draws the progress of work on the server while a person looks on; it returns what ends the drawing. read finds
// the work's own events among all.
func (a *app) follow(ctx context.Context, read func(kind string, data json.RawMessage) (step, bool)) (done func()) {
	if a.json || !isTerminal(a.errs) {
		return func() {}
	}
	ctx, cancel := context.WithCancel(ctx)
	var stage atomic.Value
	stage.Store("waiting")
	bars := mpb.NewWithContext(ctx, mpb.WithOutput(a.errs), mpb.WithWidth(40))
	bar := bars.AddBar(0, mpb.BarRemoveOnComplete(), mpb.PrependDecorators(decor.Any(func(decor.Statistics) string { return stage.Load().(string) })), mpb.AppendDecorators(decor.CountersNoUnit("%d / %d")))
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		// The drawing is a courtesy: without events the work goes on all the same.
		_ = a.client().Events(ctx, func(kind string, data json.RawMessage) {
			if s, ok := read(kind, data); ok {
				stage.Store(s.stage)
				bar.SetTotal(int64(s.total), false)
				bar.SetCurrent(int64(s.done))
			}
		})
	}()
	return func() {
		bar.Abort(true)
		cancel()
		<-ended
		bars.Wait()
	}
}

// captureSteps reads the progress of one capture.
func captureSteps(captureID string) func(string, json.RawMessage) (step, bool) {
	return func(kind string, data json.RawMessage) (step, bool) {
		var p api.CaptureProgressData
		ok := kind == api.EventCaptureProgress && json.Unmarshal(data, &p) == nil && p.CaptureID == captureID
		return step{p.Stage, p.Done, p.Total}, ok
	}
}

// verifySteps reads the progress of one verification.
func verifySteps(verifyID string) func(string, json.RawMessage) (step, bool) {
	return func(kind string, data json.RawMessage) (step, bool) {
		var p api.VerifyProgressData
		ok := kind == api.EventVerifyProgress && json.Unmarshal(data, &p) == nil && p.VerifyID == verifyID
		return step{"snapshots", p.Done, p.Total}, ok
	}
}

// transfer draws how many bytes of total went by while a person looks on; total is 0 where it is unknown.
func (a *app) transfer(ctx context.Context, what string, total int64) (passed func(n int), done func()) {
	if a.json || !isTerminal(a.errs) {
		return func(int) {}, func() {}
	}
	counter := decor.CountersKibiByte("% .1f / % .1f")
	if total == 0 {
		counter = decor.CurrentKibiByte("% .1f")
	}
	bars := mpb.NewWithContext(ctx, mpb.WithOutput(a.errs), mpb.WithWidth(40))
	bar := bars.AddBar(total, mpb.BarRemoveOnComplete(), mpb.PrependDecorators(decor.Name(what+" ")), mpb.AppendDecorators(counter))
	return bar.IncrBy, func() {
		bar.Abort(true)
		bars.Wait()
	}
}

// countedReader tells of every byte that is read.
type countedReader struct {
	io.Reader
	passed func(n int)
}

func (c countedReader) Read(p []byte) (int, error) {
	n, err := c.Reader.Read(p)
	c.passed(n)
	return n, err
}

// countedWriter tells of every byte that is written.
type countedWriter struct {
	io.Writer
	passed func(n int)
}

func (c countedWriter) Write(p []byte) (int, error) {
	n, err := c.Writer.Write(p)
	c.passed(n)
	return n, err
}
