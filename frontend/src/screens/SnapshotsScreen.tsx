import { useInfiniteQuery, useQuery } from '@tanstack/react-query'
import { Link, useNavigate, useSearch } from '@tanstack/react-router'
import { useState } from 'react'
import { api, must, type Row } from '../api/client'
import { CaseLink, useCasesOf } from '../components/CaseLink'
import { Choice } from '../components/Choice'
import { useNow } from '../components/Header'
import { Import } from '../components/Import'
import { Severity } from '../components/Inspector'
import { PinMark } from '../components/Pin'
import { Failure, Loading } from '../components/States'
import { age, figure, pairName, units, utc } from '../lib/format'

export type ListSearch = { q?: string; trigger?: string; severity?: string; since?: string; until?: string; tag?: string; source?: string }

export const listFilters = ['q', 'trigger', 'severity', 'since', 'until', 'tag', 'source'] as const

/** The list of snapshots; every filter stands in the address. */
export function SnapshotsScreen() {
  const search = useSearch({ from: '/' })
  const navigate = useNavigate({ from: '/' })
  const [chosen, setChosen] = useState<string[]>([])
  const set = (change: Partial<ListSearch>) =>
    void navigate({ search: (old) => Object.fromEntries(Object.entries({ ...old, ...change }).filter(([, v]) => v)) as ListSearch, replace: true })
  const pages = useInfiniteQuery({
    queryKey: ['snapshots', search],
    initialPageParam: '',
    queryFn: ({ pageParam }) => must(api.GET('/api/performance/snapshots', { params: { query: { ...(search as object), limit: 50, cursor: pageParam || undefined } } })),
    getNextPageParam: (last) => last.next_cursor || undefined,
  })
  const rows = pages.data?.pages.flatMap((p) => p.snapshots) ?? []
  const filtered = listFilters.some((f) => search[f])
  const choose = (id: string) => setChosen((old) => (old.includes(id) ? old.filter((x) => x !== id) : [...old, id].slice(-2)))
  // The older one is the baseline, whichever was chosen first.
  const [target, baseline] = rows.filter((r) => chosen.includes(r.snapshot_id)).map((r) => r.snapshot_id)
  return (
    <main>
      <form className="filters" role="search" onSubmit={(e) => e.preventDefault()}>
        <input type="search" placeholder="Search id or description ( / )" aria-label="Search" value={search.q ?? ''} onChange={(e) => set({ q: e.target.value })} />
        <Choice label="Trigger" value={search.trigger} options={['manual', 'scheduled', 'threshold', 'incident']} onChange={(trigger) => set({ trigger })} />
        <Choice label="Severity" value={search.severity} options={['low', 'medium', 'high', 'critical']} onChange={(severity) => set({ severity })} />
        <label>
          From <input type="date" value={search.since ?? ''} onChange={(e) => set({ since: e.target.value })} />
        </label>
        <label>
          Until <input type="date" value={search.until ?? ''} onChange={(e) => set({ until: e.target.value })} />
        </label>
        <input placeholder="Tag" aria-label="Tag" value={search.tag ?? ''} onChange={(e) => set({ tag: e.target.value })} size={8} />
        <input placeholder="Source" aria-label="Source" value={search.source ?? ''} onChange={(e) => set({ source: e.target.value })} size={8} />
        {filtered && (
          <button type="button" onClick={() => void navigate({ search: {} })}>
            Clear
          </button>
        )}
        <span className="ends">
          <Import />
          {baseline && target ? (
            <Link className="button primary" to="/compare/$range" params={{ range: `${baseline}...${target}` }} search={{}} data-testid="compare">
              Compare the two
            </Link>
          ) : (
            <span className="dim">choose two to compare them</span>
          )}
        </span>
      </form>
      {pages.isPending && <Loading what="snapshots" />}
      {pages.isError && <Failure error={pages.error} retry={() => void pages.refetch()} />}
      {pages.isSuccess && rows.length === 0 && (filtered ? <p className="state">No snapshot fits these filters.</p> : <Empty />)}
      {rows.length > 0 && <List rows={rows} chosen={chosen} choose={choose} />}
      {pages.hasNextPage && (
        <button className="more" onClick={() => void pages.fetchNextPage()} disabled={pages.isFetchingNextPage}>
          {pages.isFetchingNextPage ? 'Loading …' : 'Show older ones'}
        </button>
      )}
    </main>
  )
}

