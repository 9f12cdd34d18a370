import { useMutation, useQuery, useQueryClient } from '@tanstack/react-query'
import { Link, useNavigate, useParams, useSearch } from '@tanstack/react-router'
import { api, type CaseDocument, must, ProblemError } from '../api/client'
import { CaseState } from '../components/CaseState'
import { Course } from '../components/Course'
import { useNow } from '../components/Header'
import { Severity } from '../components/Inspector'
import { Failure, Loading } from '../components/States'
import { amount, comparisons, isLow, lasted, looked, roles, span } from '../lib/cases'
import { elementName, factor, utc } from '../lib/format'

/** One case: what happened in words, its course, and the snapshots that prove it. */
export function CaseScreen() {
  const { id } = useParams({ from: '/cases/$id' })
  const query = useQuery({
    queryKey: ['cases', 'one', id],
    queryFn: () => must(api.GET('/api/performance/cases/{case_id}', { params: { path: { case_id: id } } })),
    refetchInterval: (q) => (q.state.data?.state === 'open' ? 5000 : false), // its points grow without an event
  })
  if (query.isPending) return <Loading what="the case" />
  if (query.isError && !query.data) return <Failure error={query.error} retry={() => void query.refetch()} />
  return <Shown c={query.data} stale={query.error} />
}

function Shown({ c, stale }: { c: CaseDocument; stale: Error | null }) {
  const search = useSearch({ from: '/cases/$id' })
  const navigate = useNavigate({ from: '/cases/$id' })
  const now = useNow()
  return (
    <main className="case">
      <section className="facts">
        <div className="title">
          <h1>
            {c.title || c.case_id} <CaseState of={c} /> <Severity level={c.severity} />
          </h1>
          <p className="dim">
            <span className="mono">{c.case_id}</span> ·{' '}
            <Link to="/cases" search={{ source: c.source }}>
              {c.source}
            </Link>{' '}
            · {c.state === 'open' ? `open for ${span(lasted(c, now))}` : `lasted ${span(lasted(c, now))}`}
          </p>
        </div>
        <div className="actions">
          {comparisons(c).map((o) => (
            <Link key={o.name} className="button" to="/compare/$range" params={{ range: `${o.baseline}...${o.target}` }} search={{}} title="Compare these two snapshots">
              {o.name}
            </Link>
          ))}
          {c.state === 'open' && <CloseButton id={c.case_id} />}
        </div>
        {stale && <p className="warning">What is shown may be old: {stale.message}</p>}
        {c.note && <p className="warning">{c.note}</p>}
      </section>
      <Story c={c} />
      <section>
        <h2>Course</h2>
        <Course c={c} at={search.at} onMoment={(at) => void navigate({ search: { at }, replace: true })} />
      </section>
      <Snapshots c={c} />
      <Affected keys={c.affected} />
    </main>
  )
}

function CloseButton({ id }: { id: string }) {
  const queries = useQueryClient()
  const close = useMutation({
    mutationFn: () => must(api.POST('/api/performance/cases/{case_id}/close', { params: { path: { case_id: id } } })),
    onSuccess: (c) => {
      queries.setQueryData(['cases', 'one', id], c)
      void queries.invalidateQueries({ queryKey: ['cases'] })
    },
  })
  const ask = () => {
    if (window.confirm('Close this case now? A last snapshot is taken, and it cannot be opened again. While its rule is met, the next firing opens a new one.')) close.mutate()
  }
  return (
    <>
      <button onClick={ask} disabled={close.isPending} data-testid="close-case">
        {close.isPending ? 'Closing …' : 'Close the case'}
      </button>
      {close.isError && (
        <span className="bad" role="alert">
          {close.error.message} {close.error instanceof ProblemError && <i>{close.error.hint}</i>}
        </span>
      )}
    </>
  )
}

/** The distance of a moment from the trigger: −1 min 30 s, +5 min. */
function offset(at: string, c: CaseDocument): string {
  const ms = Date.parse(at) - Date.parse(c.opened_at)
  if (Math.abs(ms) < 500) return 'with the trigger'
  return `${ms < 0 ? '−' : '+'}${span(Math.abs(ms))}`
}

