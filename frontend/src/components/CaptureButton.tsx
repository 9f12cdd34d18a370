import { Link, useNavigate } from '@tanstack/react-router'
import { useCallback, useEffect, useRef, useState } from 'react'
import { api, must, ProblemError, type Row } from '../api/client'
import { clearProgress, useLive } from '../api/socket'

const stages = ['read', 'summarise', 'freeze', 'verify', 'publish']

type Outcome = { row?: Row; error?: ProblemError | Error }

export function isTyping(e: KeyboardEvent): boolean {
  const t = e.target
  return t instanceof HTMLInputElement || t instanceof HTMLTextAreaElement || t instanceof HTMLSelectElement
}

/** Captures with a button, C or Ctrl+Shift+S, and shows how far it is. */
export function CaptureButton() {
  const { progress } = useLive()
  const navigate = useNavigate()
  const [busy, setBusy] = useState(false)
  const [outcome, setOutcome] = useState<Outcome | null>(null)
  const running = useRef(false)

  const capture = useCallback(async () => {
    if (running.current) return
    running.current = true
    setBusy(true)
    setOutcome(null)
    try {
      const row = await must(api.POST('/api/performance/snapshots', { body: { trigger_type: 'manual', description: 'from the viewer' } }))
      setOutcome({ row })
    } catch (e) {
      setOutcome({ error: e as Error })
    } finally {
      running.current = false
      setBusy(false)
      clearProgress()
    }
  }, [])

  useEffect(() => {
    const keys = (e: KeyboardEvent) => {
      if ((e.ctrlKey && e.shiftKey && e.key.toLowerCase() === 's') || (e.key === 'c' && !e.ctrlKey && !e.metaKey && !e.altKey && !isTyping(e))) {
        e.preventDefault()
        void capture()
      }
      if (e.key === '/' && !isTyping(e)) {
        const search = document.querySelector<HTMLInputElement>('input[type=search]')
        if (search) {
          e.preventDefault()
          search.focus()
        }
      }
      if (e.key === 'Escape') {
        if (isTyping(e)) (e.target as HTMLElement).blur()
        else if (location.pathname.startsWith('/cases/')) void navigate({ to: '/cases', search: {} })
        else if (location.pathname !== '/') void navigate({ to: '/' })
      }
    }
    addEventListener('keydown', keys)
    return () => removeEventListener('keydown', keys)
  }, [capture, navigate])

  useEffect(() => {
    if (!outcome?.row) return
    const timer = setTimeout(() => setOutcome(null), 12000)
    return () => clearTimeout(timer)
  }, [outcome])

  const at = busy || progress ? stages.indexOf(progress?.stage ?? 'read') : -1
  return (
    <>
      <button className="primary" onClick={() => void capture()} disabled={busy} title="C or Ctrl+Shift+S" data-testid="capture">
        {busy ? 'Capturing …' : 'Capture'}
      </button>
      {at >= 0 && (
        <ol className="stages" role="status" aria-label="Progress of the capture">
          {stages.map((s, i) => (
            <li key={s} className={i < at ? 'done' : i === at ? 'now' : ''}>
              {s}
            </li>
          ))}
        </ol>
      )}
      {outcome && (
        <div className={`toast${outcome.error ? ' failure' : ''}`} role="status" data-testid="toast">
          {outcome.row ? (
            <>
              Frozen:{' '}
              <Link to="/snapshots/$id" params={{ id: outcome.row.snapshot_id }} search={{}} onClick={() => setOutcome(null)}>
                {outcome.row.snapshot_id}
              </Link>
            </>
          ) : (
            <>
              {outcome.error?.message} {outcome.error instanceof ProblemError && <i>{outcome.error.hint}</i>}
            </>
          )}
          <button className="close" aria-label="Close" onClick={() => setOutcome(null)}>
            ×
          </button>
        </div>
      )}
    </>
  )
}
