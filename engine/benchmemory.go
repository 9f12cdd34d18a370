package engine

import (
	"context"
	"io"
	"os"
)

// BenchMemory tells the resident memory of this process.
type BenchMemory interface {
	Reset()      // begin to watch for the peak
	Peak() int64 // bytes since Reset
}

// memory takes one snapshot through its whole life and watches how much this process needs for each step.
func (b *bench) memory(ctx context.Context, name, source, before string) error {
	if b.o.Memory == nil || b.o.Export == nil {
		return nil
	}
	file, err := os.CreateTemp("", "graphsnap-bench-*.json")
	if err != nil {
		return Errorf(KindExhausted, "bench", "no file can be made to export into").WithCause(err)
	}
	defer func() { _ = file.Close(); _ = os.Remove(file.Name()) }()
	var s *Snapshot
	steps := []struct {
		name string
		do   func() error
	}{
		{"capture", func() (err error) {
			s, _, err = b.capture(ctx, CaptureRequest{Source: source, Trigger: TriggerManual, Description: "bench memory"})
			return err
		}},
		{"compare", func() error { _, err := b.Compare(ctx, before, s.ID, CompareOptions{Limit: 500}); return err }},
		{"compare with LIVE", func() error { _, err := b.Compare(ctx, s.ID, Live, CompareOptions{Limit: 500}); return err }},
		{"export", func() error { return b.o.Export(ctx, s.ID, file) }},
		{"delete", func() error { return b.store.Delete(ctx, s.ID, DeleteOptions{Actor: "bench"}, nil) }},
		{"import", func() error {
			if _, err := file.Seek(0, io.SeekStart); err != nil {
				return err
			}
			r, err := b.Import(ctx, file, ImportOptions{Actor: "bench"}, nil)
			if err == nil && (len(r.Snapshots) != 1 || r.Snapshots[0].Status != ImportImported) {
				err = Errorf(KindInternal, "bench", "the import of %s did not succeed", s.ID)
			}
			return err
		}},
		{"verify", func() error {
			r, err := b.Verify(ctx, VerifyOptions{IDs: []string{s.ID}}, nil)
			if err == nil && len(r.Findings) > 0 {
				err = Errorf(KindInternal, "bench", "verification found %q: %s", r.Findings[0].Key, r.Findings[0].Problem)
			}
			return err
		}},
	}
	for _, step := range steps {
		b.o.Progress(name + ": memory of " + step.name)
		b.o.Memory.Reset()
		took, err := b.seconds(step.do)
		if err != nil {
			return err
		}
		f := Figure{Name: "resident memory: " + step.name, Size: name, Seconds: took, Bytes: b.o.Memory.Peak(), Goal: "<= 512 MB"}
		met := f.Bytes <= 512<<20
		f.Met = &met
		b.figures = append(b.figures, f)
	}
	return nil
}
