import { useQuery } from '@tanstack/react-query'
import { Link } from '@tanstack/react-router'
import { useEffect, useState } from 'react'
import { api, must } from '../api/client'
import { useLive } from '../api/socket'
import { age, figure } from '../lib/format'
import { CaptureButton } from './CaptureButton'

export function useNow(): number {
  const [now, setNow] = useState(() => Date.now())
  useEffect(() => {
    const timer = setInterval(() => setNow(Date.now()), 1000)
    return () => clearInterval(timer)
  }, [])
  return now
}

export function Header() {
  const live = useLive()
  const now = useNow()
  const ticks = Object.values(live.ticks)
  return (
    <header className="top">
      <Link to="/" className="brand">
        <img src="/icon.svg" alt="" width="24" height="24" /> Graphsnap
      </Link>
      <nav aria-label="Main">
        <Link to="/" activeOptions={{ exact: true, includeSearch: false }}>
          Snapshots
        </Link>
        <Link to="/cases" search={{}} activeOptions={{ includeSearch: false }}>
          Cases <OpenCases />
        </Link>
        <Link to="/triggers" search={{}} activeOptions={{ includeSearch: false }}>
          Triggers
        </Link>
        <Link to="/connections">Connections</Link>
      </nav>
      <div className="ticks" aria-live="off">
        {!live.connected && live.everConnected && <span className="badge lost">connection lost, trying again</span>}
        {ticks.map((t) =>
          t.status === 'down' ? (
            <span key={t.source} className="badge lost" title={t.message}>
              {t.source} is down
            </span>
          ) : (
            <span key={t.source} title={`tick ${t.tick} of ${t.source}`}>
              <b>{t.source}</b> {figure(t.total_qps, 'queries/s')} · {figure(t.avg_latency, 'ms')} · <span className="dim">{age(t.collected_at, now)}</span>
            </span>
          ),
        )}
      </div>
      <CaptureButton />
    </header>
  )
}

/** How many cases are open; nothing where none is, or the server keeps none. */
function OpenCases() {
  const open = useQuery({ queryKey: ['cases', 'open', {}], queryFn: () => must(api.GET('/api/performance/cases', { params: { query: { state: 'open', limit: 1000 } } })) })
  const n = open.data?.cases.length ?? 0
  if (n === 0) return null
  return (
    <span className="count" data-testid="open-cases">
      {n} open
    </span>
  )
}
