package engine

import (
	"archive/tar"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"path"
	"slices"
	"strings"
	"time"
)

// An archive is a tar that begins with manifest.json. For each snapshot two files follow in the order of the manifest, its
// document, snapshots/00001_<id>.json, and the SHA-256 of it as sha256sum writes and checks it,
// snapshots/00001_<id>.json.sha256. The documents stand from old to new.
const (
	archiveManifest = "manifest.json"
	archiveFormat   = "graphsnap-archive"
	archiveVersion  = 1
	checksumEnding  = ".sha256"
	maxManifestSize = 256 << 20 // about a million snapshots
)

type archiveIndex struct {
	Format    string        `json:"format"`
	Version   int           `json:"version"`
	Snapshots []archivePart `json:"snapshots"`
}

type archivePart struct {
	SnapshotID string    `json:"snapshot_id"`
	Source     string    `json:"source"`
	Timestamp  time.Time `json:"timestamp"`
	RootHash   string    `json:"root_hash,omitempty"` // pseudonymised snapshots have another one in their document
	File       string    `json:"file"`
}

// ArchiveQuery selects the snapshots of an archive: those named, or those of a source and a time; zero values select all.
type ArchiveQuery struct {
	Source       string
	Since, Until time.Time // inclusive, exclusive
	IDs          []string  // full ids; then Source and the times say nothing
	Pseudonymise []byte    // the key of pseudonyms; none where empty
}

// ExportArchive writes many snapshots as one tar. Each document is spooled in a temporary file, because a tar says sizes
// first; memory does not grow with the snapshots. progress hears of each one that was written.
// Kinds: not_found (nothing is selected, or one was deleted meanwhile), invalid, unavailable, exhausted (ctx ended, or no
// room for the temporary file).
func (e *Engine) ExportArchive(ctx context.Context, q ArchiveQuery, w io.Writer, progress func(done, total int)) error {
	if progress == nil {
		progress = func(int, int) {}
	}
	var p *Pseudonymiser
	if len(q.Pseudonymise) > 0 {
		var err error
		if p, err = NewPseudonymiser(q.Pseudonymise); err != nil {
			return err
		}
	}
	index, ids, err := e.archived(ctx, q, p)
	if err != nil {
		return err
	}
	manifest, err := json.MarshalIndent(index, "", " ")
	if err != nil {
		return Errorf(KindInternal, "archive", "the manifest cannot be written").WithCause(err)
	}
	out := tar.NewWriter(w)
	put := func(name string, at time.Time, size int64, content io.Reader) error {
		err := out.WriteHeader(tarFile(name, size, at))
		if err == nil {
			_, err = io.Copy(out, content)
		}
		if err != nil {
			return unwritable(err)
		}
		return nil
	}
	newest := index.Snapshots[len(index.Snapshots)-1].Timestamp
	if err := put(archiveManifest, newest, int64(len(manifest)), strings.NewReader(string(manifest))); err != nil {
		return err
	}
	spool, err := os.CreateTemp("", "graphsnap-archive-*")
	if err != nil {
		return spoolFailed(err)
	}
	defer func() { _, _ = spool.Close(), os.Remove(spool.Name()) }()
	for i, part := range index.Snapshots {
		progress(i, len(ids))
		size, sum, err := e.spool(ctx, ids[i], q.Pseudonymise, spool)
		if err != nil {
			return err
		}
		if err := put(part.File, part.Timestamp, size, spool); err != nil {
			return err
		}
		check := sum + "  " + path.Base(part.File) + "\n"
		if err := put(part.File+checksumEnding, part.Timestamp, int64(len(check)), strings.NewReader(check)); err != nil {
			return err
		}
	}
	progress(len(ids), len(ids))
	if err := out.Close(); err != nil {
		return unwritable(err)
	}
	return nil
}

