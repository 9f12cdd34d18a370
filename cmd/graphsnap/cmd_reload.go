package main

import (
	"context"
	"os"
	"os/signal"
	"syscall"

	"github.com/spf13/cobra"

	"graphsnap/configs"
	"graphsnap/engine"
)

func (a *app) reloadCommand() *cobra.Command {
	return &cobra.Command{
		Use:   "reload",
		Short: "Make the server read its configuration again",
		Long: `Make the server read its configuration again. It does so by itself when the file changes; this tells at once what changed,
or what is wrong, in which case the old configuration stays in force. SIGHUP to the server does the same.`,
		Example: "  graphsnap reload\n  graphsnap config check graphsnap.yaml && graphsnap reload",
		Args:    cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			r, err := a.client().Reload(cmd.Context())
			if err != nil {
				return err
			}
			if a.json {
				return a.printJSON(r)
			}
			if len(r.Changes) == 0 {
				a.printf("nothing changed\n")
			}
			for _, change := range r.Changes {
				a.printf("%s\n", change)
			}
			return nil
		},
	}
}

// watchConfig loads a configuration so that it can be read again while the server runs; adapt adds what flags say.
func watchConfig(file string, log *logger, adapt func(configs.Config) (configs.Config, error)) (*configs.Watcher, error) {
	return configs.Watch(configs.WatchOptions{
		File: file, Environ: os.Environ, Adapt: adapt, Validate: func(c configs.Config) error { return checkSources(c.Sources) },
		Clock: engine.SystemClock{}, Logger: log.Logger,
	})
}

// reloadOnHangup reads the configuration again at each SIGHUP, until the context ends or stop is called. What came of it
// is in the log.
func reloadOnHangup(ctx context.Context, w *configs.Watcher) (stop func()) {
	hangups := make(chan os.Signal, 1)
	signal.Notify(hangups, syscall.SIGHUP)
	ctx, cancel := context.WithCancel(ctx)
	done := make(chan struct{})
	go func() {
		defer close(done)
		for {
			select {
			case <-ctx.Done():
				return
			case <-hangups:
				_, _ = w.Reload(ctx)
			}
		}
	}()
	return func() {
		signal.Stop(hangups)
		cancel()
		<-done
	}
}
