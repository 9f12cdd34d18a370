package api

import (
	"context"
	"net/http"
	"slices"
	"strings"
	"testing"

	"graphsnap/engine"
)

func TestReload(t *testing.T) {
	f := serve(t)
	if _, err := f.client.Reload(t.Context()); engine.KindOf(err) != engine.KindNotFound || engine.HintOf(err) == "" {
		t.Errorf("without a configuration: %v", err)
	}
	var changes []string
	var failure error
	f.api.o.Reload = func(context.Context) ([]string, error) { return changes, failure }
	if r, err := f.client.Reload(t.Context()); err != nil || r.Changes == nil || len(r.Changes) != 0 {
		t.Errorf("nothing new: %+v, %v", r, err)
	}
	changes = []string{"rule x added"}
	if r, err := f.client.Reload(t.Context()); err != nil || !slices.Equal(r.Changes, changes) {
		t.Errorf("a change: %+v, %v", r, err)
	}
	failure = engine.Errorf(engine.KindInvalid, "config", "graphsnap.yaml:2:3: unknown key \"prt\"").WithHint("did you mean \"port\"?")
	if _, err := f.client.Reload(t.Context()); engine.KindOf(err) != engine.KindInvalid || !strings.Contains(err.Error(), "graphsnap.yaml:2:3") || engine.HintOf(err) != "did you mean \"port\"?" {
		t.Errorf("a mistake: %v", err)
	}
	// A form on a page elsewhere could send this without a question to the user.
	request, err := http.NewRequestWithContext(t.Context(), http.MethodPost, f.URL+reloadPath, nil)
	if err != nil {
		t.Fatal(err)
	}
	request.Header.Set("Origin", "https://elsewhere.example")
	answer, err := http.DefaultClient.Do(request)
	if err != nil {
		t.Fatal(err)
	}
	_ = answer.Body.Close()
	if answer.StatusCode != http.StatusForbidden {
		t.Errorf("a page elsewhere gets %s", answer.Status)
	}
}
