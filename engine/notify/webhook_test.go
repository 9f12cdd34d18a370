package notify

import (
	"bytes"
	"context"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"time"

	"graphsnap/engine"
)

// receiver answers by a plan, and keeps what it got.
type receiver struct {
	*httptest.Server
	mu   sync.Mutex
	got  []received
	plan func(n int, w http.ResponseWriter) // n from 1; nil answers 204
}

type received struct {
	header http.Header
	body   []byte
	event  struct {
		SpecVersion, ID, Source, Type, Subject, DataContentType string
		Time                                                    time.Time
		Data                                                    map[string]any
	}
}

func receive(t *testing.T, plan func(int, http.ResponseWriter)) *receiver {
	t.Helper()
	r := &receiver{plan: plan}
	r.Server = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, req *http.Request) {
		body, _ := io.ReadAll(req.Body)
		one := received{header: req.Header, body: body}
		if err := json.Unmarshal(body, &one.event); err != nil {
			t.Error(err)
		}
		r.mu.Lock()
		r.got = append(r.got, one)
		n := len(r.got)
		r.mu.Unlock()
		if r.plan != nil {
			r.plan(n, w)
			return
		}
		w.WriteHeader(http.StatusNoContent)
	}))
	t.Cleanup(r.Close)
	return r
}

func (r *receiver) wait(t *testing.T, n int) []received {
	t.Helper()
	for range 1000 {
		r.mu.Lock()
		got := append([]received{}, r.got...)
		r.mu.Unlock()
		if len(got) >= n {
			return got
		}
		time.Sleep(10 * time.Millisecond)
	}
	t.Fatalf("%d messages came, want %d", len(r.got), n)
	return nil
}

type logText struct {
	mu sync.Mutex
	bytes.Buffer
}

func (l *logText) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.Buffer.Write(p)
}

func (l *logText) count(text string) int {
	l.mu.Lock()
	defer l.mu.Unlock()
	return strings.Count(l.String(), text)
}

const secret = "whsec_c2VjcmV0LXNlY3JldC1zZWNyZXQ="

func open(t *testing.T, o Options) (*Webhook, *logText) {
	t.Helper()
	log := &logText{}
	o.Logger = slog.New(slog.NewTextHandler(log, nil))
	if o.Secret == "" {
		o.Secret = secret
	}
	if o.FirstPause == 0 {
		o.FirstPause = time.Millisecond
	}
	w, err := New(o)
	if err != nil {
		t.Fatal(err)
	}
	if err := w.Open(context.Background()); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		ctx, cancel := context.WithTimeout(context.Background(), time.Second)
		defer cancel()
		_ = w.Close(ctx)
	})
	return w, log
}

func opened(source string, n int) engine.Event {
	v := 1200.0
	return engine.Event{Case: &engine.CaseChanged{Change: engine.CaseChangeOpened, Case: engine.Case{
		ID: fmt.Sprintf("case_%d", n), Source: source, State: engine.CaseOpen, Severity: engine.SeverityHigh, PeakValue: &v, OpenedAt: time.Unix(1, 0),
		Snapshots: []engine.CaseSnapshot{{ID: "snap_a", Role: engine.RoleTrigger, At: time.Unix(1, 0)}},
	}}}
}

func TestMessagesAreSignedCloudEvents(t *testing.T) {
	r := receive(t, nil)
	w, _ := open(t, Options{URL: r.URL, Sources: []string{"shop"}, From: "https://graphsnap.example"})
	w.Handle(opened("other", 0))
	w.Handle(engine.Event{Deleted: &engine.SnapshotDeleted{ID: "x", Source: "shop"}})
	w.Handle(opened("shop", 1))
	w.Handle(engine.Event{Fired: &engine.Firing{ID: "f", Source: "shop", Rule: "slow", State: engine.FiringDone, SnapshotID: "snap_a"}})
	got := r.wait(t, 2)
	e := got[0].event
	if e.SpecVersion != "1.0" || e.Type != "graphsnap.case.opened" || e.Source != "https://graphsnap.example" || e.Subject != "case_1" || e.ID == "" || e.Time.IsZero() || e.DataContentType != "application/json" {
		t.Errorf("got %s", got[0].body)
	}
	if e.Data["case_id"] != "case_1" || e.Data["peak_value"] != 1200.0 || e.Data["ended_at"] != nil || len(e.Data["snapshots"].([]any)) != 1 {
		t.Errorf("the data is %v", e.Data)
	}
	if f := got[1].event; f.Type != "graphsnap.firing.done" || f.Data["snapshot_id"] != "snap_a" || f.ID == e.ID {
		t.Errorf("got %s", got[1].body)
	}
	for _, m := range got {
		h := hmac.New(sha256.New, []byte("secret-secret-secret"))
		fmt.Fprintf(h, "%s.%s.%s", m.header.Get("webhook-id"), m.header.Get("webhook-timestamp"), m.body)
		if m.header.Get("webhook-signature") != "v1,"+base64.StdEncoding.EncodeToString(h.Sum(nil)) || m.header.Get("webhook-id") != m.event.ID {
			t.Errorf("the signature does not fit: %v", m.header)
		}
		if !strings.HasPrefix(m.header.Get("Content-Type"), "application/cloudevents+json") {
			t.Errorf("content type %s", m.header.Get("Content-Type"))
		}
	}
}

