package neo4jdb

import (
	"context"

	"github.com/neo4j/neo4j-go-driver/v5/neo4j"

	"graphsnap/cypher"
	"graphsnap/engine"
)

// Compare joins two snapshots by key inside the database, on digests, and gives both sides of what differs.
func (s *Snapshots) Compare(ctx context.Context, baseline, target string) (*engine.Difference, error) {
	var d *engine.Difference
	err := s.read(ctx, func(tx *tx) (err error) {
		d = &engine.Difference{}
		if d.Baseline, err = get(ctx, tx, baseline); err != nil {
			return err
		}
		if d.Target, err = get(ctx, tx, target); err != nil {
			return err
		}
		if baseline == target {
			d.SameNodes, d.SameRels = d.Baseline.NodeCount, d.Baseline.RelationshipCount
			return nil
		}
		params := map[string]any{"a": d.Baseline.Seq, "b": d.Target.Seq}
		nodes := 0
		if err := tx.each(ctx, cypher.CompareNodes, params, func(r *neo4j.Record) error {
			p := engine.Pair{Baseline: nodeSide(r, "a"), Target: nodeSide(r, "b")}
			nodes += sides(p)
			d.Pairs = append(d.Pairs, p)
			return nil
		}); err != nil {
			return err
		}
		rels := 0
		if err := tx.each(ctx, cypher.CompareRelationships, params, func(r *neo4j.Record) error {
			p := engine.Pair{Baseline: relationshipSide(r, "a_properties"), Target: relationshipSide(r, "b_properties")}
			rels += sides(p)
			d.Pairs = append(d.Pairs, p)
			return nil
		}); err != nil {
			return err
		}
		// Every element that is not in a pair stands in both snapshots, so it is counted twice in the sum.
		d.SameNodes = (d.Baseline.NodeCount + d.Target.NodeCount - nodes) / 2
		d.SameRels = (d.Baseline.RelationshipCount + d.Target.RelationshipCount - rels) / 2
		return nil
	})
	return d, err
}

func sides(p engine.Pair) int {
	n := 0
	if p.Baseline != nil {
		n++
	}
	if p.Target != nil {
		n++
	}
	return n
}

func nodeSide(r *neo4j.Record, side string) *engine.Element {
	p := properties(r, side+"_properties")
	if p == nil {
		return nil
	}
	return engine.NodeElement(thawNode(labels(r, side+"_labels"), p))
}

func relationshipSide(r *neo4j.Record, column string) *engine.Element {
	p := properties(r, column)
	if p == nil {
		return nil
	}
	return engine.RelationshipElement(thawRelationship(text(r, "type"), text(r, "from"), text(r, "to"), p))
}