// archived gives the manifest of an archive, and the ids in the database.
func (e *Engine) archived(ctx context.Context, q ArchiveQuery, p *Pseudonymiser) (*archiveIndex, []string, error) {
	var rows []Snapshot
	for _, id := range q.IDs {
		s, err := e.store.Get(ctx, id)
		if err != nil {
			return nil, nil, err
		}
		rows = append(rows, *s)
	}
	for f := (Filter{Source: q.Source, Since: q.Since, Until: q.Until, Limit: maxPage}); len(q.IDs) == 0; {
		page, cursor, err := e.store.List(ctx, f)
		if err != nil {
			return nil, nil, err
		}
		rows = append(rows, page...)
		if f.Cursor = cursor; cursor == "" {
			break
		}
	}
	if len(rows) == 0 {
		return nil, nil, Errorf(KindNotFound, "archive", "no snapshot is selected").WithHint("`graphsnap list` shows which there are")
	}
	slices.SortStableFunc(rows, func(a, b Snapshot) int { return a.Timestamp.Compare(b.Timestamp) })
	rows = slices.CompactFunc(rows, func(a, b Snapshot) bool { return a.ID == b.ID })
	index, ids := &archiveIndex{Format: archiveFormat, Version: archiveVersion}, make([]string, len(rows))
	for i := range rows {
		s := &rows[i]
		ids[i] = s.ID
		if p != nil {
			s = p.Snapshot(s)
		}
		index.Snapshots = append(index.Snapshots, archivePart{
			SnapshotID: s.ID, Source: s.Source, Timestamp: s.Timestamp.UTC(), RootHash: s.RootHash, File: fmt.Sprintf("snapshots/%05d_%s.json", i+1, s.ID),
		})
	}
	return index, ids, nil
}

// spool writes one document into the temporary file, which then stands at its beginning.
func (e *Engine) spool(ctx context.Context, id string, key []byte, file *os.File) (size int64, sum string, err error) {
	if _, err := file.Seek(0, io.SeekStart); err != nil {
		return 0, "", spoolFailed(err)
	}
	if err := file.Truncate(0); err != nil {
		return 0, "", spoolFailed(err)
	}
	digest := sha256.New()
	if err := e.Export(ctx, id, ExportOptions{Pseudonymise: key}, io.MultiWriter(file, digest)); err != nil {
		if isOf := new(os.PathError); errors.As(err, &isOf) {
			return 0, "", spoolFailed(err)
		}
		return 0, "", err
	}
	size, err = file.Seek(0, io.SeekCurrent)
	if err == nil {
		_, err = file.Seek(0, io.SeekStart)
	}
	if err != nil {
		return 0, "", spoolFailed(err)
	}
	return size, hex.EncodeToString(digest.Sum(nil)), nil
}

func spoolFailed(err error) error {
	return Errorf(KindExhausted, "archive", "the temporary file for a snapshot cannot be written").
		WithHint("make room in %s, or set TMPDIR to a folder with room for the largest snapshot", os.TempDir()).WithCause(err)
}

// tar reads a CSV export or an archive.
func (im *importing) tar(ctx context.Context, in io.Reader) error {
	files := &tarFiles{tar.NewReader(in)}
	name, err := files.next()
	if err != nil {
		return err
	}
	switch name {
	case csvMetadata:
		im.report.Format, im.report.Total = "csv", 1
		return im.one(ctx, func(t *intake) error { return t.csv(ctx, files) }, nil)
	case archiveManifest:
		im.report.Format = "archive"
		return im.archive(ctx, files)
	}
	return Errorf(KindInvalid, "import", "the tar begins with %.100q", name).
		WithHint("a CSV export begins with %s and an archive with %s; the order of the files matters", csvMetadata, archiveManifest)
}

// tarFiles gives the files of a tar from outside, and nothing else that a tar may hold. Nothing is ever unpacked to disk.
type tarFiles struct{ *tar.Reader }

// next goes to the next file and gives its name; io.EOF behind the last one.
func (f *tarFiles) next() (string, error) {
	for {
		h, err := f.Next()
		switch {
		case err == io.EOF:
			return "", err
		case err != nil:
			return "", damaged(err)
		case h.Typeflag == tar.TypeDir:
			continue
		case h.Typeflag != tar.TypeReg:
			return "", Errorf(KindInvalid, "import", "%.100q is a link, a device or something else that is no file", h.Name).WithHint("this archive was not written by Graphsnap")
		}
		name := strings.TrimPrefix(h.Name, "./")
		if name != path.Clean(name) || path.IsAbs(name) || strings.HasPrefix(name, "..") || strings.ContainsAny(name, "\\\x00") {
			return "", Errorf(KindInvalid, "import", "the file name %.100q leads out of the archive", h.Name).WithHint("this archive was not written by Graphsnap")
		}
		return name, nil
	}
}

