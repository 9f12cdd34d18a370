package engine_test

import (
	"archive/tar"
	"bytes"
	"compress/gzip"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"strings"
	"testing"
	"time"

	"graphsnap/engine"
	"graphsnap/engine/enginetest"
)

// documentOf gives a small document with a graph_state; more are further fields.
func documentOf(graph string, more ...string) string {
	fields := append([]string{`"schema_version":1`, `"snapshot_id":"snap_20260131_090500_x"`, `"source":"shop"`, `"timestamp":"2026-01-31T09:05:00Z"`}, more...)
	return "{" + strings.Join(fields, ",") + `,"graph_state":` + graph + "}"
}

const twoTables = `{"nodes":[{"id":"a:Table","type":"Table","labels":["Table"],"properties":{"rows":1}},{"id":"b:Table","type":"Table","labels":["Table"],"properties":{}}],` +
	`"relationships":[{"id":"r","source":"a:Table","target":"b:Table","type":"REFERENCES","properties":{}}]}`

// withProperty gives a document with one property.
func withProperty(property string) string {
	return documentOf(`{"nodes":[{"id":"a","labels":["T"],"properties":{` + property + `}}],"relationships":[]}`)
}

type tarEntry struct {
	header  tar.Header
	content string
}

func tarOf(entries ...tarEntry) string {
	var b bytes.Buffer
	w := tar.NewWriter(&b)
	for _, e := range entries {
		e.header.Size, e.header.Mode = int64(len(e.content)), 0o644
		if err := w.WriteHeader(&e.header); err != nil {
			panic(err)
		}
		if _, err := io.WriteString(w, e.content); err != nil {
			panic(err)
		}
	}
	if err := w.Close(); err != nil {
		panic(err)
	}
	return b.String()
}

func file(name, content string) tarEntry {
	return tarEntry{tar.Header{Name: name, Typeflag: tar.TypeReg}, content}
}

const (
	csvHead  = `{"schema_version":1,"snapshot_id":"snap_20260131_090500_x","source":"shop","timestamp":"2026-01-31T09:05:00Z"}`
	onePart  = `{"format":"graphsnap-archive","version":1,"snapshots":[{"snapshot_id":"snap_20260131_090500_x","file":"snapshots/1.json"}]}`
	nodeHead = "key:ID,:LABEL\n"
	relHead  = ":START_ID,:END_ID,:TYPE,rk:string\n"
)

