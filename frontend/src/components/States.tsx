import { useEffect, useState } from 'react'
import { ProblemError } from '../api/client'

/** Shows nothing for 400 ms, then that it loads, then why that may take long. */
export function Loading({ what }: { what: string }) {
  const [stage, setStage] = useState(0)
  useEffect(() => {
    const timers = [setTimeout(() => setStage(1), 400), setTimeout(() => setStage(2), 3000)]
    return () => timers.forEach(clearTimeout)
  }, [])
  return (
    <p className="state" role="status">
      {stage > 0 && `Loading ${what} …`}
      {stage > 1 && ' The database is taking its time; large graphs need some seconds.'}
    </p>
  )
}

/** Says in plain words what failed and what to do; the rest of the page stays usable. */
export function Failure({ error, retry }: { error: unknown; retry: () => void }) {
  const problem = error instanceof ProblemError ? error : null
  return (
    <section className="state failure" role="alert">
      <h2>{problem?.status === 404 ? 'Not found' : 'That did not work'}</h2>
      <p>{error instanceof Error ? error.message : String(error)}</p>
      {problem?.hint && <p className="hint">{problem.hint}</p>}
      <button onClick={retry}>Try again</button>
    </section>
  )
}
