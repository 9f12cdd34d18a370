package engine

import (
	"context"
	"strconv"
	"strings"
	"time"
)

// Live is the name of the live graph where a comparison takes a snapshot as its target.
const Live = "LIVE"

// Resolve turns what a person types into a snapshot: a full id, `latest`, `latest~3` (three before the latest),
// `@-1h` or `@2026-01-31T09:00:00Z` (the newest snapshot not after that moment) or a unique prefix of an id.
// Source narrows all but a full id; "" means the only or default source. Kinds: not_found, invalid, conflict.
func (e *Engine) Resolve(ctx context.Context, source, ref string) (*Snapshot, error) {
	const op = "resolve"
	ref = strings.TrimSpace(ref)
	switch {
	case ref == "":
		return nil, Errorf(KindInvalid, op, "a snapshot id is missing").WithHint("give an id, `latest`, `latest~1`, `@-1h` or a unique prefix; `graphsnap list` shows the ids")
	case ref == "latest" || strings.HasPrefix(ref, "latest~"):
		back := 0
		if rest, ok := strings.CutPrefix(ref, "latest~"); ok {
			n, err := strconv.Atoi(rest)
			if err != nil || n < 0 || n > 100000 {
				return nil, Errorf(KindInvalid, op, "%q is no number of snapshots to go back", rest).WithHint("write `latest~1` for the one before the latest")
			}
			back = n
		}
		return e.nthNewest(ctx, source, ref, time.Time{}, back)
	case strings.HasPrefix(ref, "@"):
		at, err := e.parseMoment(ref[1:])
		if err != nil {
			return nil, err
		}
		return e.nthNewest(ctx, source, ref, at.Add(time.Nanosecond), 0)
	}
	if !strings.HasPrefix("snap_", ref) && !strings.HasPrefix(ref, "snap_") {
		return nil, Errorf(KindNotFound, op, "%q is no snapshot", ref).WithHint("ids begin with snap_; `graphsnap list` shows them; `latest`, `latest~1` and `@-1h` work too")
	}
	s, err := e.store.Get(ctx, ref)
	if err == nil || KindOf(err) != KindNotFound {
		return s, err
	}
	matches, _, err := e.store.List(ctx, Filter{Source: source, Prefix: ref, Limit: 2})
	if err != nil {
		return nil, err
	}
	switch len(matches) {
	case 0:
		return nil, Errorf(KindNotFound, op, "there is no snapshot %q", ref).WithHint("`graphsnap list` shows what there is")
	case 1:
		return &matches[0], nil
	}
	return nil, Errorf(KindConflict, op, "%q fits several snapshots, among them %s and %s", ref, matches[0].ID, matches[1].ID).WithHint("type more of the id")
}

// nthNewest gives the snapshot that lies back places before the newest one that is older than before (zero: no limit).
func (e *Engine) nthNewest(ctx context.Context, source, ref string, before time.Time, back int) (*Snapshot, error) {
	source, err := e.historySource(ctx, source)
	if err != nil {
		return nil, err
	}
	f := Filter{Source: source, Until: before}
	for {
		f.Limit = min(back+1, maxPage)
		rows, cursor, err := e.store.List(ctx, f)
		if err != nil {
			return nil, err
		}
		if back < len(rows) {
			return &rows[back], nil
		}
		back -= len(rows)
		if cursor == "" {
			return nil, Errorf(KindNotFound, "resolve", "source %q has no snapshot %s", source, ref).WithHint("`graphsnap list --source %s` shows what there is; `graphsnap capture` makes one", source)
		}
		f.Cursor = cursor
	}
}

// parseMoment reads "-1h", "-90s", "-2d" before now, or an RFC 3339 time.
func (e *Engine) parseMoment(text string) (time.Time, error) {
	if rest, ok := strings.CutPrefix(text, "-"); ok {
		if days, ok := strings.CutSuffix(rest, "d"); ok {
			if n, err := strconv.Atoi(days); err == nil && n >= 0 && n <= 36500 {
				return e.clock.Now().AddDate(0, 0, -n), nil
			}
		}
		if d, err := time.ParseDuration(rest); err == nil {
			return e.clock.Now().Add(-d), nil
		}
	} else if at, err := time.Parse(time.RFC3339, text); err == nil {
		return at.UTC(), nil
	}
	return time.Time{}, Errorf(KindInvalid, "resolve", "%q is no moment", "@"+text).WithHint("write @-1h, @-90m, @-2d or @2026-01-31T09:00:00Z")
}