func TestHostileImportsWriteNothing(t *testing.T) {
	const invalid, exhausted = engine.KindInvalid, engine.KindExhausted
	for name, c := range map[string]struct {
		content string
		kind    engine.Kind
		says    string
	}{
		"nothing":                     {"", invalid, "empty"},
		"text":                        {"hello", invalid, "neither"},
		"compressed once more":        {"\x1f\x8b\x08rest", invalid, "compressed"},
		"cypher":                      {"CREATE (n)", invalid, "neither"},
		"cut in the head":             {`{"schema_version":1,"snap`, invalid, "ends early"},
		"cut in the graph":            {documentOf(twoTables)[:200], invalid, "ends early"},
		"something behind":            {documentOf(twoTables) + "x", invalid, "behind the end"},
		"no graph":                    {csvHead, invalid, "graph_state"},
		"a later version":             {strings.Replace(documentOf(twoTables), `"schema_version":1`, `"schema_version":2`, 1), invalid, "reads up to 1"},
		"a version that is text":      {strings.Replace(documentOf(twoTables), `"schema_version":1`, `"schema_version":"1"`, 1), invalid, "no version"},
		"a field twice":               {documentOf(twoTables, `"source":"other"`), invalid, "twice"},
		"a property twice":            {withProperty(`"a":1,"a":2`), invalid, "twice"},
		"the graph twice":             {documentOf(twoTables, `"graph_state":`+twoTables), invalid, "twice"},
		"an id that is a path":        {strings.Replace(documentOf(twoTables), "snap_20260131_090500_x", "../../etc/passwd", 1), invalid, "snapshot id"},
		"an id of Cypher":             {strings.Replace(documentOf(twoTables), "snap_20260131_090500_x", "snap_20260131_090500_x'}) DETACH DELETE n //", 1), invalid, "snapshot id"},
		"no source":                   {strings.Replace(documentOf(twoTables), `"source":"shop"`, `"source":""`, 1), invalid, "source"},
		"no moment":                   {strings.Replace(documentOf(twoTables), `"timestamp":"2026-01-31T09:05:00Z"`, `"rule":""`, 1), invalid, "timestamp"},
		"a moment that is none":       {strings.Replace(documentOf(twoTables), "2026-01-31T09:05:00Z", "yesterday", 1), invalid, "timestamp"},
		"an unknown trigger":          {documentOf(twoTables, `"trigger_type":"boredom"`), invalid, "trigger"},
		"an unknown severity":         {documentOf(twoTables, `"severity":"awful"`), invalid, "severity"},
		"tags that are a number":      {documentOf(twoTables, `"tags":5`), invalid, "tags"},
		"a huge description":          {documentOf(twoTables, `"description":"`+strings.Repeat("x", 5000)+`"`), invalid, "description"},
		"a huge header":               {documentOf(twoTables, `"rule":"`+strings.Repeat("x", 5<<20)+`"`), exhausted, "header"},
		"another hash":                {documentOf(twoTables, `"root_hash":"00"`), invalid, "root hash"},
		"another count":               {documentOf(twoTables, `"node_count":3`), invalid, "3 nodes"},
		"two nodes of one key":        {documentOf(`{"nodes":[{"id":"a","labels":[]},{"id":"a","labels":[]}],"relationships":[]}`), invalid, `two nodes`},
		"a relationship into nowhere": {strings.Replace(documentOf(twoTables), `"target":"b:Table"`, `"target":"c:Table"`, 1), invalid, "not both in the graph"},
		"two relationships of a key":  {strings.Replace(documentOf(twoTables), `"relationships":[`, `"relationships":[{"id":"r","source":"b:Table","target":"b:Table","type":"T"},`, 1), invalid, "two relationships"},
		"relationships first":         {documentOf(`{"relationships":[{"id":"r"}],"nodes":[]}`), invalid, "in front of the nodes"},
		"a node without key":          {documentOf(`{"nodes":[{"labels":["T"]}],"relationships":[]}`), invalid, "key"},
		"a key that is a number":      {documentOf(`{"nodes":[{"id":7}],"relationships":[]}`), invalid, "no text"},
		"a key too long for indexes":  {documentOf(`{"nodes":[{"id":"` + strings.Repeat("k", 9000) + `"}],"relationships":[]}`), invalid, "key"},
		"a NUL in a label":            {documentOf(`{"nodes":[{"id":"a","labels":["T\u0000"]}],"relationships":[]}`), invalid, "NUL"},
		"a NUL in a property's name":  {withProperty(`"a\u0000":1`), invalid, "NUL"},
		"an empty label":              {documentOf(`{"nodes":[{"id":"a","labels":[""]}],"relationships":[]}`), invalid, "label"},
		"a relationship of no type":   {strings.Replace(documentOf(twoTables), "REFERENCES", "", 1), invalid, "type"},
		"nodes that are an object":    {documentOf(`{"nodes":{},"relationships":[]}`), invalid, "stands where"},
		"half a character":            {withProperty(`"a":"\ud800"`), invalid, "half a character"},
		"no UTF-8":                    {withProperty("\"a\":\"\xff\""), invalid, "UTF-8"},
		"a bare line end in a text":   {withProperty("\"a\":\"x\ny\""), invalid, "control character"},
		"an integer of 65 bits":       {withProperty(`"a":18446744073709551616`), invalid, "64 bits"},
		"a float beyond all":          {withProperty(`"a":1e999`), invalid, "64 bits"},
		"a hexadecimal number":        {withProperty(`"a":0x1p3`), invalid, ""},
		"NaN as a word":               {withProperty(`"a":NaN`), invalid, ""},
		"an object as a property":     {withProperty(`"a":{"b":1}`), invalid, "no such properties"},
		"a list in a list":            {withProperty(`"a":[[1]]`), invalid, "within a list"},
		"a list of several types":     {withProperty(`"a":[1,2.5]`), invalid, "mixes types"},
		"a null in a list":            {withProperty(`"a":[null]`), invalid, "mixes types"},
		"an unknown type":             {withProperty(`"a":{"$type":"money","value":"1"}`), invalid, "money"},
		"a day that is none":          {withProperty(`"a":{"$type":"date","value":"2026-02-30"}`), invalid, "date"},
		"a zone that is a path":       {withProperty(`"a":{"$type":"datetime","value":"2026-02-03T00:00:00Z[../../etc/passwd]"}`), invalid, "datetime"},
		"a point on no map":           {withProperty(`"a":{"$type":"point","value":"1 2 3"}`), invalid, "point"},
		"a point off the globe":       {withProperty(`"a":{"$type":"point","value":"4326 181 0"}`), invalid, "point"},
		"a point at infinity":         {withProperty(`"a":{"$type":"point","value":"7203 Inf 0"}`), invalid, "point"},
		"an offset of a day":          {withProperty(`"a":{"$type":"time","value":"00:00:00+23:00"}`), invalid, "time"},
		"a duration beyond 64 bits":   {withProperty(`"a":{"$type":"duration","value":"P9000000000000000000M0DT0S"}`), invalid, "duration"},
		"too many types":              {documentOf(manyTypes(5_001)), exhausted, "types of relationship"},
		"a duration of everything":    {withProperty(`"a":{"$type":"duration","value":"P99999999999999999999M1DT1S"}`), invalid, "duration"},
		"very deep":                   {documentOf(twoTables, `"unknown":`+strings.Repeat("[", 1_000_000)), exhausted, "deep"},
		"a text of 33 MB":             {withProperty(`"a":"` + strings.Repeat("x", 33<<20) + `"`), exhausted, "text has more"},
		"too many properties":         {withProperty(manyProperties(10_001)), exhausted, "members"},

		"tar of something else":      {tarOf(file("readme.txt", "x")), invalid, "begins with"},
		"tar with a link":            {tarOf(tarEntry{tar.Header{Name: "manifest.json", Typeflag: tar.TypeSymlink, Linkname: "/etc/passwd"}, ""}), invalid, "link"},
		"tar with a device":          {tarOf(tarEntry{tar.Header{Name: "metadata.json", Typeflag: tar.TypeChar}, ""}), invalid, "device"},
		"tar that leads out":         {tarOf(file("../manifest.json", "{}")), invalid, "leads out"},
		"tar from the root":          {tarOf(file("/etc/manifest.json", "{}")), invalid, "leads out"},
		"archive of a later version": {tarOf(file("manifest.json", strings.Replace(onePart, `"version":1`, `"version":2`, 1))), invalid, "version 2"},
		"archive of another format":  {tarOf(file("manifest.json", `{}`)), invalid, "not that of an archive"},
		"archive of an odd id":       {tarOf(file("manifest.json", strings.Replace(onePart, "snap_20260131_090500_x", `\u001b[2J`, 1))), invalid, "snapshot id"},
		"archive without its parts":  {tarOf(file("manifest.json", onePart)), invalid, "ends before"},
		"archive with another file":  {tarOf(file("manifest.json", onePart), file("snapshots/2.json", "{}")), invalid, "stands where"},
		"archive without checksum":   {tarOf(file("manifest.json", onePart), file("snapshots/1.json", documentOf(twoTables))), invalid, "ends before"},
		"archive cut":                {tarOf(file("manifest.json", onePart), file("snapshots/1.json", documentOf(twoTables)))[:1800], invalid, ""},

		"csv without nodes":       {tarOf(file("metadata.json", csvHead)), invalid, "nodes.csv"},
		"csv in another order":    {tarOf(file("metadata.json", csvHead), file("relationships.csv", relHead)), invalid, "nodes.csv"},
		"csv with a file more":    {csvOf(nodeHead, relHead, file("more.csv", "")), invalid, "no part"},
		"csv without key":         {csvOf(":LABEL\n", relHead), invalid, ":ID is missing"},
		"csv with a column twice": {csvOf("key:ID,:LABEL,a:long,a:long\n", relHead), invalid, "twice"},
		"csv with an odd type":    {csvOf("key:ID,:LABEL,a:money\nx,T,1\n", relHead), invalid, "money"},
		"csv with our own names":  {csvOf("key:ID,:LABEL,seq:long\n", relHead), invalid, "own"},
		"csv with a short row":    {csvOf("key:ID,:LABEL,a:long\nx,T\n", relHead), invalid, "line 2"},
		"csv with a broken quote": {csvOf(nodeHead+"\"x\"y,T\n", relHead), invalid, "closing quote"},
		"csv with an open quote":  {csvOf(nodeHead+"\"x,T\n", relHead), invalid, "ends inside"},
		"csv with a wrong number": {csvOf("key:ID,:LABEL,a:long\nx,T,1.5\n", relHead), invalid, "no long"},
		"csv into nowhere":        {csvOf(nodeHead+"x,T\n", relHead+"x,y,T,r\n"), invalid, "not both in the graph"},
		"csv with a huge cell":    {csvOf(nodeHead+"\""+strings.Repeat("x", 33<<20)+"\",T\n", relHead), exhausted, "cell"},
	} {
		t.Run(name, func(t *testing.T) {
			store := &enginetest.MemoryStore{}
			e := engine.New(engine.Options{Store: store})
			r, err := e.Import(context.Background(), strings.NewReader(c.content), engine.ImportOptions{}, nil)
			if err == nil {
				for _, s := range r.Snapshots {
					err = errors.Join(err, s.Err)
				}
			}
			if err == nil {
				t.Fatalf("it was taken: %+v", r)
			}
			if got := kindOf(err); got != c.kind || !strings.Contains(err.Error(), c.says) {
				t.Errorf("kind %s, want %s with %q: %v", got, c.kind, c.says, err)
			}
			if len(err.Error()) > 2000 {
				t.Errorf("the message has %d bytes", len(err.Error()))
			}
			if rows, _, err := e.List(context.Background(), engine.Filter{}); err != nil || len(rows) > 0 {
				t.Errorf("%d snapshots were written; %v", len(rows), err)
			}
		})
	}
}

