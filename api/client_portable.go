package api

import (
	"context"
	"encoding/base64"
	"io"
	"net/http"
	"net/url"

	"graphsnap/engine"
)

// ExportQuery says how a snapshot is exported; zero values mean JSON with metadata, plain.
type ExportQuery struct {
	Source                    string
	Format, Form, Compression string
	NoMetadata                bool
	PseudonymKey              []byte
}

// Export copies an exported snapshot to w as it comes.
func (c *Client) Export(ctx context.Context, ref string, o ExportQuery, w io.Writer) error {
	q := values("source", o.Source, "format", o.Format, "form", o.Form, "compression", o.Compression)
	if o.NoMetadata {
		q.Set("metadata", "false")
	}
	return c.download(ctx, refPath(ref)+"/export", q, o.PseudonymKey, w)
}

// ArchiveQuery selects the snapshots of an archive; zero values select everything.
type ArchiveQuery struct {
	Source, Since, Until string
	IDs                  []string
	Compression          string
	PseudonymKey         []byte
}

// Archive copies an archive of many snapshots to w as it comes.
func (c *Client) Archive(ctx context.Context, o ArchiveQuery, w io.Writer) error {
	q := values("source", o.Source, "since", o.Since, "until", o.Until, "compression", o.Compression)
	q["id"] = o.IDs
	return c.download(ctx, base+"/archive", q, o.PseudonymKey, w)
}

func (c *Client) download(ctx context.Context, path string, q url.Values, key []byte, w io.Writer) error {
	r := request{method: http.MethodGet, path: path, query: q, header: http.Header{}}
	if len(key) > 0 {
		r.header.Set(pseudonymHeader, base64.StdEncoding.EncodeToString(key))
	}
	resp, err := c.do(ctx, r)
	if err != nil {
		return err
	}
	defer func() { _ = resp.Body.Close() }()
	if _, err := io.Copy(w, resp.Body); err != nil {
		if ctx.Err() != nil {
			return ctx.Err()
		}
		return engine.Errorf(engine.KindUnavailable, "export", "the export was cut short").WithCause(err).WithHint("try again; the log of the server says what went wrong")
	}
	return nil
}

// Import sends what an export wrote, as it is read. source is the source that the snapshots get; their own where empty.
func (c *Client) Import(ctx context.Context, content io.Reader, source string) (report ImportReport, err error) {
	return report, c.answer(ctx, request{
		method: http.MethodPost, path: base + "/snapshots/import", query: values("source", source), body: content, contentType: "application/octet-stream",
	}, &report)
}

// VerifyQuery says what is verified; zero values mean all of all snapshots.
type VerifyQuery struct {
	IDs      []string
	Source   string
	Subset   string // 1/10
	VerifyID string // follows the verification through events
}

// Verify holds snapshots to what was published.
func (c *Client) Verify(ctx context.Context, o VerifyQuery) (report engine.VerifyReport, err error) {
	q := values("source", o.Source, "subset", o.Subset, "verify_id", o.VerifyID)
	q["id"] = o.IDs
	return report, c.call(ctx, http.MethodGet, base+"/verify", q, nil, &report)
}

// AuditQuery selects events of the audit trail; zero values select everything.
type AuditQuery struct {
	From                       int64
	SnapshotID, Source, Action string
	Limit                      int
}

// Audit gives one page of the audit trail.
func (c *Client) Audit(ctx context.Context, o AuditQuery) (page AuditPage, err error) {
	q := values("snapshot_id", o.SnapshotID, "source", o.Source, "action", o.Action)
	setNumber(q, "from", float64(o.From))
	setNumber(q, "limit", float64(o.Limit))
	return page, c.call(ctx, http.MethodGet, base+"/audit", q, nil, &page)
}

// AuditCheck holds the audit trail, the chain of snapshots and the timelines to each other.
func (c *Client) AuditCheck(ctx context.Context) (report engine.VerifyReport, err error) {
	return report, c.call(ctx, http.MethodGet, base+"/audit/check", nil, nil, &report)
}

// Captures lists what is being captured or deleted, and what failed.
func (c *Client) Captures(ctx context.Context) (list CaptureStates, err error) {
	return list, c.call(ctx, http.MethodGet, base+"/captures", nil, nil, &list)
}
