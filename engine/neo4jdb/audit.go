package neo4jdb

import (
	"context"
	"time"

	"github.com/neo4j/neo4j-go-driver/v5/neo4j"

	"graphsnap/cypher"
	"graphsnap/engine"
)

// chain is the locked head of the chain of snapshots and of the audit trail, inside one transaction.
type chain struct {
	hash      string // of the snapshot published last
	auditNo   int64
	auditHash string
	now       time.Time // the server's time
}

// lockChain takes the lock that puts all publishing and deleting in one order.
func lockChain(ctx context.Context, tx *tx) (*chain, error) {
	row, err := tx.one(ctx, cypher.FreezeLockChain, nil)
	if err != nil {
		return nil, err
	}
	return &chain{text(row, "chain_hash"), integer(row, "audit_no"), text(row, "audit_hash"), moment(row, "now").UTC()}, nil
}

// record writes an audit event at the end of the trail, and gives it with its number and hash.
func (c *chain) record(ctx context.Context, tx *tx, e engine.AuditEvent) (engine.AuditEvent, error) {
	e.No, e.At, e.PreviousHash = c.auditNo+1, c.now, c.auditHash
	e.Hash = e.Sign()
	if err := tx.exec(ctx, cypher.AuditAppend, map[string]any{"no": e.No, "hash": e.Hash, "properties": map[string]any{
		"no": e.No, "at": e.At, "actor": e.Actor, "action": e.Action, "snapshot_id": e.SnapshotID, "source": e.Source,
		"before": e.Before, "after": e.After, "previous_hash": e.PreviousHash, "hash": e.Hash,
	}}); err != nil {
		return e, err
	}
	c.auditNo, c.auditHash = e.No, e.Hash
	return e, nil
}

func sealOf(s *engine.Snapshot, previous string) *engine.SealedSnapshot {
	return &engine.SealedSnapshot{
		Timestamp: s.Timestamp.UTC(), Seq: s.Seq, RootHash: s.RootHash, HeaderHash: s.HeaderHash, ChainHash: s.ChainHash, PreviousHash: previous,
	}
}

// Audit gives a page of the audit trail.
func (s *Snapshots) Audit(ctx context.Context, f engine.AuditFilter) ([]engine.AuditEvent, error) {
	var events []engine.AuditEvent
	err := s.read(ctx, func(tx *tx) error {
		events = nil
		return tx.each(ctx, cypher.AuditList, map[string]any{
			"from": f.From, "id": orNull(f.SnapshotID), "source": orNull(f.Source), "action": orNull(f.Action), "limit": f.Limit,
		}, func(r *neo4j.Record) error {
			p := properties(r, "properties")
			w := stored(p)
			no, _ := p["no"].(int64)
			events = append(events, engine.AuditEvent{
				No: no, At: w.at("at"), Actor: w.word("actor"), Action: w.word("action"), SnapshotID: w.word("snapshot_id"), Source: w.word("source"),
				Before: w.word("before"), After: w.word("after"), PreviousHash: w.word("previous_hash"), Hash: w.word("hash"),
			})
			return nil
		})
	})
	return events, err
}
