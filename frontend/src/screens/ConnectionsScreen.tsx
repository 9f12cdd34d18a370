import { useMutation, useQuery, useQueryClient } from '@tanstack/react-query'
import { useState } from 'react'
import { api, type DemoStatus, must } from '../api/client'
import { Captures, Verify } from '../components/Proof'
import { Retention } from '../components/Retention'
import { Failure, Loading } from '../components/States'
import { figure, utc } from '../lib/format'

/** How every part feels, with the fix; and the demo's controls, where a demo runs. */
export function ConnectionsScreen() {
  const status = useQuery({ queryKey: ['status'], queryFn: () => must(api.GET('/api/performance/status')), refetchInterval: 5000 })
  if (status.isPending) return <Loading what="the state of all parts" />
  if (status.isError) return <Failure error={status.error} retry={() => void status.refetch()} />
  const s = status.data
  return (
    <main>
      <h1>Connections</h1>
      <table className="list">
        <thead>
          <tr>
            <th>Part</th>
            <th>Health</th>
            <th>Where</th>
            <th>Details</th>
          </tr>
        </thead>
        <tbody>
          <Part name="Live graph" health={s.live.health} hint={s.live.hint} where={s.live.bolt} details={`Neo4j ${s.live.version}`} browser={s.live.http} />
          <Part name="Snapshots" health={s.snapshots.health} hint={s.snapshots.hint} where={s.snapshots.bolt} details={`Neo4j ${s.snapshots.version}`} browser={s.snapshots.http} />
          {s.sources.map((x) => (
            <Part
              key={x.name}
              name={`Source ${x.name}`}
              health={x.health}
              hint={x.hint}
              where={x.dsn}
              details={`tick ${x.tick}${x.collected_at ? ` at ${utc(x.collected_at)}` : ''}; a tick costs ${figure(x.collect_ms, 'ms')}; ${x.parse_coverage == null ? 'no data' : `${Math.round(100 * x.parse_coverage)} %`} of the time understood`}
            />
          ))}
        </tbody>
      </table>
      <p className="dim">graphsnap {s.version}</p>
      <Captures />
      <Verify />
      <Retention />
      <Demo />
    </main>
  )
}

function Part({ name, health, hint, where, details, browser }: { name: string; health: string; hint?: string; where: string; details: string; browser?: string }) {
  return (
    <tr>
      <td>{name}</td>
      <td>
        <b className={health === 'ok' ? 'good' : 'bad'}>{health === 'ok' ? '✓ ok' : `! ${health}`}</b>
        {hint && <div className="hint">{hint}</div>}
      </td>
      <td className="mono">{where}</td>
      <td>
        {details} {browser && <a href={`${browser}/browser/`}>Neo4j Browser</a>}
      </td>
    </tr>
  )
}

function Demo() {
  const queries = useQueryClient()
  const demo = useQuery({ queryKey: ['demo'], queryFn: () => must(api.GET('/api/performance/demo')), refetchInterval: 3000, retry: false })
  const done = (d: DemoStatus) => queries.setQueryData(['demo'], d)
  const start = useMutation({ mutationFn: (name: string) => must(api.POST('/api/performance/demo/faults/{name}', { params: { path: { name } } })), onSuccess: done })
  const clear = useMutation({ mutationFn: () => must(api.DELETE('/api/performance/demo/faults')), onSuccess: done })
  const load = useMutation({ mutationFn: (rate: number) => must(api.PUT('/api/performance/demo/load', { body: { rate } })), onSuccess: done })
  const [rate, setRate] = useState('')
  if (!demo.data) return null
  const trouble = start.error ?? clear.error ?? load.error
  return (
    <section>
      <h2>Demo workload</h2>
      <form
        className="filters"
        onSubmit={(e) => {
          e.preventDefault()
          load.mutate(Number(rate))
        }}
      >
        <span>
          {figure(demo.data.rate)} statements/s wanted, {figure(demo.data.effective_rate)} now
        </span>
        <input type="number" min="0" max="5000" aria-label="Statements per second" placeholder="new rate" value={rate} onChange={(e) => setRate(e.target.value)} />
        <button disabled={rate === ''}>Set the load</button>
        <button type="button" onClick={() => clear.mutate()} disabled={clear.isPending}>
          End all faults
        </button>
      </form>
      {trouble && <p className="warning">{trouble.message}</p>}
      <table className="list">
        <thead>
          <tr>
            <th>Fault</th>
            <th>True cause</th>
            <th />
          </tr>
        </thead>
        <tbody>
          {demo.data.faults.map((f) => (
            <tr key={f.name}>
              <td>{f.name}</td>
              <td>{f.cause}</td>
              <td>{f.active ? <b className="bad">active</b> : <button onClick={() => start.mutate(f.name)}>Start</button>}</td>
            </tr>
          ))}
        </tbody>
      </table>
    </section>
  )
}
