import { useInfiniteQuery, useQuery } from '@tanstack/react-query'
import { Link } from '@tanstack/react-router'
import { useState } from 'react'
import { api, must, ProblemError, type RetentionRun } from '../api/client'
import { utc } from '../lib/format'
import { policyWords } from '../lib/retention'

/** The policy in words, what its last run did, and what the next would remove, with the reason for each. */
export function Retention() {
  const state = useQuery({ queryKey: ['retention', 'state'], queryFn: () => must(api.GET('/api/performance/retention')), refetchInterval: 30000 })
  const [asked, setAsked] = useState(0)
  const plan = useInfiniteQuery({
    queryKey: ['retention', 'plan', asked],
    initialPageParam: 0,
    queryFn: ({ pageParam }) => must(api.POST('/api/performance/retention/plan', { body: { only: 'remove', offset: pageParam, limit: 100 } })),
    getNextPageParam: (last) => last.next_offset ?? undefined,
    enabled: asked > 0,
    staleTime: Infinity,
  })
  const s = state.data
  const words = s?.enabled ? policyWords(s.policy) : []
  const first = plan.data?.pages[0]
  const decisions = plan.data?.pages.flatMap((p) => p.decisions) ?? []
  return (
    <section>
      <h2>Retention</h2>
      {state.isError && <p className="warning">{state.error.message}</p>}
      {s && !s.enabled && (
        <p>
          This server removes nothing by itself. <span className="hint">Write a retention policy into the configuration; `graphsnap retain --dry-run` tries one first.</span>
        </p>
      )}
      {s?.enabled && words.length === 0 && <p>The policy names no limit, so every snapshot is kept.</p>}
      {words.length > 0 && (
        <ul>
          {words.map((w) => (
            <li key={w}>{w}</li>
          ))}
          <li>Whatever the policy says: pinned snapshots, those of a case, baselines and the newest of each source stay</li>
        </ul>
      )}
      {s?.enabled && (
        <>
          {s.current && <p role="status">Under way: {runText(s.current)}</p>}
          <p className="dim">
            {s.last ? `Last run: ${runText(s.last)}` : 'It has not run yet since this server started.'} {s.next_at && `Next run ${utc(s.next_at)}.`}
          </p>
          {s.last?.failure && <p className="warning">The last run ended early: {s.last.failure}</p>}
          <div className="filters">
            <button onClick={() => setAsked(asked + 1)} disabled={plan.isFetching} data-testid="dry-run">
              {plan.isFetching ? 'Planning …' : 'Dry run'}
            </button>
            <span className="dim">Lists what would go now, with the reasons. Removes nothing.</span>
          </div>
        </>
      )}
      {plan.isError && (
        <p className="warning" role="alert">
          {plan.error.message} {plan.error instanceof ProblemError && <i>{plan.error.hint}</i>}
        </p>
      )}
      {first && (
        <p data-testid="plan" role="status">
          <b>{first.remove.toLocaleString('en-US')} would go</b>, {first.keep.toLocaleString('en-US')} would stay, as of {utc(first.at)}.
        </p>
      )}
      {first?.notes.map((n) => (
        <p className="hint" key={n}>
          {n}
        </p>
      ))}
      {decisions.length > 0 && (
        <table className="list">
          <thead>
            <tr>
              <th>Snapshot</th>
              <th>Class</th>
              <th>Source</th>
              <th>Taken</th>
              <th>Why it goes</th>
            </tr>
          </thead>
          <tbody>
            {decisions.map((d) => (
              <tr key={d.snapshot_id}>
                <td className="mono">
                  <Link to="/snapshots/$id" params={{ id: d.snapshot_id }} search={{}}>
                    {d.snapshot_id}
                  </Link>
                </td>
                <td>{d.class}</td>
                <td>{d.source}</td>
                <td>{utc(d.timestamp)}</td>
                <td>{d.reasons.join('; ')}</td>
              </tr>
            ))}
          </tbody>
        </table>
      )}
      {plan.hasNextPage && (
        <button className="more" onClick={() => void plan.fetchNextPage()} disabled={plan.isFetchingNextPage}>
          {plan.isFetchingNextPage ? 'Loading …' : 'Show more'}
        </button>
      )}
    </section>
  )
}

function runText(r: RetentionRun): string {
  const parts = [`${r.removed} of ${r.planned} removed`]
  if (r.spared > 0) parts.push(`${r.spared} spared`)
  if (r.left > 0) parts.push(`${r.left} left for the next run`)
  return `${utc(r.finished_at ?? r.started_at)} by ${r.actor}: ${parts.join(', ')}.`
}
