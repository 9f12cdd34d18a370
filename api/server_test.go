package api

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"io"
	"log/slog"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"testing/fstest"
	"time"

	"github.com/gorilla/websocket"

	"graphsnap/engine"
	"graphsnap/engine/enginetest"
)

// liveGraph is a live graph of one source.
type liveGraph struct {
	text string // as enginetest draws graphs; slowJoin where empty
	err  error  // of everything
	torn error  // of reading only
	mode engine.ConsistencyMode
}

const slowJoin = "users -[AVG_LATENCY_MS 1200 critical]-> products\nusers -[TIME_MS_PER_S 100]-> products"

func (l *liveGraph) Sources(context.Context) ([]engine.LiveState, error) {
	return []engine.LiveState{{Source: "shop"}}, l.err
}

func (l *liveGraph) ReadLive(ctx context.Context, _ string, _ engine.ReadOptions, open func() (engine.Sink, error)) (*engine.LiveRead, error) {
	text, mode := l.text, l.mode
	if text == "" {
		text = slowJoin
	}
	if mode == "" {
		mode = engine.ConsistencyQuiet
	}
	g, err := enginetest.ParseGraph(text)
	if err != nil {
		return nil, err
	}
	sink, err := open()
	if err == nil {
		err = errors.Join(engine.Feed(ctx, g, sink), l.err, l.torn)
	}
	return &engine.LiveRead{State: engine.LiveState{Source: "shop", DatabaseType: "postgresql"}, Consistency: engine.Consistency{Mode: mode, Attempts: 2, Evidence: "bookmark x"}}, err
}

// store is the in-memory store, whose walks can end badly.
type store struct {
	*enginetest.MemoryStore
	broken error
}

func (s *store) Walk(ctx context.Context, id string, sink engine.Sink) error {
	return errors.Join(s.MemoryStore.Walk(ctx, id, sink), s.broken)
}

type fixture struct {
	*httptest.Server
	api    *Server
	live   *liveGraph
	store  *store
	client *Client
	log    *bytes.Buffer
}

// serve runs the whole API over the in-memory store on a real socket.
func serve(t testing.TB) *fixture {
	t.Helper()
	f := &fixture{live: &liveGraph{}, store: &store{MemoryStore: &enginetest.MemoryStore{}}, log: &bytes.Buffer{}}
	e := engine.New(engine.Options{Live: f.live, Store: f.store})
	f.api = New(Options{
		Engine: e, Version: "test", Clock: engine.SystemClock{}, Logger: slog.New(slog.NewTextHandler(f.log, nil)),
		Status:      func(context.Context) Status { return Status{Live: ServerStatus{Health: Health{Health: "down"}}} },
		ImportLimit: 1 << 20,
		Viewer:      fstest.MapFS{"index.html": {Data: []byte("<title>viewer</title>")}, "assets/x.js": {Data: []byte("x")}},
	})
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	f.api.Open(l)
	f.Server = &httptest.Server{URL: "http://" + l.Addr().String()}
	f.client = NewClient(f.URL)
	t.Cleanup(func() {
		if err := f.api.Close(context.Background()); err != nil {
			t.Error(err)
		}
	})
	return f
}

func TestDocumentHasTheFixedNames(t *testing.T) {
	f := serve(t)
	ctx := context.Background()
	row, err := f.client.Capture(ctx, CaptureRequest{Description: "First one", Tags: []string{"b", "a"}})
	if err != nil {
		t.Fatal(err)
	}
	resp, err := http.Get(f.URL + "/api/performance/snapshots/latest")
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = resp.Body.Close() }()
	var d map[string]any
	if err := json.NewDecoder(resp.Body).Decode(&d); err != nil {
		t.Fatal(err)
	}
	for object, names := range map[string][]string{
		"":                    {"snapshot_id", "timestamp", "trigger_type", "trigger_reason", "graph_state", "performance_summary", "metadata", "schema_version"},
		"graph_state":         {"nodes", "relationships"},
		"performance_summary": {"total_qps", "avg_latency", "bottlenecks_count", "critical_paths"},
		"metadata":            {"database_type", "database_name", "capture_duration_ms", "graph_complexity"},
	} {
		in := d
		if object != "" {
			in, _ = d[object].(map[string]any)
		}
		for _, name := range names {
			if _, ok := in[name]; !ok {
				t.Errorf("%s.%s is missing", object, name)
			}
		}
	}
	if d["snapshot_id"] != row.SnapshotID || d["performance_summary"].(map[string]any)["total_qps"] != nil {
		t.Errorf("got %v", d)
	}
	// The snapshot never changes, so a reader that has it need not fetch it again.
	req, err := http.NewRequest(http.MethodGet, resp.Request.URL.String(), nil)
	if err != nil {
		t.Fatal(err)
	}
	req.Header.Set("If-None-Match", resp.Header.Get("ETag"))
	again, err := http.DefaultClient.Do(req)
	if err != nil || again.StatusCode != http.StatusNotModified {
		t.Errorf("with the ETag: %v, %v", again.Status, err)
	}
	_ = again.Body.Close()
}

