package neo4jdb

import (
	"context"

	"github.com/neo4j/neo4j-go-driver/v5/neo4j"

	"graphsnap/cypher"
	"graphsnap/engine"
)

var _ engine.DeploymentStore = (*Snapshots)(nil)

// BeginDeployment writes down an open deployment.
func (s *Snapshots) BeginDeployment(ctx context.Context, d *engine.Deployment) error {
	return s.audited(ctx, nil, func(tx *tx, record func(engine.AuditEvent) error) error {
		open, err := tx.one(ctx, cypher.DeploymentsOpenOf, map[string]any{"name": d.Name})
		if err != nil {
			return err
		}
		if open != nil {
			return engine.Errorf(engine.KindConflict, "deployment", "a deployment of %s is open already", d.Name).
				WithHint("end it with `graphsnap deploy finish %s`, then start the next one", d.Name)
		}
		if err := tx.exec(ctx, cypher.DeploymentsStart, map[string]any{"properties": map[string]any{
			"deployment_id": d.ID, "name": d.Name, "open_name": d.Name, "version": d.Version, "source": d.Source, "actor": d.Actor, "started_at": d.StartedAt.UTC(),
		}}); err != nil {
			return err
		}
		return record(event(d.Actor, engine.ActionDeploymentStarted, "", d.Source, nil, deploymentSays(d)))
	})
}

func deploymentSays(d *engine.Deployment) map[string]string {
	return map[string]string{"deployment_id": d.ID, "name": d.Name, "version": d.Version, "pre_deploy": d.PreID, "post_deploy": d.PostID}
}

// OpenDeployment gives the open deployment of a name.
func (s *Snapshots) OpenDeployment(ctx context.Context, name string) (*engine.Deployment, error) {
	var d *engine.Deployment
	err := s.read(ctx, func(tx *tx) error {
		d = nil
		row, err := tx.one(ctx, cypher.DeploymentsOpenOf, map[string]any{"name": name})
		if err == nil && row == nil {
			err = engine.Errorf(engine.KindNotFound, "deployment", "no deployment of %q is open", name).
				WithHint("`graphsnap deploy list` shows what there is; `graphsnap deploy start %s` begins one", name)
		}
		if err == nil {
			d = deploymentOf(properties(row, "properties"))
		}
		return err
	})
	return d, err
}

// UpdateDeployment writes what changed of a deployment, and links its snapshots.
func (s *Snapshots) UpdateDeployment(ctx context.Context, d *engine.Deployment, actor string) error {
	p := map[string]any{"finished_at": momentOrNull(d.FinishedAt), "pre_id": orNull(d.PreID), "post_id": orNull(d.PostID)}
	if !d.FinishedAt.IsZero() {
		p["open_name"] = nil
	}
	return s.audited(ctx, nil, func(tx *tx, record func(engine.AuditEvent) error) error {
		row, err := tx.one(ctx, cypher.DeploymentsUpdate, map[string]any{"id": d.ID, "properties": p})
		if err != nil {
			return err
		}
		if row == nil {
			return engine.Errorf(engine.KindNotFound, "deployment", "there is no deployment %q", d.ID)
		}
		for role, id := range map[string]string{"pre_deploy": d.PreID, "post_deploy": d.PostID} {
			if err := tx.exec(ctx, cypher.DeploymentsLink, map[string]any{"id": d.ID, "snapshot_id": id, "role": role}); err != nil {
				return err
			}
		}
		if d.FinishedAt.IsZero() {
			return nil
		}
		return record(event(actor, engine.ActionDeploymentFinished, d.PostID, d.Source, nil, deploymentSays(d)))
	})
}

// Deployments gives deployments, newest first.
func (s *Snapshots) Deployments(ctx context.Context, f engine.DeploymentFilter) ([]engine.Deployment, error) {
	var list []engine.Deployment
	err := s.read(ctx, func(tx *tx) error {
		list = nil
		return tx.each(ctx, cypher.DeploymentsList, map[string]any{"source": orNull(f.Source), "name": orNull(f.Name), "limit": f.Limit}, func(r *neo4j.Record) error {
			list = append(list, *deploymentOf(properties(r, "properties")))
			return nil
		})
	})
	return list, err
}

func deploymentOf(p engine.Properties) *engine.Deployment {
	w := stored(p)
	return &engine.Deployment{
		ID: w.word("deployment_id"), Name: w.word("name"), Version: w.word("version"), Source: w.word("source"), Actor: w.word("actor"),
		StartedAt: w.at("started_at"), FinishedAt: w.at("finished_at"), PreID: w.word("pre_id"), PostID: w.word("post_id"),
	}
}