func kindOf(err error) engine.Kind {
	var own *engine.Error
	if errors.As(err, &own) {
		return own.Kind
	}
	return engine.KindOf(err)
}

func csvOf(nodes, rels string, more ...tarEntry) string {
	return tarOf(append([]tarEntry{file("metadata.json", csvHead), file("nodes.csv", nodes), file("relationships.csv", rels)}, more...)...)
}

func manyTypes(n int) string {
	parts := make([]string, n)
	for i := range parts {
		parts[i] = fmt.Sprintf(`{"id":"r%d","source":"a","target":"a","type":"T%d"}`, i, i)
	}
	return `{"nodes":[{"id":"a","labels":["T"]}],"relationships":[` + strings.Join(parts, ",") + `]}`
}

func manyProperties(n int) string {
	parts := make([]string, n)
	for i := range parts {
		parts[i] = fmt.Sprintf(`"p%d":1`, i)
	}
	return strings.Join(parts, ",")
}

// TestBoundsOfAnImport holds the bounds against what grows without end, as a decompression bomb does.
func TestBoundsOfAnImport(t *testing.T) {
	var bomb bytes.Buffer
	z := gzip.NewWriter(&bomb)
	_, _ = io.WriteString(z, `{"schema_version":1,"unknown":[`)
	for range 64 {
		_, _ = z.Write(bytes.Repeat([]byte("1,"), 1<<19))
	}
	_ = z.Close()
	unpacked, err := gzip.NewReader(&bomb)
	if err != nil {
		t.Fatal(err)
	}
	e := emptyEngine()
	if _, err := e.Import(context.Background(), unpacked, engine.ImportOptions{MaxBytes: 1 << 20}, nil); engine.KindOf(err) != engine.KindExhausted || engine.HintOf(err) == "" {
		t.Errorf("a bomb gives %v", err)
	}
	exact := documentOf(twoTables)
	if _, err := e.Import(context.Background(), strings.NewReader(exact), engine.ImportOptions{MaxBytes: int64(len(exact))}, nil); err != nil {
		t.Errorf("a document of exactly the bound gives %v", err)
	}
	e = emptyEngine()
	if _, err := e.Import(context.Background(), strings.NewReader(exact), engine.ImportOptions{MaxElements: 2}, nil); engine.KindOf(err) != engine.KindExhausted {
		t.Errorf("three elements where two are allowed give %v", err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	if _, err := e.Import(ctx, strings.NewReader(exact), engine.ImportOptions{}, nil); engine.KindOf(err) != engine.KindExhausted {
		t.Errorf("a cancelled import gives %v", err)
	}
	if rows, _, _ := e.List(context.Background(), engine.Filter{}); len(rows) > 0 {
		t.Errorf("%d snapshots were written", len(rows))
	}
}

func TestWhatAnImportAllows(t *testing.T) {
	e, s := frozen(t, enginetest.SizedGraph(5, 8, 0))
	content := exported(t, e, s.ID, engine.ExportOptions{})
	var fields map[string]json.RawMessage
	if err := json.Unmarshal(content, &fields); err != nil {
		t.Fatalf("the export is no JSON: %v", err)
	}
	sorted, err := json.Marshal(fields) // names in order, as `jq -S` writes them: the graph before the source
	if err != nil {
		t.Fatal(err)
	}
	for name, variant := range map[string][]byte{
		"sorted by name":     sorted,
		"with a byte order":  append([]byte("\ufeff"), content...),
		"indented":           indented(t, content),
		"without a hash":     []byte(strings.Replace(string(content), `"root_hash":"`+s.RootHash+`",`, "", 1)),
		"with unknown names": []byte(strings.Replace(string(content), "{", `{"case":{"id":[1,{}]},`, 1)),
	} {
		other := emptyEngine()
		r := imported(t, other, variant)
		sameHeader(t, other, s)
		if want := name == "with unknown names"; (len(r.Ignored) > 0) != want {
			t.Errorf("%s: ignored are %v", name, r.Ignored)
		}
	}
	other := emptyEngine()
	if _, err := other.Import(context.Background(), bytes.NewReader(content), engine.ImportOptions{Source: "copy"}, nil); err != nil {
		t.Fatal(err)
	}
	if got, err := other.Resolve(context.Background(), "copy", s.ID); err != nil || got.Source != "copy" || got.Live.Source != "copy" || got.RootHash != s.RootHash {
		t.Errorf("renamed it is %+v, %v", got, err)
	}
	if _, err := other.Import(context.Background(), bytes.NewReader(content), engine.ImportOptions{}, nil); engine.KindOf(err) != engine.KindConflict {
		t.Errorf("the same id of another source gives %v", err)
	}
}

func indented(t *testing.T, content []byte) []byte {
	t.Helper()
	var b bytes.Buffer
	if err := json.Indent(&b, content, "", "\t"); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

func TestConflictOverwritesNothing(t *testing.T) {
	e, s := frozen(t, enginetest.SizedGraph(5, 8, 0))
	_, changed := frozen(t, enginetest.SizedGraph(5, 8, 1))
	other, _ := frozen(t, enginetest.SizedGraph(5, 8, 1))
	r, err := other.Import(context.Background(), bytes.NewReader(exported(t, e, s.ID, engine.ExportOptions{})), engine.ImportOptions{}, nil)
	if engine.KindOf(err) != engine.KindConflict || engine.HintOf(err) == "" || r.Snapshots[0].Status != engine.ImportFailed {
		t.Errorf("got %v and %+v", err, r)
	}
	if got, err := other.Resolve(context.Background(), "", s.ID); err != nil || got.RootHash != changed.RootHash {
		t.Errorf("what was there is now %+v, %v", got, err)
	}
}

// TestOldestDocument imports the form that section 6 of DESIGN.md prints: no version, no source, no labels.
func TestOldestDocument(t *testing.T) {
	const oldest = `{"snapshot_id":"snap_20250101_000000_old","timestamp":"2025-01-01T00:00:00Z","trigger_type":"manual","trigger_reason":"by hand",
		"graph_state":{"nodes":[{"id":"users:Table","type":"Table","properties":{"rows":5}}],
			"relationships":[{"id":"self","source":"users:Table","target":"users:Table","type":"AVG_LATENCY_MS","properties":{"value":45.0,"severity":"high"}}]},
		"performance_summary":{"total_qps":120.5,"avg_latency":45.0,"bottlenecks_count":1,"critical_paths":[]},
		"metadata":{"database_type":"postgresql","database_name":"shop","capture_duration_ms":12.5,"graph_complexity":"low"}}`
	e := emptyEngine()
	imported(t, e, []byte(oldest))
	s, err := e.Resolve(context.Background(), "", "snap_20250101_000000_old")
	if err != nil {
		t.Fatal(err)
	}
	if s.Source != "shop" || s.SchemaVersion != engine.SchemaVersion || s.Summary.BottlenecksCount != 1 || *s.Summary.TotalQPS != 120.5 || s.Labels["Table"] != 1 ||
		s.Severity != engine.SeverityHigh || s.Live.DatabaseType != "postgresql" || s.TriggerReason != "by hand" || !s.Timestamp.Equal(time.Date(2025, 1, 1, 0, 0, 0, 0, time.UTC)) {
		t.Errorf("it came in as %+v", s)
	}
}

// TestExportStops ends exports by their context and by their receiver.
func TestExportStops(t *testing.T) {
	e, s := frozen(t, enginetest.SizedGraph(2000, 20000, 0))
	for _, format := range []engine.ExportFormat{engine.ExportJSON, engine.ExportCypher, engine.ExportCSV} {
		ctx, cancel := context.WithCancel(context.Background())
		w := &stopping{after: 300_000, stop: cancel}
		if err := e.Export(ctx, s.ID, engine.ExportOptions{Format: format}, w); engine.KindOf(err) != engine.KindExhausted {
			t.Errorf("%s: a cancelled export gives %v", format, err)
		}
		cancel()
		w = &stopping{after: 300_000, err: errors.New("the disk is full")}
		if err := e.Export(context.Background(), s.ID, engine.ExportOptions{Format: format}, w); engine.KindOf(err) != engine.KindUnavailable || engine.HintOf(err) == "" {
			t.Errorf("%s: a full disk gives %v", format, err)
		}
	}
	for _, o := range []engine.ExportOptions{{Format: "xml"}, {Format: engine.ExportCypher, Form: "fancy"}} {
		if err := e.Export(context.Background(), s.ID, o, io.Discard); engine.KindOf(err) != engine.KindInvalid || engine.HintOf(err) == "" {
			t.Errorf("%+v gives %v", o, err)
		}
	}
	if err := e.Export(context.Background(), "snap_20000101_000000_x", engine.ExportOptions{}, io.Discard); engine.KindOf(err) != engine.KindNotFound {
		t.Errorf("a snapshot that is not there gives %v", err)
	}
}

// stopping is a writer that fails, or ends a context, after some bytes.
type stopping struct {
	after int
	stop  func()
	err   error
}

func (w *stopping) Write(p []byte) (int, error) {
	if w.after -= len(p); w.after < 0 {
		if w.stop != nil {
			w.stop()
		}
		return len(p), w.err
	}
	return len(p), nil
}
