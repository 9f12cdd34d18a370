import { useQuery } from '@tanstack/react-query'
import { Link, useNavigate, useParams, useSearch } from '@tanstack/react-router'
import { useMemo, useState } from 'react'
import { api, type Comparison, must } from '../api/client'
import { Changes } from '../components/Changes'
import { FuzzyWarning } from '../components/Evidence'
import { Failure, Loading } from '../components/States'
import { pairId } from '../graph/aggregate'
import { colors, differenceEdges } from '../graph/difference'
import { type DrawnEdge, GraphView, hasWebGL, type Selection } from '../graph/GraphView'
import { layoutOf } from '../graph/layout'
import { both, factor, figure, nameOf, pairName, signed, utc } from '../lib/format'
import { Figure } from './SnapshotScreen'

export function CompareScreen() {
  const { range } = useParams({ from: '/compare/$range' })
  const [baseline = '', target = 'latest'] = range.split('...')
  const fixed = baseline.startsWith('snap_') && target.startsWith('snap_') // what never changes is asked for once
  const query = useQuery({
    queryKey: ['compare', baseline, target],
    queryFn: () => must(api.GET('/api/performance/snapshots/compare', { params: { query: { baseline, target, summary_only: true } } })),
    staleTime: fixed ? Infinity : 0,
  })
  if (query.isPending) return <Loading what="the comparison" />
  if (query.isError) return <Failure error={query.error} retry={() => void query.refetch()} />
  return <Compared d={query.data} fixed={fixed} />
}

function Compared({ d, fixed }: { d: Comparison; fixed: boolean }) {
  const [selection, setSelection] = useState<Selection>(null)
  const search = useSearch({ from: '/compare/$range' })
  const navigate = useNavigate({ from: '/compare/$range' })
  const first = d.pairs[0]
  const differing = [d.counts.nodes, d.counts.relationships].reduce((n, c) => n + c.added + c.removed + c.changed, 0)
  // What a database is stands apart from how it performs.
  const tabs = [
    { aspect: undefined, name: `Pairs (${d.total_pairs})` },
    { aspect: 'metric' as const, name: `Metrics (${differing - d.counts.structural})` },
    { aspect: 'structure' as const, name: `Structure (${d.counts.structural})` },
  ]
  return (
    <main className="snapshot">
      <section className="facts">
        <div className="title">
          <h1>{d.nothing_changed || !first ? 'Nothing changed' : headline(d)}</h1>
          <p className="sides">
            <Side letter="A" id={d.baseline.snapshot_id} time={d.baseline.timestamp} />
            <Side letter="B" id={d.target.snapshot_id} time={d.target.timestamp} />
            {d.target.snapshot_id !== 'LIVE' && (
              <Link className="button" to="/compare/$range" params={{ range: `${d.target.snapshot_id}...${d.baseline.snapshot_id}` }} search={{}}>
                Swap
              </Link>
            )}
          </p>
        </div>
        <Figure name="load" value={both(d.summary.total_qps, 'queries/s')} />
        <Figure name="mean latency" value={both(d.summary.avg_latency, 'ms')} />
        <Figure name="time in database" value={both(d.summary.time_ms_per_s, 'ms/s')} />
        <Figure name="elements" value={`${d.counts.worse} worse, ${d.counts.better} better`} />
        <FuzzyWarning rows={[d.baseline, d.target]} />
        {d.warnings.map((w) => (
          <p className="warning" key={w}>
            {w}
          </p>
        ))}
      </section>
      {d.nothing_changed ? (
        <p className="state">
          All {d.counts.nodes.unchanged} nodes and {d.counts.relationships.unchanged} relationships are the same in both.
        </p>
      ) : (
        <div className="panes">
          <div className="stage">{hasWebGL() ? <DifferenceMap d={d} selection={selection} onSelect={setSelection} /> : <p className="state">This browser has no WebGL; the list says the same in words.</p>}</div>
          <aside className="inspector wide" aria-label="What changed most">
            <h2>What changed most</h2>
            <div className="tabs flush" role="tablist" aria-label="What is listed">
              {tabs.map((t) => (
                <button key={t.name} role="tab" aria-selected={search.aspect === t.aspect} onClick={() => void navigate({ search: (old) => ({ ...old, aspect: t.aspect }), replace: true })}>
                  {t.name}
                </button>
              ))}
            </div>
            {search.aspect ? <Changes d={d} fixed={fixed} selection={selection} /> : <Ranked d={d} selection={selection} onSelect={setSelection} />}
          </aside>
        </div>
      )}
    </main>
  )
}

function headline(d: Comparison): string {
  const p = d.pairs[0]
  if (!p) return ''
  const l = p.avg_latency_ms
  const name = pairName(p.source, p.target)
  if (l.from != null && l.to != null) return `${name}: ${figure(l.from)} → ${figure(l.to, 'ms')} ${factor(l.from, l.to)}`
  return `${name}: ${both(p.time_ms_per_s, 'ms/s')}`
}

