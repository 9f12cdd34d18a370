package main

import (
	"errors"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strings"

	"github.com/spf13/cobra"

	"graphsnap/api"
	"graphsnap/engine"
)

func (a *app) exportCommand() *cobra.Command {
	var q api.ExportQuery
	var file outFile
	var span, keyFile string
	var metadata bool
	cmd := &cobra.Command{
		Use:   "export [SNAPSHOT...]",
		Short: "Write a snapshot, or an archive of many, to a file or to standard output",
		Long: `Write a snapshot as JSON (which import reads), as Cypher statements that rebuild it in an empty Neo4j, or as CSV for
neo4j-admin (which import reads too). Several snapshots, or a --range, become one archive: a tar of checksummed
documents. A file named .gz or .zst is compressed, one named .cypher is Cypher, one named .csv.tar is CSV.`,
		Example: `  graphsnap export latest --out slow.json.zst
  graphsnap export latest --format cypher --form shell | cypher-shell -a bolt://elsewhere:7687
  graphsnap export latest --pseudonymise keyfile --out for-the-vendor.json   # head -c 32 /dev/urandom > keyfile
  graphsnap export --range 2026-01-01..2026-02-01 --out january.tar.zst
  graphsnap export --range .. --source shop --out shop.tar.gz`,
		RunE: func(cmd *cobra.Command, refs []string) error {
			ranged := cmd.Flags().Changed("range")
			many := ranged || len(refs) > 1
			q.Source, q.NoMetadata = a.source, !metadata
			guessForm(&q, cmd, file.name)
			switch {
			case ranged && len(refs) > 0:
				return engine.Errorf(engine.KindInvalid, "export", "both snapshots and a range are named").WithHint("an archive is of either")
			case many && (q.Format != "json" || !metadata):
				return engine.Errorf(engine.KindInvalid, "export", "an archive holds JSON documents with their metadata").WithHint("leave --format and --metadata out, or export one snapshot")
			case file.name == "-" && isTerminal(a.out) && (many || q.Compression != "" || q.Format == "csv"):
				return engine.Errorf(engine.KindInvalid, "export", "this is nothing for a terminal to show").WithHint("write it to a file with --out")
			}
			var err error
			if q.PseudonymKey, err = readKey(keyFile); err != nil {
				return err
			}
			passed, done := a.transfer(cmd.Context(), "export", 0)
			defer done()
			return a.writeFile(file, func(w io.Writer) error {
				w = countedWriter{w, passed}
				if !many {
					return a.client().Export(cmd.Context(), append(refs, "latest")[0], q, w)
				}
				o := api.ArchiveQuery{Source: a.source, IDs: refs, Compression: q.Compression, PseudonymKey: q.PseudonymKey}
				if ranged {
					var ok bool
					if o.Since, o.Until, ok = strings.Cut(span, ".."); !ok {
						return engine.Errorf(engine.KindInvalid, "export", "%q is no range", span).WithHint("write SINCE..UNTIL, such as 2026-01-01..2026-02-01; either may be missing")
					}
				}
				return a.client().Archive(cmd.Context(), o, w)
			})
		},
	}
	f := cmd.Flags()
	f.StringVar(&q.Format, "format", "json", "json, cypher or csv")
	f.StringVar(&q.Form, "form", "plain", "of Cypher: plain statements, or shell with the commands of cypher-shell")
	f.StringVar(&q.Compression, "compression", "", "gzip or zstd")
	f.BoolVar(&metadata, "metadata", true, "all that is known of the snapshot; =false leaves what identifies it, and its graph")
	f.StringVar(&keyFile, "pseudonymise", "", "replace names by pseudonyms under the key in this file, and drop other text")
	f.StringVar(&span, "range", "", "an archive of the snapshots SINCE..UNTIL (UTC, UNTIL excluded); .. is all")
	file.flags(cmd)
	return cmd
}

// guessForm takes format and compression from the name of the file where no flag says them.
func guessForm(q *api.ExportQuery, cmd *cobra.Command, name string) {
	ending := func(of string) bool {
		rest, ok := strings.CutSuffix(name, of)
		if ok {
			name = rest
		}
		return ok
	}
	gz, zst := ending(".gz"), ending(".zst")
	if !cmd.Flags().Changed("compression") && gz {
		q.Compression = "gzip"
	}
	if !cmd.Flags().Changed("compression") && zst {
		q.Compression = "zstd"
	}
	if cmd.Flags().Changed("format") {
		return
	}
	if ending(".cypher") {
		q.Format = "cypher"
	}
	if ending(".csv.tar") {
		q.Format = "csv"
	}
}

// maxKeyFile bounds the file of a key of pseudonyms, bytes.
const maxKeyFile = 4096

func readKey(file string) ([]byte, error) {
	if file == "" {
		return nil, nil
	}
	raw, err := os.ReadFile(file)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return nil, engine.Errorf(engine.KindNotFound, "pseudonymise", "there is no key file %s", file).WithHint("`head -c 32 /dev/urandom > %s` makes one; keep it: the same key gives the same pseudonyms", file)
	case err != nil:
		return nil, engine.Errorf(engine.KindDenied, "pseudonymise", "the key file %s cannot be read", file).WithCause(err)
	case len(raw) < engine.MinPseudonymKey || len(raw) > maxKeyFile:
		return nil, engine.Errorf(engine.KindInvalid, "pseudonymise", "the key file %s has %d bytes", file, len(raw)).WithHint("a key has %d to %d bytes", engine.MinPseudonymKey, maxKeyFile)
	}
	return raw, nil
}

// outFile is where a verb writes what it fetched.
type outFile struct {
	name  string
	force bool
}

func (o *outFile) flags(cmd *cobra.Command) {
	f := cmd.Flags()
	f.StringVarP(&o.name, "out", "o", "-", "the file; - is standard output")
	f.BoolVar(&o.force, "force", false, "overwrite the file")
}

// writeFile lets write fill the file, which gets its name only when it is complete.
func (a *app) writeFile(o outFile, write func(io.Writer) error) error {
	if o.name == "-" {
		return write(a.out)
	}
	if _, err := os.Stat(o.name); !o.force && !errors.Is(err, fs.ErrNotExist) {
		return engine.Errorf(engine.KindConflict, "export", "%s exists already", o.name).WithHint("choose another name, or overwrite it with --force")
	}
	temp, err := os.CreateTemp(filepath.Dir(o.name), ".graphsnap-export-*")
	if err != nil {
		return engine.Errorf(engine.KindDenied, "export", "%s cannot be written", o.name).WithCause(err)
	}
	defer func() { _ = os.Remove(temp.Name()) }()
	if err := errors.Join(write(temp), temp.Close()); err != nil {
		return err
	}
	if err := os.Rename(temp.Name(), o.name); err != nil {
		return engine.Errorf(engine.KindDenied, "export", "%s cannot be written", o.name).WithCause(err)
	}
	a.notef("wrote %s\n", o.name)
	return nil
}
