import { useMutation, useQuery } from '@tanstack/react-query'
import { Link } from '@tanstack/react-router'
import { api, must, type VerifyReport } from '../api/client'
import { useLive } from '../api/socket'
import { utc } from '../lib/format'

/** What is being captured or deleted, and what failed. */
export function Captures() {
  const captures = useQuery({ queryKey: ['captures'], queryFn: () => must(api.GET('/api/performance/captures')), refetchInterval: 5000 })
  const list = captures.data?.captures ?? []
  return (
    <section>
      <h2>Captures and deletions</h2>
      {captures.isError && <p className="warning">{captures.error.message}</p>}
      {captures.isSuccess && list.length === 0 && <p className="dim">None is under way, and none has failed lately.</p>}
      {list.length > 0 && (
        <table className="list" data-testid="captures">
          <thead>
            <tr>
              <th>State</th>
              <th>Source</th>
              <th>Snapshot</th>
              <th>Since</th>
              <th>Why</th>
            </tr>
          </thead>
          <tbody>
            {list.map((c) => (
              <tr key={`${c.seq} ${c.capture_id}`}>
                <td>
                  <b className={c.state === 'failed' ? 'bad' : ''}>{c.state === 'failed' ? '! failed' : c.state}</b>
                </td>
                <td>{c.source}</td>
                <td className="mono">{c.snapshot_id || c.capture_id}</td>
                <td>{utc(c.since)}</td>
                <td>{c.reason}</td>
              </tr>
            ))}
          </tbody>
        </table>
      )}
    </section>
  )
}

/** Holds all snapshots to what was published, and says what was found. */
export function Verify() {
  const { verifying } = useLive()
  const verify = useMutation({
    mutationFn: (verify_id: string) => must(api.GET('/api/performance/verify', { params: { query: { verify_id } } })),
  })
  const progress = verify.isPending && verifying?.verify_id === verify.variables ? verifying : null
  return (
    <section>
      <h2>Evidence</h2>
      <div className="filters">
        <button onClick={() => verify.mutate(String(Math.random()))} disabled={verify.isPending} data-testid="verify">
          {verify.isPending ? 'Verifying …' : 'Verify'}
        </button>
        <span className="dim" role="status">
          {progress ? `${progress.done} of ${progress.total} snapshots` : 'Reads every snapshot again and holds it to its hashes, the audit trail and the timeline. Changes nothing.'}
        </span>
      </div>
      {verify.error && <p className="warning">{verify.error.message}</p>}
      {verify.data && <Report r={verify.data} />}
    </section>
  )
}

function Report({ r }: { r: VerifyReport }) {
  const read = `${r.snapshots} snapshots, ${r.nodes.toLocaleString('en-US')} nodes, ${r.relationships.toLocaleString('en-US')} relationships, ${r.audit_events} audit events`
  if (r.findings.length === 0) {
    return (
      <p data-testid="verified">
        <b className="good">✓ clean</b>: {read}
      </p>
    )
  }
  return (
    <div data-testid="verified" role="alert">
      <p>
        <b className="bad">! {r.findings.length} findings</b> in {read}. What was found is no evidence any more; compare it with an export from before.
      </p>
      <table className="list">
        <thead>
          <tr>
            <th>Snapshot</th>
            <th>What</th>
            <th>Which</th>
            <th>Found</th>
          </tr>
        </thead>
        <tbody>
          {r.findings.slice(0, 500).map((f, i) => (
            <tr key={i}>
              <td className="mono">
                {f.snapshot_id && f.kind !== 'deletion' ? (
                  <Link to="/snapshots/$id" params={{ id: f.snapshot_id }} search={{}}>
                    {f.snapshot_id}
                  </Link>
                ) : (
                  f.snapshot_id
                )}
              </td>
              <td>{f.kind}</td>
              <td className="mono">{f.key}</td>
              <td>{f.problem}</td>
            </tr>
          ))}
        </tbody>
      </table>
    </div>
  )
}
