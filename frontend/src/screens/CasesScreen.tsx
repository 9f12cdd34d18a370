import { useInfiniteQuery, useQuery } from '@tanstack/react-query'
import { Link, useNavigate, useSearch } from '@tanstack/react-router'
import { api, type CaseRow, must } from '../api/client'
import { CaseState } from '../components/CaseState'
import { Choice } from '../components/Choice'
import { useNow } from '../components/Header'
import { Severity } from '../components/Inspector'
import { Failure, Loading } from '../components/States'
import { type CasesSearch, filled, isLow, lasted, peakText, span } from '../lib/cases'
import { age, utc } from '../lib/format'

/** The list of cases, open ones first; every filter stands in the address. */
export function CasesScreen() {
  const search = useSearch({ from: '/cases' })
  const navigate = useNavigate({ from: '/cases' })
  const set = (change: { [K in keyof CasesSearch]: string }) => void navigate({ search: (old) => filled({ ...old, ...change }) as CasesSearch, replace: true })
  const { state, ...narrow } = search
  const open = useQuery({
    queryKey: ['cases', 'open', narrow],
    queryFn: () => must(api.GET('/api/performance/cases', { params: { query: { ...narrow, state: 'open', limit: 1000 } } })),
    enabled: state !== 'ended',
  })
  const ended = useInfiniteQuery({
    queryKey: ['cases', 'ended', narrow],
    initialPageParam: '',
    queryFn: ({ pageParam }) => must(api.GET('/api/performance/cases', { params: { query: { ...narrow, state: 'ended', limit: 50, cursor: pageParam || undefined } } })),
    getNextPageParam: (last) => last.next_cursor || undefined,
    enabled: state !== 'open',
  })
  const asked = [...(state === 'ended' ? [] : [open]), ...(state === 'open' ? [] : [ended])]
  const failed = asked.find((q) => q.isError)
  const rows = [...(state === 'ended' ? [] : (open.data?.cases ?? [])), ...(state === 'open' ? [] : (ended.data?.pages.flatMap((p) => p.cases) ?? []))]
  const filtered = Object.keys(search).length > 0
  return (
    <main>
      <h1>Cases</h1>
      <form className="filters" role="search" onSubmit={(e) => e.preventDefault()}>
        <Choice label="State" value={search.state} options={['open', 'ended']} onChange={(v) => set({ state: v })} />
        <Choice label="Severity" value={search.severity} options={['low', 'medium', 'high', 'critical']} onChange={(v) => set({ severity: v })} />
        <input placeholder="Source" aria-label="Source" value={search.source ?? ''} onChange={(e) => set({ source: e.target.value })} size={8} />
        {filtered && (
          <button type="button" onClick={() => void navigate({ search: {} })}>
            Clear
          </button>
        )}
      </form>
      {failed && <Failure error={failed.error} retry={() => void failed.refetch()} />}
      {!failed && asked.some((q) => q.isPending) && <Loading what="cases" />}
      {asked.every((q) => q.isSuccess) && rows.length === 0 && (filtered ? <p className="state">No case fits these filters.</p> : <Empty />)}
      {rows.length > 0 && <List rows={rows} />}
      {state !== 'open' && ended.hasNextPage && (
        <button className="more" onClick={() => void ended.fetchNextPage()} disabled={ended.isFetchingNextPage}>
          {ended.isFetchingNextPage ? 'Loading …' : 'Show older ones'}
        </button>
      )}
    </main>
  )
}

function List({ rows }: { rows: CaseRow[] }) {
  const now = useNow()
  return (
    <table className="list" data-testid="cases">
      <thead>
        <tr>
          <th>Case</th>
          <th>State</th>
          <th>Severity</th>
          <th className="n">Peak</th>
          <th className="n">Lasted</th>
          <th>Rule</th>
          <th>Source</th>
          <th>Onset</th>
          <th>Opened</th>
        </tr>
      </thead>
      <tbody>
        {rows.map((c) => (
          <tr key={c.case_id} data-testid="case-row">
            <td>
              <Link to="/cases/$id" params={{ id: c.case_id }} search={{}}>
                {c.title || c.case_id}
              </Link>
              <div>{c.reason}</div>
              <div className="dim mono">{c.case_id}</div>
            </td>
            <td>
              <CaseState of={c} />
            </td>
            <td>
              <Severity level={c.severity} />
            </td>
            <td className="n">
              {peakText(c) || <span className="dim">no data</span>}
              {c.peak_value !== null && <div className="dim">{`${c.metric}${isLow(c) ? ', a low' : ''}`}</div>}
            </td>
            <td className="n">{span(lasted(c, now))}</td>
            <td>{c.rule}</td>
            <td>{c.source}</td>
            <td>{c.onset_at ? utc(c.onset_at) : <span className="dim">unknown</span>}</td>
            <td title={utc(c.opened_at)}>
              {age(c.opened_at, now)}
              <div className="dim">{utc(c.opened_at)}</div>
            </td>
          </tr>
        ))}
      </tbody>
    </table>
  )
}

/** What opens a case, where none has been. */
function Empty() {
  return (
    <section className="state">
      <h2>No case yet</h2>
      <p>
        A case opens by itself when an incident rule fires: it holds the frames from before, the snapshot of that moment, follow-ups, and one from after recovery. Which rules there are, and how near they are to firing, is on{' '}
        <Link to="/triggers" search={{}}>
          Triggers
        </Link>
        .
      </p>
      <p className="hint">
        Without incident rules nothing opens a case; <code>graphsnap config example</code> shows how they are written.
      </p>
    </section>
  )
}
