package notify

import (
	"bytes"
	"context"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"math/rand/v2"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"

	"graphsnap/engine"
)

const (
	queueSize      = 1000
	usualTimeout   = 10 * time.Second
	firstPause     = time.Second
	longestPause   = 5 * time.Minute
	giveUpAfter    = time.Hour
	minSecretBytes = 16
	secretPrefix   = "whsec_" // what follows is base64, as Standard Webhooks have it
)

// Options say whom a Webhook tells what. URL and Secret are required.
type Options struct {
	URL     string        // https://HOST/PATH, or http://
	Secret  string        // at least 16 bytes, or whsec_ and base64 of as many; signs each message
	Sources []string      // whose cases and firings are told; all where empty
	Timeout time.Duration // of one attempt; 10 seconds where 0
	From    string        // source of the CloudEvents, such as https://graphsnap.example; /graphsnap where empty
	Clock   engine.Clock
	Logger  *slog.Logger

	// The measures of repeating; zero means the usual ones: 1 s doubled up to 5 min, each time a random part of it, for 1 h.
	FirstPause, LongestPause, GiveUpAfter time.Duration
}

// Webhook sends cases and firings to a URL: CloudEvents 1.0 in structured mode, signed as Standard Webhooks are. Each message
// carries
//
//	webhook-id         the id of the event, the same at each attempt
//	webhook-timestamp  unix seconds of the attempt
//	webhook-signature  v1, and base64 of HMAC-SHA256 over "id.timestamp.body" with the secret
//
// Messages go out one after the other, in order. What is answered by 2xx has arrived; refusals (4xx other than 408, 409, 425 and
// 429) are final; all else is repeated with growing pauses and given up after an hour. Waiting messages are in memory only.
type Webhook struct {
	o      Options
	key    []byte
	client *http.Client

	mu      sync.Mutex
	queue   []message // the first one is under way
	dropped int       // since the queue was full
	failing bool      // the last attempt failed, and the log says so
	closed  bool

	some    chan struct{} // something is queued, or no more will be
	stop    context.CancelFunc
	wait    sync.WaitGroup
	hurried chan struct{} // closed by Close: no more pauses
}

// message is one event on its way.
type message struct {
	id, kind string
	body     []byte
	since    time.Time
}

// New makes a webhook; it sends from Open on. Kinds: invalid.
func New(o Options) (*Webhook, error) {
	const op = "webhook"
	u, err := url.Parse(o.URL)
	if err != nil || u.Host == "" || (u.Scheme != "https" && u.Scheme != "http") {
		return nil, engine.Errorf(engine.KindInvalid, op, "%q is no address of a receiver", o.URL).WithHint("write https://HOST/PATH")
	}
	key := []byte(o.Secret)
	if rest, ok := strings.CutPrefix(o.Secret, secretPrefix); ok {
		if key, err = base64.StdEncoding.DecodeString(rest); err != nil {
			return nil, engine.Errorf(engine.KindInvalid, op, "what follows %s in the secret is no base64", secretPrefix).WithHint("make one with `echo whsec_$(openssl rand -base64 24)`")
		}
	}
	if len(key) < minSecretBytes {
		return nil, engine.Errorf(engine.KindInvalid, op, "the secret has %d bytes", len(key)).WithHint("it needs at least %d; make one with `echo whsec_$(openssl rand -base64 24)`", minSecretBytes)
	}
	if o.Timeout <= 0 {
		o.Timeout = usualTimeout
	}
	if o.From == "" {
		o.From = "/graphsnap"
	}
	if o.Clock == nil {
		o.Clock = engine.SystemClock{}
	}
	if o.Logger == nil {
		o.Logger = slog.New(slog.DiscardHandler)
	}
	for into, usual := range map[*time.Duration]time.Duration{&o.FirstPause: firstPause, &o.LongestPause: longestPause, &o.GiveUpAfter: giveUpAfter} {
		if *into <= 0 {
			*into = usual
		}
	}
	return &Webhook{
		o: o, key: key, some: make(chan struct{}, 1), hurried: make(chan struct{}),
		// A redirect would take the message to where nobody said it may go.
		client: &http.Client{Timeout: o.Timeout, CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }},
	}, nil
}

// Open starts sending.
func (w *Webhook) Open(ctx context.Context) error {
	ctx, w.stop = context.WithCancel(context.WithoutCancel(ctx))
	w.wait.Go(func() { w.send(ctx) })
	return nil
}

// Close takes no more events, tries each waiting one once more until ctx ends, and says how many were not delivered. Kinds:
// exhausted.
func (w *Webhook) Close(ctx context.Context) error {
	if w.stop == nil {
		return nil
	}
	w.mu.Lock()
	already := w.closed
	w.closed = true
	w.mu.Unlock()
	if !already {
		close(w.hurried)
		w.wake()
	}
	done := make(chan struct{})
	go func() { w.wait.Wait(); close(done) }()
	select {
	case <-done:
	case <-ctx.Done():
	}
	w.stop()
	<-done
	w.mu.Lock()
	defer w.mu.Unlock()
	if len(w.queue) == 0 {
		return nil
	}
	return engine.Errorf(engine.KindExhausted, "webhook", "%d events were not delivered to %s", len(w.queue), w.address()).
		WithHint("look there whether the receiver works; `graphsnap cases` shows what it missed")
}