function Side({ letter, id, time }: { letter: string; id: string; time: string }) {
  return (
    <span className="side">
      <b>{letter}</b>{' '}
      {id === 'LIVE' ? (
        'the live graph'
      ) : (
        <Link to="/snapshots/$id" params={{ id }} search={{}} className="mono">
          {id}
        </Link>
      )}{' '}
      <span className="dim">{utc(time)}</span>
    </span>
  )
}

function DifferenceMap({ d, selection, onSelect }: { d: Comparison; selection: Selection; onSelect: (s: Selection) => void }) {
  // The baseline's whole graph gives the context in which the changes stand.
  const context = useQuery({
    queryKey: ['snapshot', d.baseline.snapshot_id],
    queryFn: () => must(api.GET('/api/performance/snapshots/{snapshot_id}', { params: { path: { snapshot_id: d.baseline.snapshot_id } } })),
    staleTime: Infinity,
  })
  const drawn = useMemo(() => {
    // What did not change stays as a hint of where things are.
    const faint = matchMedia('(prefers-color-scheme: dark)').matches ? '#2c3743' : '#d8dee5'
    const relationships = context.data?.graph_state.relationships ?? []
    const changed = new Map(differenceEdges(d).map((e) => [pairId(e.source, e.target), e]))
    const ends = new Map<string, [string, string]>()
    for (const r of relationships) ends.set(pairId(r.source, r.target), [r.source, r.target])
    for (const e of changed.values()) ends.set(pairId(e.source, e.target), [e.source, e.target])
    const keys = new Set((context.data?.graph_state.nodes ?? []).map((n) => n.id))
    for (const [a, b] of ends.values()) keys.add(a).add(b)
    const own = new Map(d.pairs.filter((p) => p.source === p.target).map((p) => [p.source, p.delta_ms_per_s]))
    const strong = new Set([...changed.values()].filter((e) => e.strong).flatMap((e) => [e.source, e.target]))
    const edges: DrawnEdge[] = [...ends].map(([id, [source, target]]) => {
      const e = changed.get(id)
      return { id, source, target, size: e?.width ?? 0.8, color: e?.color ?? faint, label: e?.label ?? '' }
    })
    const nodes = [...keys].map((key) => {
      const delta = own.get(key) ?? 0
      return {
        key,
        label: nameOf(key),
        size: strong.has(key) ? 12 : 8,
        color: Math.abs(delta) > 5 ? (delta > 0 ? colors.more : colors.less) : strong.has(key) ? '#5b6b7d' : '#b6c0cb',
      }
    })
    return { nodes, edges, layout: layoutOf(d.baseline.source, [...keys], [...ends.values()]) }
  }, [context.data, d])
  if (context.isPending) return <Loading what="the map" />
  return (
    <>
      <GraphView {...drawn} selection={selection} onSelect={onSelect} label="Map of the differences; the list beside it says the same in words" />
      <div className="legend">
        <span className="scale">
          <i style={{ background: colors.less }} /> ▼ less time
        </span>
        <span className="scale">
          <i style={{ background: colors.same }} /> the same
        </span>
        <span className="scale">
          <i style={{ background: colors.more }} /> ▲ more time
        </span>
        <span className="dim">Width by the change of time in the database; + new, − gone</span>
      </div>
    </>
  )
}

function Ranked({ d, selection, onSelect }: { d: Comparison; selection: Selection; onSelect: (s: Selection) => void }) {
  return (
    <table className="list ranked">
      <thead>
        <tr>
          <th>#</th>
          <th>Pair</th>
          <th className="n">Time, ms/s</th>
          <th className="n">Latency, ms</th>
        </tr>
      </thead>
      <tbody>
        {d.pairs.map((p, i) => {
          const id = p.source === p.target ? p.source : pairId(p.source, p.target)
          return (
            <tr key={`${p.source} ${p.target}`} data-testid="ranked" className={selection?.id === id ? 'chosen' : ''}>
              <td>{i + 1}</td>
              <td>
                <button className="link" onClick={() => onSelect({ kind: p.source === p.target ? 'node' : 'edge', id })}>
                  {pairName(p.source, p.target)}
                </button>
                <div className="dim">{Math.round(100 * p.share)} % of all change</div>
              </td>
              <td className="n">
                <Sign of={p.delta_ms_per_s} /> {figure(p.time_ms_per_s.from)} → {figure(p.time_ms_per_s.to)}
                <div className="dim">
                  {signed(p.delta_ms_per_s)} {factor(p.time_ms_per_s.from, p.time_ms_per_s.to)}
                </div>
              </td>
              <td className="n">
                {figure(p.avg_latency_ms.from)} → {figure(p.avg_latency_ms.to)}
                <div className="dim">{factor(p.avg_latency_ms.from, p.avg_latency_ms.to)}</div>
              </td>
            </tr>
          )
        })}
      </tbody>
    </table>
  )
}

function Sign({ of }: { of: number }) {
  if (of === 0) return null
  return <b style={{ color: of > 0 ? colors.more : colors.less }}>{of > 0 ? '▲' : '▼'}</b>
}
