package collect

import (
	"context"
	"errors"
	"fmt"
	"sort"
	"strings"

	"github.com/jackc/pgx/v5/pgconn"
	pgquery "github.com/wasilibs/go-pgquery"

	"graphsnap/engine"
)

// digestOf gives a fingerprint of a statement that is the same whatever its values, its layout and the server's version.
func digestOf(text string) string {
	d, err := pgquery.Fingerprint(text)
	if err != nil {
		return ""
	}
	return d
}

const (
	// topStatements is how many statements are shown; one that is shown stays until it falls out of twice as many, so
	// that the last places do not come and go.
	topStatements = 20
	// mostText bounds a statement's text, bytes.
	mostText = 4000
)

// statementLoad is what the statements of one digest did in the window.
type statementLoad struct {
	digest string
	counters
	quality quality
	usage   *usage
	queries []int64
}

// loads gives the statements of the window by digest, the heaviest first.
func (r *round) loads() []*statementLoad {
	by := map[string]*statementLoad{}
	for id, s := range r.sum.statements {
		digest := r.digests[id.query]
		if r.own[id.query] || r.utility[id.query] || digest == "" {
			continue
		}
		l, ok := by[digest]
		if !ok {
			l = &statementLoad{digest: digest, quality: exact, usage: r.usages[id.query]}
			by[digest] = l
		}
		l.counters, l.quality = l.plus(s.counters), worst(l.quality, s.quality)
		l.queries = append(l.queries, id.query)
	}
	list := make([]*statementLoad, 0, len(by))
	for _, l := range by {
		sort.Slice(l.queries, func(i, j int) bool { return l.queries[i] < l.queries[j] })
		list = append(list, l)
	}
	sort.Slice(list, func(i, j int) bool {
		return list[i].execMS > list[j].execMS || list[i].execMS == list[j].execMS && list[i].digest < list[j].digest
	})
	return list
}

// top chooses the statements to show: the heaviest by time and those sent most often.
func (r *round) top(loads []*statementLoad) []*statementLoad {
	rank := map[string]int{}
	for i, l := range loads {
		rank[l.digest] = i
	}
	often := append([]*statementLoad(nil), loads...)
	sort.SliceStable(often, func(i, j int) bool { return often[i].calls > often[j].calls })
	for i, l := range often {
		rank[l.digest] = min(rank[l.digest], 2*i)
	}
	var list []*statementLoad
	for _, l := range loads {
		if rank[l.digest] < topStatements || r.shown[l.digest] && rank[l.digest] < 2*topStatements {
			list = append(list, l)
		}
	}
	clear(r.shown)
	for _, l := range list {
		r.shown[l.digest] = true
	}
	return list
}

// statementNodes adds the top statements, without any value in their text, and the plans that are known.
func (r *round) statementNodes(b *builder, a *attribution) {
	for _, l := range r.top(r.loads()) {
		key := engine.NodeKey(l.digest, labelStatement)
		level := func(name string, v float64) float64 { return r.levels.of(key+" "+name, v, rateTolerance) }
		n := float64(l.calls)
		p := engine.Properties{
			"name": l.digest, "calls_per_s": level("calls", n/r.sum.seconds), "avg_latency_ms": level("latency", l.mean()),
			"deviation_ms": level("deviation", l.deviation()), "execution_ms_per_s": level("time", l.execMS/r.sum.seconds),
			"rows_per_call": level("rows", float64(l.rows)/n), "blocks_read_per_call": level("blocks", float64(l.blocks)/n),
			"temp_blocks_per_call": level("temp", float64(l.temp)/n), "wal_bytes_per_call": level("wal", float64(l.wal)/n), "quality": string(l.quality),
		}
		for _, id := range l.queries {
			if text := r.texts[id]; text != "" {
				p["text"] = text
			}
		}
		if r.evidence.unplanned[l.digest] {
			p["not_planned"] = notPlanned
		}
		b.node(key, labelStatement, p)
		if l.usage != nil {
			for _, table := range l.usage.tables {
				b.link(key, relUses, table, "", nil)
			}
		}
		if plan, ok := r.evidence.plans[l.digest]; ok {
			r.planNode(b, key, l.digest, plan)
		}
	}
}

// storable gives a text that may be kept, cut at a length. The server keeps the values of utility statements, and of
// others that it met only at their end: those are normalised here.
func storable(text string) string {
	plain := text
	if tree, err := pgquery.ParseToJSON(text); err != nil {
		return ""
	} else if strings.Contains(tree, `"A_Const"`) || strings.Contains(tree, `"sval"`) && strings.Contains(tree, `"DefElem"`) {
		if plain, err = pgquery.Normalize(text); err != nil {
			return ""
		}
	}
	if len(plain) > mostText {
		plain = plain[:mostText] + " ..."
	}
	return plain
}

// textsOf reads texts of statements by query id.
func (r *reader) textsOf(ctx context.Context, ids []int64) (map[int64]string, error) {
	rows, err := r.conn.Query(ctx, fmt.Sprintf(queryTexts, r.schema, r.nested()), ids)
	if err != nil {
		return nil, err
	}
	defer rows.Close()
	found := map[int64]string{}
	for rows.Next() {
		var id int64
		var text string
		if err := rows.Scan(&id, &text); err != nil {
			return nil, err
		}
		found[id] = text
	}
	err = rows.Err()
	var refused *pgconn.PgError
	if errors.As(err, &refused) && refused.Code == "22021" {
		err = engine.Errorf(engine.KindUnavailable, "collect", "the server cannot read its file of statement texts, so new statements are not understood").WithCause(err).
			WithHint("run as superuser: SELECT pg_stat_statements_reset();")
	}
	return found, err
}
