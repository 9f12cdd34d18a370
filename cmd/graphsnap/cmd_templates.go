package main

import (
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"graphsnap/api"
)

func (a *app) templatesCommand() *cobra.Command {
	cmd := &cobra.Command{
		Use:   "templates",
		Short: "List the templates of captures, or see what one would capture now",
		Example: `  graphsnap templates
  graphsnap templates preview checkout
  graphsnap capture --template checkout`,
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			list, err := a.client().Templates(cmd.Context())
			if err != nil {
				return err
			}
			if a.json {
				return a.printJSON(list)
			}
			if len(list.Templates) == 0 {
				a.notef("no template is configured; `graphsnap config example` shows how one is written\n")
				return nil
			}
			rows := [][]string{{"TEMPLATE", "SOURCES", "LABELS", "RELATIONSHIPS", "KEYS", "PROPERTIES", "RETENTION", "DESCRIPTION"}}
			for _, t := range list.Templates {
				rows = append(rows, []string{
					t.Name, listOr(t.Sources), listOr(t.Labels), listOr(t.RelationshipTypes), listOr(t.Keys), listOr(t.Properties), fallback(t.Retention, "-"), oneLine(t.Description, 40),
				})
			}
			a.table(rows)
			return nil
		},
	}
	cmd.AddCommand(a.templatePreviewCommand())
	return cmd
}

// listOr prints a list of a template, where an empty one selects everything.
func listOr(list []string) string {
	return fallback(oneLine(strings.Join(list, ","), 40), "all")
}

func (a *app) templatePreviewCommand() *cobra.Command {
	return &cobra.Command{
		Use:   "preview NAME",
		Short: "Count what a template would capture of the live graph now, and name its entries that match nothing",
		Example: `  graphsnap templates preview checkout
  graphsnap templates preview checkout --json | jq .warnings`,
		Args: cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			p, err := a.client().TemplatePreview(cmd.Context(), args[0], a.source)
			if err != nil {
				return err
			}
			if a.json {
				return a.printJSON(p)
			}
			rows := [][]string{{"OF " + p.Source, "CAPTURED", "LIVE"}}
			row := func(name string, c api.ScopedCount) {
				rows = append(rows, []string{name, fmt.Sprint(c.Captured), fmt.Sprint(c.Live)})
			}
			row("nodes", p.Nodes)
			for _, name := range slices.Sorted(maps.Keys(p.Labels)) {
				row("  "+name, p.Labels[name])
			}
			row("relationships", p.Relationships)
			for _, name := range slices.Sorted(maps.Keys(p.RelationshipTypes)) {
				row("  "+name, p.RelationshipTypes[name])
			}
			a.table(rows)
			for _, w := range p.Warnings {
				a.notef("warning: %s\n", w)
			}
			return nil
		},
	}
}