func TestClientGoesRound(t *testing.T) {
	f := serve(t)
	ctx := context.Background()
	a, err := f.client.Capture(ctx, CaptureRequest{Description: "a"})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := f.client.Capture(ctx, CaptureRequest{Description: "b", IncludeHistorical: true}); err != nil {
		t.Fatal(err)
	}
	page, err := f.client.List(ctx, ListOptions{Limit: 1})
	if err != nil || len(page.Snapshots) != 1 || page.NextCursor == "" {
		t.Errorf("list: %+v, %v", page, err)
	}
	d, err := f.client.Compare(ctx, CompareQuery{Baseline: "latest~1", Target: "LIVE", Limit: 10})
	if err != nil || !d.NothingChanged || d.Baseline.SnapshotID != a.SnapshotID {
		t.Errorf("compare: %+v, %v", d, err)
	}
	var file bytes.Buffer
	if err := f.client.Export(ctx, "latest", ExportQuery{}, &file); err != nil || !json.Valid(file.Bytes()) {
		t.Errorf("export: %v", err)
	}
	if err := f.client.Delete(ctx, a.SnapshotID, ""); err != nil {
		t.Error(err)
	}
	_, err = f.client.Get(ctx, a.SnapshotID, "")
	if engine.KindOf(err) != engine.KindNotFound || engine.HintOf(err) == "" {
		t.Errorf("a deleted snapshot: %v", err)
	}
	if _, err := f.client.Demo(ctx); engine.KindOf(err) != engine.KindNotFound {
		t.Errorf("no demo runs: %v", err)
	}
	if _, err := NewClient("http://127.0.0.1:1").Status(ctx); engine.KindOf(err) != engine.KindUnavailable || !strings.Contains(engine.HintOf(err), "graphsnap up") {
		t.Errorf("nobody listens: %v", err)
	}
}

func TestHistoryOfBottlenecks(t *testing.T) {
	f := serve(t)
	for range 3 {
		if _, err := f.client.Capture(context.Background(), CaptureRequest{}); err != nil {
			t.Fatal(err)
		}
	}
	row, err := f.client.Capture(context.Background(), CaptureRequest{IncludeHistorical: true})
	if err != nil || len(row.Summary.Bottlenecks) != 1 || len(row.Summary.Bottlenecks[0].History) != 3 || row.Summary.Bottlenecks[0].History[0].Value != 1200 {
		t.Errorf("got %+v, %v", row.Summary.Bottlenecks, err)
	}
}

func TestProblemsLeakNothing(t *testing.T) {
	f := serve(t)
	f.live.err = engine.Errorf(engine.KindInternal, "secret op", "secret message").WithCause(io.ErrUnexpectedEOF)
	resp, err := http.Post(f.URL+"/api/performance/snapshots", "application/json", strings.NewReader("{}"))
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = resp.Body.Close() }()
	raw, err := io.ReadAll(resp.Body)
	if err != nil || resp.StatusCode != http.StatusInternalServerError || resp.Header.Get("Content-Type") != "application/problem+json" {
		t.Errorf("got %s, %v", resp.Status, err)
	}
	if strings.Contains(string(raw), "secret") || strings.Contains(string(raw), "EOF") {
		t.Errorf("the answer says %s", raw)
	}
	if !strings.Contains(f.log.String(), "secret message") {
		t.Error("the log does not say what happened")
	}
	f.live.err = engine.Errorf(engine.KindUnavailable, "x", "the database is away").WithHint("start it")
	if _, err := f.client.Capture(context.Background(), CaptureRequest{}); engine.KindOf(err) != engine.KindUnavailable || engine.HintOf(err) != "start it" {
		t.Errorf("got %v", err)
	}
}

