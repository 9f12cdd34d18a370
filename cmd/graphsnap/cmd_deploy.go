package main

import (
	"github.com/spf13/cobra"

	"graphsnap/api"
)

func (a *app) deployCommand() *cobra.Command {
	cmd := &cobra.Command{
		Use:   "deploy",
		Short: "Freeze the state before and after a deployment",
		Example: `  graphsnap deploy start checkout --version v2
  graphsnap deploy finish checkout
  graphsnap deploy list`,
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error { return cmd.Help() },
	}
	cmd.AddCommand(a.deployStartCommand(), a.deployFinishCommand(), a.deployListCommand())
	return cmd
}

func (a *app) deployStartCommand() *cobra.Command {
	var r api.DeploymentStart
	cmd := &cobra.Command{
		Use:   "start NAME",
		Short: "Say that a deployment begins; takes snap_..._pre_deploy",
		Example: `  graphsnap deploy start checkout --version v2
  graphsnap deploy start checkout --version "$CI_COMMIT_SHORT_SHA" --json | jq -r .pre_deploy`,
		Args: cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			r.Name, r.Source = args[0], a.source
			d, err := a.client().StartDeployment(cmd.Context(), r)
			if err != nil {
				return err
			}
			if a.json {
				return a.printJSON(d)
			}
			a.printf("%s\n", d.PreDeploy)
			a.notef("when it is done: graphsnap deploy finish %s\n", d.Name)
			return nil
		},
	}
	cmd.Flags().StringVar(&r.Version, "version", "", "what is deployed, such as v2")
	return cmd
}

func (a *app) deployFinishCommand() *cobra.Command {
	return &cobra.Command{
		Use:   "finish NAME",
		Short: "Say that a deployment is over; takes snap_..._post_deploy",
		Example: `  graphsnap deploy finish checkout
  graphsnap deploy finish checkout --json | jq -r '.pre_deploy + "..." + .post_deploy' | xargs graphsnap compare`,
		Args: cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			d, err := a.client().FinishDeployment(cmd.Context(), args[0])
			if err != nil {
				return err
			}
			if a.json {
				return a.printJSON(d)
			}
			a.printf("%s\n", d.PostDeploy)
			a.notef("what changed: graphsnap compare %s...%s\n", d.PreDeploy, d.PostDeploy)
			return nil
		},
	}
}

func (a *app) deployListCommand() *cobra.Command {
	var limit int
	var name string
	cmd := &cobra.Command{
		Use:   "list",
		Short: "List deployments, newest first",
		Example: `  graphsnap deploy list
  graphsnap deploy list --name checkout --json | jq -r '.deployments[0].post_deploy'`,
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			list, err := a.client().Deployments(cmd.Context(), a.source, name, limit)
			if err != nil {
				return err
			}
			if a.json {
				return a.printJSON(list)
			}
			if len(list.Deployments) == 0 {
				a.notef("no deployment fits; `graphsnap deploy start NAME` begins one\n")
				return nil
			}
			rows := [][]string{{"NAME", "VERSION", "SOURCE", "STARTED (UTC)", "FINISHED (UTC)", "BEFORE", "AFTER"}}
			for _, d := range list.Deployments {
				finished := "-"
				if d.FinishedAt != nil {
					finished = d.FinishedAt.Format(secondsUTC)
				}
				rows = append(rows, []string{d.Name, d.Version, d.Source, d.StartedAt.Format(secondsUTC), finished, fallback(d.PreDeploy, "-"), fallback(d.PostDeploy, "-")})
			}
			a.table(rows)
			return nil
		},
	}
	cmd.Flags().IntVar(&limit, "limit", 50, "longest list")
	cmd.Flags().StringVar(&name, "name", "", "of this name only")
	return cmd
}
