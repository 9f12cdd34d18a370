import { useQuery } from '@tanstack/react-query'
import { Link, useNavigate, useSearch } from '@tanstack/react-router'
import { useState } from 'react'
import { api, type Firing, must, type RuleReplay, type RuleStatus } from '../api/client'
import { useNow } from '../components/Header'
import { Severity } from '../components/Inspector'
import { Failure, Loading } from '../components/States'
import { amount, filled, span, type TriggersSearch } from '../lib/cases'
import { age, utc } from '../lib/format'

/** What the rules do now, what they did, and what they would have done. */
export function TriggersScreen() {
  const search = useSearch({ from: '/triggers' })
  const navigate = useNavigate({ from: '/triggers' })
  const query = useQuery({ queryKey: ['triggers', 'rules'], queryFn: () => must(api.GET('/api/performance/triggers')), refetchInterval: 5000 })
  if (query.isPending) return <Loading what="the rules" />
  if (query.isError && !query.data) return <Failure error={query.error} retry={() => void query.refetch()} />
  const { rules, leading } = query.data
  const sources = [...new Set(rules.map((r) => r.source))].sort()
  const shown = rules.filter((r) => !search.source || r.source === search.source)
  if (rules.length === 0) return <Empty />
  return (
    <main>
      <h1>Triggers</h1>
      {query.isError && <p className="warning">What is shown may be old: {query.error.message}</p>}
      {!leading && (
        <p className="banner" role="status">
          Another replica decides. The rules run there; this one takes over when that one is gone, and shows what it last knew.
        </p>
      )}
      {(sources.length > 1 || search.source) && (
        <form className="filters" onSubmit={(e) => e.preventDefault()}>
          <select aria-label="Source" value={search.source ?? ''} onChange={(e) => void navigate({ search: (old) => filled({ ...old, source: e.target.value }), replace: true })}>
            <option value="">Source: any</option>
            {[...new Set([...sources, ...(search.source ? [search.source] : [])])].map((s) => (
              <option key={s}>{s}</option>
            ))}
          </select>
        </form>
      )}
      {shown.length === 0 ? <p className="state">No rule watches this source.</p> : <Rules rules={shown} />}
      <Firings source={search.source} />
      <Test search={search} onTest={(span) => void navigate({ search: (old) => filled({ ...old, ...span, test: 'yes' as const }), replace: true })} />
    </main>
  )
}

const phases: Record<RuleStatus['state'], { sign: string; name: string; text: string }> = {
  idle: { sign: '○', name: 'idle', text: 'It is not met.' },
  met: { sign: '◐', name: 'met', text: 'It is met, but not for as long as it asks.' },
  fired: { sign: '●', name: 'fired', text: 'It is met and has captured.' },
  cooldown: { sign: '◷', name: 'cooling down', text: 'It fired a short time ago and waits.' },
  cold: { sign: '…', name: 'learning', text: 'Its baseline has not seen enough yet.' },
  suppressed: { sign: '!', name: 'held back', text: 'It is met, but something keeps it from firing.' },
  disabled: { sign: '×', name: 'disabled', text: 'It is switched off in the configuration.' },
}

function Rules({ rules }: { rules: RuleStatus[] }) {
  const now = useNow()
  return (
    <table className="list" data-testid="rules">
      <thead>
        <tr>
          <th>Rule</th>
          <th>Source</th>
          <th>State</th>
          <th className="n">Last value</th>
          <th>Next run</th>
          <th>Last fired</th>
          <th className="n">Fired in the last hour</th>
        </tr>
      </thead>
      <tbody>
        {rules.map((r) => (
          <tr key={`${r.source} ${r.rule}`} data-testid="rule">
            <td>
              <b>{r.rule}</b> <span className="dim">{r.kind}</span>
              <div>{r.text}</div>
            </td>
            <td>{r.source}</td>
            <td>
              <span className={`phase ${r.state}`} title={phases[r.state].text}>
                {phases[r.state].sign} {phases[r.state].name}
              </span>
              {r.since && <span className="dim"> for {span(now - Date.parse(r.since))}</span>}
              {r.detail && <div className="dim">{r.detail}</div>}
            </td>
            <td className="n">
              {r.kind === 'scheduled' ? (
                <span className="dim">–</span>
              ) : (
                <>
                  {amount(r.last_value, r.unit ?? '')}
                  {r.last_at && <div className="dim">{age(r.last_at, now)}</div>}
                </>
              )}
            </td>
            <td className="when">
              {r.next_run ? (
                <>
                  in {span(Date.parse(r.next_run) - now)}
                  <div className="dim">{utc(r.next_run)}</div>
                </>
              ) : (
                <span className="dim">–</span>
              )}
            </td>
            <td className="when">
              {r.last_fired ? (
                <>
                  {age(r.last_fired, now)}
                  <div className="dim">{utc(r.last_fired)}</div>
                </>
              ) : (
                <span className="dim">never</span>
              )}
            </td>
            <td className="n">{r.fired_last_hour}</td>
          </tr>
        ))}
      </tbody>
    </table>
  )
}

function Firings({ source }: { source: string | undefined }) {
  const query = useQuery({
    queryKey: ['triggers', 'firings', source],
    queryFn: () => must(api.GET('/api/performance/triggers/firings', { params: { query: { source, limit: 50 } } })),
    refetchInterval: 10000, // a pending one sends no event
  })
  const list = query.data ?? []
  return (
    <section>
      <h2>Last firings</h2>
      {query.isPending && <Loading what="the firings" />}
      {query.isError && <p className="warning">{query.error.message}</p>}
      {query.isSuccess && list.length === 0 && <p className="dim">No rule has fired yet.</p>}
      {list.length > 0 && <FiringTable list={list} />}
    </section>
  )
}

