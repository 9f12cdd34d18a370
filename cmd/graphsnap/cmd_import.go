package main

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"

	"github.com/spf13/cobra"

	"graphsnap/api"
	"graphsnap/engine"
)

func (a *app) importCommand() *cobra.Command {
	var into string
	cmd := &cobra.Command{
		Use:   "import FILE|-",
		Short: "Bring in exported snapshots: a JSON document, a CSV export or an archive",
		Long: `Bring in what graphsnap export wrote as JSON, CSV or archive, plain or compressed by gzip or zstd. Snapshots keep their id
and land at their place of the timeline. Nothing is overwritten: what is there already with the same content is left
alone, another content under the same id is a conflict. Exit code 3 where some snapshots of an archive failed.`,
		Example: `  graphsnap import slow.json.zst
  graphsnap import january.tar.zst --json | jq '.snapshots[] | select(.status == "failed")'
  ssh elsewhere graphsnap export latest | graphsnap import -
  graphsnap import slow.json --into shop-copy      # under another source`,
		Args: cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			content, size, err := a.openImport(args[0])
			if err != nil {
				return err
			}
			defer func() { _ = content.Close() }()
			passed, done := a.transfer(cmd.Context(), "import", size)
			report, err := a.client().Import(cmd.Context(), countedReader{content, passed}, into)
			done()
			if err != nil {
				return err
			}
			if a.json {
				err = a.printJSON(report)
			} else {
				a.printImported(report)
			}
			switch good := report.Imported + report.AlreadyThere; {
			case err != nil:
				return err
			case report.Failed == 0 && report.Error == "":
				return nil
			case good > 0:
				return coded{exitPartial}
			}
			return coded{exitFailed}
		},
	}
	cmd.Flags().StringVar(&into, "into", "", "the source that the snapshots get; their own where it is missing")
	return cmd
}

// openImport opens a file, or standard input, and tells its size where that is known.
func (a *app) openImport(name string) (io.ReadCloser, int64, error) {
	if name == "-" {
		if isTerminal(a.in) {
			return nil, 0, engine.Errorf(engine.KindInvalid, "import", "nothing comes from standard input").WithHint("pipe an export into it, or name a file")
		}
		return io.NopCloser(a.in), 0, nil
	}
	f, err := os.Open(name)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, 0, engine.Errorf(engine.KindNotFound, "import", "there is no file %s", name).WithHint("`graphsnap export latest --out FILE` writes one")
	}
	if err != nil {
		return nil, 0, engine.Errorf(engine.KindDenied, "import", "%s cannot be read", name).WithCause(err)
	}
	info, err := f.Stat()
	if err == nil && info.IsDir() {
		err = engine.Errorf(engine.KindInvalid, "import", "%s is a folder", name).WithHint("name a file; `tar -cf FILE metadata.json nodes.csv relationships.csv` packs a CSV export")
	}
	if err != nil {
		_ = f.Close()
		return nil, 0, err
	}
	return f, info.Size(), nil
}

func (a *app) printImported(r api.ImportReport) {
	rows := [][]string{{"SNAPSHOT", "SOURCE", "TIME (UTC)", "STATUS", "NODES", "RELATIONSHIPS"}}
	for _, s := range r.Snapshots {
		at := "-"
		if s.Timestamp != nil {
			at = s.Timestamp.Format("2006-01-02 15:04:05")
		}
		rows = append(rows, []string{fallback(s.SnapshotID, "-"), fallback(s.Source, "-"), at, s.Status, fmt.Sprint(s.NodeCount), fmt.Sprint(s.RelationshipCount)})
	}
	a.table(rows)
	for _, s := range r.Snapshots {
		if s.Error != "" {
			a.notef("%s: %s\n", fallback(s.SnapshotID, "a snapshot"), s.Error)
			if s.Hint != "" {
				a.notef("hint: %s\n", s.Hint)
			}
		}
	}
	for _, field := range r.Ignored {
		a.notef("warning: the field %s is unknown and was left out\n", field)
	}
	if r.Error != "" {
		a.notef("%s\n", r.Error)
		if r.Hint != "" {
			a.notef("hint: %s\n", r.Hint)
		}
	}
	a.notef("%d imported, %d there already, %d failed, of %d\n", r.Imported, r.AlreadyThere, r.Failed, r.Total)
}
