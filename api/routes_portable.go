package api

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"

	"github.com/danielgtaylor/huma/v2"

	"graphsnap/engine"
)

// DownloadInput is what all downloads take.
type DownloadInput struct {
	Compression  string `query:"compression" enum:"gzip,zstd,"`
	PseudonymKey string `header:"Graphsnap-Pseudonym-Key" doc:"Base64 of a secret key of at least 16 bytes: names become pseudonyms under it, other text is dropped"`
	IfNoneMatch  string `header:"If-None-Match"`
}

type exportInput struct {
	RefInput
	DownloadInput
	Format   string `query:"format" default:"json" enum:"json,cypher,csv" doc:"csv is a tar of metadata.json, nodes.csv and relationships.csv"`
	Form     string `query:"form" default:"plain" enum:"plain,shell" doc:"Of Cypher: statements alone, or for cypher-shell"`
	Metadata bool   `query:"metadata" default:"true" doc:"false: only what identifies the snapshot, and its graph"`
}

// exportForms says what a file of each format is.
var exportForms = map[string]struct{ ending, contentType string }{
	"json":   {".json", "application/json"},
	"cypher": {".cypher", "text/plain; charset=utf-8"},
	"csv":    {".csv.tar", "application/x-tar"},
}

func (s *Server) export(ctx context.Context, in *exportInput) (*huma.StreamResponse, error) {
	snap, err := s.o.Engine.Resolve(ctx, in.Source, in.ID)
	if err != nil {
		return nil, err
	}
	o := engine.ExportOptions{Format: engine.ExportFormat(in.Format), Form: engine.CypherForm(in.Form), NoMetadata: !in.Metadata}
	form := exportForms[in.Format]
	d := download{name: snap.ID + form.ending, contentType: form.contentType, compression: in.Compression, ifNoneMatch: in.IfNoneMatch}
	if o.Pseudonymise, err = pseudonymKey(in.PseudonymKey); err != nil {
		return nil, err
	}
	if o.Pseudonymise == nil {
		d.etag = s.strongTag(sealOf(snap), "export", in.Format, in.Form, in.Compression, fmt.Sprint(in.Metadata))
	} else {
		p, err := engine.NewPseudonymiser(o.Pseudonymise)
		if err != nil {
			return nil, err
		}
		d.name = p.SnapshotID(snap.ID) + form.ending // the id has words of the description in it
	}
	return s.download(d, func(ctx context.Context, w io.Writer) error { return s.o.Engine.Export(ctx, snap.ID, o, w) }), nil
}

type archiveInput struct {
	DownloadInput
	IDs    []string `query:"id,explode" maxItems:"1000" doc:"As snapshot_id elsewhere; may be repeated; then since and until say nothing"`
	Source string   `query:"source" doc:"Snapshots of this source; all sources where it is missing"`
	Since  string   `query:"since" doc:"From this moment on; a date or RFC 3339"`
	Until  string   `query:"until" doc:"Before this moment; a date or RFC 3339"`
}

func (s *Server) archive(ctx context.Context, in *archiveInput) (*huma.StreamResponse, error) {
	q := engine.ArchiveQuery{Source: in.Source}
	var err error
	if q.Since, q.Until, err = parseTimes(in.Since, in.Until); err != nil {
		return nil, err
	}
	for _, ref := range in.IDs {
		snap, err := s.o.Engine.Resolve(ctx, in.Source, ref)
		if err != nil {
			return nil, err
		}
		q.IDs = append(q.IDs, snap.ID)
	}
	if q.Pseudonymise, err = pseudonymKey(in.PseudonymKey); err != nil {
		return nil, err
	}
	d := download{name: "graphsnap-archive.tar", contentType: "application/x-tar", compression: in.Compression}
	return s.download(d, func(ctx context.Context, w io.Writer) error { return s.o.Engine.ExportArchive(ctx, q, w, nil) }), nil
}

// download is a file that is written while it is sent.
type download struct {
	name, contentType, compression string // no name: it is looked at, not kept
	etag, ifNoneMatch              string // no tag: it must not be kept
}

// download sends a file. What fails before the first byte is a problem like any other; what fails later ends the
// connection, so that nobody takes a part for the whole.
func (s *Server) download(d download, write func(context.Context, io.Writer) error) *huma.StreamResponse {
	if ct, ok := compressionTypes[d.compression]; ok {
		d.name, d.contentType = d.name+compressionEndings[d.compression], ct
	}
	return &huma.StreamResponse{Body: func(hc huma.Context) {
		hc.SetHeader("Cache-Control", "no-store")
		if d.etag != "" {
			hc.SetHeader("Cache-Control", "no-cache")
			if known(d.ifNoneMatch, d.etag) {
				hc.SetHeader("ETag", d.etag)
				hc.SetStatus(http.StatusNotModified)
				return
			}
		}
		out := &lateWriter{start: func() io.Writer {
			if d.etag != "" {
				hc.SetHeader("ETag", d.etag)
			}
			hc.SetHeader("Content-Type", d.contentType)
			if d.name != "" {
				hc.SetHeader("Content-Disposition", `attachment; filename="`+d.name+`"`)
			}
			hc.SetStatus(http.StatusOK)
			return hc.BodyWriter()
		}}
		w, err := compressed(out, d.compression)
		if err == nil {
			if err = write(hc.Context(), w); err == nil {
				err = w.Close()
			}
		}
		switch {
		case err == nil:
		case out.w == nil:
			s.streamProblem(hc, err)
		default:
			s.o.Logger.Warn("a download was cut short", "file", d.name, "err", err)
			panic(http.ErrAbortHandler)
		}
	}}
}

