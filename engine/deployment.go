package engine

import (
	"cmp"
	"context"
	"strings"
	"time"

	"github.com/google/uuid"
)

// Deployment is a change of the application that uses a source, with a snapshot from before it and one from after it.
type Deployment struct {
	ID         string // a UUID; the ids of its captures follow from it
	Name       string // what is deployed, such as checkout; one deployment of a name is open at a time
	Version    string // may be ""
	Source     string
	Actor      string
	StartedAt  time.Time
	FinishedAt time.Time // zero while open
	PreID      string    // snap_..._pre_deploy; "" where it could not be taken yet
	PostID     string    // snap_..._post_deploy
}

// DeploymentFilter selects deployments. Zero values select everything.
type DeploymentFilter struct {
	Source, Name string
	Limit        int // 1-1000; 0 means 50
}

// DeploymentStore keeps deployments; engine/neo4jdb implements it. Every change writes an audit event in the same transaction.
type DeploymentStore interface {
	// BeginDeployment writes down an open deployment. Kinds: conflict (one of the name is open).
	BeginDeployment(ctx context.Context, d *Deployment) error
	// OpenDeployment gives the open deployment of a name. Kinds: not_found.
	OpenDeployment(ctx context.Context, name string) (*Deployment, error)
	// UpdateDeployment writes FinishedAt, PreID and PostID, and links the snapshots. Kinds: not_found.
	UpdateDeployment(ctx context.Context, d *Deployment, actor string) error
	// Deployments gives deployments, newest first.
	Deployments(ctx context.Context, f DeploymentFilter) ([]Deployment, error)
}

// Deployments captures before and after deployments, and keeps which snapshots belong to which.
type Deployments struct {
	engine *Engine
	store  DeploymentStore
}

// NewDeployments makes Deployments over an engine.
func NewDeployments(e *Engine, store DeploymentStore) *Deployments { return &Deployments{e, store} }

// maxDeploymentName bounds name and version, bytes.
const maxDeploymentName = 100

// Start writes down that a deployment begins and captures `snap_..._<name>_<version>_pre_deploy`. The same call again takes up
// one that was cut off before its snapshot. Kinds: invalid, not_found (the source), conflict (one of the name is open), and those
// of Capture.
func (m *Deployments) Start(ctx context.Context, name, version, source, actor string) (*Deployment, *Snapshot, error) {
	const op = "deploy start"
	name, version = strings.TrimSpace(name), strings.TrimSpace(version)
	if name == "" || len(name) > maxDeploymentName || len(version) > maxDeploymentName || strings.ContainsAny(name, "/\n") {
		return nil, nil, Errorf(KindInvalid, op, "the name is empty, or name or version is longer than %d bytes, or the name holds a slash", maxDeploymentName).
			WithHint("name what is deployed: graphsnap deploy start checkout --version v2")
	}
	source, err := m.engine.liveSource(ctx, source)
	if err != nil {
		return nil, nil, err
	}
	d, err := m.store.OpenDeployment(ctx, name)
	switch {
	case err == nil && (d.PreID != "" || d.Version != version || d.Source != source):
		return nil, nil, Errorf(KindConflict, op, "a deployment of %s of %q is open since %s", cmp.Or(strings.TrimSpace(d.Name+" "+d.Version), name), d.Source, d.StartedAt.Format(time.RFC3339)).
			WithHint("end it with `graphsnap deploy finish %s`, then start the next one", name)
	case err == nil: // its first start was cut off before the snapshot
	case KindOf(err) != KindNotFound:
		return nil, nil, err
	default:
		d = &Deployment{ID: uuid.NewString(), Name: name, Version: version, Source: source, Actor: actor, StartedAt: m.engine.clock.Now()}
		if err := m.store.BeginDeployment(ctx, d); err != nil {
			return nil, nil, err
		}
	}
	s, err := m.capture(ctx, d, "before", "pre_deploy", actor)
	if err != nil {
		return nil, nil, err
	}
	d.PreID = s.ID
	return d, s, m.store.UpdateDeployment(ctx, d, actor)
}

// Finish captures `snap_..._<name>_<version>_post_deploy` and writes down that the open deployment of a name is over.
// Kinds: not_found (none is open), and those of Capture.
func (m *Deployments) Finish(ctx context.Context, name, actor string) (*Deployment, *Snapshot, error) {
	d, err := m.store.OpenDeployment(ctx, strings.TrimSpace(name))
	if err != nil {
		return nil, nil, err
	}
	s, err := m.capture(ctx, d, "after", "post_deploy", actor)
	if err != nil {
		return nil, nil, err
	}
	d.PostID, d.FinishedAt = s.ID, m.engine.clock.Now()
	return d, s, m.store.UpdateDeployment(ctx, d, actor)
}

// List gives deployments, newest first. Kinds: invalid.
func (m *Deployments) List(ctx context.Context, f DeploymentFilter) ([]Deployment, error) {
	if f.Limit == 0 {
		f.Limit = defaultPage
	}
	if f.Limit < 1 || f.Limit > maxPage {
		return nil, Errorf(KindInvalid, "deployments", "limit %d is out of range", f.Limit).WithHint("ask for 1 to %d deployments", maxPage)
	}
	return m.store.Deployments(ctx, f)
}

// capture freezes one side of a deployment. The id of the capture follows from the deployment, so a call that was cut off
// and is made again finds its snapshot.
func (m *Deployments) capture(ctx context.Context, d *Deployment, when, side, actor string) (*Snapshot, error) {
	what := strings.TrimSpace(d.Name + " " + d.Version)
	s, _, err := m.engine.Capture(ctx, CaptureRequest{
		ID: stepID(d.ID, side), Source: d.Source, Trigger: TriggerManual, TriggerReason: when + " the deployment of " + what,
		Description: when + " deploying " + what, Tags: []string{"deployment", side}, Actor: actor, slug: deploymentSlug(what, side),
	})
	return s, err
}

// deploymentSlug gives the end of a snapshot's id. A long name is cut, never the side.
func deploymentSlug(what, side string) string {
	slug := strings.TrimPrefix(SnapshotID(time.Time{}, what, TriggerManual), "snap_00010101_000000_")
	if room := maxSlug - len(side) - 1; len(slug) > room {
		slug = strings.TrimRight(slug[:room], "_")
	}
	return slug + "_" + side
}

// stepID names one capture of a longer course: the same course and step always give the same id.
func stepID(course, step string) string {
	return uuid.NewSHA1(uuid.NameSpaceOID, []byte("graphsnap "+course+" "+step)).String()
}