function Story({ c }: { c: CaseDocument }) {
  const { unit } = c
  const what = looked(c)
  const relative = factor(c.threshold, c.peak_value)
  const over = c.threshold === null ? '' : `; the threshold is ${amount(c.threshold, unit)}${relative && ` (${relative})`}`
  const others = c.rules.filter((r) => r !== c.rule)
  const steps = [
    { name: 'Onset', at: c.onset_at, text: c.onset_at ? `${what} began to leave its usual range` : 'unknown: the frames from before the trigger do not show when it began' },
    { name: 'Trigger', at: c.opened_at, text: `rule ${c.rule} fired: ${c.reason}` },
    { name: isLow(c) ? 'Low' : 'Peak', at: c.peak_at, text: c.peak_value === null ? 'unknown: no frame told the value' : `${what} ${amount(c.peak_value, unit)}${over}` },
    { name: 'End', at: c.ended_at, text: c.state === 'open' ? 'not yet: it ends by itself once no rule was met for a while' : c.end_reason },
  ]
  return (
    <section>
      <h2>What happened</h2>
      <table className="list" data-testid="story">
        <tbody>
          {steps.map((s) => (
            <tr key={s.name}>
              <th scope="row">{s.name}</th>
              <td className="when">
                {s.at ? (
                  <>
                    {utc(s.at)}
                    <div className="dim">{s.name === 'Trigger' ? '' : offset(s.at, c)}</div>
                  </>
                ) : (
                  <span className="dim">–</span>
                )}
              </td>
              <td>{s.text}</td>
            </tr>
          ))}
        </tbody>
      </table>
      {others.length > 0 && <p>Also fired while it was open: {others.join(', ')}.</p>}
    </section>
  )
}

function Snapshots({ c }: { c: CaseDocument }) {
  return (
    <section>
      <h2>Snapshots</h2>
      {c.snapshots.length === 0 && <p className="dim">It has none.</p>}
      {c.snapshots.length > 0 && (
        <table className="list" data-testid="case-snapshots">
          <thead>
            <tr>
              <th>Role</th>
              <th>Snapshot</th>
              <th>From the trigger</th>
              <th>Taken</th>
            </tr>
          </thead>
          {(['before', 'trigger', 'follow_up', 'after'] as const).map((role) => {
            const of = c.snapshots.filter((s) => s.role === role)
            if (of.length === 0) return null
            return (
              <tbody key={role}>
                {of.map((s, i) => (
                  <tr key={s.snapshot_id}>
                    {i === 0 && (
                      <th scope="rowgroup" rowSpan={of.length} className="role">
                        {roles[role].name}
                        <div className="dim">{roles[role].text}</div>
                      </th>
                    )}
                    <td className="mono">
                      {s.exists ? (
                        <Link to="/snapshots/$id" params={{ id: s.snapshot_id }} search={{}}>
                          {s.snapshot_id}
                        </Link>
                      ) : (
                        <>
                          {s.snapshot_id} <span className="bad">deleted</span>
                        </>
                      )}
                    </td>
                    <td>{offset(s.timestamp, c)}</td>
                    <td>{utc(s.timestamp)}</td>
                  </tr>
                ))}
              </tbody>
            )
          })}
        </table>
      )}
    </section>
  )
}

const shownKeys = 10

function Affected({ keys }: { keys: string[] }) {
  const item = (k: string) => (
    <li key={k}>
      {elementName(k)} <span className="dim mono">{k}</span>
    </li>
  )
  return (
    <section>
      <h2>Affected elements</h2>
      {keys.length === 0 && <p className="dim">No element met the rule or was a bottleneck; the figures are those of the whole source.</p>}
      <ol data-testid="affected">{keys.slice(0, shownKeys).map(item)}</ol>
      {keys.length > shownKeys && (
        <details>
          <summary>{keys.length - shownKeys} more, less affected</summary>
          <ol start={shownKeys + 1}>{keys.slice(shownKeys).map(item)}</ol>
        </details>
      )}
    </section>
  )
}