// damaged says that a tar cannot be read, unless the reason is another.
func damaged(err error) error {
	var own *Error
	if errors.As(err, &own) || errors.Is(err, context.Canceled) || errors.Is(err, context.DeadlineExceeded) {
		return err
	}
	return Errorf(KindInvalid, "import", "the archive is damaged or ends early").WithHint("fetch or export it again; what was imported already stays and is recognised").WithCause(err)
}

// archive brings in the snapshots of an archive one by one.
func (im *importing) archive(ctx context.Context, files *tarFiles) error {
	raw, err := io.ReadAll(io.LimitReader(files, maxManifestSize+1))
	if err != nil {
		return damaged(err)
	}
	var index archiveIndex
	switch err := json.Unmarshal(raw, &index); {
	case len(raw) > maxManifestSize:
		return Errorf(KindExhausted, "import", "the manifest of the archive has more than %d bytes", maxManifestSize)
	case err != nil || index.Format != archiveFormat:
		return Errorf(KindInvalid, "import", "%s is not that of an archive of snapshots", archiveManifest).WithCause(err)
	case index.Version > archiveVersion || index.Version < 1:
		return Errorf(KindInvalid, "import", "the archive has version %d; this Graphsnap reads up to %d", index.Version, archiveVersion).WithHint("update Graphsnap, then import again")
	}
	im.report.Total = len(index.Snapshots)
	for i, part := range index.Snapshots {
		if !IsSnapshotID(part.SnapshotID) {
			return Errorf(KindInvalid, "import", "%s lists %.60q, which is no snapshot id", archiveManifest, part.SnapshotID)
		}
		if err := im.part(ctx, files, part); err != nil {
			if own := new(Error); errors.As(err, &own) && own.Kind == KindInvalid && own.Hint == "" {
				own.Hint = fmt.Sprintf("%d of %d snapshots were looked at; fetch or export the archive again", i, len(index.Snapshots))
			}
			return err
		}
	}
	if name, err := files.next(); err != io.EOF {
		if err == nil {
			err = Errorf(KindInvalid, "import", "%.100q stands in the archive and not in its manifest", name).WithHint("all snapshots of the manifest were looked at")
		}
		return err
	}
	return nil
}

// part brings in one snapshot. An error is about the archive; what is wrong with the snapshot alone is in the report.
func (im *importing) part(ctx context.Context, files *tarFiles, part archivePart) error {
	expect := func(name string) error {
		got, err := files.next()
		if err == io.EOF {
			return Errorf(KindInvalid, "import", "the archive ends before %.200s", name)
		}
		if err == nil && got != name {
			err = Errorf(KindInvalid, "import", "%.200q stands where %.200q should", got, name)
		}
		return err
	}
	if err := expect(part.File); err != nil {
		return err
	}
	digest := sha256.New()
	sealed := false
	var broken error // of the archive
	err := im.one(ctx, func(t *intake) error {
		t.entry.ID, t.entry.Source, t.entry.Timestamp = part.SnapshotID, part.Source, part.Timestamp
		return t.document(ctx, io.TeeReader(files, digest), true)
	}, func(t *intake) error {
		sealed = true
		if broken = expect(part.File + checksumEnding); broken != nil {
			return broken
		}
		line, err := io.ReadAll(io.LimitReader(files, 1000))
		if err != nil {
			broken = damaged(err)
			return broken
		}
		if sum, _, _ := strings.Cut(string(line), " "); sum != hex.EncodeToString(digest.Sum(nil)) {
			return Errorf(KindInvalid, "import", "%.200s has another checksum than the archive says", part.File).WithHint("the file was changed or damaged; export it again")
		}
		if id := t.field("snapshot_id"); id != part.SnapshotID {
			return Errorf(KindInvalid, "import", "%.200s is of %.100q, the manifest says %.100q", part.File, id, part.SnapshotID)
		}
		return nil
	})
	switch {
	case broken != nil:
		return broken
	case err == nil:
		return nil
	case ctx.Err() != nil:
		return ctx.Err()
	}
	switch KindOf(err) {
	case KindInvalid, KindConflict, KindExhausted:
	default:
		return err
	}
	if !sealed {
		return expect(part.File + checksumEnding) // over the rest of the document
	}
	return nil
}