func TestOtherWebsitesAreKeptOut(t *testing.T) {
	f := serve(t)
	for name, test := range map[string]struct {
		host, origin string
		status       int
	}{
		"our own page":     {"", f.URL, http.StatusOK},
		"a script":         {"", "", http.StatusOK},
		"another page":     {"", "https://evil.example", http.StatusForbidden},
		"a name of theirs": {"evil.example", "", http.StatusForbidden},
		"localhost":        {"localhost", "", http.StatusOK},
	} {
		req, err := http.NewRequest(http.MethodGet, f.URL+"/api/performance/snapshots", nil)
		if err != nil {
			t.Fatal(err)
		}
		if test.host != "" {
			req.Host = test.host
		}
		if test.origin != "" {
			req.Header.Set("Origin", test.origin)
		}
		resp, err := http.DefaultClient.Do(req)
		if err != nil {
			t.Fatal(err)
		}
		_ = resp.Body.Close()
		if resp.StatusCode != test.status {
			t.Errorf("%s: %d, want %d", name, resp.StatusCode, test.status)
		}
	}
}

func TestPages(t *testing.T) {
	f := serve(t)
	for path, want := range map[string]struct {
		status int
		says   string
	}{
		"/":                   {200, "<title>viewer</title>"},
		"/snapshots/latest":   {200, "<title>viewer</title>"},
		"/assets/x.js":        {200, "x"},
		"/api/docs":           {200, "/api/performance/snapshots/compare"},
		"/api/openapi.json":   {200, `"openapi":"3.1`},
		"/api/nothing":        {404, "problems/not_found"},
		"/healthz":            {200, "ok"},
		"/readyz":             {503, "live: down"},
		"/metrics":            {200, "go_goroutines"},
		"/../../../etc/hosts": {200, "<title>viewer</title>"},
	} {
		resp, err := http.Get(f.URL + path)
		if err != nil {
			t.Fatal(err)
		}
		raw, _ := io.ReadAll(resp.Body)
		_ = resp.Body.Close()
		if resp.StatusCode != want.status || !strings.Contains(string(raw), want.says) {
			t.Errorf("%s: %d %.200s", path, resp.StatusCode, raw)
		}
	}
}