function FiringTable({ list }: { list: Firing[] }) {
  const now = useNow()
  return (
    <table className="list" data-testid="firings">
      <thead>
        <tr>
          <th>When</th>
          <th>Rule</th>
          <th>Source</th>
          <th>Why</th>
          <th>Snapshot</th>
        </tr>
      </thead>
      <tbody>
        {list.map((f) => (
          <tr key={f.firing_id}>
            <td className="when" title={utc(f.at)}>
              {age(f.at, now)}
              <div className="dim">{utc(f.at)}</div>
            </td>
            <td>
              {f.rule} <span className="dim">{f.kind}</span>
            </td>
            <td>{f.source}</td>
            <td>
              {f.reason} {f.severity && <Severity level={f.severity} />}
            </td>
            <td>
              <Outcome f={f} />
            </td>
          </tr>
        ))}
      </tbody>
    </table>
  )
}

function Outcome({ f }: { f: Firing }) {
  if (f.state === 'failed')
    return (
      <>
        <b className="bad">! failed</b>
        <div>{f.failure}</div>
      </>
    )
  if (f.state === 'pending' || !f.snapshot_id) return <span className="dim">being captured</span>
  return (
    <Link to="/snapshots/$id" params={{ id: f.snapshot_id }} search={{}} className="mono">
      {f.snapshot_id}
    </Link>
  )
}

const day = 86_400_000
const dateOf = (ms: number) => new Date(ms).toISOString().slice(0, 10)

/** Runs the rules over what is stored. The span stands in the address, so that the answer can be shared. */
function Test({ search, onTest }: { search: TriggersSearch; onTest: (span: { since: string; until: string }) => void }) {
  const [since, setSince] = useState(search.since ?? dateOf(Date.now() - 7 * day))
  const [until, setUntil] = useState(search.until ?? '')
  const query = useQuery({
    queryKey: ['replay', search.source, search.since, search.until],
    queryFn: () => must(api.GET('/api/performance/triggers/test', { params: { query: { source: search.source, since: search.since, until: search.until } } })),
    enabled: search.test === 'yes',
    staleTime: Infinity, // it reads a lot, so it runs when asked for
  })
  const test = () => {
    if (search.test && (search.since ?? '') === since && (search.until ?? '') === until) void query.refetch()
    else onTest({ since, until })
  }
  return (
    <section>
      <h2>What would have fired</h2>
      <form
        className="filters"
        onSubmit={(e) => {
          e.preventDefault()
          test()
        }}
      >
        <label>
          From <input type="date" value={since} onChange={(e) => setSince(e.target.value)} />
        </label>
        <label>
          Until <input type="date" value={until} onChange={(e) => setUntil(e.target.value)} />
        </label>
        <button disabled={query.isFetching} data-testid="replay">
          {query.isFetching ? 'Testing …' : 'Test the rules'}
        </button>
        <span className="dim">Runs the rules of the configuration over the stored snapshots. Nothing is captured or written. Days are in UTC; without an end, until now.</span>
      </form>
      {search.test === 'yes' && query.isError && <Failure error={query.error} retry={() => void query.refetch()} />}
      {search.test === 'yes' && query.data && (
        <>
          <p className="dim" role="status">
            {utc(query.data.since)} to {utc(query.data.until)}
          </p>
          {query.data.rules.length === 0 && <p>No rule could be tested: there is none, or no snapshot is stored from this time.</p>}
          {query.data.rules.length > 0 && <Replayed rules={query.data.rules} />}
        </>
      )}
    </section>
  )
}

function Replayed({ rules }: { rules: RuleReplay[] }) {
  return (
    <table className="list" data-testid="replayed">
      <thead>
        <tr>
          <th>Rule</th>
          <th>Source</th>
          <th>Would have fired</th>
          <th>Held back</th>
          <th className="n">Snapshots looked at</th>
        </tr>
      </thead>
      <tbody>
        {rules.map((r) => (
          <tr key={`${r.source} ${r.rule}`}>
            <td>
              <b>{r.rule}</b> <span className="dim">{r.kind}</span>
              <div>{r.text}</div>
              {r.note && <div className="hint">{r.note}</div>}
            </td>
            <td>{r.source}</td>
            <td>
              <Listed count={r.firings.length} rows={r.firings} />
            </td>
            <td>
              <Listed count={r.suppressions.length} rows={r.suppressions} />
            </td>
            <td className="n">{r.frames.toLocaleString('en-US')}</td>
          </tr>
        ))}
      </tbody>
    </table>
  )
}

const shownTimes = 50

function Listed({ count, rows }: { count: number; rows: { at: string; reason: string }[] }) {
  if (count === 0) return <span className="dim">never</span>
  return (
    <details>
      <summary>{count === 1 ? 'once' : `${count.toLocaleString('en-US')} times`}</summary>
      <ul className="plain">
        {rows.slice(0, shownTimes).map((x, i) => (
          <li key={`${x.at} ${i}`}>
            <span className="dim">{utc(x.at)}</span> {x.reason}
          </li>
        ))}
      </ul>
      {count > shownTimes && <p className="dim">and {(count - shownTimes).toLocaleString('en-US')} more</p>}
    </details>
  )
}

function Empty() {
  return (
    <main>
      <h1>Triggers</h1>
      <section className="state">
        <h2>No rules</h2>
        <p>This server captures only when somebody asks it to.</p>
        <p className="hint">
          Write rules into the configuration; <code>graphsnap config example</code> prints one with every kind of rule, and <code>graphsnap config check</code> says what is wrong with yours.
        </p>
      </section>
    </main>
  )
}
