import { useQuery } from '@tanstack/react-query'
import { Link, useNavigate, useParams, useSearch } from '@tanstack/react-router'
import { useMemo, useState } from 'react'
import { api, must, type SnapshotDocument } from '../api/client'
import { CaseLink, useCasesOf } from '../components/CaseLink'
import { Evidence, FuzzyWarning } from '../components/Evidence'
import { ExportMenu } from '../components/ExportMenu'
import { Inspector, Severity } from '../components/Inspector'
import { Legend } from '../components/Legend'
import { PinButton, PinMark } from '../components/Pin'
import { Failure, Loading } from '../components/States'
import { aggregate, metricsOf, pairId, type PairEdge, visible } from '../graph/aggregate'
import { colorOf, largest, nodeColor, nodeSize, widthOf } from '../graph/appearance'
import { type DrawnEdge, type DrawnNode, GraphView, hasWebGL, type Selection } from '../graph/GraphView'
import { layoutOf } from '../graph/layout'
import { figure, nameOf, pairName, units, utc } from '../lib/format'

export type SnapshotSearch = { tab?: 'table' | 'raw'; metric?: string }

export function SnapshotScreen() {
  const { id } = useParams({ from: '/snapshots/$id' })
  const query = useQuery({
    queryKey: ['snapshot', id],
    queryFn: () => must(api.GET('/api/performance/snapshots/{snapshot_id}', { params: { path: { snapshot_id: id } } })),
    staleTime: id.startsWith('snap_') ? Infinity : 0, // a snapshot never changes, and its pin is told by an event; `latest` moves
  })
  if (query.isPending) return <Loading what="the snapshot" />
  if (query.isError) return <Failure error={query.error} retry={() => void query.refetch()} />
  return <Snapshot document={query.data} />
}

function Snapshot({ document: d }: { document: SnapshotDocument }) {
  const search = useSearch({ from: '/snapshots/$id' })
  const navigate = useNavigate({ from: '/snapshots/$id' })
  const [selection, setSelection] = useState<Selection>(null)
  const metrics = useMemo(() => metricsOf(d.graph_state.relationships), [d])
  const metric = search.metric && metrics.includes(search.metric) ? search.metric : (metrics[0] ?? 'REFERENCES')
  const edges = useMemo(() => aggregate(d.graph_state.relationships, metric), [d, metric])
  const tab = search.tab ?? (hasWebGL() ? 'graph' : 'table')
  const set = (change: SnapshotSearch) => void navigate({ search: (old) => ({ ...old, ...change }), replace: true })
  return (
    <main className="snapshot">
      <Facts d={d} />
      <div className="tabs" role="tablist">
        {(['graph', 'table', 'raw'] as const).map((t) => (
          <button key={t} role="tab" aria-selected={tab === t} onClick={() => set({ tab: t === 'graph' ? undefined : t })}>
            {t}
          </button>
        ))}
        {!hasWebGL() && <span className="dim">this browser has no WebGL, so the graph is shown as a table</span>}
      </div>
      <div className="panes">
        <div className="stage">
          {tab === 'graph' && <Picture d={d} edges={edges} metric={metric} metrics={metrics} selection={selection} onSelect={setSelection} onMetric={(m) => set({ metric: m })} />}
          {tab === 'table' && <PairTable edges={edges} selection={selection} onSelect={setSelection} />}
          {tab === 'raw' && <pre className="raw">{JSON.stringify(d, null, 2)}</pre>}
        </div>
        <Inspector graph={d.graph_state} selection={selection} onSelect={setSelection} />
      </div>
    </main>
  )
}

function Facts({ d }: { d: SnapshotDocument }) {
  const s = d.performance_summary
  const own = useCasesOf([d.timestamp]).get(d.snapshot_id)
  return (
    <section className="facts">
      <div className="title">
        <h1>
          {d.description || d.snapshot_id}
          <PinMark of={d} />
        </h1>
        <p className="dim">
          <span className="mono">{d.snapshot_id}</span> · {utc(d.timestamp)} · {d.trigger_type} · {d.source} ({d.metadata.database_type || 'unknown database'} {d.metadata.database_version})
          {own && ' · '}
          <CaseLink of={own} />
        </p>
      </div>
      <Figure name="load" value={figure(s.total_qps, 'queries/s')} />
      <Figure name="mean latency" value={figure(s.avg_latency, 'ms')} />
      <Figure name="time in database" value={figure(s.time_ms_per_s, 'ms/s')} />
      <Figure name="bottlenecks" value={String(s.bottlenecks_count)} extra={<Severity level={d.severity} />} />
      <Figure name="critical path" value={s.critical_paths[0]?.replaceAll('->', ' → ') ?? 'none'} />
      <div className="actions">
        <Link className="button" to="/compare/$range" params={{ range: `${d.snapshot_id}...LIVE` }} search={{}}>
          Compare with now
        </Link>
        <Evidence of={d} />
        <PinButton of={d} />
        <ExportMenu id={d.snapshot_id} />
      </div>
      <FuzzyWarning rows={[d]} />
      {d.warnings.map((w) => (
        <p className="warning" key={w}>
          {w}
        </p>
      ))}
    </section>
  )
}