func TestListenOnLoopbackOnly(t *testing.T) {
	for address, kind := range map[string]engine.Kind{"0.0.0.0:0": engine.KindDenied, "192.0.2.1:80": engine.KindDenied, "nonsense": engine.KindInvalid} {
		if _, err := Listen(context.Background(), address); engine.KindOf(err) != kind || engine.HintOf(err) == "" {
			t.Errorf("%s: %v", address, err)
		}
	}
	l, err := Listen(context.Background(), "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = l.Close() }()
	if _, err := Listen(context.Background(), l.Addr().String()); engine.KindOf(err) != engine.KindConflict || !strings.Contains(engine.HintOf(err), "--port") {
		t.Errorf("a busy port: %v", err)
	}
}

func dial(t *testing.T, f *fixture, query string) *websocket.Conn {
	t.Helper()
	conn, resp, err := websocket.DefaultDialer.Dial("ws"+strings.TrimPrefix(f.URL, "http")+"/ws/performance"+query, nil)
	if err != nil {
		t.Fatal(err)
	}
	_ = resp.Body.Close()
	t.Cleanup(func() { _ = conn.Close() })
	if err := conn.SetReadDeadline(time.Now().Add(10 * time.Second)); err != nil {
		t.Fatal(err)
	}
	return conn
}

func next(t *testing.T, conn *websocket.Conn) Event {
	t.Helper()
	var ev Event
	if err := conn.ReadJSON(&ev); err != nil {
		t.Fatal(err)
	}
	if ev.SpecVersion != "1.0" || ev.ID == "" || ev.Source == "" || ev.Time.IsZero() {
		t.Errorf("no CloudEvent: %+v", ev)
	}
	return ev
}

func TestSocketTellsAndResumes(t *testing.T) {
	f := serve(t)
	conn := dial(t, f, "")
	if ev := next(t, conn); ev.Type != EventHello || ev.Data.(map[string]any)["resumed"] != false {
		t.Fatalf("first comes %+v", ev)
	}
	if _, err := f.client.Capture(context.Background(), CaptureRequest{CaptureID: "mine"}); err != nil {
		t.Fatal(err)
	}
	var seen []Event
	for {
		ev := next(t, conn)
		if n := len(seen); n > 0 && ev.Seq != seen[n-1].Seq+1 {
			t.Errorf("%d follows %d", ev.Seq, seen[n-1].Seq)
		}
		seen = append(seen, ev)
		if ev.Type == EventCaptureProgress && ev.Data.(map[string]any)["capture_id"] != "mine" {
			t.Errorf("progress of %v", ev.Data)
		}
		if ev.Type == EventSnapshotCreated {
			break
		}
	}
	again := dial(t, f, "?since=1")
	if ev := next(t, again); ev.Data.(map[string]any)["resumed"] != true {
		t.Errorf("hello says %+v", ev.Data)
	}
	for _, want := range seen[1:] {
		if ev := next(t, again); ev.Seq != want.Seq || ev.Type != want.Type {
			t.Errorf("resumed with %+v, want %+v", ev, want)
		}
	}
	if ev := next(t, dial(t, f, "?since=999")); ev.Data.(map[string]any)["resumed"] != false {
		t.Error("events of another server's life are resumed")
	}
}

// hungUp gives a connection that nobody uses.
func hungUp(t *testing.T, f *fixture) *websocket.Conn {
	t.Helper()
	conn, resp, err := websocket.DefaultDialer.Dial("ws"+strings.TrimPrefix(f.URL, "http")+"/ws/performance", nil)
	if err != nil {
		t.Fatal(err)
	}
	_, _ = resp.Body.Close(), conn.Close()
	return conn
}

func TestSlowClientIsDroppedAloneAndOriginIsChecked(t *testing.T) {
	f := serve(t)
	quick := dial(t, f, "")
	next(t, quick)
	// A client whose queue is full already, instead of megabytes that fill the socket of one that never reads.
	slow := &client{conn: hungUp(t, f), queue: make(chan []byte), gone: make(chan struct{})}
	f.api.hub.mu.Lock()
	f.api.hub.clients[slow] = true
	f.api.hub.mu.Unlock()
	f.api.hub.send(EventTick, TickData{Source: "shop"})
	if ev := next(t, quick); ev.Type != EventTick {
		t.Errorf("the quick client got %+v", ev)
	}
	f.api.hub.mu.Lock()
	left := f.api.hub.clients[slow]
	f.api.hub.mu.Unlock()
	select {
	case <-slow.gone:
	default:
		left = true
	}
	if left {
		t.Error("the slow client was kept")
	}
	_, resp, err := websocket.DefaultDialer.Dial("ws"+strings.TrimPrefix(f.URL, "http")+"/ws/performance", http.Header{"Origin": {"https://evil.example"}})
	if err == nil || resp == nil || resp.StatusCode != http.StatusForbidden {
		t.Errorf("a page elsewhere may listen: %v", err)
	}
}

func TestBadRequestsSayWhatToDoAndRepeatNoHugeValue(t *testing.T) {
	f := serve(t)
	for name, body := range map[string]string{"empty": "", "half": `{"name":"a`, "huge": `{"name":"` + strings.Repeat("x", 50_000) + `"}`, "another": `[]`} {
		resp, err := http.Post(f.URL+"/api/performance/deployments", "application/json", strings.NewReader(body))
		if err != nil {
			t.Fatal(err)
		}
		raw, err := io.ReadAll(resp.Body)
		_ = resp.Body.Close()
		var p Problem
		if jsonErr := json.Unmarshal(raw, &p); err != nil || jsonErr != nil || p.Status < 400 || p.Status > 499 || p.Detail == "" || p.Hint == "" || len(raw) > 2000 {
			t.Errorf("%s: %d bytes, %.300s (%v, %v)", name, len(raw), raw, err, jsonErr)
		}
	}
}