function List({ rows, chosen, choose }: { rows: Row[]; chosen: string[]; choose: (id: string) => void }) {
  const now = useNow()
  const cases = useCasesOf(rows.map((r) => r.timestamp))
  return (
    <table className="list">
      <thead>
        <tr>
          <th aria-label="Choose for comparison" />
          <th>Snapshot</th>
          <th>Severity</th>
          <th>Worst</th>
          <th className="n">Load</th>
          <th className="n">Latency</th>
          <th className="n">Bottlenecks</th>
          <th>Trigger</th>
          <th>Source</th>
          <th>Taken</th>
        </tr>
      </thead>
      <tbody>
        {rows.map((r) => (
          <tr key={r.snapshot_id} data-testid="row" className={chosen.includes(r.snapshot_id) ? 'chosen' : ''}>
            <td>
              <input type="checkbox" aria-label={`Choose ${r.snapshot_id}`} checked={chosen.includes(r.snapshot_id)} onChange={() => choose(r.snapshot_id)} />
            </td>
            <td>
              <Link to="/snapshots/$id" params={{ id: r.snapshot_id }} search={{}}>
                {r.description || r.snapshot_id}
              </Link>
              <PinMark of={r} />
              {cases.has(r.snapshot_id) && (
                <div>
                  <CaseLink of={cases.get(r.snapshot_id)} />
                </div>
              )}
              <div className="dim mono">{r.snapshot_id}</div>
              {r.consistency.mode === 'fuzzy' && <div className="bad">! fuzzy read</div>}
            </td>
            <td>
              <Severity level={r.severity} />
            </td>
            <td>{worst(r)}</td>
            <td className="n">{figure(r.performance_summary.total_qps, 'queries/s')}</td>
            <td className="n">{figure(r.performance_summary.avg_latency, 'ms')}</td>
            <td className="n">{r.performance_summary.bottlenecks_count}</td>
            <td>{r.trigger_type}</td>
            <td>{r.source}</td>
            <td title={utc(r.timestamp)}>
              {age(r.timestamp, now)}
              <div className="dim">{utc(r.timestamp)}</div>
            </td>
          </tr>
        ))}
      </tbody>
    </table>
  )
}

function worst(r: Row): string {
  const b = r.performance_summary.bottlenecks[0]
  if (!b) return r.performance_summary.critical_paths[0]?.replaceAll('->', ' → ') ?? ''
  const name = b.source && b.target ? pairName(b.source, b.target) : pairName(b.id, b.id)
  return `${name}: ${figure(b.value, units[b.type] ?? '')} ${b.type.toLowerCase().replaceAll('_', ' ')}`
}

/** What has to be in place before the first snapshot, with what mends it. */
function Empty() {
  const status = useQuery({ queryKey: ['status'], queryFn: () => must(api.GET('/api/performance/status')), refetchInterval: 5000 })
  const s = status.data
  const checks = s
    ? [
        ['Live graph database', s.live.health, s.live.hint],
        ['Snapshot database', s.snapshots.health, s.snapshots.hint],
        ...s.sources.map((x) => [`Source ${x.name}`, x.health, x.hint]),
      ]
    : []
  return (
    <section className="state">
      <h2>No snapshot yet</h2>
      <ul className="plain checks">
        {checks.map(([name, health, hint]) => (
          <li key={name}>
            <b className={health === 'ok' ? 'good' : 'bad'}>{health === 'ok' ? '✓' : '!'}</b> {name}: {health}
            {hint && <div className="hint">{hint}</div>}
          </li>
        ))}
      </ul>
      <p>Press Capture, or C, to freeze the present state.</p>
    </section>
  )
}