export function Figure({ name, value, extra }: { name: string; value: string; extra?: React.ReactNode }) {
  return (
    <div className="figure">
      <small>{name}</small>
      <b>{value}</b> {extra}
    </div>
  )
}

type PictureProps = {
  d: SnapshotDocument
  edges: PairEdge[]
  metric: string
  metrics: string[]
  selection: Selection
  onSelect: (s: Selection) => void
  onMetric: (m: string) => void
}

function Picture({ d, edges, metric, metrics, selection, onSelect, onMetric }: PictureProps) {
  const shown = useMemo(() => visible(d.graph_state.nodes), [d])
  const layout = useMemo(
    () =>
      layoutOf(
        d.source,
        shown.map((n) => n.id),
        d.graph_state.relationships.map((r) => [r.source, r.target]),
      ),
    [d, shown],
  )
  const most = largest(edges)
  const nodes = useMemo<DrawnNode[]>(() => shown.map((n) => ({ key: n.id, label: nameOf(n.id), size: nodeSize(n), color: nodeColor(n) })), [shown])
  const lines = useMemo<DrawnEdge[]>(
    () =>
      edges.map((e) => ({
        id: e.id,
        source: e.source,
        target: e.target,
        size: widthOf(e.value, most),
        color: colorOf(e.value, most),
        label: e.value === null ? '' : figure(e.value, units[metric] ?? ''),
      })),
    [edges, metric, most],
  )
  return (
    <>
      <GraphView nodes={nodes} edges={lines} layout={layout} selection={selection} onSelect={onSelect} label={`${nodes.length} tables and ${lines.length} pairs; the tab Table says the same in words`} />
      <Legend metrics={metrics} metric={metric} most={most} onMetric={onMetric} />
      {shown.length < d.graph_state.nodes.length && (
        <p className="note">
          showing {shown.length.toLocaleString('en-US')} of {d.graph_state.nodes.length.toLocaleString('en-US')} nodes; all are in the table
        </p>
      )}
    </>
  )
}

const columns = ['TIME_MS_PER_S', 'AVG_LATENCY_MS', 'QUERIES_PER_SEC', 'INDEX_EFFICIENCY', 'HOTSPOT_SCORE'] as const

/** The twin of the canvas: the same pairs in words, for keyboards and screen readers. */
function PairTable({ edges, selection, onSelect }: { edges: PairEdge[]; selection: Selection; onSelect: (s: Selection) => void }) {
  const value = (e: PairEdge, type: string) => {
    const v = e.relationships.find((r) => r.type === type)?.properties['value']
    return typeof v === 'number' ? v : null
  }
  const sorted = [...edges].sort((a, b) => (value(b, 'TIME_MS_PER_S') ?? b.value ?? -1) - (value(a, 'TIME_MS_PER_S') ?? a.value ?? -1) || a.id.localeCompare(b.id))
  return (
    <div className="scroll">
      <table className="list">
        <thead>
          <tr>
            <th>Pair</th>
            <th>Severity</th>
            {columns.map((c) => (
              <th key={c} className="n">
                {c}
              </th>
            ))}
            <th>Other relationships</th>
          </tr>
        </thead>
        <tbody>
          {sorted.map((e) => (
            <tr key={e.id} className={selection?.id === e.id ? 'chosen' : ''} data-testid="pair">
              <td>
                <button className="link" onClick={() => onSelect({ kind: 'edge', id: pairId(e.source, e.target) })}>
                  {pairName(e.source, e.target)}
                </button>
              </td>
              <td>{e.severity && <Severity level={e.severity} />}</td>
              {columns.map((c) => (
                <td key={c} className="n">
                  {figure(value(e, c), units[c])}
                </td>
              ))}
              <td className="dim">
                {e.relationships
                  .filter((r) => !(columns as readonly string[]).includes(r.type))
                  .map((r) => (r.type === 'REFERENCES' ? `REFERENCES ${String(r.properties['name'] ?? '')}` : `${r.type} ${figure(Number(r.properties['value'] ?? Number.NaN), units[r.type] ?? '')}`))
                  .join(', ')}
              </td>
            </tr>
          ))}
        </tbody>
      </table>
    </div>
  )
}
