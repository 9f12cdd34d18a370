package api

import (
	"archive/tar"
	"bytes"
	"compress/gzip"
	"context"
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"strings"
	"testing"

	"graphsnap/engine"
)

const otherJoin = "orders -[TIME_MS_PER_S 7]-> payments"

// frozen captures a graph and gives the answer.
func (f *fixture) frozen(t *testing.T, graph, description string) Captured {
	t.Helper()
	f.live.text = graph
	a, err := f.client.Capture(context.Background(), CaptureRequest{Description: description})
	if err != nil {
		t.Fatal(err)
	}
	return a
}

func (f *fixture) exported(t *testing.T, ref string, o ExportQuery) []byte {
	t.Helper()
	var out bytes.Buffer
	if err := f.client.Export(context.Background(), ref, o, &out); err != nil {
		t.Fatal(err)
	}
	return out.Bytes()
}

func TestExportsComeBack(t *testing.T) {
	ctx := context.Background()
	from := serve(t)
	frozen := from.frozen(t, slowJoin, "to go")
	for _, format := range []string{"json", "csv"} {
		for _, compression := range []string{"", "gzip", "zstd"} {
			content := from.exported(t, "latest", ExportQuery{Format: format, Compression: compression})
			to := serve(t)
			for _, want := range []string{"imported", "already_there"} {
				r, err := to.client.Import(ctx, bytes.NewReader(content), "")
				if err != nil || len(r.Snapshots) != 1 || r.Snapshots[0].Status != want || r.Snapshots[0].SnapshotID != frozen.SnapshotID || r.Format != format {
					t.Fatalf("%s %s: %+v, %v; want %s", format, compression, r, err, want)
				}
			}
			d, err := to.client.Get(ctx, "latest", "")
			if err != nil || d.RootHash != frozen.RootHash || !d.Imported || d.Consistency.Evidence != "bookmark x" {
				t.Errorf("%s %s: %+v, %v", format, compression, d.Row, err)
			}
		}
	}
	to := serve(t)
	content := from.exported(t, "latest", ExportQuery{})
	if r, err := to.client.Import(ctx, bytes.NewReader(content), "elsewhere"); err != nil || r.Snapshots[0].Source != "elsewhere" {
		t.Errorf("under another source: %+v, %v", r, err)
	}
	bare := from.exported(t, "latest", ExportQuery{NoMetadata: true})
	if bytes.Contains(bare, []byte("bookmark x")) || !bytes.Contains(bare, []byte("users:Table")) {
		t.Errorf("without metadata: %s", bare)
	}
	for form, want := range map[string]bool{"plain": false, "shell": true} {
		script := string(from.exported(t, "latest", ExportQuery{Format: "cypher", Form: form}))
		if strings.Contains(script, ":begin") != want || !strings.Contains(script, "CREATE CONSTRAINT") {
			t.Errorf("Cypher as %s: %.300s", form, script)
		}
	}
}

func TestArchiveComesBackInParts(t *testing.T) {
	ctx := context.Background()
	from, to := serve(t), serve(t)
	first := from.frozen(t, slowJoin, "one")
	from.frozen(t, otherJoin, "two")
	var archive bytes.Buffer
	if err := from.client.Archive(ctx, ArchiveQuery{Compression: "zstd", Source: "shop"}, &archive); err != nil {
		t.Fatal(err)
	}
	// The same id with another content is there already, so one part of two fails and the other comes in.
	other := from.exported(t, first.SnapshotID, ExportQuery{NoMetadata: true})
	other = bytes.Replace(other, []byte(`1200`), []byte(`1300`), 1)
	var d map[string]any
	if err := json.Unmarshal(other, &d); err != nil {
		t.Fatal(err)
	}
	delete(d, "root_hash")
	if other, _ = json.Marshal(d); len(other) == 0 {
		t.Fatal("no document")
	}
	if _, err := to.client.Import(ctx, bytes.NewReader(other), ""); err != nil {
		t.Fatal(err)
	}
	r, err := to.client.Import(ctx, &archive, "")
	if err != nil || r.Imported != 1 || r.Failed != 1 || r.Total != 2 || !strings.Contains(r.Snapshots[0].Hint, "never overwrites") || r.Snapshots[0].Error == "" {
		t.Errorf("got %+v, %v", r, err)
	}
	if err := from.client.Archive(ctx, ArchiveQuery{Since: "2001-01-01", Until: "2001-01-02"}, io.Discard); engine.KindOf(err) != engine.KindNotFound {
		t.Errorf("an empty range: %v", err)
	}
	archive.Reset()
	if err := from.client.Archive(ctx, ArchiveQuery{IDs: []string{"latest~1"}}, &archive); err != nil {
		t.Fatal(err)
	}
	names := []string{}
	for files := tar.NewReader(&archive); ; {
		h, err := files.Next()
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			t.Fatal(err)
		}
		names = append(names, h.Name)
	}
	if len(names) != 3 || !strings.Contains(names[1], first.SnapshotID) {
		t.Errorf("the archive of one holds %v", names)
	}
}

