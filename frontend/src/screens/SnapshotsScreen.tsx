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
import { Timeline } from '../components/Timeline'
import { age, figure, pairName, units, utc } from '../lib/format'

export type ListSearch = { q?: string; trigger?: string; severity?: string; since?: string; until?: string; tag?: string; source?: string; zoom?: string }

export const listFilters = ['q', 'trigger', 'severity', 'since', 'until', 'tag', 'source'] as const

type Chosen = { id: string; at: number }

/** The timeline and the list of snapshots; every filter stands in the address, and so does what of the timeline is shown. */
export function SnapshotsScreen() {
  const search = useSearch({ from: '/' })
  const navigate = useNavigate({ from: '/' })
  const [chosen, setChosen] = useState<Chosen[]>([])
  const set = (change: Partial<ListSearch>) =>
    void navigate({ search: (old) => Object.fromEntries(Object.entries({ ...old, ...change }).filter(([, v]) => v)) as ListSearch, replace: true })
  const { zoom: _, ...filters } = search
  const pages = useInfiniteQuery({
    queryKey: ['snapshots', filters],
    initialPageParam: '',
    queryFn: ({ pageParam }) => must(api.GET('/api/performance/snapshots', { params: { query: { ...(filters as object), limit: 50, cursor: pageParam || undefined } } })),
    getNextPageParam: (last) => last.next_cursor || undefined,
  })
  const rows = pages.data?.pages.flatMap((p) => p.snapshots) ?? []
  const filtered = listFilters.some((f) => search[f])
  const choose = (one: Chosen) => setChosen((old) => (old.some((x) => x.id === one.id) ? old.filter((x) => x.id !== one.id) : [...old, one].slice(-2)))
  const setSide = (side: 'A' | 'B', one: Chosen, newest: Chosen) =>
    setChosen((old) => {
      const other = (side === 'A' ? old[1] : old[0]) ?? newest
      return other.id === one.id ? [one] : side === 'A' ? [one, other] : [other, one]
    })
  // The older one is the baseline, whichever was chosen first.
  const [baseline, target] = [...chosen].sort((a, b) => a.at - b.at || a.id.localeCompare(b.id))
  const status = useQuery({ queryKey: ['status'], queryFn: () => must(api.GET('/api/performance/status')), staleTime: 60_000 })
  const sources = [...new Set([...(status.data?.sources ?? []).map((s) => s.name), ...rows.map((r) => r.source)])].sort()
  return (
    <main>
      <form className="filters" role="search" onSubmit={(e) => e.preventDefault()}>
        <input type="search" placeholder="Search id or description ( / )" aria-label="Search" value={search.q ?? ''} onChange={(e) => set({ q: e.target.value })} />
        <Choice label="Trigger" value={search.trigger} options={['manual', 'scheduled', 'threshold', 'incident']} onChange={(trigger) => set({ trigger })} />
        <Choice label="Severity" value={search.severity} options={['low', 'medium', 'high', 'critical']} onChange={(severity) => set({ severity })} />
        <label>
          From <input type="date" value={search.since?.slice(0, 10) ?? ''} onChange={(e) => set({ since: e.target.value })} />
        </label>
        <label>
          Until <input type="date" value={search.until?.slice(0, 10) ?? ''} onChange={(e) => set({ until: e.target.value })} />
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
            <Link className="button primary" to="/compare/$range" params={{ range: `${baseline.id}...${target.id}` }} search={{}} data-testid="compare">
              Compare the two
            </Link>
          ) : (
            <span className="dim">choose two to compare them</span>
          )}
        </span>
      </form>
      <Timeline search={search} set={set} sources={sources} chosen={chosen} setSide={setSide} />
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

function List({ rows, chosen, choose }: { rows: Row[]; chosen: Chosen[]; choose: (one: Chosen) => void }) {
  const now = useNow()
  const cases = useCasesOf(rows.map((r) => r.timestamp))
  const isChosen = (r: Row) => chosen.some((x) => x.id === r.snapshot_id)
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
          <tr key={r.snapshot_id} data-testid="row" className={isChosen(r) ? 'chosen' : ''}>
            <td>
              <input type="checkbox" aria-label={`Choose ${r.snapshot_id}`} checked={isChosen(r)} onChange={() => choose({ id: r.snapshot_id, at: Date.parse(r.timestamp) })} />
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