func TestRetriesKeepOrderAndID(t *testing.T) {
	r := receive(t, func(n int, w http.ResponseWriter) {
		switch n {
		case 1:
			w.WriteHeader(http.StatusInternalServerError)
		case 2:
			w.WriteHeader(http.StatusTooManyRequests)
		case 3:
			c, _, err := w.(http.Hijacker).Hijack()
			if err == nil {
				_ = c.Close() // no answer at all
			}
		}
	})
	w, log := open(t, Options{URL: r.URL})
	w.Handle(opened("shop", 1))
	w.Handle(opened("shop", 2))
	got := r.wait(t, 5)
	for i, want := range []string{"case_1", "case_1", "case_1", "case_1", "case_2"} {
		if got[i].event.Subject != want || (i < 4 && got[i].event.ID != got[0].event.ID) {
			t.Errorf("message %d is %s with id %s", i, got[i].event.Subject, got[i].event.ID)
		}
	}
	if log.count("does not take an event") != 1 || log.count("works again") != 1 {
		t.Errorf("the log says\n%s", log.String())
	}
}

func TestRefusalsAreFinal(t *testing.T) {
	r := receive(t, func(n int, w http.ResponseWriter) {
		if n == 1 {
			w.WriteHeader(http.StatusUnauthorized)
		} else if n == 2 {
			http.Redirect(w, &http.Request{Method: http.MethodPost}, "https://evil.example/", http.StatusTemporaryRedirect)
		}
	})
	w, log := open(t, Options{URL: r.URL + "/?token=hidden"})
	for n := range 3 {
		w.Handle(opened("shop", n))
	}
	got := r.wait(t, 3)
	if got[2].event.Subject != "case_2" || log.count("given up") != 2 || log.count("hidden") != 0 {
		t.Errorf("the log says\n%s", log.String())
	}
}

func TestGivesUpAndSaysSoOnce(t *testing.T) {
	var down sync.Map
	down.Store("down", true)
	r := receive(t, func(_ int, w http.ResponseWriter) {
		if v, _ := down.Load("down"); v == true {
			w.WriteHeader(http.StatusBadGateway)
		}
	})
	w, log := open(t, Options{URL: r.URL, GiveUpAfter: 100 * time.Millisecond, LongestPause: 10 * time.Millisecond})
	w.Handle(opened("shop", 1))
	for range 500 {
		if log.count("given up") == 1 {
			break
		}
		time.Sleep(10 * time.Millisecond)
	}
	down.Store("down", false)
	w.Handle(opened("shop", 2))
	got := r.wait(t, 4)
	for got[len(got)-1].event.Subject != "case_2" {
		got = r.wait(t, len(got)+1)
	}
	if log.count("given up") != 1 || log.count("does not take an event") != 1 {
		t.Errorf("the log says\n%s", log.String())
	}
}

func TestSlowReceiverHoldsNobodyUp(t *testing.T) {
	release := make(chan struct{})
	r := receive(t, func(n int, _ http.ResponseWriter) {
		if n == 1 {
			<-release
		}
	})
	defer close(release)
	w, log := open(t, Options{URL: r.URL, Timeout: 50 * time.Millisecond})
	began := time.Now()
	for n := range 2 * queueSize {
		w.Handle(opened("shop", n))
	}
	if took := time.Since(began); took > 2*time.Second {
		t.Errorf("queueing took %s", took)
	}
	got := r.wait(t, 2)
	if got[0].event.ID != got[1].event.ID {
		t.Error("a message that took too long is not repeated")
	}
	if log.count("queue is full") == 0 {
		t.Errorf("nobody hears that events are dropped:\n%s", log.String())
	}
}

func TestCloseDeliversWhatWaits(t *testing.T) {
	r := receive(t, func(n int, w http.ResponseWriter) {
		if n == 1 {
			w.WriteHeader(http.StatusServiceUnavailable)
		}
	})
	w, _ := open(t, Options{URL: r.URL, FirstPause: time.Hour})
	for n := range 3 {
		w.Handle(opened("shop", n))
	}
	r.wait(t, 1)
	if err := w.Close(context.Background()); err != nil {
		t.Error(err)
	}
	if got := r.wait(t, 4); len(got) != 4 {
		t.Errorf("%d messages came", len(got))
	}
	w.Handle(opened("shop", 9)) // after the end nothing is taken

	dead := receive(t, func(_ int, w http.ResponseWriter) { w.WriteHeader(http.StatusServiceUnavailable) })
	w, _ = open(t, Options{URL: dead.URL, FirstPause: time.Hour})
	w.Handle(opened("shop", 1))
	dead.wait(t, 1)
	began := time.Now()
	if err := w.Close(context.Background()); engine.KindOf(err) != engine.KindExhausted || engine.HintOf(err) == "" || !strings.Contains(err.Error(), "1 events") {
		t.Errorf("closing gives %v", err)
	}
	stuck := receive(t, func(int, http.ResponseWriter) { time.Sleep(300 * time.Millisecond) })
	w, _ = open(t, Options{URL: stuck.URL})
	w.Handle(opened("shop", 1))
	stuck.wait(t, 1)
	ctx, cancel := context.WithTimeout(context.Background(), 50*time.Millisecond)
	defer cancel()
	if err := w.Close(ctx); engine.KindOf(err) != engine.KindExhausted {
		t.Errorf("closing gives %v", err)
	}
	if took := time.Since(began); took > 3*time.Second {
		t.Errorf("closing took %s", took)
	}
}

func TestBadOptions(t *testing.T) {
	for _, o := range []Options{{Secret: secret}, {URL: "ftp://x", Secret: secret}, {URL: "https://x"}, {URL: "https://x", Secret: "short"}, {URL: "https://x", Secret: "whsec_!"}} {
		if _, err := New(o); engine.KindOf(err) != engine.KindInvalid || engine.HintOf(err) == "" {
			t.Errorf("%+v: %v", o, err)
		}
	}
}