func TestHostileImportsAreRefused(t *testing.T) {
	f := serve(t)
	good := f.frozen(t, slowJoin, "good")
	document := f.exported(t, "latest", ExportQuery{})
	gzipped := f.exported(t, "latest", ExportQuery{Compression: "gzip"})
	zipped := f.exported(t, "latest", ExportQuery{Compression: "zstd"})
	bomb := func() []byte {
		var b bytes.Buffer
		z := gzip.NewWriter(&b)
		_, _ = z.Write([]byte(`{"snapshot_id":"`))
		for range 64 {
			_, _ = z.Write(bytes.Repeat([]byte("a"), 64<<10))
		}
		_ = z.Close()
		return b.Bytes()
	}()
	events, err := f.client.Audit(context.Background(), AuditQuery{})
	if err != nil {
		t.Fatal(err)
	}
	for name, test := range map[string]struct {
		content []byte
		kind    engine.Kind
		says    string
	}{
		"nothing":          {nil, engine.KindInvalid, "empty"},
		"prose":            {[]byte("dear importer"), engine.KindInvalid, "neither"},
		"half of gzip":     {gzipped[:len(gzipped)/2], engine.KindInvalid, "early"},
		"half of zstd":     {zipped[:len(zipped)/2], engine.KindInvalid, "damaged"},
		"half a document":  {document[:len(document)/2], engine.KindInvalid, ""},
		"a bomb":           {bomb, engine.KindExhausted, "after decompression"},
		"too large a body": {append([]byte("{"), bytes.Repeat([]byte(" "), 2<<20)...), engine.KindExhausted, ""},
		"another content":  {bytes.Replace(document, []byte("1200"), []byte("1201"), 1), engine.KindInvalid, "changed after the export"},
	} {
		_, err := f.client.Import(context.Background(), bytes.NewReader(test.content), "")
		if engine.KindOf(err) != test.kind || err == nil || !strings.Contains(err.Error(), test.says) {
			t.Errorf("%s: %v, hint %q", name, err, engine.HintOf(err))
		}
	}
	after, err := f.client.Audit(context.Background(), AuditQuery{})
	if err != nil || len(after.Events) != len(events.Events) {
		t.Errorf("after them the audit trail has %d events, it had %d; %v", len(after.Events), len(events.Events), err)
	}
	if page, err := f.client.List(context.Background(), ListOptions{}); err != nil || len(page.Snapshots) != 1 || page.Snapshots[0].SnapshotID != good.SnapshotID {
		t.Errorf("after them the list is %+v, %v", page, err)
	}
}

// TestPseudonymsLeakNothing: neither the content nor the name of the file says a name, and the key stands in no address.
func TestPseudonymsLeakNothing(t *testing.T) {
	f := serve(t)
	f.frozen(t, slowJoin, "acme is slow")
	key := []byte("0123456789abcdef0123456789abcdef")
	first := f.exported(t, "latest", ExportQuery{PseudonymKey: key})
	for _, secret := range []string{"users", "products", "acme"} {
		if bytes.Contains(first, []byte(secret)) {
			t.Errorf("%q is in\n%s", secret, first)
		}
	}
	if again := f.exported(t, "latest", ExportQuery{PseudonymKey: key}); !bytes.Equal(first, again) {
		t.Error("the same key gave another export")
	}
	req, err := http.NewRequest(http.MethodGet, f.URL+"/api/performance/snapshots/latest/export", nil)
	if err != nil {
		t.Fatal(err)
	}
	req.Header.Set(pseudonymHeader, "MDEyMzQ1Njc4OWFiY2RlZg==")
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	_ = resp.Body.Close()
	if resp.StatusCode != http.StatusOK || strings.Contains(resp.Header.Get("Content-Disposition"), "acme") || resp.Header.Get("ETag") != "" || resp.Header.Get("Cache-Control") != "no-store" {
		t.Errorf("%s %v", resp.Status, resp.Header)
	}
	err = f.client.Export(context.Background(), "latest", ExportQuery{PseudonymKey: []byte("short")}, io.Discard)
	if engine.KindOf(err) != engine.KindInvalid || engine.HintOf(err) == "" {
		t.Errorf("a short key: %v", err)
	}
}

