import type { CaseRow } from '../api/client'

/** Whether a case is open, in words. */
export function CaseState({ of }: { of: Pick<CaseRow, 'state' | 'end_reason'> }) {
  if (of.state === 'open') return <b className="phase fired">● open</b>
  return (
    <span className="phase" title={of.end_reason}>
      ✓ ended
    </span>
  )
}