// streamProblem answers a problem where huma expects a stream.
func (s *Server) streamProblem(hc huma.Context, err error) {
	p := problemOf(s.o.Logger, err)
	u := hc.URL()
	p.Instance = u.Path
	hc.SetHeader("Content-Type", p.ContentType(""))
	hc.SetStatus(p.Status)
	_ = json.NewEncoder(hc.BodyWriter()).Encode(p) // who does not listen any more misses nothing
}

// lateWriter begins the answer with its first bytes.
type lateWriter struct {
	start func() io.Writer
	w     io.Writer
}

func (l *lateWriter) Write(p []byte) (int, error) {
	if l.w == nil {
		l.w = l.start()
	}
	return l.w.Write(p)
}

// defaultImportLimit bounds imports where nobody says otherwise, bytes.
const defaultImportLimit = engine.DefaultImportBytes

// registerImport adds the one operation whose body is a stream.
func registerImport(s *Server, api huma.API) {
	registerOperation(s, api, huma.Operation{
		OperationID: "import", Method: http.MethodPost, Path: base + "/snapshots/import",
		Summary: "Bring in exported snapshots",
		Description: "Takes a JSON document, a CSV export or an archive, plain or compressed by gzip or zstd, which is seen by the content. " +
			"Nothing is overwritten, and an import can be repeated. Of an archive each snapshot stands for itself: look at `failed`.",
		RequestBody: &huma.RequestBody{Required: true, Content: map[string]*huma.MediaType{
			"application/octet-stream": {Schema: &huma.Schema{Type: huma.TypeString, Format: "binary"}},
		}},
	}, s.importSnapshots)
}

type importInput struct {
	ActorInput
	Source string `query:"source" maxLength:"200" doc:"The source that the snapshots get; their own where it is missing"`
	body   io.Reader
}

// Resolve keeps the body, which is read while it comes.
func (in *importInput) Resolve(hc huma.Context) []error {
	in.body = hc.BodyReader()
	return nil
}

// drained is how much of a refused body is still read, so that the client hears the answer instead of a broken connection.
const drained = 64 << 20

func (s *Server) importSnapshots(ctx context.Context, in *importInput) (*body[ImportReport], error) {
	limit := s.o.ImportLimit
	if limit == 0 {
		limit = defaultImportLimit
	}
	sent := &sentBody{in: in.body, left: limit}
	out, err := s.imported(ctx, sent, in, limit)
	if err != nil {
		_, _ = io.CopyN(io.Discard, in.body, drained)
	}
	return out, err
}

func (s *Server) imported(ctx context.Context, sent io.Reader, in *importInput, limit int64) (*body[ImportReport], error) {
	content, err := decompressed(sent)
	if err != nil {
		return nil, err
	}
	defer func() { _ = content.Close() }()
	report, err := s.o.Engine.Import(ctx, content, engine.ImportOptions{Actor: in.actor(), Source: in.Source, MaxBytes: limit}, nil)
	if err != nil && (report == nil || report.Count(engine.ImportFailed) == len(report.Snapshots)) {
		return nil, err
	}
	out := s.importReportOf(report)
	if err != nil {
		p := problemOf(s.o.Logger, err)
		out.Error, out.Hint = p.Detail, p.Hint
	}
	return &body[ImportReport]{out}, nil
}

// sentBody is the body of an import as it is sent, up to a limit.
type sentBody struct {
	in   io.Reader
	left int64
}

func (b *sentBody) Read(p []byte) (int, error) {
	if b.left <= 0 {
		return 0, engine.Errorf(engine.KindExhausted, "import", "the body is larger than imports may be").WithHint("raise server.import_limit_mb in the configuration, or import it in parts")
	}
	n, err := b.in.Read(p[:min(int64(len(p)), b.left)])
	b.left -= int64(n)
	if err != nil && !errors.Is(err, io.EOF) {
		err = engine.Errorf(engine.KindInvalid, "import", "the body was cut short").WithCause(err).WithHint("send it again; an import can be repeated")
	}
	return n, err
}

func (s *Server) importReportOf(r *engine.ImportReport) ImportReport {
	out := ImportReport{
		Format: r.Format, Total: r.Total, Imported: r.Count(engine.ImportImported), AlreadyThere: r.Count(engine.ImportAlreadyThere),
		Failed: r.Count(engine.ImportFailed), Snapshots: []ImportedSnapshot{}, Ignored: orEmpty(r.Ignored),
	}
	for _, e := range r.Snapshots {
		one := ImportedSnapshot{
			SnapshotID: e.ID, Source: e.Source, Timestamp: moment(e.Timestamp), Status: string(e.Status),
			NodeCount: e.Nodes, RelationshipCount: e.Relationships,
		}
		if e.Err != nil {
			p := problemOf(s.o.Logger, e.Err)
			one.Error, one.Hint = p.Detail, p.Hint
		}
		out.Snapshots = append(out.Snapshots, one)
	}
	return out
}