// TestImmutableBodiesHaveTags asks a second time with the tag, and once with the tag of something else.
func TestImmutableBodiesHaveTags(t *testing.T) {
	f := serve(t)
	f.frozen(t, slowJoin, "a")
	f.frozen(t, otherJoin, "b")
	tags := map[string]string{}
	for _, path := range []string{
		"/snapshots/latest", "/snapshots/latest~1", "/snapshots/latest/export?format=json", "/snapshots/latest/export?format=json&compression=gzip",
		"/snapshots/compare?baseline=latest~1&target=latest", "/snapshots/compare?baseline=latest~1&target=latest&limit=1",
	} {
		get := func(tag string) *http.Response {
			req, err := http.NewRequest(http.MethodGet, f.URL+base+path, nil)
			if err != nil {
				t.Fatal(err)
			}
			req.Header.Set("If-None-Match", tag)
			resp, err := http.DefaultClient.Do(req)
			if err != nil {
				t.Fatal(err)
			}
			_, _ = io.Copy(io.Discard, resp.Body)
			_ = resp.Body.Close()
			return resp
		}
		first := get(`"of something else"`)
		tag := first.Header.Get("ETag")
		if first.StatusCode != http.StatusOK || len(tag) < 10 || !strings.HasPrefix(tag, `"`) {
			t.Errorf("%s: %s, tag %s", path, first.Status, tag)
		}
		if again := get(`"x", ` + tag); again.StatusCode != http.StatusNotModified || again.Header.Get("ETag") != tag {
			t.Errorf("%s with its tag: %s", path, again.Status)
		}
		if other, twice := tags[tag]; twice {
			t.Errorf("%s and %s have the same tag", path, other)
		}
		tags[tag] = path
	}
}

// TestBrokenDownloads: an error before the first byte is a problem, one after it breaks the connection.
func TestBrokenDownloads(t *testing.T) {
	f := serve(t)
	ctx := context.Background()
	if err := f.client.Export(ctx, "latest", ExportQuery{}, io.Discard); engine.KindOf(err) != engine.KindNotFound {
		t.Errorf("nothing to export: %v", err)
	}
	f.frozen(t, slowJoin, "a")
	// A semicolon in a label cannot be said in CSV, which is found before anything is written.
	f.store.Tamper(mustID(t, f), func(_ *engine.Snapshot, g *engine.Graph) { g.Nodes[0].Labels = []string{"Table", "a;b"} })
	if err := f.client.Export(ctx, "latest", ExportQuery{Format: "csv", Compression: "zstd"}, io.Discard); engine.KindOf(err) != engine.KindInvalid || !strings.Contains(err.Error(), "semicolon") {
		t.Errorf("what CSV cannot say: %v", err)
	}
	// The graph ends badly behind 600 kB that were sent already.
	f.store.Tamper(mustID(t, f), func(_ *engine.Snapshot, g *engine.Graph) {
		g.Nodes[0].Properties["long"] = strings.Repeat("x", 600<<10)
	})
	f.store.broken = engine.Errorf(engine.KindUnavailable, "walk", "the database went away")
	if err := f.client.Export(ctx, "latest", ExportQuery{}, io.Discard); engine.KindOf(err) != engine.KindUnavailable || !strings.Contains(err.Error(), "cut short") {
		t.Errorf("an export that breaks off: %v", err)
	}
}

func mustID(t *testing.T, f *fixture) string {
	t.Helper()
	page, err := f.client.List(context.Background(), ListOptions{Limit: 1})
	if err != nil || len(page.Snapshots) != 1 {
		t.Fatal(err)
	}
	return page.Snapshots[0].SnapshotID
}