// address names the receiver without what may be secret in it.
func (w *Webhook) address() string {
	u, err := url.Parse(w.o.URL)
	if err != nil {
		return "the receiver"
	}
	return u.Scheme + "://" + u.Host
}

// Handle queues an event of the engine, where it is one that is told; subscribe it to engine.Events. It never waits.
func (w *Webhook) Handle(ev engine.Event) {
	e := eventOf(ev)
	if e == nil || (len(w.o.Sources) > 0 && !slices.Contains(w.o.Sources, e.of)) {
		return
	}
	body, err := e.encode(w.o.From, w.o.Clock.Now())
	if err != nil {
		w.o.Logger.Error("an event cannot be written for the webhook", "type", e.Type, "err", err)
		return
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	switch {
	case w.closed:
	case len(w.queue) >= queueSize:
		if w.dropped == 0 {
			w.o.Logger.Error("the webhook's queue is full; events are dropped until there is room", "receiver", w.address(), "waiting", len(w.queue))
		}
		w.dropped++
	default:
		if w.dropped > 0 {
			w.o.Logger.Warn("the webhook's queue has room again", "dropped", w.dropped)
			w.dropped = 0
		}
		w.queue = append(w.queue, message{e.ID, e.Type, body, w.o.Clock.Now()})
		w.wake()
	}
}

func (w *Webhook) wake() {
	select {
	case w.some <- struct{}{}:
	default:
	}
}

// first gives the message whose turn it is; more is false where none will come.
func (w *Webhook) first() (m message, there, more bool) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if len(w.queue) > 0 {
		return w.queue[0], true, true
	}
	return message{}, false, !w.closed
}

func (w *Webhook) drop() {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.queue = w.queue[1:]
}

func (w *Webhook) send(ctx context.Context) {
	for {
		m, there, more := w.first()
		if !more {
			return
		}
		if there {
			if !w.deliver(ctx, m) {
				return
			}
			continue
		}
		select {
		case <-ctx.Done():
			return
		case <-w.some:
		}
	}
}

// deliver sends one message until it has arrived or is given up; it gives false where there is no more time.
func (w *Webhook) deliver(ctx context.Context, m message) (goOn bool) {
	for pause := w.o.FirstPause; ; pause = min(2*pause, w.o.LongestPause) {
		wait, err := w.attempt(ctx, m)
		if err == nil {
			if w.failing {
				w.o.Logger.Info("the webhook works again", "receiver", w.address())
			}
			w.failing = false
			w.drop()
			return true
		}
		if ctx.Err() != nil {
			return false
		}
		final := wait < 0
		if !w.failing && !final {
			w.o.Logger.Warn("the webhook's receiver does not take an event; it is repeated", "receiver", w.address(), "type", m.kind, "err", err)
			w.failing = true
		}
		if final || w.o.Clock.Now().Sub(m.since) >= w.o.GiveUpAfter {
			w.o.Logger.Error("an event was not delivered and is given up", "receiver", w.address(), "type", m.kind, "id", m.id, "err", err)
			w.drop()
			return true
		}
		if wait == 0 {
			wait = pause/2 + rand.N(pause/2+1) // apart from other senders
		}
		timer := time.NewTimer(min(wait, w.o.LongestPause))
		select {
		case <-ctx.Done():
			timer.Stop()
			return false
		case <-timer.C:
		case <-w.hurried:
			timer.Stop()
			if _, err := w.attempt(ctx, m); err != nil {
				return false // the others would fare no better
			}
			w.drop()
			return true
		}
	}
}

// attempt sends a message once. wait is how long the receiver wants to be left alone, 0 where it does not say, and less where
// it never wants this message.
func (w *Webhook) attempt(ctx context.Context, m message) (wait time.Duration, err error) {
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, w.o.URL, bytes.NewReader(m.body))
	if err != nil {
		return -1, err
	}
	at := strconv.FormatInt(w.o.Clock.Now().Unix(), 10)
	req.Header.Set("Content-Type", "application/cloudevents+json; charset=utf-8")
	req.Header.Set("User-Agent", "graphsnap")
	req.Header.Set("webhook-id", m.id)
	req.Header.Set("webhook-timestamp", at)
	req.Header.Set("webhook-signature", "v1,"+sign(w.key, m.id, at, m.body))
	resp, err := w.client.Do(req)
	if err != nil {
		var u *url.Error
		if errors.As(err, &u) {
			err = u.Err // without the address, which may hold a token
		}
		return 0, err
	}
	_, _ = io.Copy(io.Discard, io.LimitReader(resp.Body, 64<<10)) // so that the connection can be used again
	_ = resp.Body.Close()
	if resp.StatusCode >= 200 && resp.StatusCode < 300 {
		return 0, nil
	}
	err = fmt.Errorf("it answers %s", resp.Status)
	switch code := resp.StatusCode; {
	case code == http.StatusRequestTimeout || code == http.StatusConflict || code == http.StatusTooEarly || code == http.StatusTooManyRequests || code >= 500:
		if s, bad := strconv.Atoi(resp.Header.Get("Retry-After")); bad == nil && s > 0 {
			wait = time.Duration(s) * time.Second
		}
		return wait, err
	}
	return -1, err
}

// sign gives the signature of a message, base64.
func sign(key []byte, id, at string, body []byte) string {
	h := hmac.New(sha256.New, key)
	h.Write([]byte(id + "." + at + "."))
	h.Write(body)
	return base64.StdEncoding.EncodeToString(h.Sum(nil))
}
