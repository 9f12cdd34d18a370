package engine_test

import (
	"bytes"
	"context"
	"testing"

	"graphsnap/engine"
	"graphsnap/engine/enginetest"
)

// fuzzImport takes any content: an import must end, without a panic, and what it takes must be whole: exported and imported
// again it is the same, and verification finds nothing.
func fuzzImport(t *testing.T, content []byte) {
	ctx := context.Background()
	e := emptyEngine()
	r, err := e.Import(ctx, bytes.NewReader(content), engine.ImportOptions{MaxBytes: 1 << 22, MaxElements: 1000}, nil)
	rows, _, listErr := e.List(ctx, engine.Filter{Limit: 1000})
	if listErr != nil {
		t.Fatal(listErr)
	}
	if len(rows) != r.Count(engine.ImportImported) {
		t.Fatalf("%d snapshots are there, the report says %+v, %v", len(rows), r, err)
	}
	for _, s := range rows {
		var again bytes.Buffer
		if err := e.Export(ctx, s.ID, engine.ExportOptions{}, &again); err != nil {
			t.Fatalf("%v (%s)", err, engine.HintOf(err))
		}
		other := emptyEngine()
		if _, err := other.Import(ctx, &again, engine.ImportOptions{}, nil); err != nil {
			t.Fatalf("what was exported is refused: %v", err)
		}
		if got, err := other.Resolve(ctx, "", s.ID); err != nil || got.RootHash != s.RootHash {
			t.Fatalf("it came back as %+v, %v", got, err)
		}
	}
	if len(rows) > 0 {
		if report, err := e.Verify(ctx, engine.VerifyOptions{}, nil); err != nil || len(report.Findings) > 0 {
			t.Fatalf("verification finds %+v, %v", report, err)
		}
	}
}

func fuzzGraph() *engine.Graph {
	g := enginetest.SizedGraph(2, 3, 0)
	g.Nodes[0].Properties["at"] = engine.Point{SRID: 7203, X: 1, Y: -2}
	g.Nodes[0].Properties["since"] = engine.Date("2026-01-31")
	g.Nodes[0].Properties["raw"] = []byte{0, 255}
	g.Nodes[1].Properties["list"] = []any{"a", "=b"}
	return g
}

func FuzzImportJSON(f *testing.F) {
	e, s := frozen(f, fuzzGraph())
	f.Add(exported(f, e, s.ID, engine.ExportOptions{}))
	f.Add(exported(f, e, s.ID, engine.ExportOptions{NoMetadata: true}))
	f.Add([]byte(documentOf(twoTables)))
	f.Add([]byte(withProperty(`"a":[1e5,-0.0],"b":{"$type":"duration","value":"P1M2DT-3.5S"},"c":"\ud83d\ude00\u0000","d":null`)))
	f.Fuzz(fuzzImport)
}

func FuzzImportCSV(f *testing.F) {
	e, s := frozen(f, fuzzGraph())
	f.Add(exported(f, e, s.ID, engine.ExportOptions{Format: engine.ExportCSV}))
	f.Add([]byte(csvOf(nodeHead+"x,T;U\n", relHead+"x,x,T,r\n")))
	f.Fuzz(fuzzImport)
}

// FuzzImportCSVRows is FuzzImportCSV without the tar around the files, which random bytes seldom get right.
func FuzzImportCSVRows(f *testing.F) {
	f.Add("key:ID,:LABEL,a:string,\"b:string[]\",c:byte[]\r\n\"'=x\",\"T;U\",\"\",\"a;b\",1;-2\n", relHead+"\"'=x\",\"'=x\",T,r\n")
	f.Add("key:ID,:LABEL,a:point,b:datetime,c:duration,d:double[]\nx,T,\"{srid:7203,x:1,y:-2.5}\",2026-10-25T02:30:00+01:00[Europe/Berlin],P1M2DT3S,\"NaN;1\"\n", relHead)
	f.Fuzz(func(t *testing.T, nodes, rels string) { fuzzImport(t, []byte(csvOf(nodes, rels))) })
}

func FuzzImportArchive(f *testing.F) {
	e, s := frozen(f, fuzzGraph())
	var b bytes.Buffer
	if err := e.ExportArchive(context.Background(), engine.ArchiveQuery{IDs: []string{s.ID}}, &b, nil); err != nil {
		f.Fatal(err)
	}
	f.Add(b.Bytes())
	f.Add([]byte(tarOf(file("manifest.json", onePart), file("snapshots/1.json", documentOf(twoTables)), file("snapshots/1.json.sha256", "00  1.json\n"))))
	f.Fuzz(fuzzImport)
}
