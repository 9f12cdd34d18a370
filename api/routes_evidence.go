package api

import (
	"context"
	"strconv"
	"strings"

	"graphsnap/engine"
)

type verifyInput struct {
	IDs      []string `query:"id,explode" maxItems:"1000" doc:"As snapshot_id elsewhere; may be repeated; all snapshots where it is missing"`
	Source   string   `query:"source"`
	Subset   string   `query:"subset" pattern:"^[0-9]+/[0-9]+$" doc:"The part of the elements that is read; 1/10 is the first of ten parts" example:"1/10"`
	VerifyID string   `query:"verify_id" maxLength:"64" doc:"Chosen by the client to follow the progress on the WebSocket"`
}

func (s *Server) verify(ctx context.Context, in *verifyInput) (*body[engine.VerifyReport], error) {
	var o engine.VerifyOptions
	for _, ref := range in.IDs {
		snap, err := s.o.Engine.Resolve(ctx, in.Source, ref)
		if err != nil {
			return nil, err
		}
		o.IDs = append(o.IDs, snap.ID)
	}
	if in.Subset != "" {
		part, of, _ := strings.Cut(in.Subset, "/")
		var errPart, errOf error
		o.Subset, errPart = strconv.Atoi(part)
		if o.Of, errOf = strconv.Atoi(of); errPart != nil || errOf != nil || o.Of < 1 {
			return nil, engine.Errorf(engine.KindInvalid, "verify", "there is no part %s", in.Subset).WithHint("write 1/10 for the first of ten parts")
		}
	}
	r, err := s.o.Engine.Verify(ctx, o, s.verifyProgress(in.VerifyID))
	if err != nil {
		return nil, err
	}
	return &body[engine.VerifyReport]{*r}, nil
}

// verifyProgress tells the client that asked, at most a hundred times.
func (s *Server) verifyProgress(id string) func(string, int, int) {
	if id == "" {
		return nil
	}
	last := -1
	return func(snapshot string, done, total int) {
		if step := 100 * done / max(total, 1); step > last || total <= 100 {
			last = step
			s.hub.send(EventVerifyProgress, VerifyProgressData{id, snapshot, done, total})
		}
	}
}

type auditInput struct {
	From     int64  `query:"from" minimum:"0" doc:"First number; next_from of the page before"`
	Snapshot string `query:"snapshot_id" maxLength:"200" doc:"A full id; also of a snapshot that was deleted"`
	Source   string `query:"source" maxLength:"200"`
	Action   string `query:"action" enum:"snapshot.published,snapshot.imported,snapshot.deleted,snapshot.pinned,snapshot.unpinned,rule.fired,rule.suppressed,case.opened,case.updated,case.ended,deployment.started,deployment.finished,"`
	Limit    int    `query:"limit" default:"50" minimum:"1" maximum:"1000"`
}

func (s *Server) audit(ctx context.Context, in *auditInput) (*body[AuditPage], error) {
	events, err := s.o.Engine.Audit(ctx, engine.AuditFilter{From: in.From, SnapshotID: in.Snapshot, Source: in.Source, Action: in.Action, Limit: in.Limit})
	if err != nil {
		return nil, err
	}
	page := AuditPage{Events: make([]AuditEvent, len(events))}
	for i, ev := range events {
		ev.At = ev.At.UTC()
		page.Events[i] = AuditEvent(ev)
	}
	if len(events) == in.Limit {
		page.NextFrom = ptr(events[len(events)-1].No + 1)
	}
	return &body[AuditPage]{page}, nil
}

func (s *Server) auditCheck(ctx context.Context, _ *struct{}) (*body[engine.VerifyReport], error) {
	r, err := s.o.Engine.VerifyAudit(ctx)
	if err != nil {
		return nil, err
	}
	return &body[engine.VerifyReport]{*r}, nil
}

func (s *Server) captures(ctx context.Context, _ *struct{}) (*body[CaptureStates], error) {
	states, err := s.o.Engine.Captures(ctx)
	if err != nil {
		return nil, err
	}
	out := CaptureStates{Captures: make([]CaptureState, len(states))}
	for i, c := range states {
		out.Captures[i] = CaptureState{c.Seq, c.CaptureID, c.Source, c.State, c.SnapshotID, c.Reason, c.Since.UTC(), moment(c.ExpiresAt)}
	}
	return &body[CaptureStates]{out}, nil
}
